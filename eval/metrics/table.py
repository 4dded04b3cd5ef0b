"""Tables of figures with 95 % intervals, from a table of scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cqtnet.eer import Floats, Ranking, finite
from cqtnet.errors import InputError, ManifestError
from eval.bootstrap import (
    FEWEST_RECORDINGS,
    TOO_FEW,
    Figure,
    Recordings,
    interval,
    recordings_of,
    resample,
)
from eval.metrics.discrimination import check_threshold
from eval.metrics.information import OperatingPoint, bits_lost
from eval.metrics.quantities import (
    FALSE_ALARMS,
    MISLEADING,
    MISSES,
    Evidence,
    Quantity,
    Sample,
    evidence_of,
    quantities,
)
from eval.trials import Scores

# The interval of a figure: from resamples, and by the rule of three where errors are rare.
# Were an error as frequent as 3/N, 95 % of samples of N would hold one. N counts recordings, not
# trials: in the worst case all trials of a recording go wrong together.


def with_interval(
    quantity: Quantity, value: float, resampled: Floats, evidence: Evidence
) -> Figure:
    """A value with its interval from resampled ones (b,), within what the quantity can be."""
    if quantity.errors and value in (quantity.flawless, _hopeless(quantity)):
        return _none_seen(quantity, value, evidence)
    if not len(resampled):
        return Figure(value, note=quantity.note)
    if evidence.recordings[MISSES] < FEWEST_RECORDINGS:
        return Figure(value, note=_joined(quantity.note, TOO_FEW))
    low, high = (float(end) for end in interval(value, resampled))
    figure = Figure(value, max(low, 0.0), min(high, quantity.most), quantity.note)
    if quantity.most == inf:
        return _without_top(figure, evidence)
    if quantity.loss:
        return _at_the_edges(quantity, figure, evidence)
    return _few_seen(quantity, figure, evidence) if MISSES in quantity.errors else figure


def _hopeless(quantity: Quantity) -> float | None:
    """What a rate is where every trial goes wrong, the mirror of no error."""
    is_rate = len(quantity.errors) == 1 or quantity.key in ("auc", "accuracy", "eer_linear")
    return 1 - quantity.flawless if is_rate else None


def _none_seen(quantity: Quantity, value: float, evidence: Evidence) -> Figure:
    """A value without an error, or without anything right."""
    bound = _value_at(quantity, _three(quantity.errors, evidence), evidence)
    flawless = value == quantity.flawless
    other, found = (bound, "") if flawless else (1 - bound, "all but ")
    note = _note("none seen", quantity.note, quantity.errors, evidence, found)
    return Figure(value, min(value, other), max(value, other), note, flawless)


def _without_top(figure: Figure, evidence: Evidence) -> Figure:
    """A cost in bits; without upper end where no ratio of a class misleads.

    One that was not seen may mislead by any number of bits.
    """
    rates = zip(("targets", "nontargets"), evidence.whole.losses[MISLEADING], strict=True)
    unseen = ", ".join(name for name, rate in rates if rate == 0)
    if not unseen:
        return figure
    note = f"no misleading ratio of {unseen} seen: no upper bound"
    return replace(figure, high=None, note=_joined(figure.note, note))


def _few_seen(quantity: Quantity, figure: Figure, evidence: Evidence) -> Figure:
    """A figure whose interval reaches as far as if no target were seen to be missed.

    Resamples of a few errors do not hold the kinds that were not met.
    """
    assert figure.value is not None
    worse = max if quantity.flawless == 0 else min
    bound = worse(figure.value, _value_at(quantity, _three((MISSES,), evidence), evidence))
    return _reaching(figure, bound, _note("few seen", quantity.note, (MISSES,), evidence))


def _at_the_edges(quantity: Quantity, figure: Figure, evidence: Evidence) -> Figure:
    """The same at one threshold, and with either error that was always made, or never.

    Resamples cannot move such a rate: it may be 3/N less, or more.
    """
    miss, false_alarm = evidence.whole.losses[quantity.loss]
    miss_three, false_alarm_three = _three((MISSES, FALSE_ALARMS), evidence)
    more = max(miss, miss_three), false_alarm or false_alarm_three
    seldom = tuple(
        error
        for error, rate, raised in zip(
            (MISSES, FALSE_ALARMS), (miss, false_alarm), more, strict=True
        )
        if raised > rate
    )
    note = _note("few seen", quantity.note, seldom, evidence)
    figure = _reaching(figure, _value_at(quantity, more, evidence), note)
    less = (
        1 - miss_three if miss == 1 else miss,
        1 - false_alarm_three if false_alarm == 1 else false_alarm,
    )
    always = tuple(
        error for error, rate in ((MISSES, miss), (FALSE_ALARMS, false_alarm)) if rate == 1
    )
    note = _note("none seen", figure.note, always, evidence, "all but ")
    return _reaching(figure, _value_at(quantity, less, evidence), note)


def _reaching(figure: Figure, bound: float, note: str) -> Figure:
    """The figure with an interval that holds the bound; with the note where it did not."""
    assert figure.low is not None and figure.high is not None
    if figure.low <= bound <= figure.high:
        return figure
    low, high = min(figure.low, bound), max(figure.high, bound)
    return replace(figure, low=low, high=high, note=note)


def _three(errors: tuple[str, ...], evidence: Evidence) -> tuple[float, float]:
    """3/N as rate of misses and of false alarms; 0 of those that are not among the errors."""
    miss, false_alarm = (
        min(1.0, 3 / evidence.recordings[error]) if error in errors else 0.0
        for error in (MISSES, FALSE_ALARMS)
    )
    return miss, false_alarm


def _value_at(quantity: Quantity, rates: tuple[float, float], evidence: Evidence) -> float:
    """The quantity of one threshold with these rates of misses and false alarms."""
    assert quantity.of is not None
    miss, false_alarm = rates
    target, nontarget = np.array([1 - miss, miss]), np.array([false_alarm, 1 - false_alarm])
    ranking = Ranking(np.array([1.0, 0.0]), target, nontarget)
    return float(quantity.of(Sample(ranking, ranking, dict.fromkeys(evidence.losses, rates))))


def _note(
    how_many: str,
    before: str,
    errors: tuple[str, ...],
    evidence: Evidence,
    found: str = "",
) -> str:
    stated = ", ".join(f"{found}{error} < 3/{evidence.recordings[error]}" for error in errors)
    return _joined(before, f"{how_many}: {stated} (recordings)")


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


# How far the ROC and DET curves would move with other recordings.


@dataclass(frozen=True, eq=False)
class RocBand:
    """95 % interval of the miss rate at each false-alarm rate, (m,) each."""

    false_alarm: Floats
    low: Floats
    high: Floats


def roc_band(
    scores: Scores,
    *,
    false_alarm: ArrayLike | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> RocBand | None:
    """The band around the ROC, each false-alarm rate by itself; None with too few recordings.

    By default at 200 rates from 1/nontargets to 1. The band reaches up to 3/N at least, N the
    number of target recordings: fewer misses than that may be there unseen.
    """
    recordings = recordings_of(scores)
    evidence = evidence_of(scores, recordings, {}, where=str(scores.path))
    if evidence.recordings[MISSES] < FEWEST_RECORDINGS:
        return None
    least = 1 / np.count_nonzero(~scores.label)
    rates = np.geomspace(least, 1, 200) if false_alarm is None else np.asarray(false_alarm)
    rates = finite("false-alarm rates", rates)

    def misses(target: Floats, nontarget: Floats) -> Floats:
        reached, miss = evidence.sample(target, nontarget).score.rates()
        return miss[np.searchsorted(reached, rates, side="right") - 1]

    value, resampled = resample(
        misses,
        evidence.target,
        evidence.nontarget,
        recordings=recordings.count,
        resamples=resamples,
        rng=np.random.default_rng(seed),
    )
    low, high = interval(value, resampled)
    high = np.maximum(high, 3 / evidence.recordings[MISSES])
    return RocBand(rates, np.maximum(low, 0), np.minimum(high, 1))


# Tables of figures with 95 % intervals, from a table of scores.

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
