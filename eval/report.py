"""What score files say, measured once: by system and condition, as data, CSV and a table."""

import csv
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray
from scipy.stats import spearmanr

from cqtnet import audio
from cqtnet.errors import InputError
from cqtnet.files import file_sha256, make_folder, write_json, written_whole
from cqtnet.versions import versions
from eval.metrics import Figure, Metrics, OperatingPoint, auc, measure_by_condition
from eval.plots import save
from eval.retrieval import Retrieval, retrieve
from eval.trials import Scores, read_scores

# Warnings of score files that can be measured, but hardly mean what they should.


def warn_of_oddities(tables: Mapping[str, Scores]) -> None:
    """Warn of scores that can be measured, but hardly mean what they should."""
    first, *others = tables
    expected = _pairs(tables[first]) if others else set()
    for name in others:
        if _pairs(tables[name]) != expected:
            warnings.warn(
                f"{first} and {name} scored different trials; their figures are not of one test",
                stacklevel=2,
            )
    for name, scores in tables.items():
        target, nontarget = scores.score[scores.label], scores.score[~scores.label]
        if len(target) and len(nontarget) and auc(target, nontarget) < 0.5:
            warnings.warn(
                f"{name}: targets score lower than nontargets; are labels or signs swapped?",
                stacklevel=2,
            )
        if scores.log_lr is not None and _is_reversed(scores.score, scores.log_lr):
            warnings.warn(
                f"{name}: log_lr falls where score rises; is its sign swapped?", stacklevel=2
            )


def _pairs(scores: Scores) -> set[tuple[str, str, str]]:
    columns = (scores.reference.tolist(), scores.probe.tolist(), scores.condition.tolist())
    return set(zip(*columns, strict=True))


def _is_reversed(score: NDArray[np.float64], log_lr: NDArray[np.float64]) -> bool:
    """Whether the two order the trials against each other."""
    correlation = spearmanr(score, log_lr).statistic if np.ptp(score) and np.ptp(log_lr) else 0.0
    return bool(correlation < -0.5)


# What score files say, measured once: by system and condition, as data, CSV and a table.

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


# The report as a table that people read: Markdown, which is also plain text.


@dataclass(frozen=True)
class Column:
    """One column: its heading, the figure's key, and whether it is a share, shown in per cent."""

    heading: str
    key: str
    in_percent: bool = True


def errors_table(report: Report) -> str:
    """How often it errs and how sure that is, with a line on how to read it; fits a terminal."""
    return f"{_table(report, _error_columns(report))}\n\n{_reading(report)}\n"


def page(report: Report, *, pictures: Iterable[str] = ()) -> str:
    """The whole report in Markdown: both tables, and the pictures of these names."""
    shown_pictures = "".join(f"\n![{name}]({name}.png)\n" for name in pictures)
    return (
        f"# Verification report\n\n{errors_table(report)}\n"
        f"Costs, information, retrieval:\n\n{_table(report, _further_columns(report))}\n"
        f"{_notes(report)}{shown_pictures}"
    )


def shown(figure: Figure | None, *, in_percent: bool = False) -> str:
    """A figure with its 95 % interval in three digits; a dash where it cannot be had.

    >>> shown(Figure(0.02, 0.01, 0.045), in_percent=True)
    '2 [1, 4.5]'
    """
    if figure is None or figure.value is None:
        return "–"
    scale = 100.0 if in_percent else 1.0
    value, low, high = (
        None if x is None else f"{float(f'{scale * x:.3g}'):g}"
        for x in (figure.value, figure.low, figure.high)
    )
    if low is None:
        return f"{value}"
    if high is None:  # what was not seen could cost any number of bits
        return f"{value} [≥ {low}]"
    if figure.bound:
        return f"< {high}" if figure.value == 0 else f"> {low}"
    return f"{value} [{low}, {high}]"


def _table(report: Report, columns: Sequence[Column]) -> str:
    """A row for each condition and system, a column where any of them can fill it."""
    columns = [column for column in columns if _fillable(column, report)]
    rows = [["condition", "system", "same + other", *(column.heading for column in columns)]]
    for condition in report.conditions:
        for system in report.systems:
            if condition in system.metrics:
                measured = system.metrics[condition]
                counts = f"{measured.targets:,} + {measured.nontargets:,}"
                figures = _figures(system, condition)
                cells = (shown(figures.get(c.key), in_percent=c.in_percent) for c in columns)
                rows.append([condition, system.name, counts, *cells])
    return _aligned(rows)


def _error_columns(report: Report) -> list[Column]:
    options = report.options
    columns = [Column("EER %", "eer")]
    columns += [
        Column(f"miss % at FA {100 * rate:g} %", f"frr_at_far_{rate:g}")
        for rate in options.false_alarm_rates
    ]
    if options.threshold is not None:
        at = f"at {options.threshold:g}"
        columns += [Column(f"miss % {at}", "miss"), Column(f"FA % {at}", "false_alarm")]
    return [*columns, Column("Cllr", "cllr", in_percent=False), Column("top-1 %", "top1")]


def _further_columns(report: Report) -> list[Column]:
    columns = [Column("AUC", "auc", in_percent=False), Column("linear EER %", "eer_linear")]
    columns += [
        Column(f"{kind}DCF ({point})", f"{kind}_dcf_{point.key}", in_percent=False)
        for point in report.options.operating_points
        for kind in ("min", "act")
    ]
    columns += [
        Column("minCllr", "min_cllr", in_percent=False),
        Column("calibration loss", "calibration_loss", in_percent=False),
        Column("accuracy %", "accuracy"),
    ]
    depths = [Column(f"top-{depth} %", f"top{depth}") for depth in (5, 10)]
    ranks = [Column("MRR %", "mrr"), Column("mAP %", "mean_average_precision")]
    return [*columns, *depths, *ranks]


def _fillable(column: Column, report: Report) -> bool:
    """Whether any system has the figure under any condition."""
    figures = (
        _figures(s, condition).get(column.key) for s in report.systems for condition in s.metrics
    )
    return any(figure is not None and figure.value is not None for figure in figures)


def _figures(system: System, condition: str) -> Mapping[str, Figure]:
    """All figures of a condition by key, those of retrieval among them."""
    found = dict(system.metrics[condition].figures)
    if condition in system.retrieval:
        found |= system.retrieval[condition].figures
    return found


def _notes(report: Report) -> str:
    """What has to be known about some figures, each note with whom it concerns first."""
    notes: dict[str, str] = {}
    for system, condition, name, figure in report.rows():
        if figure.note:
            notes.setdefault(f"{name}: {figure.note}", f"{condition}, {system}")
    lines = [f"* {note} ({whose})" for note, whose in notes.items()]
    return (
        "\nNotes, each with the first row that it is about:\n\n" + "\n".join(lines) + "\n"
        if lines
        else ""
    )


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _reading(report: Report) -> str:
    if report.options.resamples == 0:
        return "Without intervals: nothing was resampled."
    return (
        "FA: false alarms. In brackets: 95 % intervals, recordings resampled. `<`, `>`: no error "
        "seen, and with 95 % confidence not worse than that. `–`: too few pairs, or not stated."
    )
