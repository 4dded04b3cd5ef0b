"""Pieces taken away: a stretch cut out, or everything but a stretch."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import TIMES_S, Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.splice import Own, sample_stretch, splice


@dataclass(frozen=True)
class Cut(Effect):
    """The recording without the stretch from `start_s` to `end_s` (seconds); moves time."""

    name = "cut"
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        _check_stretch(self, self.start_s, self.end_s)

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        duration_s: float,
        start: Range = (0.1, 0.7),
        length: Range = (0.02, 0.2),
    ) -> Self:
        """A cut that begins and lasts so many fractions of a recording of `duration_s`."""
        start_s = duration_s * uniform(rng, start)
        return cls(start_s, min(start_s + duration_s * uniform(rng, length), duration_s))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        start, end = sample_stretch(self.name, self.start_s, self.end_s, samples.size, sample_rate)
        if end - start == samples.size:
            raise EffectError("cut: the stretch is the whole recording; leave some of it")
        return splice(samples, sample_rate, [Own(0, start), Own(end, samples.size)])

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds that remain."""
        return duration_s - (self.end_s - self.start_s)


@dataclass(frozen=True)
class Crop(Effect):
    """Only the stretch from `start_s` to `end_s` (seconds), which then begins at 0; moves time."""

    name = "crop"
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        _check_stretch(self, self.start_s, self.end_s)

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, duration_s: float, length: Range = (0.4, 0.95)
    ) -> Self:
        """A stretch that lasts so many fractions of `duration_s`, anywhere it fits."""
        length_s = duration_s * uniform(rng, length)
        start_s = uniform(rng, (0.0, duration_s - length_s))
        return cls(start_s, min(start_s + length_s, duration_s))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        start, end = sample_stretch(self.name, self.start_s, self.end_s, samples.size, sample_rate)
        return splice(samples, sample_rate, [Own(start, end)])

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds that are kept."""
        return self.end_s - self.start_s


def _check_stretch(effect: Cut | Crop, start_s: float, end_s: float) -> None:
    effect._check_limits(start_s=TIMES_S, end_s=TIMES_S)
    if end_s <= start_s:
        raise EffectError(
            f"{effect.name}: end_s {end_s:g} is not after start_s {start_s:g}; give a later end"
        )
