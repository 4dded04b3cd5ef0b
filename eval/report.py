"""Reports on score files: measured by system and condition, as data, CSV, table and pictures."""

import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Picture
from scipy.stats import spearmanr

from cqtnet import audio
from cqtnet.device import versions
from cqtnet.errors import InputError
from cqtnet.files import file_sha256, make_folder, write_json, written_whole
from cqtnet.schema import read_json
from cqtnet.tables import markdown_table, write_table
from eval import plots
from eval.bootstrap import FigureTable
from eval.metrics import Figure, Metrics, Options, auc, measure_by_condition, roc_band
from eval.metrics.table import Retrieval, retrieve, shown
from eval.plots import ScoreSet, SizePoint, save
from eval.trials import SIZES, Scores, read_scores

ALL = "all"  # the name of all conditions together
FEWEST_CANDIDATES = 10  # candidates of a probe, in the median, from which on a report has its ranks


@dataclass(frozen=True, eq=False)
class System:
    """The scores of one system and their figures."""

    name: str
    scores: Scores
    metrics: Mapping[str, Metrics]  # by condition; `all` if there are several
    retrieval: Mapping[str, Retrieval]  # by condition, if probes have enough candidates

    def measured(self, condition: str) -> list[FigureTable]:
        """What was measured of a condition."""
        return [of[condition] for of in (self.metrics, self.retrieval) if condition in of]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with the SHA-256 of the score file."""
        conditions = {name: metrics.to_dict() for name, metrics in self.metrics.items()}
        for name, retrieval in self.retrieval.items():
            conditions[name]["retrieval"] = retrieval.to_dict()
        path = self.scores.path
        return {"file": audio.shown(path), "sha256": file_sha256(path), "conditions": conditions}


@dataclass(frozen=True, eq=False)
class Report:
    """Several systems, measured with the same options."""

    systems: Sequence[System]
    options: Options

    @property
    def conditions(self) -> list[str]:
        """Every condition of any system, in order of first appearance, `all` last."""
        names = dict.fromkeys(name for system in self.systems for name in system.metrics)
        return sorted(names, key=lambda name: name == ALL)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as in `report.json`."""
        points = [vars(point) for point in self.options.operating_points]
        return {
            "versions": versions(),
            "options": {**vars(self.options), "operating_points": points},
            "systems": {system.name: system.to_dict() for system in self.systems},
        }

    def rows(self) -> list[tuple[str, str, str, Figure]]:
        """System, condition, name of the figure, and the figure, for all there are."""
        return [
            (system.name, condition, name, figure)
            for system in self.systems
            for condition in self.conditions
            for measured in system.measured(condition)
            for name, figure in measured.rows()
        ]


def read_report(files: Mapping[str, Path], *, options: Options | None = None) -> Report:
    """The report on score files, by name of the system."""
    tables = {name: read_scores(path) for name, path in files.items()}
    _warn_of_suspicious(tables)
    options = options or Options()
    systems = [measure_system(name, scores, options) for name, scores in tables.items()]
    return Report(systems, options)


def measure_system(name: str, scores: Scores, options: Options) -> System:
    """The figures of one system by condition."""
    metrics = measure_by_condition(scores, options)
    retrieval = {}
    for condition in metrics:
        mask = np.full(len(scores), True) if condition == ALL else scores.condition == condition
        ranks = retrieve(scores.where(mask), resamples=options.resamples, seed=options.seed)
        if ranks is not None and ranks.median_candidates >= FEWEST_CANDIDATES:
            retrieval[condition] = ranks
    return System(name, scores, metrics, retrieval)


def system_names(texts: Sequence[str]) -> dict[str, Path]:
    """Score files by system: each is `NAME=FILE`, or a file whose stem is the name."""
    files: dict[str, Path] = {}
    for text in texts:
        name, separator, file = text.partition("=")
        if not separator or Path(text).is_file():
            name, file = Path(text).stem, text
        if not name or not file:
            raise InputError(f"{text!r} lacks a system or a file; give NAME=SCORES.csv")
        if name in files:
            raise InputError(
                f"two score files are named {name!r}; name them apart: A={files[name]} B={file}"
            )
        files[name] = Path(file)
    return files


def _warn_of_suspicious(tables: Mapping[str, Scores]) -> None:
    """Warn of scores that can be measured, but probably have a mistake."""
    first, found, expected = next(iter(tables)), [], None
    for name, scores in tables.items():
        trials = set(scores.pairs())
        if (expected := expected or trials) != trials:
            found.append(f"{first} and {name} scored different trials; do not compare them")
        target, nontarget = scores.score[scores.label], scores.score[~scores.label]
        if len(target) and len(nontarget) and auc(target, nontarget) < 0.5:
            found.append(f"{name}: targets score lower than nontargets; are the labels swapped?")
        log_lr = scores.score if scores.log_lr is None else scores.log_lr
        varied = np.ptp(scores.score) and np.ptp(log_lr)
        if varied and spearmanr(scores.score, log_lr).statistic < -0.5:
            found.append(f"{name}: log_lr falls where score rises; is its sign swapped?")
    for text in found:
        warnings.warn(text, stacklevel=3)


def write_report(folder: Path, report: Report, pictures: Mapping[str, Picture]) -> None:
    """Write the report in place of an earlier one: each file whole, and `report.json` last."""
    make_folder(folder)
    listed = folder / "report.json"
    try:
        names = read_json(listed)["pictures"]
    except (OSError, ValueError, KeyError, TypeError):
        names = []
    listed.unlink(missing_ok=True)
    for name in names:
        if isinstance(name, str) and Path(name).name == name:
            for suffix in (".png", ".svg"):
                (folder / f"{name}{suffix}").unlink(missing_ok=True)
    for name, picture in pictures.items():
        save(picture, folder / name)
    rows: list[Sequence[str]] = [("system", "condition", "figure", "value", "low", "high", "note")]
    for *names, f in report.rows():
        numbers = ("" if x is None else repr(x) for x in (f.value, f.low, f.high))
        rows.append((*names, *numbers, f.note))
    write_table(folder / "report.csv", rows)
    with written_whole(folder / "report.md") as temporary:
        temporary.write_text(page(report, pictures), encoding="utf-8", errors="surrogateescape")
    write_json(folder / "report.json", {**report.to_dict(), "pictures": list(pictures)})


# The report as Markdown, which is also readable as plain text.


def errors_table(report: Report) -> str:
    """The table of error rates with a line on how to read it; fits a terminal."""
    options = report.options
    columns = [("EER %", "eer")]
    for rate in options.false_alarm_rates:
        columns.append((f"miss % at FA {100 * rate:g} %", f"frr_at_far_{rate:g}"))
    if options.threshold is not None:
        at = f"at {options.threshold:g}"
        columns += [(f"miss % {at}", "miss"), (f"FA % {at}", "false_alarm")]
    columns += [("Cllr", "cllr"), ("top-1 %", "top1")]
    reading = (
        "FA: false alarms. In brackets: 95 % intervals, recordings resampled. `<`, `>`: no error "
        "seen, and with 95 % confidence not worse than that. `–`: too few pairs, or not stated."
    )
    if options.resamples == 0:
        reading = "Without intervals: nothing was resampled."
    return f"{_table(report, columns)}\n\n{reading}\n"


def page(report: Report, pictures: Iterable[str]) -> str:
    """The whole report in Markdown: both tables, notes, and the pictures of these names."""
    columns = [("AUC", "auc"), ("linear EER %", "eer_linear")]
    for point in report.options.operating_points:
        columns += [(f"{kind}DCF ({point})", f"{kind}_dcf_{point.key}") for kind in ("min", "act")]
    columns += [
        ("minCllr", "min_cllr"), ("calibration loss", "calibration_loss"),
        ("accuracy %", "accuracy"), ("top-5 %", "top5"), ("top-10 %", "top10"),
        ("MRR %", "mrr"), ("mAP %", "mean_average_precision"),
    ]  # fmt: skip
    notes: dict[str, str] = {}
    for system, condition, name, figure in report.rows():
        if figure.note:
            notes.setdefault(f"{name}: {figure.note}", f"{condition}, {system}")
    listed = "".join(f"* {note} ({row})\n" for note, row in notes.items())
    if listed:
        listed = f"\nNotes, each with the first row that it is about:\n\n{listed}"
    shown_pictures = "".join(f"\n![{name}]({name}.png)\n" for name in pictures)
    return (
        f"# Verification report\n\n{errors_table(report)}\n"
        f"Costs, information, retrieval:\n\n{_table(report, columns)}\n"
        f"{listed}{shown_pictures}"
    )


def _table(report: Report, columns: Sequence[tuple[str, str]]) -> str:
    """The figures of columns, heading and key, that some system has; per cent where it says so."""
    pairs = [(c, s) for c in report.conditions for s in report.systems if c in s.metrics]
    tables = [{k: f for m in s.measured(c) for k, f in m.figures.items()} for c, s in pairs]
    known = {key for table in tables for key, figure in table.items() if figure.value is not None}
    columns = [(heading, key) for heading, key in columns if key in known]
    rows = [["condition", "system", "same + other", *(heading for heading, _ in columns)]]
    for (condition, system), figures in zip(pairs, tables, strict=True):
        metrics = system.metrics[condition]
        counts = f"{metrics.targets:,} + {metrics.nontargets:,}"
        cells = (shown(figures.get(key), in_percent="%" in heading) for heading, key in columns)
        rows.append([condition, system.name, counts, *cells])
    return markdown_table(rows)


# The pictures of a report: several systems or conditions on one where they fit.

MOST_LINES = 6  # on one picture; further ones go on the next
MOST_BANDS = 2  # of intervals on one picture; more of them hide each other
TARGETS_A_BIN, MOST_BINS = 25, 8
NAME_BYTES = 60
"""Bytes of a system's or a condition's name in a file name; file systems end at 255 in all."""


def draw_pictures(report: Report) -> dict[str, Picture]:
    """The pictures by file name, in the order of reading; a name that is taken gets a number."""
    pictures: dict[str, Picture] = {}
    for name, picture in (*_curves(report), *_sizes(report), *_single_sets(report)):
        taken = {other.lower() for other in pictures}  # some file systems take `A` for `a`
        names = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 2)))
        pictures[next(free for free in names if free.lower() not in taken)] = picture
    return pictures


def _curves(report: Report) -> Iterator[tuple[str, Picture]]:
    """DET, ROC and, with likelihood ratios, Tippett plot of each group of lines.

    A group is all conditions of the only system, or all systems under one condition.
    """
    if len(report.systems) == 1:
        (system,) = report.systems
        groups = {system.name: [(system, c, c) for c in _conditions(system)]}
    else:
        groups = {
            c: [(s, c, s.name) for s in report.systems if c in _conditions(s)]
            for c in report.conditions
        }
    options = report.options
    for title, lines in groups.items():
        for i in range(0, len(lines), MOST_LINES):
            some = lines[i : i + MOST_LINES]
            name = _slug(title) + f"-{i // MOST_LINES + 1}" * (len(lines) > MOST_LINES)
            band = options if len(some) <= MOST_BANDS and options.resamples else None
            sets = [_set(*line, band=band) for line in some]
            points = options.operating_points
            yield f"det-{name}", plots.det(sets, operating_points=points, title=f"DET: {title}")
            yield f"roc-{name}", plots.roc(sets, title=f"ROC: {title}")
            with_ratios = [s for s in sets if s.log_lr_target is not None]
            if with_ratios:
                yield f"tippett-{name}", plots.tippett(with_ratios, title=f"Tippett: {title}")


def _single_sets(report: Report) -> Iterator[tuple[str, Picture]]:
    """Histogram and, with likelihood ratios, calibration of each condition of each system."""
    for system in report.systems:
        for condition in _conditions(system):
            name, title = f"{_slug(system.name)}-{_slug(condition)}", f"{system.name}: {condition}"
            s, threshold = _set(system, condition, title), report.options.threshold
            yield f"histogram-{name}", plots.histogram(s, threshold=threshold, title=title)
            if s.log_lr_target is not None:
                yield f"calibration-{name}", plots.calibration(s, title=title)


def _sizes(report: Report) -> Iterator[tuple[str, Picture]]:
    """EER against every size that a condition varies, if there are enough trials."""
    for family in dict.fromkeys(_family(name) for s in report.systems for name in _conditions(s)):
        tables = {}
        for s in report.systems:
            own = np.array([_family(name) == family for name in s.scores.condition], bool)
            tables[s.name] = s.scores.where(own)
        for column, axis in SIZES.items():
            points = _points(tables, column, report.options)
            if points:
                title = f"{family}: EER against {axis.partition(',')[0]}"
                name = f"size-{_slug(family)}-{column}"
                yield name, plots.error_against_size(points, xlabel=axis, title=title)


def _points(
    tables: Mapping[str, Scores], column: str, options: Options
) -> dict[str, list[SizePoint]]:
    """The points of each system with several sizes and at least two points, in common bins."""
    sizes = {}
    for name, table in tables.items():
        own = plots.finite_sizes(table, column)[table.label]
        own = own[~np.isnan(own)]
        if len(np.unique(own)) > 1 and len(own) >= 2 * TARGETS_A_BIN:
            sizes[name] = own
    if not sizes:
        return {}
    bins = min(MOST_BINS, min(map(len, sizes.values())) // TARGETS_A_BIN)
    edges = plots.bin_edges(np.concatenate(list(sizes.values())), bins=bins)
    draws = {"resamples": options.resamples, "seed": options.seed}
    points = {name: plots.points_by_size(tables[name], column, edges, **draws) for name in sizes}
    return {name: some for name, some in points.items() if len(some) > 1}


def _family(condition: str) -> str:
    """The condition without a size at its end: crop-3s, crop-5s and crop-10s are one family."""
    return re.sub(r"-\d+(\.\d+)?[a-z]*$", "", condition)


def _set(system: System, condition: str, name: str, *, band: Options | None = None) -> ScoreSet:
    """The scores of a condition with the interval of the EER, and with a band if asked for."""
    scores = system.scores.where(system.scores.condition == condition)
    eer = system.metrics[condition]["eer"]
    if eer.low is None or eer.high is None:
        return ScoreSet.of(name, scores)
    drawn = roc_band(scores, resamples=band.resamples, seed=band.seed) if band else None
    return ScoreSet.of(name, scores, band=drawn, eer_interval=(eer.low, eer.high))


def _conditions(system: System) -> list[str]:
    """The system's conditions, without the sum of all if they are several."""
    names = list(system.metrics)
    return names if len(names) == 1 else [name for name in names if name != ALL]


def _slug(name: str) -> str:
    """The name as a part of a file name; a long one is cut, and gets a hash."""
    slug = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "unnamed"
    if len(slug.encode()) <= NAME_BYTES:
        return slug
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{slug.encode()[:NAME_BYTES].decode(errors='ignore')}-{digest}"
