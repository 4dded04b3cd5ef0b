"""How well altered fragments are found in an archive, and how often foreign ones are "found".

Every fragment is asked of an archive of all recordings, and of one without its collection. From
the first comes how often the right recording is ranked first, and called a match; from the second
how often another one is: collections are left out whole, for their pieces may share sounds.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.device import one_thread
from cqtnet.errors import ManifestError
from eval.bootstrap import Figure
from eval.processes import in_processes
from eval.retrieval import mean_by_recording
from eval.trials import read_trials
from verify.archive.archive import Archive
from verify.archive.export import merge_into
from verify.archive.search import search
from verify.archive.store import is_archive

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Query:
    """A fragment that is to be sought."""

    probe: Path
    recording: str
    condition: str
    length_s: float  # so much of it, from its middle


@dataclass(frozen=True)
class Answer:
    """What was found of a fragment in an archive."""

    condition: str
    probe: str
    recording: str
    present: bool  # whether its recording is in the archive
    first: str  # the recording ranked first, a match or the nearest; "" where nothing was weighed
    is_match: bool  # at the threshold
    log_lr: float
    place_s: float  # where it begins there
    elapsed_s: float

    @property
    def is_first(self) -> bool:
        """Whether the right recording is ranked first."""
        return self.present and self.first == self.recording

    @property
    def is_found(self) -> bool:
        """Whether the right recording is ranked first, and called a match."""
        return self.is_first and self.is_match

    @property
    def is_false(self) -> bool:
        """Whether a recording is called a match that the fragment is not of."""
        return self.is_match and not self.is_first


def queries_of(trials: Sequence[Path], *, length_s: float, limit: int | None) -> list[Query]:
    """The fragments of lists of trials, each once; `limit` of each condition, evenly chosen."""
    found: dict[str, dict[Path, Query]] = {}
    for path in trials:
        listed = read_trials(path)
        for probe, recording, condition in zip(
            listed.probe.tolist(), listed.recording.tolist(), listed.condition.tolist(), strict=True
        ):
            query = Query(listed.file(probe), recording, condition, length_s)
            found.setdefault(condition, {}).setdefault(query.probe, query)
    chosen: list[Query] = []
    for own in found.values():
        several = list(own.values())
        step = max(1.0, len(several) / (limit or len(several)))
        chosen += [several[int(i * step)] for i in range(min(len(several), limit or len(several)))]
    return chosen


def halves(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """The recordings in two parts of about the same size, collections kept whole."""
    by_collection: dict[str, list[Item]] = {}
    for item in items:
        by_collection.setdefault(item.collection, []).append(item)
    parts: tuple[list[Item], list[Item]] = ([], [])
    for own in sorted(by_collection.values(), key=len, reverse=True):
        min(parts, key=len).extend(own)
    if not parts[1]:
        raise ManifestError("all recordings are of one collection; give two, to leave one out")
    return parts


def measure(
    items: Sequence[Item],
    queries: Sequence[Query],
    folder: Path,
    *,
    distractors: Path | None = None,
    min_log_lr: float | None = None,
    workers: int = 1,
    told: Told = lambda done, of: None,
) -> list[Answer]:
    """What came of every query, asked of all recordings and of those of other collections.

    Archives are made in `folder`, and kept. `distractors` is a folder of further recordings, or an
    archive of such, that all of them hold.
    """
    known = {item.recording for item in items}
    unknown = next((query for query in queries if query.recording not in known), None)
    if unknown is not None:
        raise ManifestError(f"{unknown.probe} is of {unknown.recording}, which no list has")
    first, second = halves(items)
    others = None if distractors is None else _indexed(distractors, folder / "distractors")
    tasks = []
    for name, own in (("all", items), ("first", first), ("second", second)):
        _build(folder / name, own, others)
        inside = {item.recording for item in own}
        names = {os.path.abspath(item.path): item.recording for item in own}
        tasks += [
            (folder / name, names, query, query.recording in inside, min_log_lr)
            for query in queries
            if name == "all" or query.recording not in inside
        ]
    answers = []
    with one_thread():
        for answer in in_processes(_ask, tasks, workers=workers):
            answers.append(answer)
            told(len(answers), len(tasks))
    return answers


def figures(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """By condition: how often the right one is first, is found, a foreign one is, and seconds."""
    found: dict[str, dict[str, Any]] = {}
    for condition in dict.fromkeys(answer.condition for answer in answers):
        own = [answer for answer in answers if answer.condition == condition]
        there = [answer for answer in own if answer.present]
        foreign = [answer for answer in own if not answer.present]
        found[condition] = {
            "queries": len(there),
            "top1": _share(there, lambda answer: answer.is_first).to_dict(),
            "found": _share(there, lambda answer: answer.is_found).to_dict(),
            "other_found": _share(there, lambda answer: answer.is_false).to_dict(),
            "foreign": len(foreign),
            "false_found": _share(foreign, lambda answer: answer.is_false).to_dict(),
            "seconds": float(np.median([answer.elapsed_s for answer in own])),
        }
    return found


def _share(answers: Sequence[Answer], holds: Callable[[Answer], bool]) -> Figure:
    if not answers:
        return Figure(None, note="no queries")
    values = np.array([holds(answer) for answer in answers], np.float64)
    return mean_by_recording(values, [answer.recording for answer in answers])


def _indexed(recordings: Path, folder: Path) -> Path:
    """The archive of some recordings: they themselves, or made in `folder`."""
    if is_archive(recordings):
        return recordings
    with Archive.open_or_create(folder) as archive:
        archive.add([os.fspath(recordings)])
    return folder


def _build(folder: Path, items: Sequence[Item], others: Path | None) -> None:
    Archive.open_or_create(folder).close()
    if others is not None:
        merge_into(folder, others)
    with Archive.open(folder, write=True) as archive:
        summary = archive.add([os.fspath(item.path) for item in items])
    for reason in summary.failed.values():
        raise ManifestError(reason)


@cache
def _opened(folder: Path) -> Archive:
    return Archive.open(folder)


def _ask(task: tuple[Path, dict[str, str], Query, bool, float | None]) -> Answer:
    folder, names, query, present, min_log_lr = task
    archive = _opened(folder)
    with _cut(query) as path:
        searcher = archive.searcher(min_log_lr=min_log_lr)
        started = time.monotonic()
        result = search(searcher, path)
        elapsed_s = time.monotonic() - started
    best = max(result.matches, key=lambda match: match.strength, default=result.nearest)
    return Answer(
        query.condition,
        query.probe.name,
        query.recording,
        present,
        "" if best is None else names.get(best.path, best.path),
        bool(result.matches),
        0.0 if best is None else best.log_lr,
        0.0 if best is None else best.reference_start_s,
        elapsed_s,
    )


@contextmanager
def _cut(query: Query) -> Iterator[Path]:
    """A file with the middle of a fragment: its ends may be silent."""
    samples = audio.load(query.probe)
    count = round(query.length_s * SAMPLE_RATE)
    first = max(0, (samples.size - count) // 2)
    samples = samples[first : first + count]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "query.wav"
        soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")
        yield path


def rows(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """The answers as plain data."""
    return [asdict(answer) for answer in answers]
