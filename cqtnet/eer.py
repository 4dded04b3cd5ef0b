"""The equal error rate: the one figure that training itself needs; `eval` has the others."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cqtnet.errors import InputError


def equal_error_rate(target: ArrayLike, nontarget: ArrayLike) -> float:
    """Rate at which misses equal false alarms on the convex hull of the ROC, in [0, 0.5].

    Higher scores mean the same recording; ties are one threshold; constant scores give 0.5.

    >>> equal_error_rate([2.0, 1.0], [0.0, -1.0])
    0.0
    """
    false_alarm, miss = roc_hull(target, nontarget)
    for i in range(len(miss) - 1):
        ahead = miss[i + 1] - false_alarm[i + 1]
        if ahead <= 0:  # the hull falls through the diagonal within this edge
            behind = miss[i] - false_alarm[i]
            share = behind / (behind - ahead) if behind > ahead else 0.0
            return float(false_alarm[i] + share * (false_alarm[i + 1] - false_alarm[i]))
    raise AssertionError("a ROC starts at misses 1 and ends at false alarms 1")


def roc_hull(
    target: ArrayLike, nontarget: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False-alarm and miss rates at the corners of the ROC's convex hull, from (0, 1) to (1, 0)."""
    false_alarm, miss = error_rates(target, nontarget)
    hull: list[int] = []
    for i in range(len(miss)):
        while len(hull) > 1 and _turns_up(false_alarm, miss, hull[-2], hull[-1], i):
            hull.pop()
        hull.append(i)
    return false_alarm[hull], miss[hull]


def error_rates(
    target: ArrayLike, nontarget: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False-alarm and miss rates at every threshold, from accept-nothing to accept-all."""
    tar, non = (np.asarray(scores, np.float64).ravel() for scores in (target, nontarget))
    for name, scores in (("target", tar), ("nontarget", non)):
        if not len(scores) or not np.isfinite(scores).all():
            raise InputError(f"{name} scores must be finite and at least one; got {len(scores)}")
    thresholds = np.unique(np.concatenate([tar, non]))[::-1]
    accepted_tar = len(tar) - np.searchsorted(np.sort(tar), thresholds)
    accepted_non = len(non) - np.searchsorted(np.sort(non), thresholds)
    false_alarm = np.concatenate([[0.0], accepted_non / len(non)])
    miss = np.concatenate([[1.0], 1 - accepted_tar / len(tar)])
    return false_alarm, miss


def _turns_up(x: NDArray[np.float64], y: NDArray[np.float64], a: int, b: int, c: int) -> bool:
    """Whether corner b lies on or above the line from a to c."""
    return bool((x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a]) <= 0)
