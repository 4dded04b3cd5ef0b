"""The pictures of a report: one idea each, several systems or conditions on one where they fit."""

import re
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from eval.metrics import roc_band
from eval.plots import (
    SIZES,
    ScoreSet,
    bin_edges,
    calibration,
    det,
    error_against_size,
    histogram,
    points_by_size,
    roc,
    tippett,
)
from eval.report import ALL, Report, System
from eval.trials import Scores

AT_MOST = 6
"""Lines on one picture; further ones go on the next."""
BANDS_AT_MOST = 2
"""Bands of intervals on one picture; more of them hide each other."""
TARGETS_A_BIN = 25
"""Targets that a bin of sizes needs to say something; the picture has 8 bins at most."""
RESAMPLES = 200
"""For the bands of pictures; the tables take the report's own number."""


def draw_pictures(report: Report) -> dict[str, Figure]:
    """The pictures by name of the file, in the order of reading."""
    pictures: dict[str, Figure] = {}
    for name, title, sets in _groups(report):
        points = report.options.operating_points
        pictures[f"det-{name}"] = det(sets, operating_points=points, title=f"DET: {title}")
        pictures[f"roc-{name}"] = roc(sets, title=f"ROC: {title}")
        stating = [s for s in sets if s.log_lr_target is not None]
        if stating:
            pictures[f"tippett-{name}"] = tippett(stating, title=f"Tippett: {title}")
    pictures |= dict(_sizes(report))
    for system in report.systems:
        for condition in _single(system):
            own = f"{_slug(system.name)}-{_slug(condition)}"
            title = f"{system.name}: {condition}"
            s = _set(system, condition, title)
            pictures[f"histogram-{own}"] = histogram(
                s, threshold=report.options.threshold, title=title
            )
            if s.log_lr_target is not None:
                pictures[f"calibration-{own}"] = calibration(s, title=title)
    return pictures


def _groups(report: Report) -> Iterator[tuple[str, str, list[ScoreSet]]]:
    """What stands on one picture: one system's conditions, or one condition of all systems."""
    if len(report.systems) == 1:
        system = report.systems[0]
        yield from _parts(system.name, [(system, c, c) for c in _single(system)])
        return
    for condition in report.conditions:
        if condition != ALL:
            with_it = [system for system in report.systems if condition in system.metrics]
            yield from _parts(condition, [(s, condition, s.name) for s in with_it])


def _parts(
    title: str, lines: Sequence[tuple[System, str, str]]
) -> Iterator[tuple[str, str, list[ScoreSet]]]:
    """File name, title and score sets of as many pictures as the lines need."""
    for i in range(0, len(lines), AT_MOST):
        part = "" if len(lines) <= AT_MOST else f"-{i // AT_MOST + 1}"
        some = lines[i : i + AT_MOST]
        with_band = len(some) <= BANDS_AT_MOST
        yield _slug(title) + part, title, [_set(*line, with_band=with_band) for line in some]


def _sizes(report: Report) -> Iterator[tuple[str, Figure]]:
    """EER against every size that a condition varies, where there are trials enough."""
    families = dict.fromkeys(_family(name) for s in report.systems for name in _single(s))
    for family in families:
        for column, axis in SIZES.items():
            tables = {s.name: _of_family(s.scores, family) for s in report.systems}
            varied = {name: table for name, table in tables.items() if _is_varied(table, column)}
            if not varied:
                continue
            sizes = np.concatenate([t.size(column)[t.label] for t in varied.values()])
            fewest = min(int(t.label.sum()) for t in varied.values())
            edges = bin_edges(sizes, bins=min(8, fewest // TARGETS_A_BIN))
            points = {
                name: points_by_size(table, column, edges=edges, resamples=RESAMPLES)
                for name, table in varied.items()
            }
            title = f"{family}: EER against {axis.partition(',')[0]}"
            name = f"size-{_slug(family)}-{column}"
            yield name, error_against_size(points, xlabel=axis, title=title)


def _is_varied(scores: Scores, column: str) -> bool:
    """Whether targets and nontargets have several sizes, and enough of them for two bins."""
    size = scores.size(column)
    both = [size[scores.label], size[~scores.label]]
    if any(np.isnan(one).any() or not len(one) for one in both):
        return False
    return len(np.unique(both[0])) > 1 and len(both[0]) >= 2 * TARGETS_A_BIN


def _of_family(scores: Scores, family: str) -> Scores:
    return scores.where(np.array([_family(name) == family for name in scores.condition], bool))


def _family(condition: str) -> str:
    """The condition without a size at its end: crop-3s, crop-5s and crop-10s are one family."""
    return re.sub(r"-\d+(\.\d+)?[a-z]*$", "", condition)


def _set(system: System, condition: str, name: str, *, with_band: bool = False) -> ScoreSet:
    """The scores of a condition with the intervals that the picture has room for."""
    scores, eer = system.scores, system.metrics[condition]["eer"]
    if condition != ALL:
        scores = scores.where(scores.condition == condition)
    interval = None if eer.low is None or eer.high is None else (eer.low, eer.high)
    band = roc_band(scores, resamples=RESAMPLES) if with_band and interval else None
    return ScoreSet.of(name, scores, band=band, eer_interval=interval)


def _single(system: System) -> list[str]:
    """The system's conditions without the sum of all."""
    return [condition for condition in system.metrics if condition != ALL]


def _slug(name: str) -> str:
    """The name as a part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "unnamed"
