"""Scores of a list of trials: each distinct file is described once, then each pair is scored.

Descriptions and scores are kept as they are made, under names that contain all they depend on. So
a run that was stopped in any way goes on from there.
"""

import hashlib
import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from cqtnet import audio
from cqtnet.cache import FORMAT as FRONT_END_FORMAT
from cqtnet.cache import ArrayCache, CachedArrays
from cqtnet.device import one_thread, versions
from cqtnet.eer import Floats
from cqtnet.errors import InputError
from cqtnet.files import file_sha256, make_folder, refuse_overwrite, write_json
from cqtnet.progress import Workers
from cqtnet.schema import read_json
from eval.systems import Pairs, Settings, System, make_system
from eval.trials import Scores, TrialFiles, Trials, read_trials, write_trials

FORMAT = 4
"""Raised whenever a system describes or scores otherwise than before: old files are then unused."""
FILES_PER_WORKER = 150  # files that are described in the time that another process takes to start


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
        """The cache's name for that content: it contains everything else the result depends on."""
        parameters = dict(self.load().parameters)
        setting = _digest([FORMAT, FRONT_END_FORMAT, self.system, parameters])
        return f"{setting[:16]}-{content[:40]}"


def score_trials(
    trials_csv: Path, scores_csv: Path, *, system: str = "embedding",
    settings: Settings | None = None, workers: int | None = None, cache: Path | None = None,
    force: bool = False, strict: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """The account of a run: write a score file and, beside it, this account as JSON.

    Trials with a file that cannot be used are left out and listed in `left_out`, or with `strict`
    an error. `workers` processes, by default as many as processors or fewer for few files, share
    the work. Descriptions are kept in `cache`, else in a hidden folder beside the scores until the
    end.
    """
    started = time.monotonic()
    account_json = scores_csv.with_suffix(".json")
    files = TrialFiles(read_trials(trials_csv))
    problems = files.missing()
    files.refuse(problems, unless_usable=not strict)
    if scores_csv.is_file():
        _remove_leftovers(scores_csv)
    _check_outputs(trials_csv, scores_csv, account_json, force=force)
    workers = workers or min(os.cpu_count() or 1, 1 + len(files.names) // FILES_PER_WORKER)
    with _cache_folder(scores_csv, cache) as folder, one_thread(), Workers(workers) as processes:
        _load.cache_clear()  # the weights may have changed since
        setup = Setup(system, settings or Settings(), folder)
        parameters = dict(setup.load().parameters)  # ends here if the weights cannot be used
        sha256 = _describe_all(files, problems, setup, processes)
        files.refuse(problems, unless_usable=not strict)
        usable = files.usable(problems)
        scores = _score_all(files.pairs[usable], sha256, setup, processes)
        trials = files.trials.where(usable)
        account = {
            "system": system, "parameters": parameters, "trials": len(trials),
            "trials_csv": str(trials_csv), "trials_sha256": file_sha256(trials_csv),
            "files": len(files.names) - len(problems),
            "left_out": {"trials": int((~usable).sum()), "files": files.lines(problems)},
            "audio_sha256": _digest([files.names, sha256]),
            "elapsed_s": round(time.monotonic() - started, 2),
            "workers": workers, "versions": versions(),
        }  # fmt: skip
        write_json(account_json, account)
        # The scores come last: where they are, all is done.
        write_trials(scores_csv, _with_scores(trials, scores, setup.load().columns))
    return account


@contextmanager
def _cache_folder(scores_csv: Path, cache: Path | None) -> Iterator[Path]:
    """The folder of the cache; the hidden one is removed when all is done, or if it is empty."""
    folder = cache or _hidden_folder(scores_csv)
    make_folder(folder)
    try:
        yield folder
        if cache is None:
            shutil.rmtree(folder)
    finally:
        if cache is None and folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def _hidden_folder(scores_csv: Path) -> Path:
    return scores_csv.with_name(f".{scores_csv.name}.scoring")


def _remove_leftovers(scores_csv: Path) -> None:
    """Remove the hidden folder of scores that are written: its run was killed as it ended."""
    folder, written = _hidden_folder(scores_csv), scores_csv.stat().st_mtime_ns
    # A file that is younger than the scores belongs to a run that is to replace them.
    if folder.is_dir() and all(p.stat().st_mtime_ns <= written for p in folder.iterdir()):
        shutil.rmtree(folder)


def _check_outputs(trials_csv: Path, scores_csv: Path, account: Path, *, force: bool) -> None:
    if account == scores_csv:
        raise InputError(f"{scores_csv} would be the account of the run; name a .csv file")
    for path in (scores_csv, account):
        if path.exists() and path.samefile(trials_csv):
            raise InputError(f"{path} holds the trials; give the scores another name")
        unfinished = path == account and not scores_csv.exists() and _is_account(path)
        refuse_overwrite(path, force=force or unfinished)


def _is_account(path: Path) -> bool:
    try:
        return "trials_sha256" in read_json(path)
    except (OSError, ValueError, TypeError):
        return False


def _with_scores(trials: Trials, table: Floats, columns: tuple[str, ...]) -> Scores:
    """The trials with what a system returned for them, (n, 1 + columns)."""
    further = dict(zip(("score", *columns), table.T, strict=True))
    known = {**vars(trials), "score": further.pop("score"), "log_lr": further.pop("log_lr", None)}
    texts = {name: np.array([f"{x:.7g}" for x in values]) for name, values in further.items()}
    return Scores(**{**known, "extras": {**trials.extras, **texts}})


def _describe_all(
    files: TrialFiles, problems: dict[int, str], setup: Setup, processes: Workers
) -> list[str]:
    """SHA-256 of every file, (n,), once all are described; `problems` gets those that fail."""
    tasks = [(file, path) for file, path in enumerate(files.paths) if file not in problems]
    sha256 = [""] * len(files.names)
    described = processes.each(partial(_describe, setup), tasks, doing="describing files")
    for file, sha256[file], problem, notes in described:
        if problem:
            problems[file] = problem
        for note in notes:
            warnings.warn(note, audio.AudioWarning, stacklevel=3)
    return sha256


def _describe(setup: Setup, task: tuple[int, Path]) -> tuple[int, str, str, list[str]]:
    """The file's index, its SHA-256, why it cannot be used, and warnings about it."""
    file, path = task
    cache = ArrayCache(setup.folder)
    try:
        status, sha256 = audio.FileStatus.of(path), audio.file_sha256(path)
        if cache.get(setup.name(sha256)) is not None:
            return file, sha256, "", []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", audio.AudioWarning)
            description = setup.load().describe(path)
        status.refuse_other(path)
    except InputError as error:
        return file, "", str(error), []
    cache.put(setup.name(sha256), description)
    return file, sha256, "", [str(warning.message) for warning in caught]


def _score_all(pairs: Pairs, sha256: Sequence[str], setup: Setup, processes: Workers) -> Floats:
    """Scores (n, 1 + columns) of all pairs (n, 2) of files; equal pairs are scored once."""
    distinct, where = np.unique(pairs, axis=0, return_inverse=True)
    system = setup.load()
    batches = []
    for start in range(0, len(distinct), system.pairs_at_once):
        some = distinct[start : start + system.pairs_at_once]
        used, indices = np.unique(some, return_inverse=True)
        batches.append((start, indices.reshape(some.shape), [sha256[file] for file in used]))
    scores = np.full((len(distinct), 1 + len(system.columns)), np.nan)
    for start, own in processes.each(partial(_score, setup), batches, doing="scoring pairs"):
        scores[start : start + len(own)] = own.reshape(len(own), -1)
    assert np.isfinite(scores).all(), "a system returned a score that is not a number"
    return np.asarray(scores[where.ravel()])


def _score(setup: Setup, batch: tuple[int, Pairs, Sequence[str]]) -> tuple[int, Floats]:
    """The number of a batch's first pair, and its scores, from the cache or computed."""
    start, pairs, sha256 = batch
    cache = ArrayCache(setup.folder)
    name = setup.name(_digest([sha256, pairs.tolist()]))
    cached = cache.get(name)
    if cached is None:
        recordings = CachedArrays(cache, [setup.name(content) for content in sha256])
        cached = {"scores": setup.load().score(recordings, pairs)}
        cache.put(name, cached)
    return start, cached["scores"]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


_load = lru_cache(maxsize=1)(make_system)
