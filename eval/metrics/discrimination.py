"""How well scores separate targets from nontargets: ROC, AUC, EER, rates at a threshold.

Only the order of the scores counts here. Higher means the same recording, a trial is accepted
where its score reaches the threshold, and equal scores are one threshold.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cqtnet.eer import Floats, Ranking, Weights, crossing, finite, rank, weights_of
from cqtnet.errors import InputError


@dataclass(frozen=True, eq=False)
class RocPoints:
    """The ROC, from accept-nothing to accept-all, (k + 1,) each."""

    threshold: Floats  # accepted are the scores from here up; inf at first
    false_alarm: Floats  # rising from 0 to 1
    miss: Floats  # falling from 1 to 0


@dataclass(frozen=True)
class ThresholdRates:
    """What a threshold does, each in [0, 1]."""

    miss: float
    false_alarm: float
    accuracy: float  # share of all trials, of both classes, that are decided rightly


def roc_points(
    target: ArrayLike,
    nontarget: ArrayLike,
    *,
    weights: Weights | None = None,
    corners: bool = False,
) -> RocPoints:
    """The ROC at every distinct score; with `corners` without the points inside straight runs.

    >>> roc_points([2.0, 1.0], [0.0]).miss
    array([1. , 0.5, 0. , 0. ])
    """
    ranking = rank(target, nontarget, weights)
    false_alarm, miss = ranking.rates()
    threshold = np.concatenate([[np.inf], ranking.score])
    keep = _corners(false_alarm, miss) if corners else slice(None)
    return RocPoints(threshold[keep], false_alarm[keep], miss[keep])


def _corners(false_alarm: Floats, miss: Floats) -> NDArray[np.bool_]:
    """False where the line comes from and goes on in the same direction along an axis."""
    along, down = np.diff(false_alarm) > 0, np.diff(miss) < 0
    straight = ~(along[1:] | along[:-1]) | ~(down[1:] | down[:-1])
    return np.concatenate([[True], ~straight, [True]])


def auc(target: ArrayLike, nontarget: ArrayLike, *, weights: Weights | None = None) -> float:
    """Chance that a target scores above a nontarget, in [0, 1]; a tie counts half.

    >>> auc([2.0, 1.0], [1.0, 0.0])
    0.875
    """
    return auc_of(rank(target, nontarget, weights))


def auc_of(ranking: Ranking) -> float:
    """`auc` of ranked scores."""
    false_alarm, miss = ranking.rates()
    return float(1 - np.sum(np.diff(false_alarm) * (miss[1:] + miss[:-1]) / 2))


def linear_equal_error_rate(
    target: ArrayLike, nontarget: ArrayLike, *, weights: Weights | None = None
) -> float:
    """Rate at which misses equal false alarms on the ROC itself, its points joined by lines.

    In [0, 1]: other than on the hull, scores of the wrong order are not turned round.

    >>> linear_equal_error_rate([0.0], [1.0])
    1.0
    """
    return linear_equal_error_rate_of(rank(target, nontarget, weights))


def linear_equal_error_rate_of(ranking: Ranking) -> float:
    """`linear_equal_error_rate` of ranked scores."""
    return crossing(*ranking.rates())


def equal_error_rate_of(ranking: Ranking) -> float:
    """`equal_error_rate` of ranked scores: on the convex hull."""
    return crossing(*ranking.hull().rates())


def miss_at_false_alarm(
    target: ArrayLike, nontarget: ArrayLike, rate: float, *, weights: Weights | None = None
) -> float:
    """Miss rate where as much is accepted as false alarms of at most `rate` allow, in [0, 1].

    Refused with fewer than 1/rate nontargets: so few cannot show such a rate.

    >>> miss_at_false_alarm([2.0, 0.5], [1.0, 0.0], 0.5)
    0.0
    """
    ranking = rank(target, nontarget, weights)
    number = np.size(nontarget)
    if reason := too_few_nontargets(number, rate):
        raise InputError(reason)
    return miss_at_false_alarm_of(ranking, rate)


def miss_at_false_alarm_of(ranking: Ranking, rate: float) -> float:
    """`miss_at_false_alarm` of ranked scores, however many they are."""
    false_alarm, miss = ranking.rates()
    return float(miss[np.searchsorted(false_alarm, rate, side="right") - 1])


def too_few_nontargets(number: int, rate: float) -> str:
    """Why a false-alarm rate in (0, 1) cannot be had from so many nontargets; "" where it can."""
    if not 0 < rate < 1:
        raise InputError(f"false-alarm rate {rate} is not between 0 and 1; give one such as 0.01")
    needed = int(np.ceil(1 / rate * (1 - 1e-12)))
    if number >= needed:
        return ""
    return f"a false-alarm rate of {rate:g} needs {needed:,} nontargets, here are {number:,}"


def check_threshold(threshold: float) -> None:
    """Refuse what no score can be compared with."""
    if not np.isfinite(threshold):
        raise InputError(f"threshold {threshold} is not finite; give a score")


def rates_at_threshold(
    target: ArrayLike, nontarget: ArrayLike, threshold: float, *, weights: Weights | None = None
) -> ThresholdRates:
    """Misses, false alarms and accuracy where scores from `threshold` up are accepted.

    >>> rates_at_threshold([2.0, 0.0], [1.0, -1.0], 1.0)
    ThresholdRates(miss=0.5, false_alarm=0.5, accuracy=0.5)
    """
    tar, non = finite("target scores", target), finite("nontarget scores", nontarget)
    check_threshold(threshold)
    weight_tar, weight_non = weights_of(tar, non, weights)
    miss = float(np.average(tar < threshold, weights=weight_tar))
    false_alarm = float(np.average(non >= threshold, weights=weight_non))
    share = float(weight_tar.sum() / (weight_tar.sum() + weight_non.sum()))
    return ThresholdRates(miss, false_alarm, 1 - share * miss - (1 - share) * false_alarm)
