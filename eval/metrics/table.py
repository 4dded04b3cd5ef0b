"""Tables of figures with 95 % intervals, from a table of scores."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.eer import Floats, finite
from cqtnet.errors import InputError, ManifestError
from eval import bootstrap
from eval.bootstrap import FALSE_ALARMS, MISSES, Figure, FigureTable, Quantity, Sample, numbered
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

COARSE = 0.1  # a detection cost that one trial moves further than this has a note


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
    """The figures of all scores together (docs/reference/metrics.md); options as in `Options`.

    >>> measure(scores)["eer"].value
    0.041
    """
    recordings = bootstrap.recordings_of(scores)
    return _measure(scores, recordings, Options(**options), where=str(scores.path))


def measure_by_condition(scores: Scores, options: Options | None = None) -> dict[str, Metrics]:
    """The figures of each condition in order of appearance, then of "all" if there are several."""
    options = options or Options()
    conditions, recordings = scores.conditions(), bootstrap.recordings_of(scores)
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


def _measure(
    scores: Scores, recordings: bootstrap.Recordings, options: Options, *, where: str
) -> Metrics:
    evidence = bootstrap.evidence_of(scores, recordings, _losses(scores, options), where=where)
    targets = int(np.count_nonzero(scores.label))
    nontargets = len(scores) - targets
    wanted = _quantities(options, targets, nontargets, has_lr=scores.log_lr is not None)
    formulas = [quantity.of for quantity in wanted if quantity.of is not None]
    value, resampled = bootstrap.resample(
        lambda sample: np.array([of(sample) for of in formulas]), evidence,
        recordings=recordings.count, resamples=options.resamples,
        rng=np.random.default_rng(options.seed),
    )  # fmt: skip
    values = iter(zip(value.tolist(), resampled.T, strict=True))
    figures = {
        q.key: bootstrap.with_interval(q, *next(values), evidence)
        if q.of is not None else Figure(None, note=q.note)
        for q in wanted
    }  # fmt: skip
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
        losses[bootstrap.MISLEADING] = np.asarray(against_truth >= 0, np.float64)
        for point in options.operating_points:
            wrong = _wrong(scores.log_lr, scores.label, point.threshold)
            losses[f"act_dcf_{point.key}"] = wrong
    return losses


def _wrong(score: Floats, label: NDArray[np.bool_], threshold: float) -> Floats:
    return np.asarray((score >= threshold) != label, np.float64)


def _quantities(options: Options, targets: int, nontargets: int, *, has_lr: bool) -> list[Quantity]:
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
        Quantity("min_cllr", "minCllr", lambda s: min_cllr.of(s.log_lr),
                 "" if has_lr else "of the scores: there is no log_lr"),
        Quantity("calibration_loss", "calibration loss",
                 lambda s: max(0.0, _cllr(s) - min_cllr.of(s.log_lr)),
                 most=inf, errors=(), needs_log_lr=True),
    ]  # fmt: skip
    if not has_lr:
        note = "needs log-likelihood ratios: a column log_lr"
        quantities = [replace(q, of=None, note=note) if q.needs_log_lr else q for q in quantities]
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


def shown(figure: Figure | None, *, in_percent: bool = False) -> str:
    """A figure with its 95 % interval in three digits; a dash if it cannot be had.

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
    if high is None:  # an error that was not seen could cost any number of bits
        return f"{value} [≥ {low}]"
    if figure.bound:
        return f"< {high}" if figure.value == 0 else f"> {low}"
    return f"{value} [{low}, {high}]"


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
    recordings = bootstrap.recordings_of(scores)
    evidence = bootstrap.evidence_of(scores, recordings, {}, where=str(scores.path))
    if evidence.recordings[MISSES] < bootstrap.FEWEST_RECORDINGS:
        return None
    rates = np.geomspace(1 / np.count_nonzero(~scores.label), 1, 200)
    value, resampled = bootstrap.resample(
        lambda sample: misses_at(sample.score, rates), evidence,
        recordings=recordings.count, resamples=resamples, rng=np.random.default_rng(seed),
    )  # fmt: skip
    low, high = bootstrap.interval(value, resampled)
    high = np.maximum(high, 3 / evidence.recordings[MISSES])
    return RocBand(rates, np.maximum(low, 0), np.minimum(high, 1))


# How well a probe finds its recording among candidates: top-k, mean reciprocal rank, mAP. A query
# is a probe in one condition; its candidates are the references it was scored against. Of equal
# scores, nontargets are ranked first: a system gets no credit for what it cannot tell apart.

DEPTHS = (1, 5, 10)
NAMES = {f"top{depth}": f"top-{depth}" for depth in DEPTHS}
NAMES |= {"mrr": "MRR", "mean_average_precision": "mAP"}


@dataclass(frozen=True)
class Retrieval(FigureTable):
    """The figures of retrieval, and how many queries had how many candidates."""

    queries: int
    recordings: int
    fewest_candidates: int
    median_candidates: float
    most_candidates: int


@dataclass(frozen=True, eq=False)
class Queries:
    """The result of each query with a target and a nontarget among its candidates, (q,) each."""

    recording: NDArray[np.intp]  # numbered from 0
    candidates: NDArray[np.intp]
    first: NDArray[np.intp]  # rank of the first target, from 1
    average_precision: Floats  # mean over its targets of the share of targets down to their rank


def retrieve(scores: Scores, *, resamples: int = 1000, seed: int = 0) -> Retrieval | None:
    """The figures of retrieval, with intervals by the query's recording; None without any query."""
    queries = queries_of(scores)
    if not len(queries.first):
        return None
    values = {f"top{depth}": (queries.first <= depth).astype(np.float64) for depth in DEPTHS}
    values |= {"mrr": 1 / queries.first, "mean_average_precision": queries.average_precision}
    count, candidates = int(queries.recording.max()) + 1, queries.candidates
    drawn = bootstrap.draw(count, resamples, np.random.default_rng(seed))
    figures = {key: _figure(value, queries.recording, drawn) for key, value in values.items()}
    for depth in DEPTHS:
        if candidates.max() <= depth:
            reason = f"no query has more than {depth} candidates"
            figures[f"top{depth}"] = Figure(None, note=reason)
    numbers = int(candidates.min()), float(np.median(candidates)), int(candidates.max())
    return Retrieval(figures, NAMES, len(queries.first), count, *numbers)


def queries_of(scores: Scores) -> Queries:
    """The queries in order of first appearance, without those of targets or nontargets only."""
    finite(f"{scores.path}: scores", scores.score)
    query = numbered(zip(scores.condition.tolist(), scores.probe.tolist(), strict=True))
    targets = np.bincount(query, scores.label)
    kept = ((targets > 0) & (targets < np.bincount(query)))[query]
    order = np.flatnonzero(kept)
    order = order[np.lexsort((scores.label[order], -scores.score[order], query[order]))]
    label = scores.label[order]
    _, start, place, candidates = np.unique(
        query[order], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(len(order)) - start[place] + 1
    before: NDArray[np.intp] = np.cumsum(label) - label
    targets_so_far = before - before[start][place] + 1  # down to here, if here is a target
    precision = np.bincount(place[label], (targets_so_far / rank)[label])
    first = np.full(len(start), len(order))
    np.minimum.at(first, place[label], rank[label])
    recording = numbered(scores.recording[order][start].tolist())
    return Queries(recording, candidates, first, precision / np.bincount(place[label]))


def mean_by_recording(values: Floats, recordings: Sequence[Hashable]) -> Figure:
    """The mean of values (q,) in [0, 1], and its 95 % interval by recording."""
    numbers = numbered(recordings)
    drawn = bootstrap.draw(int(numbers.max()) + 1, 1000, np.random.default_rng(0))
    return _figure(values, numbers, drawn)


def _figure(values: Floats, recording: NDArray[np.intp], drawn: Floats) -> Figure:
    """Mean of values (q,) in [0, 1], with its interval for `drawn` recordings (b, recordings)."""
    mean, count = float(values.mean()), drawn.shape[1]
    if not len(drawn):
        return Figure(mean)
    if count < bootstrap.FEWEST_RECORDINGS:
        return Figure(mean, note=bootstrap.TOO_FEW)
    sums, number = np.bincount(recording, values), np.bincount(recording)
    low, high = (float(end) for end in bootstrap.interval(mean, drawn @ sums / (drawn @ number)))
    # Failures may occur unseen at a rate of 3/N, and so may successes if all fail.
    low, high = max(0.0, min(low, 1 - 3 / count)), min(1.0, max(high, 3 / count))
    seen = {1.0: "none missed: misses", 0.0: "none found: hits"}.get(mean)
    note = f"{seen} < 3/{count} (recordings)" if seen else ""
    return Figure(mean, low, high, note, bound=mean == 1)
