"""Recordings put together again from their own stretches and from foreign ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np

from augment.effect import TIMES_S, Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.noise import scaled_to_level
from augment.recordings import draw_path, duration_s, read_stretch
from augment.recordings import duration_s as file_duration_s
from augment.tempo import with_length
from augment.timemap import Span, TimeMap


@dataclass(frozen=True)
class Own:
    """A stretch of the recording itself, from sample `start` up to but not including `end`."""

    start: int
    end: int


Piece: TypeAlias = Own | Samples


def splice(samples: Samples, sample_rate: int, pieces: Sequence[Piece]) -> Altered:
    """The pieces one after the other, with the map of those that are the recording's own.

    The joins are hard, sample against sample, so that the map is exact to the sample.
    """
    stretches: list[Samples] = []
    spans: list[Span] = []
    position = 0
    for piece in pieces:
        stretch = samples[piece.start : piece.end] if isinstance(piece, Own) else piece
        end = position + stretch.size
        if isinstance(piece, Own) and piece.end > piece.start:
            times = (position, end, piece.start, piece.end)
            spans.append(Span(*(index / sample_rate for index in times)))
        stretches.append(stretch)
        position = end
    return Altered(np.concatenate(stretches), TimeMap.joined(spans))


def sample_index(name: str, time_s: float, n_samples: int, sample_rate: int) -> int:
    """The sample nearest to a time; a time after the end of the recording raises EffectError."""
    index = round(time_s * sample_rate)
    if index > n_samples:
        raise EffectError(
            f"{name}: {time_s:g} s is after the end of the recording at "
            f"{n_samples / sample_rate:g} s; give an earlier time"
        )
    return index


def sample_stretch(
    name: str, start_s: float, end_s: float, n_samples: int, sample_rate: int
) -> tuple[int, int]:
    """First and one-past-last sample of a stretch, which must lie within the recording."""
    start = sample_index(name, start_s, n_samples, sample_rate)
    end = sample_index(name, end_s, n_samples, sample_rate)
    if end <= start:
        raise EffectError(
            f"{name}: {start_s:g} s to {end_s:g} s holds no sample; give an end after the start"
        )
    return start, end


# Pieces taken away: a stretch cut out, or everything but a stretch.


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


# Foreign stretches put in: silence, or a piece of another recording.


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


# A stretch of the recording heard a second time.


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


# Another recording heard together with this one for a while: a voice over the music.


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
