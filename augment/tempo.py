"""Faster or slower at the same pitch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, uniform
from augment.stretch import stretched
from augment.timemap import Span, TimeMap


@dataclass(frozen=True)
class Tempo(Effect):
    """The sound `factor` times as fast (0.25 to 4), its pitch unchanged; moves time.

    1.1 plays ten per cent faster: 20 s become 18.18 s, to the nearest sample.
    """

    name = "tempo"
    factors: ClassVar[Range] = (0.25, 4)
    stretch: ClassVar[Callable[..., Samples]] = staticmethod(stretched)
    factor: float

    def __post_init__(self) -> None:
        self._check_limits(factor=self.factors)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, factor: Range = (0.8, 1.2)) -> Self:
        """A factor drawn evenly; the default range is the paper's."""
        return cls(uniform(rng, factor))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        if self.factor == 1:
            return Altered.unmoved(samples, sample_rate)
        faster = self.stretch(samples, sample_rate, factor=self.factor)
        return Altered(faster, whole_to_whole(samples, faster, sample_rate))

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds at the new tempo."""
        return duration_s / self.factor


def whole_to_whole(source: Samples, output: Samples, sample_rate: int) -> TimeMap:
    """The map of a recording played evenly in another time than its own.

    Its rate is that of the two lengths, which whole samples make differ from the factor that
    was asked for by half a sample at most.
    """
    if output.size == 0:
        return TimeMap(())
    return TimeMap((Span(0.0, output.size / sample_rate, 0.0, source.size / sample_rate),))
