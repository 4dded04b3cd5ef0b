"""Faster and higher together, as a tape or a turntable that runs off speed."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, uniform
from augment.resample import resample
from augment.tempo import whole_to_whole


@dataclass(frozen=True)
class Speed(Effect):
    """The sound `factor` times as fast (0.25 to 4), pitch along with it; moves time.

    1.1 turns 20 s into 18.18 s, to the nearest sample, and 440 Hz into 484 Hz.
    """

    name = "speed"
    factor: float

    def __post_init__(self) -> None:
        self._check_limits(factor=(0.25, 4))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, factor: Range = (0.9, 1.1)) -> Self:
        """A factor drawn evenly."""
        return cls(uniform(rng, factor))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        faster = resample(samples, sample_rate * self.factor, sample_rate)
        return Altered(faster, whole_to_whole(samples, faster, sample_rate))

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds at the new speed."""
        return duration_s / self.factor
