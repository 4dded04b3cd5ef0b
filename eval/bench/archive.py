"""An archive of real files: how fast they are taken in, what they take up, how fast it answers."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from augment.chain import Chain
from augment.pitch import Pitch
from augment.tempo import Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.embed import Embedder
from cqtnet.music import make_music
from eval.bench.table import Measurement, once, seconds
from verify.archive.archive import Archive
from verify.archive.search.query import search

ALTERATION = Chain((Tempo(1.1), Pitch(-2.0)))
PIECES, PIECE_S = 8, 120.0


def measure_archive(*, quick: bool) -> list[Measurement]:
    """Two hours of files of two minutes (quick: sixteen minutes) added, opened and searched."""
    copies = 1 if quick else 8
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, fragment, foreign = _write(folder, copies)
        embedder = Embedder.named()
        embedding_s = once(lambda: [embedder.trace_file(file) for file in files[:PIECES]])
        with Archive.create(folder / "archive") as archive:
            summary = archive.add([str(file) for file in files])
            assert summary.counts == {"added": len(files)}
        embedding = PIECES * PIECE_S / embedding_s
        adding = summary.duration_s / summary.elapsed_s
        size = sum(path.stat().st_size for path in (folder / "archive").rglob("*"))
        with Archive.open(folder / "archive") as archive:
            searcher = archive.searcher()
            found_s = seconds(lambda: search(searcher, fragment))
            absent_s = seconds(lambda: search(searcher, foreign))
            assert search(searcher, fragment).matches
    hours = summary.duration_s / 3600
    return [
        Measurement("one pass over files, one after the other", embedding, "× real time"),
        Measurement("cqtnet index add", adding, "× real time", "one after the other",
                    adding / embedding, promise="≥ 150"),
        Measurement("archive on disk, an hour", size / 1e6 / hours, "MB", promise="≤ 4"),
        Measurement("query of 10 s, found", found_s, "s"),
        Measurement("query of 10 s, not there", absent_s, "s"),
    ]  # fmt: skip


def _write(folder: Path, copies: int) -> tuple[list[Path], Path, Path]:
    """Files of music, each piece in several versions, a fragment of one, and a foreign one."""
    pieces = [make_music(seed, duration_s=PIECE_S) for seed in range(PIECES)]
    files = []
    for copy in range(copies):
        for number, piece in enumerate(pieces):
            path = folder / f"{copy}-{number}.flac"
            moved = np.roll(piece, copy * SAMPLE_RATE)  # other bytes, and as much to be read
            soundfile.write(path, moved, SAMPLE_RATE)
            files.append(path)
    fragment = ALTERATION.apply(pieces[0][: 11 * SAMPLE_RATE], SAMPLE_RATE).samples
    for name, samples in (("fragment", fragment), ("foreign", make_music(99, duration_s=10.0))):
        soundfile.write(folder / f"{name}.flac", np.clip(samples, -1, 1), SAMPLE_RATE)
    return files, folder / "fragment.flac", folder / "foreign.flac"
