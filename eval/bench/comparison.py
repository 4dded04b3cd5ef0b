"""Comparing two recordings: a command from its start to its verdict, and once all is loaded."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from augment.chain import Chain
from augment.pitch import Pitch
from augment.tempo import Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from eval.bench.table import Measurement, once, seconds
from verify.comparison import Comparer, gather
from verify.cosine import similarity

FRAGMENT_S = 20
ALTERATION = Chain((Tempo(1.1), Pitch(-2.0)))


def measure_comparison(*, quick: bool) -> list[Measurement]:
    """Two fragments of 20 s, warm and cold; one against an hour (quick: four minutes), cold."""
    minutes = 4 if quick else 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fragment, original, long = _write(folder, minutes)
        comparer = Comparer.named()
        a, b = comparer.read(fragment), comparer.read(original)
        cosine_s = seconds(lambda: similarity(comparer.embedder, a.trace, b.trace))
        gather_s = seconds(lambda: gather(comparer.embedder, a, b))
        warm_s = seconds(lambda: comparer.compare(fragment, original))
        cold_s = once(lambda: _command(fragment, original))
        long_s = once(lambda: _command(fragment, long))
    return [
        Measurement("two traces, cosine", 1000 * cosine_s, "ms"),
        Measurement("two recordings read, all evidence", 1000 * gather_s, "ms",
                    "cosine", gather_s / cosine_s),
        Measurement("compare, two fragments of 20 s, warm", warm_s, "s", promise="< 1 s"),
        Measurement("compare, two fragments of 20 s, cold", cold_s, "s", promise="< 6 s"),
        Measurement(f"compare, 20 s against {minutes} min, cold", long_s, "s",
                    promise="< 45 s for 1 h"),
    ]  # fmt: skip


def _command(a: Path, b: Path) -> None:
    """`cqtnet compare`, from its start to its end."""
    command = [sys.executable, "-m", "cqtnet", "compare", str(a), str(b)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, "the fragment was not recognised"


def _write(folder: Path, minutes: int) -> tuple[Path, Path, Path]:
    """An altered fragment, what it was made of, and a long recording that holds it."""
    pieces = [make_music(seed, duration_s=60.0) for seed in range(4)]
    original = pieces[0][10 * SAMPLE_RATE : (10 + FRAGMENT_S) * SAMPLE_RATE]
    altered = ALTERATION.apply(original, SAMPLE_RATE).samples
    paths = folder / "fragment.flac", folder / "original.flac", folder / "long.flac"
    for path, samples in zip(paths, (altered, original), strict=False):
        soundfile.write(path, np.clip(samples, -1, 1), SAMPLE_RATE)
    with soundfile.SoundFile(paths[2], "w", SAMPLE_RATE, 1) as file:
        for minute in range(minutes):  # the one that holds it comes once, in the middle
            file.write(pieces[0] if minute == minutes // 2 else pieces[1 + minute % 3])
    return paths
