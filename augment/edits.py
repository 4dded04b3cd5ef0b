"""Edits: stretches of a recording cut out, repeated, put in, or mixed with another recording."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Self, TypeAlias

import numpy as np

from augment import effect
from augment.effect import Altered, Effect, Number, Path, Range, Rng, Samples, Seconds, uniform
from augment.errors import EffectError
from augment.noise import duration_s as file_duration_s
from augment.noise import read_stretch, scaled_to_level
from augment.tempo import with_length
from augment.timemap import Span, TimeMap

Level: TypeAlias = Annotated[float, Number(-60, 60)]


@dataclass(frozen=True)
class Own:
    """A stretch of the recording itself, from sample `start` up to but not including `end`."""

    start: int
    end: int


Piece: TypeAlias = Own | Samples


def splice(samples: Samples, sample_rate: int, pieces: Sequence[Piece]) -> Altered:
    """The pieces one after the other, hard joined, with the map of those of the recording."""
    stretches = [samples[p.start : p.end] if isinstance(p, Own) else p for p in pieces]
    ends = np.cumsum([0, *(stretch.size for stretch in stretches)]).tolist()
    spans = [
        Span(*(index / sample_rate for index in (start, end, piece.start, piece.end)))
        for piece, (start, end) in zip(pieces, pairwise(ends), strict=True)
        if isinstance(piece, Own) and piece.end > piece.start
    ]
    return Altered(np.concatenate(stretches), TimeMap.joined(spans))


class Edit(Effect, named=False):
    """What all edits share: times that must lie within the recording."""

    def _index(self, time_s: float, samples: Samples, sample_rate: int) -> int:
        """The sample nearest to a time, at most the end of the recording."""
        index = round(time_s * sample_rate)
        if index > samples.size:
            raise EffectError(
                f"{self.name}: {time_s:g} s is after the end of the recording at "
                f"{samples.size / sample_rate:g} s; give an earlier time"
            )
        return index

    def _put_in(self, piece: Piece, samples: Samples, sample_rate: int, at_s: float) -> Altered:
        at = self._index(at_s, samples, sample_rate)
        return splice(samples, sample_rate, [Own(0, at), piece, Own(at, samples.size)])


def _longer(effect: "Repeat | InsertSilence | InsertRecording", duration_s: float) -> float:
    """Seconds of the recording and of what is put in."""
    return duration_s + effect.length_s


class StretchEdit(Edit, named=False):
    """What edits share that are about a stretch from `start_s` to `end_s`."""

    start_s: Seconds
    end_s: Seconds

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end_s <= self.start_s:
            times = f"end_s {self.end_s:g} is not after start_s {self.start_s:g}"
            raise EffectError(f"{self.name}: {times}; give a later end")

    @property
    def length_s(self) -> float:
        """Length of the stretch."""
        return self.end_s - self.start_s

    def _stretch(self, samples: Samples, sample_rate: int) -> Own:
        start, end = (self._index(s, samples, sample_rate) for s in (self.start_s, self.end_s))
        if end <= start:
            times = f"{self.start_s:g} s to {self.end_s:g} s holds no sample"
            raise EffectError(f"{self.name}: {times}; give an end after the start")
        return Own(start, end)


class Cut(StretchEdit):
    """The recording without the stretch from `start_s` to `end_s`; moves time."""

    @classmethod
    def draw(
        cls, rng: Rng, *, duration_s: float, start: Range = (0.1, 0.7), length: Range = (0.02, 0.2)
    ) -> Self:
        """A cut whose start and length are drawn evenly, as fractions of `duration_s`."""
        return cls(*_stretch_in(rng, duration_s, start, length))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        cut = self._stretch(samples, sample_rate)
        if cut.end - cut.start == samples.size:
            raise EffectError("cut: the stretch is the whole recording; leave some of it")
        return splice(samples, sample_rate, [Own(0, cut.start), Own(cut.end, samples.size)])

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds that remain."""
        return duration_s - self.length_s


class Crop(StretchEdit):
    """Only the stretch from `start_s` to `end_s`, which then begins at 0; moves time."""

    @classmethod
    def draw(cls, rng: Rng, *, duration_s: float, length: Range = (0.4, 0.95)) -> Self:
        """A stretch of a drawn length, a fraction of `duration_s`, anywhere it fits."""
        length_s = duration_s * uniform(rng, length)
        start_s = uniform(rng, (0.0, duration_s - length_s))
        return cls(start_s, min(start_s + length_s, duration_s))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return splice(samples, sample_rate, [self._stretch(samples, sample_rate)])

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds that are kept."""
        return self.length_s


class Repeat(StretchEdit):
    """A copy of the stretch from `start_s` to `end_s` put in at `at_s`; moves time.

    If `at_s` equals `end_s`, the stretch sounds twice in a row.
    """

    output_duration_s = _longer
    at_s: Seconds

    @classmethod
    def draw(
        cls, rng: Rng, *, duration_s: float, start: Range = (0.1, 0.7), length: Range = (0.02, 0.2)
    ) -> Self:
        """A stretch that sounds twice in a row; the ranges are fractions of `duration_s`."""
        start_s, end_s = _stretch_in(rng, duration_s, start, length)
        return cls(start_s, end_s, end_s)

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return self._put_in(self._stretch(samples, sample_rate), samples, sample_rate, self.at_s)


def _stretch_in(rng: Rng, duration_s: float, start: Range, length: Range) -> tuple[float, float]:
    """Start and end of a drawn stretch; the ranges are fractions of the duration."""
    start_s = duration_s * uniform(rng, start)
    return start_s, min(start_s + duration_s * uniform(rng, length), duration_s)


class InsertSilence(Edit):
    """`length_s` of silence put in at `at_s`; moves what follows."""

    output_duration_s = _longer
    at_s: Seconds
    length_s: Seconds

    @classmethod
    def draw(
        cls, rng: Rng, *, duration_s: float, at: Range = (0.1, 0.9), length: Range = (0.01, 0.1)
    ) -> Self:
        """Place and length drawn evenly, as fractions of `duration_s`."""
        return cls(duration_s * uniform(rng, at), duration_s * uniform(rng, length))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        silence = np.zeros(round(self.length_s * sample_rate), np.float32)
        return self._put_in(silence, samples, sample_rate, self.at_s)


class ForeignEdit(Edit, named=False):
    """What edits share that bring in another file, from its `offset_s` on, at `at_s`."""

    path: Path
    offset_s: Seconds
    at_s: Seconds
    length_s: Seconds
    level_db: Level


class InsertRecording(ForeignEdit):
    """`length_s` of another file, from its `offset_s` on, put in at `at_s`; moves what follows.

    `level_db`: the power of the piece relative to the whole recording.
    """

    output_duration_s = _longer
    level_db: Level = 0.0

    @classmethod
    def draw(
        cls, rng: Rng, *, duration_s: float, paths: Sequence[str] = (), at: Range = (0.1, 0.9),
        length: Range = (0.02, 0.2), level_db: Range = (-6.0, 6.0),
    ) -> Self:  # fmt: skip
        """One of the files; place and length as fractions of `duration_s`, no longer than it."""
        path = effect.draw_path(rng, cls.name, paths)
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
        return self._put_in(piece, samples, sample_rate, self.at_s)


class Mix(ForeignEdit):
    """A file's sound, from its `offset_s` on, added from `at_s` for `length_s`; keeps time.

    `level_db`: its power over that stretch relative to the recording's there. It is not looped,
    and ends early where either recording ends.
    """

    @classmethod
    def draw(
        cls, rng: Rng, *, duration_s: float, paths: Sequence[str] = (), at: Range = (0.0, 0.6),
        length: Range = (0.1, 0.6), level_db: Range = (-20.0, 0.0),
    ) -> Self:  # fmt: skip
        """One of the files, from its first half; place and length as fractions of `duration_s`."""
        path = effect.draw_path(rng, cls.name, paths)
        offset_s = float(rng.random()) * file_duration_s(path) / 2
        at_s, length_s = duration_s * uniform(rng, at), duration_s * uniform(rng, length)
        return cls(path, offset_s, at_s, length_s, uniform(rng, level_db))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        start = self._index(self.at_s, samples, sample_rate)
        length_s = min(self.length_s, (samples.size - start) / sample_rate)
        if round(length_s * sample_rate) == 0:
            raise EffectError(f"mix: no sample to mix at {self.at_s:g} s; mix earlier or longer")
        other = read_stretch(self.path, sample_rate, start_s=self.offset_s, length_s=length_s)
        under = samples[start : start + other.size]
        mixed = samples.copy()
        mixed[start : start + other.size] += scaled_to_level(other, under, level_db=self.level_db)
        return mixed


def edits_by_source_time(
    crop: Range | None = None, cuts: Iterable[Range] = (), silences: Iterable[Range] = ()
) -> Iterator[Effect]:
    """A crop, cuts (start, end) and silences (at, length) whose times are all the source's.

    The crop comes first, then the rest from the last to the first, so that no edit shifts the
    times of another. Edits that overlap or leave the crop are an EffectError.
    """
    begin_s, end_s = crop or (0.0, math.inf)
    if crop:
        yield Crop(*crop)
    # Where a silence and a cut begin together, the cut runs first: it must not cut the silence.
    edits = [(start_s, True, cut_end_s) for start_s, cut_end_s in cuts]
    edits += [(at_s, False, length_s) for at_s, length_s in silences]
    next_start_s = end_s
    for at_s, is_cut, value_s in sorted(edits, reverse=True):
        last_s = value_s if is_cut else at_s
        if at_s < begin_s or last_s > end_s:
            crop_s = f"{begin_s:g} s to {end_s:g} s"
            raise EffectError(f"edit at {at_s:g} s is outside the crop of {crop_s}; move it")
        if last_s > next_start_s:
            where = f"the one at {next_start_s:g} s"
            raise EffectError(f"edit at {at_s:g} s reaches into {where}; separate them")
        next_start_s, at_s = at_s, at_s - begin_s
        yield Cut(at_s, value_s - begin_s) if is_cut else InsertSilence(at_s, value_s)
