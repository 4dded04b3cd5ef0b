"""What score files say, measured once: by system and condition, as data, CSV and a table."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Picture

from cqtnet import audio
from cqtnet.errors import InputError
from cqtnet.files import file_sha256, make_folder, write_json, written_whole
from cqtnet.versions import versions
from eval.metrics import Figure, Metrics, OperatingPoint, measure_by_condition
from eval.oddities import warn_of_oddities
from eval.plots import save
from eval.retrieval import Retrieval, retrieve
from eval.trials import Scores, read_scores

ALL = "all"
"""The name under which all conditions together are measured."""


CANDIDATES = 10
"""References that a probe meets at least, in the median, before its rank among them is told."""


@dataclass(frozen=True)
class Options:
    """How scores are measured; stands in every report."""

    operating_points: tuple[OperatingPoint, ...] = (OperatingPoint(0.5), OperatingPoint(0.01))
    false_alarm_rates: tuple[float, ...] = (0.01, 0.001, 0.0001)
    threshold: float | None = None
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class System:
    """One system's scores and what they measure."""

    name: str
    scores: Scores
    metrics: Mapping[str, Metrics]  # by condition; `all` where there are several
    retrieval: Mapping[str, Retrieval]  # by condition, where probes meet several references


@dataclass(frozen=True, eq=False)
class Report:
    """Several systems measured alike."""

    systems: Sequence[System]
    options: Options = field(default_factory=Options)

    @property
    def conditions(self) -> list[str]:
        """Every condition of any system, in order of first appearance, `all` last."""
        names = dict.fromkeys(name for system in self.systems for name in system.metrics)
        return [name for name in names if name != ALL] + [name for name in names if name == ALL]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `report.json` holds it."""
        points = [vars(point) for point in self.options.operating_points]
        return {
            "versions": versions(),
            "options": {**vars(self.options), "operating_points": points},
            "systems": {system.name: _system_dict(system) for system in self.systems},
        }

    def rows(self) -> list[tuple[str, str, str, Figure]]:
        """System, condition, name of the figure, and the figure, for all there is."""
        return [
            (system.name, condition, name, figure)
            for system in self.systems
            for condition in self.conditions
            for measured in (system.metrics.get(condition), system.retrieval.get(condition))
            if measured is not None
            for name, figure in measured.rows()
        ]


def read_report(files: Mapping[str, Path], *, options: Options | None = None) -> Report:
    """The report on score files, by name of the system.

    >>> report = read_report({"ours": Path("ours.csv"), "theirs": Path("theirs.csv")})
    >>> report.systems[0].metrics["hard"]["eer"].value
    0.012
    """
    tables = {name: read_scores(path) for name, path in files.items()}
    warn_of_oddities(tables)
    return Report(
        [measure_system(name, scores, options=options) for name, scores in tables.items()],
        options or Options(),
    )


def measure_system(name: str, scores: Scores, *, options: Options | None = None) -> System:
    """One system's figures by condition."""
    chosen = options or Options()
    metrics = measure_by_condition(scores, **vars(chosen))
    retrieval = {}
    for condition in metrics:
        mask = np.full(len(scores), True) if condition == ALL else scores.condition == condition
        found = retrieve(scores.where(mask), resamples=chosen.resamples, seed=chosen.seed)
        if found is not None and found.median_candidates >= CANDIDATES:
            retrieval[condition] = found
    return System(name, scores, metrics, retrieval)


def system_names(texts: Sequence[str]) -> dict[str, Path]:
    """Score files by system: each is `NAME=FILE`, or a file whose stem is the name."""
    files: dict[str, Path] = {}
    for text in texts:
        name, separator, file = text.partition("=")
        if not separator or Path(text).is_file():
            name, file = Path(text).stem, text
        if not name or not file:
            raise InputError(f"{text!r} names no system or no file; give NAME=SCORES.csv")
        if name in files:
            raise InputError(
                f"two score files are named {name!r}; tell them apart: A={files[name]} B={file}"
            )
        files[name] = Path(file)
    return files


def write_report(
    folder: Path, report: Report, *, page: str, pictures: Mapping[str, Picture]
) -> None:
    """Write the report into the folder: each file whole, and `report.json` last of all.

    A report that is there goes first, with its pictures; other files stay.
    """
    make_folder(folder)
    _remove_old(folder)
    for name, picture in pictures.items():
        save(picture, folder / name)
    with (
        written_whole(folder / "report.csv") as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("system", "condition", "figure", "value", "low", "high", "note"))
        for system, condition, name, figure in report.rows():
            numbers = (
                "" if x is None else repr(x) for x in (figure.value, figure.low, figure.high)
            )
            writer.writerow((system, condition, name, *numbers, figure.note))
    with written_whole(folder / "report.md") as temporary:
        temporary.write_text(page, encoding="utf-8", errors="surrogateescape")
    write_json(folder / "report.json", {**report.to_dict(), "pictures": list(pictures)})


def _remove_old(folder: Path) -> None:
    """Remove what an earlier report's own list says it wrote, the list before all else."""
    account = folder / "report.json"
    try:
        names = json.loads(account.read_text(encoding="utf-8"))["pictures"]
    except (OSError, ValueError, KeyError, TypeError):
        names = []
    account.unlink(missing_ok=True)
    for name in names:
        if isinstance(name, str) and Path(name).name == name:
            for suffix in (".png", ".svg"):
                (folder / f"{name}{suffix}").unlink(missing_ok=True)


def _system_dict(system: System) -> dict[str, Any]:
    return {
        "file": audio.shown(system.scores.path),
        "sha256": file_sha256(system.scores.path),
        "conditions": {
            name: {
                **metrics.to_dict(),
                **(
                    {"retrieval": system.retrieval[name].to_dict()}
                    if name in system.retrieval
                    else {}
                ),
            }
            for name, metrics in system.metrics.items()
        },
    }
