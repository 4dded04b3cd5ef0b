"""Tables of figures with 95 % intervals, from a table of scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.eer import Floats
from cqtnet.errors import InputError, ManifestError
from eval.bootstrap import (
    FALSE_ALARMS,
    FEWEST_RECORDINGS,
    MISLEADING,
    MISSES,
    Figure,
    FigureTable,
    Quantity,
    Recordings,
    Sample,
    evidence_of,
    interval,
    recordings_of,
    resample,
    with_interval,
)
from eval.metrics.scores import (
    OperatingPoint,
    auc,
    bits_lost,
    check_threshold,
    equal_error_rate_of,
    linear_equal_error_rate,
    min_cllr,
    misses_at,
    too_few_nontargets,
)
from eval.trials import Scores

COARSE = 0.1
"""A detection cost that one trial moves further than this has a note."""


@dataclass(frozen=True)
class Options:
    """How scores are measured; a `threshold` from which all are accepted adds accuracy and errors.

    With 0 resamples there are no intervals but for figures without errors.
    """

    operating_points: Sequence[OperatingPoint] = (OperatingPoint(0.5), OperatingPoint(0.01))
    false_alarm_rates: Sequence[float] = (0.01, 0.001, 0.0001)
    threshold: float | None = None
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.resamples < 0:
            raise InputError(f"{self.resamples} resamples cannot be drawn; give 0 or more")
        if self.threshold is not None:
            check_threshold(self.threshold)


@dataclass(frozen=True)
class Metrics(FigureTable):
    """The figures of trials, and how many trials they are."""

    targets: int
    nontargets: int
    recordings: int
    threshold: float | None


def measure(scores: Scores, **options: Any) -> Metrics:
    """The figures of all scores together, as docs/metrics.md lists them; options as in `Options`.

    >>> measure(scores)["eer"].value
    0.041
    """
    return _measure(scores, recordings_of(scores), Options(**options), where=str(scores.path))


def measure_by_condition(scores: Scores, options: Options | None = None) -> dict[str, Metrics]:
    """The figures of each condition in order of appearance, then of "all" if there are several."""
    options = options or Options()
    conditions, recordings = scores.conditions(), recordings_of(scores)
    if len(conditions) > 1 and "all" in conditions:
        raise ManifestError(f"{scores.path}: a condition is called 'all'; give it another name")
    measured = {}
    for condition in conditions:
        mask = scores.condition == condition
        where = f"{scores.path}: condition {condition!r}"
        own = recordings.where(mask).renumbered()
        measured[condition] = _measure(scores.where(mask), own, options, where=where)
    if len(conditions) > 1:
        measured["all"] = _measure(scores, recordings, options, where=str(scores.path))
    return measured


def _measure(scores: Scores, recordings: Recordings, options: Options, *, where: str) -> Metrics:
    evidence = evidence_of(scores, recordings, _losses(scores, options), where=where)
    targets = int(np.count_nonzero(scores.label))
    nontargets = len(scores) - targets
    wanted = _quantities(options, targets, nontargets, has_log_lr=scores.log_lr is not None)
    formulas = [quantity.of for quantity in wanted if quantity.of is not None]
    value, resampled = resample(
        lambda sample: np.array([of(sample) for of in formulas]),
        evidence,
        recordings=recordings.count,
        resamples=options.resamples,
        rng=np.random.default_rng(options.seed),
    )
    values = iter(zip(value.tolist(), resampled.T, strict=True))
    figures = {
        quantity.key: with_interval(quantity, *next(values), evidence)
        if quantity.of is not None
        else Figure(None, note=quantity.note)
        for quantity in wanted
    }
    names = {quantity.key: quantity.name for quantity in wanted}
    n_recordings = len(np.unique(scores.recording))
    return Metrics(figures, names, targets, nontargets, n_recordings, options.threshold)


def _losses(scores: Scores, options: Options) -> dict[str, Floats]:
    """What each trial (n,) adds to the figures that are means, by name."""
    losses = {}
    if options.threshold is not None:
        losses["threshold"] = _wrong(scores.score, scores.label, options.threshold)
    if scores.log_lr is not None:
        against_truth = np.where(scores.label, -scores.log_lr, scores.log_lr)
        losses["cllr"] = bits_lost(against_truth)
        losses[MISLEADING] = np.asarray(against_truth >= 0, np.float64)
        for point in options.operating_points:
            wrong = _wrong(scores.log_lr, scores.label, point.threshold)
            losses[f"act_dcf_{point.key}"] = wrong
    return losses


def _wrong(score: Floats, label: NDArray[np.bool_], threshold: float) -> Floats:
    return np.asarray((score >= threshold) != label, np.float64)


# The figures of a table.


def _quantities(
    options: Options, targets: int, nontargets: int, *, has_log_lr: bool
) -> list[Quantity]:
    quantities = [
        Quantity("auc", "AUC", lambda s: auc.of(s.score), flawless=1.0),
        Quantity("eer", "EER", lambda s: equal_error_rate_of(s.score), most=0.5),
        Quantity("eer_linear", "EER (linear)", lambda s: linear_equal_error_rate.of(s.score)),
    ]
    for point in options.operating_points:
        quantities += _costs(point, targets, nontargets)
    quantities += [_miss_at(rate, nontargets) for rate in options.false_alarm_rates]
    quantities += [
        Quantity("cllr", "Cllr", _cllr, most=inf, errors=(), needs_log_lr=True),
        Quantity("min_cllr", "minCllr", lambda s: min_cllr.of(s.log_lr)),
        Quantity("calibration_loss", "calibration loss",
                 lambda s: max(0.0, _cllr(s) - min_cllr.of(s.log_lr)),
                 most=inf, errors=(), needs_log_lr=True),
    ]  # fmt: skip
    if not has_log_lr:
        note = "needs log-likelihood ratios: a column log_lr"
        of_scores = "of the scores: there is no log_lr"
        quantities = [
            replace(q, of=None, note=note) if q.needs_log_lr
            else replace(q, note=of_scores) if q.key == "min_cllr" else q
            for q in quantities
        ]  # fmt: skip
    if options.threshold is None:
        return quantities
    share = targets / (targets + nontargets)

    def accuracy(sample: Sample) -> float:
        miss, false_alarm = sample.losses["threshold"]
        return 1 - share * miss - (1 - share) * false_alarm

    return [
        *quantities,
        Quantity("accuracy", "accuracy", accuracy, flawless=1.0, loss="threshold"),
        Quantity("miss", MISSES, lambda s: s.losses["threshold"][0], errors=(MISSES,)),
        Quantity("false_alarm", FALSE_ALARMS, lambda s: s.losses["threshold"][1],
                 errors=(FALSE_ALARMS,)),
    ]  # fmt: skip


def _costs(point: OperatingPoint, targets: int, nontargets: int) -> list[Quantity]:
    of_miss, of_false_alarm = point.weights()
    steps = (("miss", of_miss / targets), ("false alarm", of_false_alarm / nontargets))
    note = "; ".join(f"one {error} costs {cost:.2g}" for error, cost in steps if cost > COARSE)
    key = f"act_dcf_{point.key}"

    def actual(sample: Sample) -> float:
        miss, false_alarm = sample.losses[key]
        return of_miss * miss + of_false_alarm * false_alarm

    least = Quantity(
        f"min_dcf_{point.key}", f"minDCF ({point})", lambda s: point.least_cost(s.score), note
    )
    most = of_miss + of_false_alarm
    name = f"actDCF ({point})"
    return [least, Quantity(key, name, actual, note, most=most, loss=key, needs_log_lr=True)]


def _miss_at(rate: float, nontargets: int) -> Quantity:
    key, name = f"frr_at_far_{rate:g}", f"FRR at FAR {100 * rate:g} %"
    if reason := too_few_nontargets(nontargets, rate):
        return Quantity(key, name, None, reason)
    return Quantity(key, name, lambda s: float(misses_at(s.score, rate)), errors=(MISSES,))


def _cllr(sample: Sample) -> float:
    return sum(sample.losses["cllr"]) / 2


# How far the ROC and DET curves would move with other recordings.


@dataclass(frozen=True, eq=False)
class RocBand:
    """95 % interval of the miss rate at each false-alarm rate, (m,) each."""

    false_alarm: Floats
    low: Floats
    high: Floats


def roc_band(scores: Scores, *, resamples: int = 200, seed: int = 0) -> RocBand | None:
    """The band around the ROC at 200 rates from 1/nontargets to 1; None with too few recordings.

    Each rate has an interval of its own, up to 3/N at least, N the number of target recordings.
    """
    recordings = recordings_of(scores)
    evidence = evidence_of(scores, recordings, {}, where=str(scores.path))
    if evidence.recordings[MISSES] < FEWEST_RECORDINGS:
        return None
    rates = np.geomspace(1 / np.count_nonzero(~scores.label), 1, 200)
    value, resampled = resample(
        lambda sample: misses_at(sample.score, rates), evidence,
        recordings=recordings.count, resamples=resamples, rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = interval(value, resampled)
    high = np.maximum(high, 3 / evidence.recordings[MISSES])
    return RocBand(rates, np.maximum(low, 0), np.minimum(high, 1))
