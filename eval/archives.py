"""How well altered fragments are found in an archive, and how often foreign ones are "found".

Each fragment is searched for in an archive of all recordings, and in one without its collection,
whose pieces may share sounds.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.device import one_thread
from cqtnet.errors import ManifestError
from cqtnet.progress import in_processes
from eval.bootstrap import Figure
from eval.crowd import fill
from eval.metrics.table import mean_by_recording
from eval.trials import read_trials
from verify.archive import is_archive
from verify.archive.archive import Archive
from verify.archive.export import merge_into
from verify.archive.search import search


@dataclass(frozen=True)
class Query:
    """A fragment to search for."""

    probe: Path
    recording: str
    condition: str
    length_s: float  # of the part to use, from its middle


@dataclass(frozen=True)
class Answer:
    """The answer of one archive to a query."""

    condition: str
    probe: str
    recording: str
    present: bool  # whether its recording is in the archive
    first: str  # the recording ranked first, a match or the nearest; "" if there is none
    is_match: bool  # at the threshold
    log_lr: float
    place_s: float  # where it begins there
    elapsed_s: float

    @property
    def is_first(self) -> bool:
        """Whether its own recording is ranked first."""
        return self.first == self.recording


def queries_of(trials: Sequence[Path], *, length_s: float, limit: int | None) -> list[Query]:
    """The fragments in lists of trials, each once; `limit` of each condition, evenly chosen."""
    by_condition: dict[str, dict[Path, Query]] = {}
    for path in trials:
        table = read_trials(path)
        columns = (table.probe.tolist(), table.recording.tolist(), table.condition.tolist())
        for probe, recording, condition in zip(*columns, strict=True):
            query = Query(table.file(probe), recording, condition, length_s)
            by_condition.setdefault(condition, {}).setdefault(query.probe, query)
    chosen: list[Query] = []
    for of_condition in by_condition.values():
        own = list(of_condition.values())
        count = min(len(own), limit or len(own))
        chosen += [own[int(i * len(own) / count)] for i in range(count)]
    return chosen


def halves(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """The recordings in two parts of about the same size, with collections kept whole."""
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
    items: Sequence[Item], queries: Sequence[Query], folder: Path, *,
    distractors: Path | None = None, drawn: int = 0, min_log_lr: float | None = None,
    workers: int | None = 1,
) -> list[Answer]:  # fmt: skip
    """The answers to each query, of an archive of all recordings and of one without its collection.

    Archives are made in `folder`, and kept. All hold the `distractors`: recordings, or an archive;
    and so many windows `drawn` from the statistics of these.
    """
    known = {item.recording for item in items}
    for query in queries:
        if query.recording not in known:
            raise ManifestError(f"{query.probe} is of {query.recording}, which is in no list")
    if drawn and distractors is None:
        raise ManifestError("windows are drawn from distractors; give some")
    if drawn:
        folder = folder / f"drawn-{drawn}"  # apart from kept archives that hold fewer or more
    first, second = halves(items)
    others = distractors
    if distractors is not None and not is_archive(distractors):
        others = folder / "distractors"
        with Archive.open_or_create(others) as archive:
            archive.add([os.fspath(distractors)])
    more = [] if others is None else [others]
    if drawn and others is not None:
        more.append(folder / "drawn")
        if not is_archive(more[-1]):
            fill(more[-1], others, drawn)
    tasks = []
    for name, own in (("all", items), ("first", first), ("second", second)):
        Archive.open_or_create(folder / name).close()
        for other in more:
            merge_into(folder / name, other)
        with Archive.open(folder / name, write=True) as archive:
            summary = archive.add([os.fspath(item.path) for item in own])
        for reason in summary.failed.values():
            raise ManifestError(reason)
        inside = {item.recording for item in own}
        names = {os.path.abspath(item.path): item.recording for item in own}
        asked = [q for q in queries if name == "all" or q.recording not in inside]
        tasks += [(folder / name, names, q, q.recording in inside, min_log_lr) for q in asked]
    with one_thread():
        return list(in_processes(_ask, tasks, workers=workers, doing="searching"))


def figures(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """Figures by condition, each with its interval by recording, and the median seconds."""
    measured: dict[str, dict[str, Any]] = {}
    for condition in dict.fromkeys(answer.condition for answer in answers):
        own = [answer for answer in answers if answer.condition == condition]
        queries, foreign = ([a for a in own if a.present == here] for here in (True, False))
        measured[condition] = {
            "queries": len(queries), "top1": _share(queries, lambda a: a.is_first),
            "found": _share(queries, lambda a: a.is_first and a.is_match),
            "other_found": _share(queries, lambda a: a.is_match and not a.is_first),
            "foreign": len(foreign), "false_found": _share(foreign, lambda a: a.is_match),
            "elapsed_s": float(np.median([answer.elapsed_s for answer in own])),
        }  # fmt: skip
    return measured


def _share(answers: Sequence[Answer], counts: Callable[[Answer], bool]) -> Figure:
    """How many of the answers count."""
    if not answers:
        return Figure(None, note="no queries")
    values = np.array([counts(answer) for answer in answers], np.float64)
    return mean_by_recording(values, [answer.recording for answer in answers])


_opened = cache(Archive.open)


def _ask(task: tuple[Path, dict[str, str], Query, bool, float | None]) -> Answer:
    folder, names, query, present, min_log_lr = task
    samples = audio.load(query.probe)
    count = round(query.length_s * SAMPLE_RATE)
    begin = max(0, (samples.size - count) // 2)  # the middle, for the ends may be silent
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "query.wav"
        soundfile.write(path, samples[begin : begin + count], SAMPLE_RATE, subtype="FLOAT")
        searcher = _opened(folder).searcher(min_log_lr=min_log_lr)
        started = time.monotonic()
        result = search(searcher, path)
        elapsed_s = time.monotonic() - started
    best = max(result.matches, key=lambda match: match.strength, default=result.nearest)
    asked = query.condition, query.probe.name, query.recording, present
    if best is None:
        return Answer(*asked, "", False, 0.0, 0.0, elapsed_s)
    first, is_match = names.get(best.path, best.path), bool(result.matches)
    return Answer(*asked, first, is_match, best.log_lr, best.reference_start_s, elapsed_s)
