"""Noise that was recorded: a street, a crowd, a fan, under the whole recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import TIMES_S, Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.level import mean_square, scaled_to_level
from augment.recordings import draw_path, duration_s, read_stretch
from augment.resample import with_length


@dataclass(frozen=True)
class Background(Effect):
    """A file's sound added at a signal-to-noise ratio, from `offset_s` on, looped if short.

    `snr_db`: dB over the whole recording, -60 to 120. The loop runs through the end of the
    file to its beginning. Silence has no level to measure against and comes back as it is.
    """

    name = "background"
    path: str
    offset_s: float
    snr_db: float

    def __post_init__(self) -> None:
        self._check_path(self.path)
        self._check_limits(offset_s=TIMES_S, snr_db=(-60, 120))

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, paths: Sequence[str] = (), snr_db: Range = (0.0, 30.0)
    ) -> Self:
        """One of the files, a place in it, and a ratio drawn evenly in dB."""
        path = draw_path(rng, cls.name, paths)
        return cls(path, float(rng.random()) * duration_s(path), uniform(rng, snr_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        noise = self._looped(samples.size, sample_rate)
        if mean_square(noise) == 0:
            raise EffectError(f"background: {self.path!r} is silent there; choose another place")
        noise = scaled_to_level(noise, samples, level_db=-self.snr_db)
        return Altered.unmoved(samples + noise, sample_rate)

    def _looped(self, n_samples: int, sample_rate: int) -> Samples:
        needed_s = n_samples / sample_rate
        start_s = self.offset_s % duration_s(self.path)
        head = read_stretch(self.path, sample_rate, start_s=start_s, length_s=needed_s)
        if head.size >= n_samples:
            return head
        again = read_stretch(self.path, sample_rate, start_s=0.0, length_s=needed_s)
        loops = -(-(n_samples - head.size) // again.size)
        return with_length(np.concatenate([head, *[again] * loops]), n_samples)
