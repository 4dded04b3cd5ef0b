"""A first look without any data: an altered fragment, compared with three recordings."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from augment.chain import Chain
from augment.noise import ColouredNoise
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.files import written_whole
from cqtnet.music import make_music
from verify.comparison import Comparer
from verify.report.page import write_report
from verify.results import Comparison

SEEDS = {"original": (6, 6), "rendition": (6, 8), "another": (7, 7)}
"""Which composition each recording is of, and by which sounds it is played."""
DURATION_S = 60.0
FRAGMENT = (21.0, 41.0)  # seconds of the original
ALTERATION = Chain((Tempo(1.1), Pitch(-2.0), ColouredNoise(snr_db=10.0, seed=1)))


@dataclass(frozen=True)
class Demo:
    """What the demonstration made and found."""

    files: dict[str, Path]
    comparisons: dict[str, Comparison]  # of the fragment with each recording
    reports: dict[str, Path]


def run_demo(folder: Path, comparer: Comparer) -> Demo:
    """Make the recordings in `folder`, compare the fragment with each, and report."""
    sounds = {
        name: make_music(piece, duration_s=DURATION_S, sounds=players)
        for name, (piece, players) in SEEDS.items()
    }
    start, end = (round(second * SAMPLE_RATE) for second in FRAGMENT)
    sounds["fragment"] = ALTERATION.apply(sounds["original"][start:end], SAMPLE_RATE).samples
    files = {name: _write(folder / f"{name}.flac", sound) for name, sound in sounds.items()}
    recordings = {name: comparer.read(path) for name, path in files.items()}
    comparisons, reports = {}, {}
    for name in SEEDS:
        a, b = recordings["fragment"], recordings[name]
        comparisons[name] = comparer.compare(a, b)
        reports[name] = folder / f"{name}.html"
        write_report(
            reports[name],
            comparisons[name],
            a,
            b,
            comparer.calibration,
            command=f"cqtnet compare {a.path} {b.path} --report {reports[name]}",
        )
    return Demo(files, comparisons, reports)


def _write(path: Path, samples: NDArray[np.float32]) -> Path:
    with written_whole(path) as temporary:
        soundfile.write(temporary, np.clip(samples, -1, 1), SAMPLE_RATE)
    return path
