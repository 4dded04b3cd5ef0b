"""The pictures of a report: several systems or conditions on one where they fit."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure

from eval import plots
from eval.metrics import Options, roc_band
from eval.plots import ScoreSet, SizePoint
from eval.report import ALL, Report, System
from eval.trials import Scores

MOST_LINES = 6
"""Lines on one picture; further ones go on the next."""
MOST_BANDS = 2
"""Bands of intervals on one picture; more of them hide each other."""
TARGETS_A_BIN = 25
MOST_BINS = 8
NAME_BYTES = 60
"""Bytes of a system's or a condition's name in a file name; file systems end at 255 in all."""


def draw_pictures(report: Report) -> dict[str, Figure]:
    """The pictures by file name, in the order of reading."""
    pictures: dict[str, Figure] = {}
    for name, figure in (*_curves(report), *_sizes(report), *_single_sets(report)):
        pictures[_free(name, pictures)] = figure
    return pictures


def _curves(report: Report) -> Iterator[tuple[str, Figure]]:
    """DET, ROC and, with likelihood ratios, Tippett plot of each group."""
    for name, title, sets in _groups(report):
        points = report.options.operating_points
        yield f"det-{name}", plots.det(sets, operating_points=points, title=f"DET: {title}")
        yield f"roc-{name}", plots.roc(sets, title=f"ROC: {title}")
        with_ratios = [s for s in sets if s.log_lr_target is not None]
        if with_ratios:
            yield f"tippett-{name}", plots.tippett(with_ratios, title=f"Tippett: {title}")


def _single_sets(report: Report) -> Iterator[tuple[str, Figure]]:
    """Histogram and, with likelihood ratios, calibration of each condition of each system."""
    for system in report.systems:
        for condition in _conditions(system):
            name = f"{_slug(system.name)}-{_slug(condition)}"
            title = f"{system.name}: {condition}"
            s = _set(system, condition, title)
            threshold = report.options.threshold
            yield f"histogram-{name}", plots.histogram(s, threshold=threshold, title=title)
            if s.log_lr_target is not None:
                yield f"calibration-{name}", plots.calibration(s, title=title)


def _groups(report: Report) -> Iterator[tuple[str, str, list[ScoreSet]]]:
    """File name, title and lines of each picture: a system's conditions, or one of all systems."""
    if len(report.systems) == 1:
        (system,) = report.systems
        groups = {system.name: [(system, c, c) for c in _conditions(system)]}
    else:
        groups = {
            condition: [
                (s, condition, s.name) for s in report.systems if condition in _conditions(s)
            ]
            for condition in report.conditions
        }
    options = report.options
    for title, lines in groups.items():
        for i in range(0, len(lines), MOST_LINES):
            part = "" if len(lines) <= MOST_LINES else f"-{i // MOST_LINES + 1}"
            some = lines[i : i + MOST_LINES]
            band = options if len(some) <= MOST_BANDS and options.resamples else None
            yield _slug(title) + part, title, [_set(*line, band=band) for line in some]


def _sizes(report: Report) -> Iterator[tuple[str, Figure]]:
    """EER against every size that a condition varies, if there are enough trials."""
    for family in dict.fromkeys(_family(name) for s in report.systems for name in _conditions(s)):
        tables = {}
        for s in report.systems:
            own = np.array([_family(name) == family for name in s.scores.condition], bool)
            tables[s.name] = s.scores.where(own)
        for column, axis in plots.SIZES.items():
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
    scores, eer = system.scores, system.metrics[condition]["eer"]
    scores = scores.where(scores.condition == condition)
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


def _free(name: str, taken: Iterable[str]) -> str:
    """The name, with a number if it is taken; some file systems take `A` for `a`."""
    lower = {other.lower() for other in taken}
    number, free = 1, name
    while free.lower() in lower:
        number, free = number + 1, f"{name}-{number + 1}"
    return free
