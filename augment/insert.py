"""Foreign stretches put in: silence, or a piece of another recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import TIMES_S, Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.level import scaled_to_level
from augment.recordings import draw_path, read_stretch
from augment.recordings import duration_s as file_duration_s
from augment.resample import with_length
from augment.splice import Own, sample_index, splice


@dataclass(frozen=True)
class InsertSilence(Effect):
    """`length_s` of silence put in at `at_s` (seconds); moves what follows."""

    name = "insert_silence"
    at_s: float
    length_s: float

    def __post_init__(self) -> None:
        self._check_limits(at_s=TIMES_S, length_s=TIMES_S)

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        duration_s: float,
        at: Range = (0.1, 0.9),
        length: Range = (0.01, 0.1),
    ) -> Self:
        """Place and length drawn evenly, as fractions of `duration_s`."""
        return cls(duration_s * uniform(rng, at), duration_s * uniform(rng, length))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        silence = np.zeros(round(self.length_s * sample_rate), dtype=np.float32)
        return _put_in(self.name, samples, silence, at_s=self.at_s, sample_rate=sample_rate)

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds of the recording and the silence together."""
        return duration_s + self.length_s


@dataclass(frozen=True)
class InsertRecording(Effect):
    """`length_s` of another file, from its `offset_s` on, put in at `at_s`; moves what follows.

    Times are seconds. `level_db`: the power of the piece relative to the whole recording,
    -60 to 60; at 0 both are equally loud.
    """

    name = "insert_recording"
    path: str
    offset_s: float
    at_s: float
    length_s: float
    level_db: float = 0.0

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
        at: Range = (0.1, 0.9),
        length: Range = (0.02, 0.2),
        level_db: Range = (-6.0, 6.0),
    ) -> Self:
        """One of the files; place and length as fractions of `duration_s`, no longer than it."""
        path = draw_path(rng, cls.name, paths)
        available_s = file_duration_s(path)
        length_s = min(duration_s * uniform(rng, length), available_s)
        offset_s = uniform(rng, (0.0, available_s - length_s))
        return cls(path, offset_s, duration_s * uniform(rng, at), length_s, uniform(rng, level_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        wanted = round(self.length_s * sample_rate)
        piece = read_stretch(self.path, sample_rate, start_s=self.offset_s, length_s=self.length_s)
        # A sample or two may be lost between the two rates; more means that the file ended.
        if piece.size < wanted - 2:
            raise EffectError(
                f"insert_recording: {self.path!r} has {piece.size / sample_rate:g} s after "
                f"{self.offset_s:g} s, not {self.length_s:g} s; ask for less or begin earlier"
            )
        piece = scaled_to_level(with_length(piece, wanted), samples, level_db=self.level_db)
        return _put_in(self.name, samples, piece, at_s=self.at_s, sample_rate=sample_rate)

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds of the recording and the piece together."""
        return duration_s + self.length_s


def _put_in(
    name: str, samples: Samples, piece: Samples, *, at_s: float, sample_rate: int
) -> Altered:
    at = sample_index(name, at_s, samples.size, sample_rate)
    return splice(samples, sample_rate, [Own(0, at), piece, Own(at, samples.size)])
