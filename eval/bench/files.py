"""A user's own files: decoded beside other programs, kept in an archive, and found again."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile

from augment.effect import Chain
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE, audio
from cqtnet.errors import NotAudioError
from eval.bench import Measurement, once, paired
from eval.bench.engine import commands_of, run
from verify.archive.archive import Archive
from verify.archive.duplicates import duplicates
from verify.archive.search import search

DECODED, QUERIES = 10, 20
"""Files that are decoded beside other programs, and of which 20 s are searched for."""
QUERY_S = 20.0
CHANGED = Chain((Tempo(1.05), Pitch(-1.0)))


def measure_files(folder: Path, *, quick: bool) -> Iterator[Measurement]:
    """The files of a folder (quick: the first three) decoded, added, searched for, compared."""
    files = list(islice(audio.find_audio([folder]), 3 if quick else None))
    if not files:
        raise NotAudioError(f"no audio in {audio.shown(folder)}")
    yield from _decoding(files[:DECODED])
    with tempfile.TemporaryDirectory() as name, Archive.create(Path(name) / "archive") as archive:
        added = archive.add([str(file) for file in files])
        size = sum(path.stat().st_size for path in (Path(name) / "archive").rglob("*"))
        adding, hours = added.duration_s / added.elapsed_s, added.duration_s / 3600
        yield Measurement("cqtnet index add", adding, "× real time", promise="≥ 150")
        yield Measurement("archive on disk, an hour", size / 1e6 / hours, "MB", promise="≤ 8")
        yield from _queries(archive, files[:QUERIES], Path(name) / "query.wav")
        took_s = once(lambda: list(duplicates(archive)))
        yield Measurement("cqtnet dedupe", added.duration_s / took_s, "× real time")


def _decoding(files: list[Path]) -> Iterator[Measurement]:
    """How fast files are decoded to mono at 22,050 Hz, and what other programs take."""

    def read() -> float:
        return sum(block.size for file in files for block in audio.stream(file)) / SAMPLE_RATE

    duration_s = read()
    for peer in commands_of(files[0]):
        ours_s, ratio = paired(read, lambda: [run(commands_of(file)[peer]) for file in files])  # noqa: B023
        what = f"decoding {len(files)} of these files"
        yield Measurement(what, duration_s / ours_s, "× real time", peer, ratio)


def _queries(archive: Archive, files: list[Path], query: Path) -> Iterator[Measurement]:
    """20 s of the middle of each, faster and lower: the time of an answer, and which is right."""
    searcher, times, right = archive.searcher(), [], 0
    for file in files:
        middle_s = audio.probe(file).declared_duration_s or QUERY_S
        start_s = max(0.0, (middle_s - QUERY_S) / 2)
        original = audio.load(file, start_s=start_s, duration_s=QUERY_S)
        samples = CHANGED.apply(original, SAMPLE_RATE).samples
        soundfile.write(query, np.clip(samples, -1, 1), SAMPLE_RATE)
        found = search(searcher, query)  # reads what it needs for the first time
        times.append(once(lambda: search(searcher, query)))
        right += bool(found.matches) and found.matches[0].entry.sha256 == audio.file_sha256(file)
    yield Measurement("query of 20 s, 5 % faster, a semitone lower", float(np.median(times)), "s")
    yield Measurement("  answered with the right file", right, f"of {len(files)}")
