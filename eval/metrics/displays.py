"""What pictures of log-likelihood ratios show: Tippett, reliability, empirical cross-entropy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from cqtnet.eer import Floats, finite, rank
from cqtnet.errors import InputError
from eval.metrics.cost import OperatingPoint
from eval.metrics.information import cross_entropy, pav_cross_entropy


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
