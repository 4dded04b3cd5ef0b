"""A stretch of the recording heard a second time."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import TIMES_S, Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.splice import Own, sample_index, sample_stretch, splice


@dataclass(frozen=True)
class Repeat(Effect):
    """A copy of the stretch from `start_s` to `end_s` put in at `at_s` (seconds); moves time.

    With `at_s` equal to `end_s` the stretch is simply heard twice in a row.
    """

    name = "repeat"
    start_s: float
    end_s: float
    at_s: float

    def __post_init__(self) -> None:
        self._check_limits(start_s=TIMES_S, end_s=TIMES_S, at_s=TIMES_S)
        if self.end_s <= self.start_s:
            raise EffectError(
                f"repeat: end_s {self.end_s:g} is not after start_s {self.start_s:g}; "
                "give a later end"
            )

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        duration_s: float,
        start: Range = (0.1, 0.7),
        length: Range = (0.02, 0.2),
    ) -> Self:
        """A stretch heard twice in a row; ranges are fractions of `duration_s`."""
        start_s = duration_s * uniform(rng, start)
        end_s = min(start_s + duration_s * uniform(rng, length), duration_s)
        return cls(start_s, end_s, end_s)

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        start, end = sample_stretch(self.name, self.start_s, self.end_s, samples.size, sample_rate)
        at = sample_index(self.name, self.at_s, samples.size, sample_rate)
        pieces = [Own(0, at), Own(start, end), Own(at, samples.size)]
        return splice(samples, sample_rate, pieces)

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds of the recording and the copy together."""
        return duration_s + (self.end_s - self.start_s)
