"""Scores of a list of trials: every distinct file described once, then every pair scored.

Descriptions and scores are kept in a folder as they are made, under names that state all they
depend on: the SHA-256 of the files, the system, its parameters and weights. A run that was
stopped in any way goes on from there.
"""

import hashlib
import io
import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cqtnet import audio
from cqtnet.cache import FORMAT as FRONT_END_FORMAT
from cqtnet.device import one_thread
from cqtnet.errors import InputError
from cqtnet.files import file_sha256, make_folder, refuse_overwrite, write_json, written_whole
from cqtnet.versions import versions
from eval.processes import Workers
from eval.systems import make_system
from eval.systems.interface import Settings, System
from eval.trials import Scores, TrialFiles, Trials, read_trials, write_scores

# Arrays kept on disk under a name, so that work that was interrupted goes on.

Arrays = Mapping[str, NDArray[Any]]


class Kept:
    """Arrays by name in a folder; a file that is damaged in any way counts as missing.

    A file is the SHA-256 of the rest, then an .npz: nothing is parsed before its hash is right.

    >>> Kept(Path("cache")).put("a", {"level": np.array(0.5)})
    >>> Kept(Path("cache")).get("a")
    {'level': array(0.5)}
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, name: str) -> Arrays | None:
        """The arrays of that name, or None where there are none in order."""
        try:
            content = self._path(name).read_bytes()
        except OSError:
            return None
        digest, packed = content[:32], content[32:]
        if hashlib.sha256(packed).digest() != digest:
            return None
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            return dict(arrays)

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep the arrays under that name."""
        packed = io.BytesIO()
        np.savez(packed, **arrays)  # type: ignore[arg-type]
        with written_whole(self._path(name)) as temporary:
            temporary.write_bytes(hashlib.sha256(packed.getvalue()).digest() + packed.getvalue())

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.kept"


class KeptRecordings(Sequence[Arrays]):
    """Descriptions in the order of their names, read from disk each time one is asked for."""

    def __init__(self, kept: Kept, names: Sequence[str]) -> None:
        self.kept, self.names = kept, names

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Arrays: ...
    @overload
    def __getitem__(self, index: slice) -> "KeptRecordings": ...
    def __getitem__(self, index: int | slice) -> "Arrays | KeptRecordings":
        if isinstance(index, slice):
            return KeptRecordings(self.kept, self.names[index])
        found = self.kept.get(self.names[index])
        if found is None:
            raise InputError(
                f"{self.kept.folder} has lost what was just kept in it; run the command again"
            )
        return found


# Scores of a list of trials: every distinct file described once, then every pair scored.

FORMAT = 2
"""Raised whenever a system describes or scores otherwise than before: what was kept is unused."""
FILES_PER_WORKER = 150  # as many are described in the time that a further process takes to start

Result = TypeVar("Result")


@dataclass(frozen=True)
class Setup:
    """What a process needs to know to describe and to score."""

    system: str
    settings: Settings
    folder: Path

    def load(self) -> System:
        """The system; loaded once in each process."""
        return _load(self.system, self.settings)

    def name(self, content: str) -> str:
        """What is kept of that content: it states everything else that it depends on."""
        parameters = dict(self.load().parameters)
        setting = _digest([FORMAT, FRONT_END_FORMAT, self.system, parameters])
        return f"{setting[:16]}-{content[:40]}"


@dataclass(frozen=True)
class Described:
    """What came of describing one file."""

    file: int  # its place among the distinct files
    sha256: str = ""
    problem: str = ""  # why it cannot be used
    notes: tuple[str, ...] = ()  # what is odd about it


@dataclass(frozen=True, eq=False)
class Batch:
    """Pairs that are scored together."""

    start: int  # their place among the distinct pairs
    pairs: NDArray[np.int64]  # (n, 2) places in `sha256`
    sha256: tuple[str, ...]  # of the recordings


def score_trials(
    trials_csv: Path,
    scores_csv: Path,
    *,
    system: str = "embedding",
    settings: Settings | None = None,
    workers: int | None = None,
    cache: Path | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Write a score file and, beside it, its account as JSON; what that holds comes back.

    `workers` processes share the work: by default one for each processor, fewer for few files.
    Descriptions are kept in `cache`, else in a hidden folder beside the scores until these are
    written.

    >>> score_trials(Path("tempo.csv"), Path("scores.csv"))["trials"]
    3000
    """
    started = time.monotonic()
    account = scores_csv.with_suffix(".json")
    trials = read_trials(trials_csv)
    files = TrialFiles.of(trials)
    files.require_all()
    if scores_csv.is_file():
        _remove_leftovers(scores_csv)
    _check_outputs(trials_csv, scores_csv, account, force=force)
    workers = workers or min(os.cpu_count() or 1, 1 + len(files.names) // FILES_PER_WORKER)
    with _kept_in(scores_csv, cache) as folder, one_thread(), Workers(workers) as processes:
        _load.cache_clear()  # weights may have changed since
        setup = Setup(system, settings or Settings(), folder)
        parameters = dict(setup.load().parameters)  # weights that are no good end it here
        sha256 = _describe_all(files, setup, processes)
        score = _score_all(files.pairs, sha256, setup, processes)
        content = {
            "system": system,
            "parameters": parameters,
            "trials": len(trials),
            "trials_csv": str(trials_csv),
            "trials_sha256": file_sha256(trials_csv),
            "files": len(files.names),
            "audio_sha256": _digest([files.names, sha256]),
            "seconds": round(time.monotonic() - started, 2),
            "workers": workers,
            "versions": versions(),
        }
        write_json(account, content)
        scores = _scored(trials, score, setup.load().columns)
        write_scores(scores_csv, scores)  # last: where they are, all is done
    return content


@contextmanager
def _kept_in(scores_csv: Path, cache: Path | None) -> Iterator[Path]:
    """The folder where work is kept; one of our own is removed when all is done, or it is empty."""
    folder = cache or _own_folder(scores_csv)
    make_folder(folder)
    try:
        yield folder
        if cache is None:
            shutil.rmtree(folder)
    finally:
        if cache is None and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def _own_folder(scores_csv: Path) -> Path:
    return scores_csv.with_name(f".{scores_csv.name}.scoring")


def _remove_leftovers(scores_csv: Path) -> None:
    """Remove what was kept for scores that are written: a run was killed as it ended.

    What is younger than the scores belongs to a run that is to replace them.
    """
    folder, written = _own_folder(scores_csv), scores_csv.stat().st_mtime_ns
    if folder.is_dir() and all(p.stat().st_mtime_ns <= written for p in folder.iterdir()):
        shutil.rmtree(folder)


def _check_outputs(trials_csv: Path, scores_csv: Path, account: Path, *, force: bool) -> None:
    """Raise unless scores and account are files of their own that may be written."""
    if account == scores_csv:
        raise InputError(f"{scores_csv} would be the account of the run; name a .csv file")
    for path in (scores_csv, account):
        if path.exists() and path.samefile(trials_csv):
            raise InputError(f"{path} holds the trials; give the scores another name")
        unfinished = path == account and not scores_csv.exists() and _is_account(path)
        refuse_overwrite(path, force=force or unfinished)


def _is_account(path: Path) -> bool:
    """Whether a file is the account of a run, and no file of somebody else."""
    try:
        return "trials_sha256" in json.loads(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def _scored(trials: Trials, said: NDArray[np.float64], columns: tuple[str, ...]) -> Scores:
    """The trials with what was said of them, (n, 1 + columns)."""
    known = {field.name: getattr(trials, field.name) for field in fields(Trials)}
    score, *others = said.T
    further = dict(zip(columns, others, strict=True))
    log_lr = further.pop("log_lr", None)
    texts = {name: np.array([f"{x:.7g}" for x in values]) for name, values in further.items()}
    known["extras"] = {**trials.extras, **texts}
    return Scores(**known, score=score, log_lr=log_lr)


def _describe_all(files: TrialFiles, setup: Setup, processes: Workers) -> list[str]:
    """SHA-256 of every file, (n,), once all are described; one that fails stops no other."""
    tasks = list(enumerate(files.paths))
    sha256 = [""] * len(tasks)
    problems: dict[int, str] = {}
    results = processes.each(partial(_describe, setup), tasks)
    for described in _with_progress(results, len(tasks), "describing files"):
        sha256[described.file] = described.sha256
        if described.problem:
            problems[described.file] = described.problem
        for note in described.notes:
            warnings.warn(note, audio.AudioWarning, stacklevel=3)
    files.refuse(problems)
    return sha256


def _describe(setup: Setup, task: tuple[int, Path]) -> Described:
    """Describe one file, unless its description is kept already."""
    file, path = task
    kept = Kept(setup.folder)
    try:
        sha256 = audio.file_sha256(path)
        if kept.get(setup.name(sha256)) is not None:
            return Described(file, sha256)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", audio.AudioWarning)
            description = setup.load().describe(path)
    except InputError as error:
        return Described(file, problem=str(error))
    kept.put(setup.name(sha256), description)
    return Described(file, sha256, notes=tuple(str(warning.message) for warning in caught))


def _score_all(
    pairs: NDArray[np.int64], sha256: Sequence[str], setup: Setup, processes: Workers
) -> NDArray[np.float64]:
    """Scores (n, 1 + columns) of all pairs (n, 2) of files; equal pairs are scored once."""
    distinct, where = np.unique(pairs, axis=0, return_inverse=True)
    system = setup.load()
    batches = list(_batches(distinct, sha256, at_once=system.pairs_at_once))
    scores = np.full((len(distinct), 1 + len(system.columns)), np.nan)
    results = processes.each(partial(_score, setup), batches)
    for start, some in _with_progress(results, len(batches), "scoring pairs"):
        scores[start : start + len(some)] = some.reshape(len(some), -1)
    assert np.isfinite(scores).all(), "a system gave a score that is no number"
    return np.asarray(scores[where.ravel()])


def _batches(pairs: NDArray[np.int64], sha256: Sequence[str], *, at_once: int) -> Iterator[Batch]:
    for start in range(0, len(pairs), at_once):
        some = pairs[start : start + at_once]
        used, places = np.unique(some, return_inverse=True)
        yield Batch(start, places.reshape(some.shape), tuple(sha256[file] for file in used))


def _score(setup: Setup, batch: Batch) -> tuple[int, NDArray[np.float64]]:
    """Where the batch starts, and its scores, unless they are kept already."""
    kept = Kept(setup.folder)
    name = setup.name(_digest([batch.sha256, batch.pairs.tolist()]))
    found = kept.get(name)
    if found is None:
        recordings = KeptRecordings(kept, [setup.name(sha256) for sha256 in batch.sha256])
        found = {"scores": setup.load().score(recordings, batch.pairs)}
        kept.put(name, found)
    return batch.start, found["scores"]


def _digest(content: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=1)
def _load(system: str, settings: Settings) -> System:
    return make_system(system, settings)


def _with_progress(results: Iterator[Result], total: int, what: str) -> Iterator[Result]:
    """The results, with a bar on stderr."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield from progress.track(results, total=total)
