"""Louder, softer, or upside down."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, uniform


@dataclass(frozen=True)
class Gain(Effect):
    """Every sample multiplied by one factor; nothing is clipped.

    `gain_db`: dB, -120 to 60; -6.0206 halves the amplitude.
    """

    name = "gain"
    gain_db: float

    def __post_init__(self) -> None:
        self._check_limits(gain_db=(-120, 60))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, gain_db: Range = (-18.0, 6.0)) -> Self:
        """A gain drawn evenly in dB."""
        return cls(uniform(rng, gain_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return Altered.unmoved(samples * np.float32(10 ** (self.gain_db / 20)), sample_rate)


@dataclass(frozen=True)
class Invert(Effect):
    """The wave upside down, as a swapped pair of wires leaves it; it sounds the same."""

    name = "invert"

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """The one and only inversion; nothing is drawn."""
        return cls()

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return Altered.unmoved(-samples, sample_rate)
