"""Trials and scores as plain CSV files, read strictly: a wrong row is an error with its line.

A trial asks whether `probe` is an altered version of the recording in `reference`; `label` is 1
where it is, 0 where it comes from another recording. File names are relative to the list. A
score file has the same columns, `score` (higher: same) and, where a system states it, `log_lr`
(natural logarithm). Further columns are carried along: protocols write there what was done.
"""

import csv
import io
import math
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.errors import ManifestError
from cqtnet.files import written_whole

COLUMNS = ("reference", "probe", "label", "condition", "recording")
SCORE_COLUMNS = ("score", "log_lr")

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

Texts = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Trials:
    """A list of pairs, column by column, (n,) each.

    >>> trials = read_trials("tempo.csv")
    >>> trials.file(trials.probe[0])
    PosixPath('tempo/0001.flac')
    """

    path: Path
    reference: Texts
    probe: Texts
    label: NDArray[np.bool_]  # True: target, the same recording
    condition: Texts
    recording: Texts  # the probe's; what an interval resamples
    extras: Mapping[str, Texts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.label)

    def file(self, name: str) -> Path:
        """Where a reference or a probe lies."""
        return self.path.parent / name

    def line(self, row: int) -> str:
        """The place of a row, `file:line`, as errors name it."""
        return f"{self.path}:{row + 2}"

    def size(self, column: str) -> NDArray[np.float64]:
        """The numbers of a further column, (n,); NaN where it is empty or absent."""
        if column not in self.extras:
            return np.full(len(self), np.nan)
        return np.array([_number_or_nan(text) for text in self.extras[column]], np.float64)

    def where(self, mask: NDArray[np.bool_]) -> Self:
        """The rows where `mask` (n,) is true."""
        chosen: dict[str, Any] = {
            f.name: getattr(self, f.name)[mask]
            for f in fields(self)
            if isinstance(getattr(self, f.name), np.ndarray)
        }
        return replace(
            self, **chosen, extras={name: text[mask] for name, text in self.extras.items()}
        )


@dataclass(frozen=True, eq=False)
class Scores(Trials):
    """Trials with what a system says of them."""

    score: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    log_lr: NDArray[np.float64] | None = None

    def conditions(self) -> list[str]:
        """The conditions in order of first appearance."""
        return list(dict.fromkeys(self.condition.tolist()))


def read_trials(path: str | os.PathLike[str]) -> Trials:
    """The trials of a CSV file; columns of scores, where it has them, are left out."""
    columns, table = _read(Path(path), needed=COLUMNS)
    return Trials(**_trial_columns(Path(path), columns, table))


def read_scores(path: str | os.PathLike[str]) -> Scores:
    """The trials and scores of a CSV file.

    >>> scores = read_scores("scores.csv")
    >>> scores.score[scores.label].mean()
    0.93
    """
    columns, table = _read(Path(path), needed=(*COLUMNS, "score"))
    trials = _trial_columns(Path(path), columns, table)
    log_lr = _finite(Path(path), "log_lr", table) if "log_lr" in columns else None
    return Scores(**trials, score=_finite(Path(path), "score", table), log_lr=log_lr)


def write_trials(path: Path, trials: Trials) -> None:
    """Write the trials as CSV, whole or not at all; file names are written as they stand."""
    _write(path, trials, {})


def write_scores(path: Path, scores: Scores) -> None:
    """Write trials and scores as CSV, whole or not at all; numbers read back exactly."""
    numbers = {"score": scores.score}
    if scores.log_lr is not None:
        numbers["log_lr"] = scores.log_lr
    _write(path, scores, {name: [repr(float(x)) for x in n] for name, n in numbers.items()})


def _write(path: Path, trials: Trials, scores: Mapping[str, Sequence[str]]) -> None:
    labels = np.where(trials.label, "1", "0")
    columns = {
        "reference": trials.reference,
        "probe": trials.probe,
        "label": labels,
        "condition": trials.condition,
        "recording": trials.recording,
        **trials.extras,
        **scores,
    }
    with (
        written_whole(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _read(path: Path, *, needed: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the columns, and the columns as text; every row as long as the header."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        columns = next(reader, [])
        _check_header(path, columns, needed)
        rows: list[list[str]] = []
        for row in reader:
            _check_row(path, row, columns, line=len(rows) + 2, last=reader.line_num)
            rows.append(row)
    except csv.Error as error:
        raise ManifestError(f"{path}:{max(1, reader.line_num)}: {error}") from error
    if not rows:
        raise ManifestError(f"{path}:1: holds a header but no trial; give a row for each pair")
    return columns, dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestError(f"{path} cannot be read: {reason}; give a CSV file") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ManifestError(f"{path}:{line}: holds a NUL; give plain text, UTF-8")
    return text


def _check_header(path: Path, columns: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in columns]
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(columns) == 1 and separator in columns[0]:
            raise ManifestError(f"{path}:1: columns are separated by {name}; use commas")
    if missing:
        raise ManifestError(
            f"{path}:1: no column {', '.join(missing)}; the header needs {','.join(needed)}"
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ManifestError(f"{path}:1: column {', '.join(twice)} stands there twice; rename one")


def _check_row(
    path: Path, row: Sequence[str], columns: Sequence[str], *, line: int, last: int
) -> None:
    if last != line:
        raise ManifestError(f"{path}:{line}: a field holds a line break; remove it")
    if len(row) != len(columns):
        raise ManifestError(
            f"{path}:{line}: {len(row)} fields where the header has {len(columns)}; correct it"
        )
    for name, text in zip(columns, row, strict=True):
        if name in COLUMNS and not text:
            raise ManifestError(f"{path}:{line}: {name} is empty; fill it in")


def _trial_columns(
    path: Path, columns: Sequence[str], table: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The fields of `Trials`, checked."""
    for row, label in enumerate(table["label"]):
        if label not in ("0", "1"):
            raise ManifestError(
                f"{path}:{row + 2}: label {label!r}; write 1 (same recording) or 0 (another)"
            )
    _refuse_duplicates(path, table)
    return {
        "path": path,
        "label": np.array(table["label"]) == "1",
        **{name: np.array(table[name]) for name in COLUMNS if name != "label"},
        "extras": {
            name: np.array(table[name])
            for name in columns
            if name not in COLUMNS and name not in SCORE_COLUMNS
        },
    }


def _refuse_duplicates(path: Path, table: Mapping[str, list[str]]) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    pairs = zip(table["reference"], table["probe"], table["condition"], strict=True)
    for line, pair in enumerate(pairs, start=2):
        if seen.setdefault(pair, line) != line:
            raise ManifestError(
                f"{path}:{line}: the trial of {pair[0]} and {pair[1]} stands on line {seen[pair]} "
                "already; remove one"
            )


def _finite(path: Path, name: str, table: Mapping[str, list[str]]) -> NDArray[np.float64]:
    """A column of finite numbers, (n,)."""
    numbers = np.array([_number_or_nan(text) for text in table[name]], np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise ManifestError(
            f"{path}:{wrong[0] + 2}: {name} {table[name][wrong[0]]!r} is no finite number; "
            "correct it, or leave the trial out"
        )
    return numbers


def _number_or_nan(text: str) -> float:
    """The number that plain digits mean; Python would also read `1_0`, ` 1` and `١`."""
    return float(text) if NUMBER.fullmatch(text) else math.nan


# The distinct files of a list of trials, and errors that name the trials which need them.

SHOWN = 3  # files that cannot be used, named in one error


@dataclass(frozen=True, eq=False)
class TrialFiles:
    """Every file of a list once.

    >>> files = TrialFiles.of(read_trials("tempo.csv"))
    >>> files.paths[files.pairs[0, 1]]  # the probe of the first trial
    PosixPath('tempo/0001.flac')
    """

    trials: Trials
    names: tuple[str, ...]  # (n,) in order
    pairs: NDArray[np.int64]  # (trials, 2) places in `names`: reference and probe

    @classmethod
    def of(cls, trials: Trials) -> "TrialFiles":
        """The distinct names of all trials."""
        both = np.stack([trials.reference, trials.probe], axis=1)
        names, places = np.unique(both, return_inverse=True)
        return cls(trials, tuple(names.tolist()), places.reshape(both.shape))

    @property
    def paths(self) -> list[Path]:
        """Where the files lie, (n,)."""
        return [self.trials.file(name) for name in self.names]

    def require_all(self) -> None:
        """Raise unless every file is there."""
        found = {file: _missing(path) for file, path in enumerate(self.paths)}
        self.refuse({file: reason for file, reason in found.items() if reason})

    def refuse(self, reasons: Mapping[int, str]) -> None:
        """Raise where there are reasons not to use files, by the first trials that need these."""
        if not reasons:
            return
        needed = np.full(len(self.names), self.pairs.size)
        np.minimum.at(needed, self.pairs.ravel(), np.arange(self.pairs.size))
        files = sorted(reasons, key=lambda file: int(needed[file]))
        texts = [self._place(int(needed[file])) + reasons[file] for file in files[:SHOWN]]
        if len(files) > SHOWN:
            texts.append(f"and {len(files) - SHOWN} more files that cannot be used")
        raise ManifestError("; ".join(texts))

    def _place(self, cell: int) -> str:
        row, column = divmod(cell, 2)
        return f"{self.trials.line(row)}: {('reference', 'probe')[column]}: "


def _missing(path: Path) -> str:
    """Why there is no file of that name; "" where there is one."""
    try:
        return "" if stat.S_ISREG(path.stat().st_mode) else f"{audio.shown(path)} is no file"
    except (FileNotFoundError, NotADirectoryError):
        return f"{audio.shown(path)} does not exist"
    except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
        reason = error.strerror if isinstance(error, OSError) else error
        return f"{audio.shown(path)} cannot be opened: {reason}; correct the name"
