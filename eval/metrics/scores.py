"""Figures of target and nontarget scores: ROC, EER, costs, and the worth of likelihood ratios.

Higher scores mean the same recording; a trial is accepted where its score reaches the threshold.
Log-likelihood ratios (log LR) are natural logarithms, and their worth is given in bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from cqtnet.eer import Floats, Ranking, crossing, finite, rank
from cqtnet.errors import InputError


class RankFigure:
    """A figure of target and nontarget scores in which only their order counts."""

    def __init__(self, of: Callable[[Ranking], float]) -> None:
        self.of = of
        self.__doc__ = of.__doc__

    def __call__(self, target: ArrayLike, nontarget: ArrayLike) -> float:
        """The figure of these scores."""
        return self.of(rank(target, nontarget))


# The order of scores: ROC, AUC, EER, and misses at a rate of false alarms.


@dataclass(frozen=True, eq=False)
class RocPoints:
    """The ROC, from accept-nothing to accept-all, (k + 1,) each."""

    threshold: Floats  # scores from here up are accepted; inf at first
    false_alarm: Floats  # rises from 0 to 1
    miss: Floats  # falls from 1 to 0


def roc_points(target: ArrayLike, nontarget: ArrayLike, *, corners: bool = False) -> RocPoints:
    """The ROC at every distinct score; with `corners` without the points inside straight runs."""
    ranking = rank(target, nontarget)
    false_alarm, miss = ranking.rates()
    threshold = np.concatenate([[np.inf], ranking.score])
    if not corners:
        return RocPoints(threshold, false_alarm, miss)
    along, down = np.diff(false_alarm) > 0, np.diff(miss) < 0
    straight = ~(along[1:] | along[:-1]) | ~(down[1:] | down[:-1])
    keep = np.concatenate([[True], ~straight, [True]])
    return RocPoints(threshold[keep], false_alarm[keep], miss[keep])


@RankFigure
def auc(ranking: Ranking) -> float:
    """Chance that a target scores above a nontarget, in [0, 1]; a tie counts half.

    >>> auc([2.0, 1.0], [1.0, 0.0])
    0.875
    """
    false_alarm, miss = ranking.rates()
    return float(1 - np.sum(np.diff(false_alarm) * (miss[1:] + miss[:-1]) / 2))


@RankFigure
def linear_equal_error_rate(ranking: Ranking) -> float:
    """The EER on the ROC itself, in [0, 1]: scores in the wrong order are not turned round."""
    return crossing(*ranking.rates())


def equal_error_rate_of(ranking: Ranking) -> float:
    """`equal_error_rate` of ranked scores: on the convex hull."""
    return crossing(*ranking.hull().rates())


def miss_at_false_alarm(target: ArrayLike, nontarget: ArrayLike, rate: float) -> float:
    """The least miss rate with at most `rate` false alarms; refused with too few nontargets."""
    ranking = rank(target, nontarget)
    if reason := too_few_nontargets(np.size(nontarget), rate):
        raise InputError(reason)
    return float(misses_at(ranking, rate))


def misses_at(ranking: Ranking, rates: ArrayLike) -> Floats:
    """`miss_at_false_alarm` of ranked scores at each of these rates, however few scores are."""
    false_alarm, miss = ranking.rates()
    return np.asarray(miss[np.searchsorted(false_alarm, rates, side="right") - 1])


def too_few_nontargets(number: int, rate: float) -> str:
    """Why so many nontargets cannot show a false-alarm rate in (0, 1); "" if they can."""
    if not 0 < rate < 1:
        raise InputError(f"false-alarm rate {rate} is not between 0 and 1; give one such as 0.01")
    needed = int(np.ceil(1 / rate * (1 - 1e-12)))
    if number >= needed:
        return ""
    return f"a false-alarm rate of {rate:g} needs {needed:,} nontargets, here are {number:,}"


# Decisions at a threshold, and their cost at an operating point.


@dataclass(frozen=True)
class ThresholdRates:
    """The rates at a threshold, each in [0, 1]."""

    miss: float
    false_alarm: float
    accuracy: float  # share of all trials, of both classes, with the right decision


def check_threshold(threshold: float) -> None:
    """Raise unless the threshold is finite."""
    if not np.isfinite(threshold):
        raise InputError(f"threshold {threshold} is not finite; give a score")


def rates_at_threshold(target: ArrayLike, nontarget: ArrayLike, threshold: float) -> ThresholdRates:
    """Misses, false alarms and accuracy where scores from `threshold` up are accepted."""
    tar, non = finite("target scores", target), finite("nontarget scores", nontarget)
    check_threshold(threshold)
    missed, accepted = tar < threshold, non >= threshold
    accuracy = 1 - (missed.sum() + accepted.sum()) / (len(tar) + len(non))
    return ThresholdRates(float(missed.mean()), float(accepted.mean()), float(accuracy))


@dataclass(frozen=True)
class OperatingPoint:
    """The prior of a target, in (0, 1), and the costs of a miss and a false alarm, above 0.

    >>> OperatingPoint(0.01).threshold
    4.59511985013459
    """

    p_target: float = 0.5
    cost_miss: float = 1.0
    cost_false_alarm: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.p_target < 1:
            raise InputError(f"p_target {self.p_target} is not between 0 and 1; give e.g. 0.01")
        for cost in (self.cost_miss, self.cost_false_alarm):
            if not 0 < cost < np.inf:
                raise InputError(f"a cost of {cost} is not a number above 0; give e.g. 1")

    def weights(self) -> tuple[float, float]:
        """The weights of miss and false-alarm rate; deciding without evidence costs 1."""
        miss = self.cost_miss * self.p_target
        false_alarm = self.cost_false_alarm * (1 - self.p_target)
        return miss / min(miss, false_alarm), false_alarm / min(miss, false_alarm)

    @property
    def threshold(self) -> float:
        """The log LR from which accepting costs less than rejecting (Bayes)."""
        of_miss, of_false_alarm = self.weights()
        return float(np.log(of_false_alarm / of_miss))

    def cost(self, false_alarm: ArrayLike, miss: ArrayLike) -> Floats:
        """The detection cost of error rates."""
        of_miss, of_false_alarm = self.weights()
        return of_miss * np.asarray(miss) + of_false_alarm * np.asarray(false_alarm)

    def least_cost(self, ranking: Ranking) -> float:
        """The least detection cost over all thresholds (minDCF)."""
        return float(self.cost(*ranking.rates()).min())

    @property
    def key(self) -> str:
        """The point in the key of a figure: p0.01, or p0.01_cm10_cf1 where costs are not 1."""
        return str(self).lower().replace(", ", "_").replace(" ", "")

    def __str__(self) -> str:
        prior, costs = f"P {self.p_target:g}", (self.cost_miss, self.cost_false_alarm)
        return prior if costs == (1, 1) else f"{prior}, Cm {costs[0]:g}, Cf {costs[1]:g}"


def min_dcf(target: ArrayLike, nontarget: ArrayLike, point: OperatingPoint) -> float:
    """The least detection cost over all thresholds, in [0, 1]; 1 is no better than no evidence."""
    return point.least_cost(rank(target, nontarget))


def min_dcf_point(
    target: ArrayLike, nontarget: ArrayLike, point: OperatingPoint
) -> tuple[float, float]:
    """False-alarm and miss rate with the least detection cost; the strictest of several."""
    false_alarm, miss = rank(target, nontarget).rates()
    best = int(np.argmin(point.cost(false_alarm, miss)))
    return float(false_alarm[best]), float(miss[best])


def act_dcf(target: ArrayLike, nontarget: ArrayLike, point: OperatingPoint) -> float:
    """The detection cost of log LRs at the Bayes threshold."""
    rates = rates_at_threshold(target, nontarget, point.threshold)
    return float(point.cost(rates.false_alarm, rates.miss))


# The worth of log LRs: Cllr and cross-entropy.


def cllr(target: ArrayLike, nontarget: ArrayLike) -> float:
    """The cost of log LRs in bits: 0 is perfect, 1 says nothing, more than 1 misleads.

    Half the mean of log2(1 + 1/LR) over targets plus half that of log2(1 + LR) over nontargets.

    >>> cllr([0.0, 0.0], [0.0])
    1.0
    """
    return cross_entropy(target, nontarget, 0.0)


@RankFigure
def min_cllr(ranking: Ranking) -> float:
    """Cllr after the best calibration that keeps the order of the scores (PAV), in [0, 1]."""
    return _pav_cross_entropy(ranking.hull(), 0.0)


def calibration_loss(target: ArrayLike, nontarget: ArrayLike) -> float:
    """Cllr minus minCllr, from 0: how much the best calibration in the same order would save."""
    return max(0.0, cllr(target, nontarget) - min_cllr(target, nontarget))


def cross_entropy(target: ArrayLike, nontarget: ArrayLike, prior_log_odds: float) -> float:
    """The information still missing, in bits, at one prior: the natural log odds of a target."""
    tar, non = finite("log LRs of targets", target), finite("log LRs of nontargets", nontarget)
    return _cross_entropy(tar, non, prior_log_odds)


def bits_lost(log_odds: Floats) -> Floats:
    """log2(1 + odds): the loss in bits where these are the odds against the truth."""
    return np.asarray(np.logaddexp(0.0, log_odds) / np.log(2))


def _pav_cross_entropy(hull: Ranking, prior_log_odds: float) -> float:
    """Cross-entropy of the log LRs that PAV gives each edge of the hull."""
    share_tar, share_non = (n / n.sum() for n in (hull.target, hull.nontarget))
    with np.errstate(divide="ignore"):  # an edge of one class alone is certain: ±inf
        log_lr = np.log(share_tar) - np.log(share_non)
    tar, non = share_tar > 0, share_non > 0
    shares = share_tar[tar], share_non[non]
    return _cross_entropy(log_lr[tar], log_lr[non], prior_log_odds, *shares)


def _cross_entropy(tar: Floats, non: Floats, prior_log_odds: float, *weights: Floats) -> float:
    of_tar, of_non = weights or (None, None)
    p_target = 1 / (1 + np.exp(-prior_log_odds))
    lost_tar = np.average(bits_lost(-tar - prior_log_odds), weights=of_tar)
    lost_non = np.average(bits_lost(non + prior_log_odds), weights=of_non)
    return float(p_target * lost_tar + (1 - p_target) * lost_non)


# Curves for the pictures of log LRs: Tippett, reliability, empirical cross-entropy.


@dataclass(frozen=True, eq=False)
class Tippett:
    """Share of trials of each class whose log LR is at least `log_lr`, (k,) each."""

    log_lr: Floats  # ascending
    target: Floats
    nontarget: Floats
    misleading_target: float  # share of targets below 0
    misleading_nontarget: float  # share of nontargets above 0


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stated and observed probability of a target, in bins of the stated one, (b,) each."""

    predicted: Floats  # mean of the stated probabilities in the bin
    observed: Floats  # share of targets in the bin, classes weighted to the prior
    weight: Floats  # the bin's share of all trials, classes weighted to the prior
    targets: NDArray[np.int64]
    nontargets: NDArray[np.int64]
    calibration_error: float  # mean of |observed - predicted| by weight


@dataclass(frozen=True, eq=False)
class EceCurve:
    """Empirical cross-entropy in bits against the prior log odds of a target, (m,) each."""

    prior_log_odds: Floats  # natural logarithm
    system: Floats
    pav: Floats  # in the same order, with the best calibration
    neutral: Floats  # of a system that always says log LR = 0


def tippett(target: ArrayLike, nontarget: ArrayLike) -> Tippett:
    """The Tippett curves of log LRs."""
    ranking = rank(target, nontarget)
    false_alarm, miss = ranking.rates()
    misleading = np.mean(np.asarray(target) < 0), np.mean(np.asarray(nontarget) > 0)
    curves = ranking.score[::-1], 1 - miss[:0:-1], false_alarm[:0:-1]
    return Tippett(*curves, *map(float, misleading))


def reliability(
    log_lr: ArrayLike, label: ArrayLike, *, p_target: float = 0.5, bins: int = 10
) -> Reliability:
    """How often targets (`label` is true) occur where a probability is stated, in equal bins of it.

    The probability is that of a target at the prior `p_target`. Empty bins are left out.
    """
    stated, is_target = finite("log LRs", log_lr), np.asarray(label, np.bool_).ravel()
    numbers = (np.count_nonzero(is_target), np.count_nonzero(~is_target))
    if len(is_target) != len(stated) or not all(numbers) or bins < 1:
        raise InputError(
            f"{len(stated)} log LRs in {bins} bins with {numbers[0]} targets and {numbers[1]} "
            "nontargets; give a label for each, both classes, and at least one bin"
        )
    posterior = expit(stated - OperatingPoint(p_target).threshold)
    weight = np.where(is_target, p_target / numbers[0], (1 - p_target) / numbers[1])
    place = np.minimum((posterior * bins).astype(np.intp), bins - 1)
    used, place = np.unique(place, return_inverse=True)
    mass = np.bincount(place, weight).astype(np.float64)
    predicted = np.bincount(place, weight * posterior) / mass
    observed = np.bincount(place, weight * is_target) / mass
    targets, nontargets = (
        np.bincount(place[of], minlength=len(used)).astype(np.int64)
        for of in (is_target, ~is_target)
    )
    error = float(np.sum(mass * np.abs(observed - predicted)))
    return Reliability(predicted, observed, mass, targets, nontargets, error)


def ece_curve(
    target: ArrayLike, nontarget: ArrayLike, *, prior_log_odds: ArrayLike | None = None
) -> EceCurve:
    """Empirical cross-entropy over priors, by default from 1:1000 to 1000:1."""
    if prior_log_odds is None:
        prior_log_odds = np.linspace(-3, 3, 121) * np.log(10)
    priors = finite("prior log odds", prior_log_odds)
    hull = rank(target, nontarget).hull()
    bits = np.array([
        (cross_entropy(target, nontarget, prior), _pav_cross_entropy(hull, prior),
         cross_entropy([0.0], [0.0], prior)) for prior in priors
    ])  # fmt: skip
    return EceCurve(priors, *bits.T)
