"""The limits between which log LRs hold: ELUB and IV; and devPAV, how far they lie from PAV's.

Log LRs are natural logarithms. With fewer or worse trials the limits move towards 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cqtnet.eer import Floats, finite, rank

Limits = tuple[float, float]

LN10 = np.log(10)
ELUB_STEP, IV_STEP = 0.01, 0.001  # powers of ten between the limits that are tried
ELUB_FARTHEST = 9.0  # powers of ten; ratios farther from 1 count as these
IV_FARTHEST = 20.0  # as a natural logarithm; ratios farther from 1 count as this


@dataclass(frozen=True)
class Support:
    """The least and the most log LR that trials support, in three ways."""

    pairs: tuple[int, int]  # independent ones: targets, nontargets
    by_number: Limits  # n pairs without an error support a ratio of n + 1
    elub: Limits
    iv: Limits
    strictest: Limits  # what all three support
    stated: Limits  # the least and the most of the trials


def support(target: ArrayLike, nontarget: ArrayLike, *, pairs: tuple[int, int]) -> Support:
    """What the trials support; `pairs` of targets and of nontargets are independent."""
    tar, non = _classes(target, nontarget)
    by_number = -float(np.log(pairs[0] + 1)), float(np.log(pairs[1] + 1))
    ways = by_number, empirical_bounds(tar, non), invariance_bounds(tar, non)
    least, most = zip(*ways, strict=True)
    stated = float(min(tar.min(), non.min())), float(max(tar.max(), non.max()))
    return Support(pairs, *ways, (max(least), min(most)), stated)


def empirical_bounds(target: ArrayLike, nontarget: ArrayLike) -> Limits:
    """Least and most log LR by ELUB (Vergeer et al. 2016): the empirical lower and upper bounds.

    Between them, deciding by the ratios costs no more than deciding without them, even with one
    more misleading trial of each class than there was.
    """
    classes = _classes(target, nontarget)
    tar, non = (np.clip(lrs / LN10, -ELUB_FARTHEST, ELUB_FARTHEST) for lrs in classes)
    least = max(min(tar.min(), non.min()), -np.log10(len(tar) + 1))
    most = min(max(tar.max(), non.max()), np.log10(len(non) + 1))
    first = min(0, int(np.floor_divide(least, ELUB_STEP)))
    last = max(0, int(np.floor_divide(most, ELUB_STEP)) + 1)
    limits = np.linspace(first * ELUB_STEP, last * ELUB_STEP, last - first + 1)
    ratio = 10**limits
    accepted_tar, accepted_non = (
        len(x) - np.searchsorted(np.sort(10**x), ratio, side="right") for x in (tar, non)
    )
    missed = 1 - accepted_tar / (len(tar) + 1)
    cost = missed + ratio * (accepted_non + 1) / (len(non) + 1)
    harmful = np.minimum(1.0, ratio) / cost < 1
    low = np.max(limits[harmful & (limits <= 0)] + ELUB_STEP, initial=limits[0])
    high = np.min(limits[harmful & (limits >= 0)] - ELUB_STEP, initial=limits[-1])
    return float(min(low, 0.0) * LN10), float(max(high, 0.0) * LN10)


def invariance_bounds(target: ArrayLike, nontarget: ArrayLike) -> Limits:
    """Least and most log LR by IV, invariance verification (Alberink et al. 2025).

    "The ratio is at least x" is itself evidence, whose own ratio the trials show. Up to the upper
    limit that is at least x, and down to the lower one at most x for "less than x".
    """
    classes = _classes(target, nontarget)
    tar, non = (np.clip(lrs, -IV_FARTHEST, IV_FARTHEST) / LN10 for lrs in classes)
    low, high = min(0.0, tar.min(), non.min()), max(0.0, tar.max(), non.max())
    limits = np.arange(low, high + IV_STEP, IV_STEP)
    above_tar, above_non = (
        (len(x) - np.searchsorted(np.sort(x), limits) + 0.5) / (len(x) + 1) for x in (tar, non)
    )
    upper = np.flatnonzero(np.log10(above_tar) - np.log10(above_non) < limits)
    lower = np.flatnonzero(np.log10(1 - above_tar) - np.log10(1 - above_non) > limits)
    most = limits[max(upper[0] - 1, 0)] if len(upper) else tar.max()
    least = limits[min(lower[-1] + 1, len(limits) - 1)] if len(lower) else non.min()
    return float(min(least, 0.0) * LN10), float(max(most, 0.0) * LN10)


def dev_pav(target: ArrayLike, nontarget: ArrayLike) -> float | None:
    """Mean distance, in powers of ten, of ratios from those that PAV gives them: 0 is perfect.

    It is over the range of ratios where both classes occur; None if there is none.
    """
    ranking = rank(target, nontarget)
    hull = ranking.hull()
    share_tar, share_non = (n / n.sum() for n in (hull.target, hull.nontarget))
    with np.errstate(divide="ignore"):  # an edge of one class alone is certain: ±inf
        best = (np.log10(share_tar) - np.log10(share_non))[::-1]
    stated = ranking.score[::-1]
    best = best[np.searchsorted(hull.score[::-1], stated, side="right") - 1]
    mixed = np.isfinite(best)
    if not mixed.any():
        return None
    x = stated[mixed] / LN10
    apart = best[mixed] - x
    if len(x) == 1:
        return float(abs(apart[0]))
    before, after = apart[:-1], apart[1:]
    total = np.abs(before) + np.abs(after)
    with np.errstate(invalid="ignore"):  # both 0
        crossed = (before**2 + after**2) / total
    height = np.where(before * after < 0, crossed, total) / 2
    return float(np.sum(np.diff(x) * height) / (x[-1] - x[0]))


def _classes(target: ArrayLike, nontarget: ArrayLike) -> tuple[Floats, Floats]:
    return finite("log LRs of targets", target), finite("log LRs of nontargets", nontarget)
