"""Another recording heard together with this one for a while: a voice over the music."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import TIMES_S, Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.level import scaled_to_level
from augment.recordings import draw_path, duration_s, read_stretch
from augment.splice import sample_index


@dataclass(frozen=True)
class Mix(Effect):
    """A file's sound, from its `offset_s` on, added from `at_s` for `length_s` (seconds).

    `level_db`: its power over that stretch relative to the recording's there, -60 to 60; at 0
    both are equally loud. It is not looped, and ends early where either recording ends.
    """

    name = "mix"
    path: str
    offset_s: float
    at_s: float
    length_s: float
    level_db: float

    def __post_init__(self) -> None:
        self._check_path(self.path)
        self._check_limits(offset_s=TIMES_S, at_s=TIMES_S)
        self._check_limits(length_s=TIMES_S, level_db=(-60, 60))

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        duration_s: float,
        paths: Sequence[str] = (),
        at: Range = (0.0, 0.6),
        length: Range = (0.1, 0.6),
        level_db: Range = (-20.0, 0.0),
    ) -> Self:
        """One of the files from somewhere; place and length as fractions of `duration_s`."""
        path = draw_path(rng, cls.name, paths)
        offset_s = _offset_s(rng, path)
        at_s, length_s = duration_s * uniform(rng, at), duration_s * uniform(rng, length)
        return cls(path, offset_s, at_s, length_s, uniform(rng, level_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        start = sample_index(self.name, self.at_s, samples.size, sample_rate)
        length_s = min(self.length_s, (samples.size - start) / sample_rate)
        if round(length_s * sample_rate) == 0:
            raise EffectError(f"mix: no sample to mix at {self.at_s:g} s; mix earlier or longer")
        other = read_stretch(self.path, sample_rate, start_s=self.offset_s, length_s=length_s)
        under = samples[start : start + other.size]
        mixed = samples.copy()
        mixed[start : start + other.size] += scaled_to_level(other, under, level_db=self.level_db)
        return Altered.unmoved(mixed, sample_rate)


def _offset_s(rng: np.random.Generator, path: str) -> float:
    """A place in the first half of the file, so that a good stretch of it follows."""
    return float(rng.random()) * duration_s(path) / 2
