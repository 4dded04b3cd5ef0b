"""Peaks that don't fit: cut off hard, or bent softly."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, uniform


@dataclass(frozen=True)
class HardClip(Effect):
    """The sound cut off at a ceiling that its peak exceeds by `over_db` (0 to 60 dB).

    The ceiling hangs from the recording's own peak, so that quiet recordings are clipped as
    loud ones are; what is below it stays as it is.
    """

    name = "hard_clip"
    over_db: float

    def __post_init__(self) -> None:
        self._check_limits(over_db=(0, 60))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, over_db: Range = (1.0, 12.0)) -> Self:
        """An excess drawn evenly in dB."""
        return cls(uniform(rng, over_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        ceiling = _ceiling(samples, self.over_db)
        return Altered.unmoved(np.clip(samples, -ceiling, ceiling), sample_rate)


@dataclass(frozen=True)
class SoftClip(Effect):
    """The sound bent towards a ceiling that its peak exceeds by `over_db` (0 to 60 dB).

    A hyperbolic tangent, as an overdriven valve or tape: small samples pass as they are, large
    ones approach the ceiling and never reach it.
    """

    name = "soft_clip"
    over_db: float

    def __post_init__(self) -> None:
        self._check_limits(over_db=(0, 60))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, over_db: Range = (0.0, 12.0)) -> Self:
        """An excess drawn evenly in dB."""
        return cls(uniform(rng, over_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        ceiling = _ceiling(samples, self.over_db)
        if ceiling == 0:
            return Altered.unmoved(samples, sample_rate)
        return Altered.unmoved(ceiling * np.tanh(samples / ceiling), sample_rate)


def _ceiling(samples: Samples, over_db: float) -> np.float32:
    return np.float32(np.abs(samples).max() * 10 ** (-over_db / 20))
