"""Trials and scores as CSV files, read strictly: a wrong row is an error with its line number.

A trial asks whether `probe` is an altered version of the recording in `reference`; `label` is 1
if it is, 0 if it comes from another recording. File names are relative to the list. A score file
has the same columns, `score` (higher: same recording) and, if the system gives one, `log_lr`
(natural logarithm). All other columns are kept: protocols write there how a probe was changed.
"""

import math
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.eer import Floats
from cqtnet.errors import ManifestError
from cqtnet.tables import Table, read_table, refuse_twice, write_table

COLUMNS = ("reference", "probe", "label", "condition", "recording")
SCORE_COLUMNS = ("score", "log_lr")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
SIZES = {
    "tempo_factor": "tempo factor", "shift_semitones": "pitch shift, semitones",
    "snr_db": "signal-to-noise ratio, dB", "rt60_s": "reverberation time, s",
    "kbps": "bit rate, kbit/s", "length_s": "length, s",
}  # fmt: skip
"""Columns that say how large a change is, with what an axis calls them."""
FILES_IN_AN_ERROR = 3

Texts = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Trials:
    """A list of pairs, column by column, (n,) each."""

    path: Path
    reference: Texts
    probe: Texts
    label: NDArray[np.bool_]  # True: target, the same recording
    condition: Texts
    recording: Texts  # of the probe; intervals resample recordings
    extras: Mapping[str, Texts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.label)

    def file(self, name: str) -> Path:
        """The path of a reference or a probe."""
        return self.path.parent / name

    def line(self, row: int) -> str:
        """The place of a row in its file, `file:line`, for errors."""
        return f"{self.path}:{row + 2}"

    def pairs(self) -> Iterator[tuple[str, str, str]]:
        """What tells the trials apart: reference, probe and condition of each."""
        columns = (self.reference, self.probe, self.condition)
        return zip(*(column.tolist() for column in columns), strict=True)

    def size(self, column: str) -> Floats:
        """The numbers of a further column, (n,); NaN where it is empty or absent."""
        if column not in self.extras:
            return np.full(len(self), np.nan)
        return _numbers(self.extras[column].tolist())

    def where(self, mask: NDArray[np.bool_]) -> Self:
        """The rows where `mask` (n,) is true."""
        own = vars(self).items()
        chosen: dict[str, Any] = {k: v[mask] for k, v in own if isinstance(v, np.ndarray)}
        extras = {name: column[mask] for name, column in self.extras.items()}
        return replace(self, **chosen, extras=extras)


@dataclass(frozen=True, eq=False)
class Scores(Trials):
    """Trials with the scores of a system."""

    score: Floats = field(default_factory=lambda: np.zeros(0))
    log_lr: Floats | None = None

    def conditions(self) -> list[str]:
        """The conditions in order of first appearance."""
        return list(dict.fromkeys(self.condition.tolist()))


def read_trials(path: str | os.PathLike[str]) -> Trials:
    """The trials of a CSV file; its columns `score` and `log_lr`, if any, are left out."""
    return Trials(**_trial_columns(read_table(Path(path), needed=COLUMNS, row_a_line=True)))


def read_scores(path: str | os.PathLike[str]) -> Scores:
    """The trials and scores of a CSV file."""
    table = read_table(Path(path), needed=(*COLUMNS, "score"), row_a_line=True)
    log_lr = _finite(table, "log_lr") if "log_lr" in table.columns else None
    return Scores(**_trial_columns(table), score=_finite(table, "score"), log_lr=log_lr)


def write_trials(path: Path, trials: Trials) -> None:
    """Write trials, with their scores if they have any, as CSV; numbers read back exactly."""
    columns: dict[str, Any] = {name: getattr(trials, name) for name in COLUMNS}
    columns |= {"label": np.where(trials.label, "1", "0"), **trials.extras}
    for name in SCORE_COLUMNS:
        if (numbers := getattr(trials, name, None)) is not None:
            columns[name] = [repr(float(x)) for x in numbers]
    write_table(path, [columns, *zip(*columns.values(), strict=True)])


def _trial_columns(table: Table) -> dict[str, Any]:
    """The fields of `Trials` from a table, checked."""
    columns = dict(zip(table.columns, map(list, zip(*table.rows, strict=True)), strict=True))
    for name in COLUMNS:
        if "" in columns[name]:
            row = columns[name].index("")
            raise ManifestError(f"{table.path}:{row + 2}: {name} is empty; fill it in")
    for row, label in enumerate(columns["label"]):
        if label not in ("0", "1"):
            raise ManifestError(
                f"{table.path}:{row + 2}: label {audio.told(label)!r}; "
                "write 1 (same recording) or 0 (another)"
            )
    seen: dict[tuple[str, ...], str] = {}
    keys = ("reference", "probe", "condition")
    for line, trial in enumerate(zip(*(columns[key] for key in keys), strict=True), start=2):
        named = " and ".join(map(audio.told, trial[:2]))
        refuse_twice(seen, trial, f"{table.path}:{line}", f"the trial of {named}")
    texts = {name: np.array(column) for name, column in columns.items()}
    known = {name: texts.pop(name) for name in COLUMNS}
    known["label"] = known["label"] == "1"
    extras = {name: column for name, column in texts.items() if name not in SCORE_COLUMNS}
    return {"path": table.path, **known, "extras": extras}


def _finite(table: Table, name: str) -> Floats:
    texts = table.column(name)
    numbers = _numbers(texts)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise ManifestError(
            f"{table.path}:{wrong[0] + 2}: {name} {audio.told(texts[wrong[0]])!r} is not a finite "
            "number; correct it, or leave the trial out"
        )
    return numbers


def _numbers(texts: Sequence[str]) -> Floats:
    """The numbers in plain digits, else NaN; Python would also read `1_0`, ` 1` and `١`."""
    return np.array([float(t) if NUMBER.fullmatch(t) else math.nan for t in texts], np.float64)


class TrialFiles:
    """Every distinct file of a list of trials, and errors that name the trials with a file."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        both = np.stack([trials.reference, trials.probe], axis=1)
        names, indices = np.unique(both, return_inverse=True)
        self.names: list[str] = names.tolist()
        self.paths = [trials.file(name) for name in self.names]
        self.pairs = indices.reshape(both.shape)  # (trials, 2): reference and probe in `names`

    def missing(self) -> dict[int, str]:
        """Why there is no file of a name, by index."""
        reasons = {}
        for file, path in enumerate(self.paths):
            try:
                if not stat.S_ISREG(path.stat().st_mode):
                    reasons[file] = f"{audio.shown(path)} is not a file"
            except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
                reason = error.strerror if isinstance(error, OSError) else error
                reasons[file] = f"{audio.shown(path)} cannot be read: {reason}"
        return reasons

    def usable(self, problems: Mapping[int, str]) -> NDArray[np.bool_]:
        """Which trials (trials,) have no file with a problem."""
        return np.asarray(~np.isin(self.pairs, list(problems)).any(axis=1))

    def lines(self, problems: Mapping[int, str]) -> list[str]:
        """Each problem with the first trial of its file, in the order of the list."""
        cells = sorted((int(np.argmax(self.pairs.ravel() == file)), file) for file in problems)
        return [
            f"{self.trials.line(cell // 2)}: {('reference', 'probe')[cell % 2]}: {problems[file]}"
            for cell, file in cells
        ]

    def refuse(self, problems: Mapping[int, str], *, unless_usable: bool = False) -> None:
        """Raise if there are problems, with the first of them; or only if no trial is usable."""
        if unless_usable and self.usable(problems).any():
            return
        lines = self.lines(problems)
        if (more := len(lines) - FILES_IN_AN_ERROR) > 0:
            lines[FILES_IN_AN_ERROR:] = [f"and {more} more files that cannot be used"]
        if lines:
            raise ManifestError("; ".join(lines))
