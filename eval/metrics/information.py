"""What log-likelihood ratios (natural logarithm) are worth, in bits: Cllr and cross-entropy."""

import numpy as np
from numpy.typing import ArrayLike

from cqtnet.eer import Floats, Ranking, Weights, finite, rank, weights_of


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
