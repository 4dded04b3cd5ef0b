"""The equal error rate, and the ranking of scores that the figures of `eval` are computed from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

from cqtnet.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """The number of trials of each class at each score, from the highest score down, (k,) each.

    A resample counts a trial several times or not at all, so a place may hold no trial.
    """

    score: Floats
    target: Floats
    nontarget: Floats

    def rates(self) -> tuple[Floats, Floats]:
        """False-alarm and miss rates, (k + 1,) each, from accept-nothing to accept-all."""
        accepted_tar, accepted_non = (
            np.concatenate([[0.0], np.cumsum(count)]) for count in (self.target, self.nontarget)
        )
        total = accepted_tar[-1]
        return accepted_non / accepted_non[-1], (total - accepted_tar) / total

    def hull(self) -> Ranking:
        """Places pooled until the share of targets falls from each to the next: the ROC's hull."""
        number = self.target + self.nontarget
        used = np.flatnonzero(number)
        share = self.target[used] / number[used]
        fit = isotonic_regression(share, weights=number[used], increasing=False)
        first = used[np.asarray(fit.blocks[:-1], np.intp)]  # of the places that are one
        last = np.append(first[1:], len(self.score)) - 1
        sums = (np.add.reduceat(number, first) for number in (self.target, self.nontarget))
        return Ranking(self.score[last], *sums)


def equal_error_rate(target: ArrayLike, nontarget: ArrayLike) -> float:
    """Rate at which misses equal false alarms on the convex hull of the ROC, in [0, 0.5].

    Higher scores mean the same recording; ties are one threshold; constant scores give 0.5.

    >>> equal_error_rate([2.0, 1.0], [0.0, -1.0])
    0.0
    """
    return crossing(*roc_hull(target, nontarget))


def roc_hull(target: ArrayLike, nontarget: ArrayLike) -> tuple[Floats, Floats]:
    """False-alarm and miss rates at the corners of the ROC's convex hull, from (0, 1) to (1, 0)."""
    return rank(target, nontarget).hull().rates()


def crossing(false_alarm: Floats, miss: Floats) -> float:
    """Rate at which a line of straight pieces from (0, 1) to (1, 0) meets miss = false alarm."""
    ahead = miss - false_alarm
    i = int(np.argmax(ahead <= 0))
    share = ahead[i - 1] / (ahead[i - 1] - ahead[i])
    return float(false_alarm[i - 1] + share * (false_alarm[i] - false_alarm[i - 1]))


def rank(target: ArrayLike, nontarget: ArrayLike) -> Ranking:
    """The ranking of finite scores, at least one of each class; ties share a place."""
    tar, non = finite("target scores", target), finite("nontarget scores", nontarget)
    score, place = np.unique(np.concatenate([tar, non]), return_inverse=True)
    numbers = (
        np.bincount(places, minlength=len(score)).astype(np.float64)[::-1]
        for places in (place[: len(tar)], place[len(tar) :])
    )
    return Ranking(score[::-1], *numbers)


def finite(name: str, values: ArrayLike) -> Floats:
    """The values as (n,) float64, at least one and all finite; errors call them `name`."""
    array = np.asarray(values, np.float64).ravel()
    wrong = np.flatnonzero(~np.isfinite(array))
    if not len(array) or len(wrong):
        problem = f"number {wrong[0] + 1} is {array[wrong[0]]}" if len(array) else "none given"
        raise InputError(f"{name} must be finite and at least one; {problem}")
    return array
