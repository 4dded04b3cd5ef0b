"""The detection cost: what misses and false alarms cost at an operating point."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cqtnet.eer import Floats, Ranking, Weights, rank
from cqtnet.errors import InputError
from eval.metrics.discrimination import rates_at_threshold


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
