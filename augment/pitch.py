"""Higher or lower at the same tempo."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, uniform
from augment.resample import resample, with_length
from augment.stretch import stretched


@dataclass(frozen=True)
class Pitch(Effect):
    """The sound shifted by `shift_semitones` (-24 to 24), every moment in its place.

    12 is an octave up. Formants move along with the pitch. Made longer at the same pitch and
    then played faster, which hits the pitch of a steady tone exactly; the vocoder's own
    transposition is up to 6 cents off at 220 Hz.
    """

    name = "pitch"
    shifts: ClassVar[Range] = (-24, 24)
    stretch: ClassVar[Callable[..., Samples]] = staticmethod(stretched)
    shift_semitones: float

    def __post_init__(self) -> None:
        self._check_limits(shift_semitones=self.shifts)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, shift_semitones: Range = (-4.0, 4.0)) -> Self:
        """A shift drawn evenly, not only whole semitones; the default range is the paper's."""
        return cls(uniform(rng, shift_semitones))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        if self.shift_semitones == 0:
            return Altered.unmoved(samples, sample_rate)
        ratio = 2 ** (self.shift_semitones / 12)
        longer = self.stretch(samples, sample_rate, factor=1 / ratio)
        shifted = resample(longer, sample_rate * ratio, sample_rate)
        return Altered.unmoved(with_length(shifted, samples.size), sample_rate)
