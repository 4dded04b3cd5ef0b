"""Tables of figures with 95 % intervals, from a table of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.eer import Floats
from cqtnet.errors import InputError, ManifestError
from eval.bootstrap import Figure, Recordings, recordings_of, resample
from eval.metrics.cost import OperatingPoint
from eval.metrics.discrimination import check_threshold
from eval.metrics.evidence import Evidence, evidence_of
from eval.metrics.information import bits_lost
from eval.metrics.intervals import with_interval
from eval.metrics.quantities import MISLEADING, Quantity, quantities
from eval.trials import Scores

OPERATING_POINTS = (OperatingPoint(0.5), OperatingPoint(0.01))
FALSE_ALARM_RATES = (0.01, 0.001, 0.0001)


@dataclass(frozen=True)
class Metrics:
    """How many trials were measured, and the figures by key.

    >>> measure(scores)["eer"].value
    0.041
    """

    targets: int
    nontargets: int
    recordings: int
    threshold: float | None
    figures: Mapping[str, Figure]
    names: Mapping[str, str]  # of the figures, for people

    def __getitem__(self, key: str) -> Figure:
        return self.figures[key]

    def rows(self) -> list[tuple[str, Figure]]:
        """The figures by the names that people know."""
        return [(self.names[key], figure) for key, figure in self.figures.items()]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "targets": self.targets,
            "nontargets": self.nontargets,
            "recordings": self.recordings,
            "threshold": self.threshold,
            "figures": {key: figure.to_dict() for key, figure in self.figures.items()},
        }


@dataclass(frozen=True)
class _Request:
    points: Sequence[OperatingPoint]
    rates: Sequence[float]
    threshold: float | None
    resamples: int
    seed: int

    def __post_init__(self) -> None:
        if self.resamples < 0:
            raise InputError(f"{self.resamples} resamples cannot be drawn; give 0 or more")
        if self.threshold is not None:
            check_threshold(self.threshold)


def measure(
    scores: Scores,
    *,
    operating_points: Sequence[OperatingPoint] = OPERATING_POINTS,
    false_alarm_rates: Sequence[float] = FALSE_ALARM_RATES,
    threshold: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Metrics:
    """The figures of all scores together; docs/metrics.md lists the keys.

    With `threshold`, scores from there up are accepted, and accuracy, misses and false alarms
    are figures too. With 0 resamples there are no intervals, but for figures without errors.
    """
    asked = _Request(operating_points, false_alarm_rates, threshold, resamples, seed)
    return _measure(scores, recordings_of(scores), asked, where=str(scores.path))


def measure_by_condition(
    scores: Scores,
    *,
    operating_points: Sequence[OperatingPoint] = OPERATING_POINTS,
    false_alarm_rates: Sequence[float] = FALSE_ALARM_RATES,
    threshold: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Metrics]:
    """The figures of each condition in order of appearance, then of "all" where they are several.

    The options are those of `measure`.
    """
    asked = _Request(operating_points, false_alarm_rates, threshold, resamples, seed)
    conditions, recordings = scores.conditions(), recordings_of(scores)
    if len(conditions) > 1 and "all" in conditions:
        raise ManifestError(f"{scores.path}: a condition is called 'all'; give it another name")
    found = {}
    for condition in conditions:
        held = scores.condition == condition
        where = f"{scores.path}: condition {condition!r}"
        own = recordings.where(held).renumbered()
        found[condition] = _measure(scores.where(held), own, asked, where=where)
    if len(conditions) > 1:
        found["all"] = _measure(scores, recordings, asked, where=str(scores.path))
    return found


def _measure(scores: Scores, recordings: Recordings, asked: _Request, *, where: str) -> Metrics:
    """The figures of scores that errors call `where`."""
    evidence = evidence_of(scores, recordings, _losses(scores, asked), where=where)
    targets = int(np.count_nonzero(scores.label))
    wanted = quantities(
        asked.points,
        asked.rates,
        targets=targets,
        nontargets=len(scores) - targets,
        has_log_lr=scores.log_lr is not None,
        at_threshold=asked.threshold is not None,
    )
    return Metrics(
        targets,
        len(scores) - targets,
        len(np.unique(scores.recording)),
        asked.threshold,
        _figures(wanted, evidence, recordings.count, asked),
        {quantity.key: quantity.name for quantity in wanted},
    )


def _losses(scores: Scores, asked: _Request) -> dict[str, Floats]:
    """What each trial (n,) adds to the figures that are means, by name."""
    losses = {}
    if asked.threshold is not None:
        losses["threshold"] = _wrong(scores.score, scores.label, asked.threshold)
    if scores.log_lr is not None:
        against_truth = np.where(scores.label, -scores.log_lr, scores.log_lr)
        losses["cllr"] = bits_lost(against_truth)
        losses[MISLEADING] = np.asarray(against_truth >= 0, np.float64)
        for point in asked.points:
            wrong = _wrong(scores.log_lr, scores.label, point.threshold)
            losses[f"act_dcf_{point.key}"] = wrong
    return losses


def _wrong(score: Floats, label: NDArray[np.bool_], threshold: float) -> Floats:
    """1 where a trial is decided wrongly, else 0."""
    return np.asarray((score >= threshold) != label, np.float64)


def _figures(
    wanted: Sequence[Quantity], evidence: Evidence, recordings: int, asked: _Request
) -> dict[str, Figure]:
    formulas = [quantity.of for quantity in wanted if quantity.of is not None]

    def values(target: Floats, nontarget: Floats) -> Floats:
        sample = evidence.sample(target, nontarget)
        return np.array([of(sample) for of in formulas])

    value, resampled = resample(
        values,
        evidence.target,
        evidence.nontarget,
        recordings=recordings,
        resamples=asked.resamples,
        rng=np.random.default_rng(asked.seed),
    )
    had = iter(zip(value.tolist(), resampled.T, strict=True))
    return {
        quantity.key: with_interval(quantity, *next(had), evidence)
        if quantity.of is not None
        else Figure(None, note=quantity.note)
        for quantity in wanted
    }
