"""What log-likelihood ratios (natural logarithm) are worth, in bits: Cllr and cross-entropy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from cqtnet.eer import Floats, Ranking, Weights, finite, rank, weights_of
from cqtnet.errors import InputError
from eval.metrics.discrimination import rates_at_threshold


def cllr(
    log_lr_target: ArrayLike, log_lr_nontarget: ArrayLike, *, weights: Weights | None = None
) -> float:
    """The cost of the log-likelihood ratios, from 0; 1 says nothing, above 1 misleads.

    Half the mean of log2(1 + 1/LR) over targets plus half that of log2(1 + LR) over nontargets.

    >>> cllr([0.0, 0.0], [0.0])
    1.0
    """
    return cross_entropy(log_lr_target, log_lr_nontarget, 0.0, weights=weights)


def min_cllr(target: ArrayLike, nontarget: ArrayLike, *, weights: Weights | None = None) -> float:
    """Cllr after the best calibration that keeps the order of the scores (PAV), in [0, 1].

    >>> min_cllr([2.0, 1.0], [0.0])
    0.0
    """
    return min_cllr_of(rank(target, nontarget, weights))


def min_cllr_of(ranking: Ranking) -> float:
    """`min_cllr` of ranked scores."""
    return pav_cross_entropy(ranking.hull(), 0.0)


def calibration_loss(
    log_lr_target: ArrayLike, log_lr_nontarget: ArrayLike, *, weights: Weights | None = None
) -> float:
    """Cllr less minCllr, from 0: what a better calibration of the same order would save.

    >>> round(calibration_loss([1.0], [1.0]), 3)
    0.173
    """
    least = min_cllr(log_lr_target, log_lr_nontarget, weights=weights)
    return max(0.0, cllr(log_lr_target, log_lr_nontarget, weights=weights) - least)


def cross_entropy(
    log_lr_target: ArrayLike,
    log_lr_nontarget: ArrayLike,
    prior_log_odds: float,
    *,
    weights: Weights | None = None,
) -> float:
    """Empirical cross-entropy in bits: what is left unknown of the class, at one prior.

    The prior are the log odds of a target, natural logarithm; at 0 this is Cllr.
    """
    tar = finite("log LRs of targets", log_lr_target)
    non = finite("log LRs of nontargets", log_lr_nontarget)
    return _cross_entropy(tar, non, *weights_of(tar, non, weights), prior_log_odds)


def pav_cross_entropy(hull: Ranking, prior_log_odds: float) -> float:
    """Cross-entropy of the log-likelihood ratios that PAV gives each edge of the hull."""
    share_tar, share_non = (n / n.sum() for n in (hull.target, hull.nontarget))
    with np.errstate(divide="ignore"):  # an edge of one class alone is certain: ±inf
        log_lr = np.log(share_tar) - np.log(share_non)
    tar, non = share_tar > 0, share_non > 0
    return _cross_entropy(log_lr[tar], log_lr[non], share_tar[tar], share_non[non], prior_log_odds)


def bits_lost(log_odds: Floats) -> Floats:
    """log2(1 + odds): what odds against the truth cost."""
    return np.asarray(np.logaddexp(0.0, log_odds) / np.log(2))


def _cross_entropy(
    tar: Floats, non: Floats, weight_tar: Floats, weight_non: Floats, prior_log_odds: float
) -> float:
    p_target = 1 / (1 + np.exp(-prior_log_odds))
    lost_tar = np.average(bits_lost(-tar - prior_log_odds), weights=weight_tar)
    lost_non = np.average(bits_lost(non + prior_log_odds), weights=weight_non)
    return float(p_target * lost_tar + (1 - p_target) * lost_non)


# The detection cost: what misses and false alarms cost at an operating point.


@dataclass(frozen=True)
class OperatingPoint:
    """How often targets are met, in (0, 1), and what either error costs, above 0.

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

    @property
    def threshold(self) -> float:
        """The log-likelihood ratio from which accepting costs less than rejecting (Bayes)."""
        return float(np.log(self._false_alarm / self._miss))

    @property
    def key(self) -> str:
        """The point in the name of a figure: p0.01, or p0.01_cm10_cf1 where costs are not 1."""
        prior, costs = f"p{self.p_target:g}", (self.cost_miss, self.cost_false_alarm)
        return prior if costs == (1, 1) else f"{prior}_cm{costs[0]:g}_cf{costs[1]:g}"

    def __str__(self) -> str:
        prior, costs = f"P {self.p_target:g}", (self.cost_miss, self.cost_false_alarm)
        return prior if costs == (1, 1) else f"{prior}, Cm {costs[0]:g}, Cf {costs[1]:g}"

    def weighed(self) -> tuple[float, float]:
        """What a miss rate and a false-alarm rate count; (1, 1) where both errors cost the same.

        The cost of the better system without evidence, which accepts or rejects all, is 1.
        """
        least = min(self._miss, self._false_alarm)
        return self._miss / least, self._false_alarm / least

    @property
    def _miss(self) -> float:
        return self.cost_miss * self.p_target

    @property
    def _false_alarm(self) -> float:
        return self.cost_false_alarm * (1 - self.p_target)


def min_dcf(
    target: ArrayLike,
    nontarget: ArrayLike,
    point: OperatingPoint,
    *,
    weights: Weights | None = None,
) -> float:
    """The least detection cost over all thresholds, in [0, 1]; 1 is no better than no evidence.

    >>> min_dcf([2.0, 0.0], [1.0, -1.0], OperatingPoint(0.5))
    0.5
    """
    return min_dcf_of(rank(target, nontarget, weights), point)


def min_dcf_of(ranking: Ranking, point: OperatingPoint) -> float:
    """`min_dcf` of ranked scores."""
    return float(_costs(*ranking.rates(), point).min())


def min_dcf_point(
    target: ArrayLike, nontarget: ArrayLike, point: OperatingPoint
) -> tuple[float, float]:
    """False-alarm and miss rate where the detection cost is least; of several the strictest."""
    false_alarm, miss = rank(target, nontarget).rates()
    at = int(np.argmin(_costs(false_alarm, miss, point)))
    return float(false_alarm[at]), float(miss[at])


def act_dcf(
    log_lr_target: ArrayLike,
    log_lr_nontarget: ArrayLike,
    point: OperatingPoint,
    *,
    weights: Weights | None = None,
) -> float:
    """The detection cost of log-likelihood ratios taken at their word: at the Bayes threshold.

    >>> act_dcf([3.0, -1.0], [-2.0, 1.0], OperatingPoint(0.5))
    1.0
    """
    rates = rates_at_threshold(log_lr_target, log_lr_nontarget, point.threshold, weights=weights)
    miss_counts, false_alarm_counts = point.weighed()
    return miss_counts * rates.miss + false_alarm_counts * rates.false_alarm


def _costs(false_alarm: Floats, miss: Floats, point: OperatingPoint) -> Floats:
    miss_counts, false_alarm_counts = point.weighed()
    return miss_counts * miss + false_alarm_counts * false_alarm


# What pictures of log-likelihood ratios show: Tippett, reliability, empirical cross-entropy.


@dataclass(frozen=True, eq=False)
class Tippett:
    """Share of trials of each class whose log-likelihood ratio is at least so high, (k,) each."""

    log_lr: Floats  # ascending, natural logarithm
    target: Floats
    nontarget: Floats
    misleading_target: float  # share of targets below 0
    misleading_nontarget: float  # share of nontargets above 0


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stated against observed probability of a target, by bins of the stated one, (b,) each."""

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
    pav: Floats  # the same order, calibrated as well as can be
    neutral: Floats  # a system that always says log LR = 0


def tippett(log_lr_target: ArrayLike, log_lr_nontarget: ArrayLike) -> Tippett:
    """The Tippett curves of log-likelihood ratios (natural logarithm).

    >>> tippett([2.0, -1.0], [-3.0]).misleading_target
    0.5
    """
    ranking = rank(log_lr_target, log_lr_nontarget)
    false_alarm, miss = ranking.rates()
    return Tippett(
        ranking.score[::-1],
        1 - miss[:0:-1],
        false_alarm[:0:-1],
        float(np.mean(np.asarray(log_lr_target) < 0)),
        float(np.mean(np.asarray(log_lr_nontarget) > 0)),
    )


def reliability(
    log_lr: ArrayLike, label: ArrayLike, *, p_target: float = 0.5, bins: int = 10
) -> Reliability:
    """How often what is stated with a probability is so, in equal bins of the probability.

    `label` is true for targets. The probability is that of a target at the prior `p_target`.
    Empty bins are left out.
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
    held, place = np.unique(place, return_inverse=True)
    mass = np.bincount(place, weight).astype(np.float64)
    predicted = np.bincount(place, weight * posterior) / mass
    observed = np.bincount(place, weight * is_target) / mass
    number = np.bincount(place, minlength=len(held)).astype(np.int64)
    targets = np.bincount(place[is_target], minlength=len(held)).astype(np.int64)
    return Reliability(
        predicted,
        observed,
        mass,
        targets,
        number - targets,
        float(np.sum(mass * np.abs(observed - predicted))),
    )


def ece_curve(
    log_lr_target: ArrayLike,
    log_lr_nontarget: ArrayLike,
    *,
    prior_log_odds: ArrayLike | None = None,
) -> EceCurve:
    """Empirical cross-entropy over priors, by default from 1:1000 to 1000:1.

    >>> ece_curve([1.0], [-1.0], prior_log_odds=[0.0]).neutral
    array([1.])
    """
    if prior_log_odds is None:
        prior_log_odds = np.linspace(-3, 3, 121) * np.log(10)
    priors = finite("prior log odds", prior_log_odds)
    tar, non = np.asarray(log_lr_target), np.asarray(log_lr_nontarget)
    hull = rank(tar, non).hull()
    return EceCurve(
        priors,
        np.array([cross_entropy(tar, non, prior) for prior in priors]),
        np.array([pav_cross_entropy(hull, prior) for prior in priors]),
        np.array([cross_entropy([0.0], [0.0], prior) for prior in priors]),
    )
