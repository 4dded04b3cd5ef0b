"""Faster or slower at the same pitch."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.timemap import Span, TimeMap

# The same sound at another sample rate.


def resample(samples: Samples, from_rate: float, to_rate: float) -> Samples:
    """Samples at `to_rate` Hz, as many as the duration asks for (rounded, at least one).

    soxr's linear-phase filter: nothing is delayed.
    """
    if from_rate == to_rate:
        return samples
    import soxr

    length = max(1, round(samples.size * to_rate / from_rate))
    return with_length(np.asarray(soxr.resample(samples, from_rate, to_rate)), length)


def with_length(samples: Samples, length: int) -> Samples:
    """The samples cut, or filled up with zeros at the end, to `length`."""
    if samples.size >= length:
        return samples[:length]
    return np.pad(samples, (0, length - samples.size))


# The phase vocoder behind tempo and pitch: Signalsmith Stretch.


def stretched(samples: Samples, sample_rate: int, *, factor: float) -> Samples:
    """The samples `factor` times faster at the same pitch, without delay.

    The library takes its own latency out. It is random where it makes sound more than twice as
    long, so it gets a fixed seed: the same input gives the same output, bit for bit.
    """
    from python_stretch import Signalsmith

    stretch = Signalsmith.Stretch(0)
    stretch.preset(1, sample_rate)
    stretch.setTimeFactor(factor)
    return np.array(stretch.process(samples[np.newaxis, :]), dtype=np.float32).reshape(-1)


# Faster or slower at the same pitch.


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


# Higher or lower at the same tempo.


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


# Faster and higher together, as a tape or a turntable that runs off speed.


@dataclass(frozen=True)
class Speed(Effect):
    """The sound `factor` times as fast (0.25 to 4), pitch along with it; moves time.

    1.1 turns 20 s into 18.18 s, to the nearest sample, and 440 Hz into 484 Hz.
    """

    name = "speed"
    factor: float

    def __post_init__(self) -> None:
        self._check_limits(factor=(0.25, 4))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, factor: Range = (0.9, 1.1)) -> Self:
        """A factor drawn evenly."""
        return cls(uniform(rng, factor))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        faster = resample(samples, sample_rate * self.factor, sample_rate)
        return Altered(faster, whole_to_whole(samples, faster, sample_rate))

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds at the new speed."""
        return duration_s / self.factor


# Tempo and pitch by another method than `tempo` and `pitch`, for tests that must not know it.
# WSOLA (waveform similarity overlap-add), as FFmpeg's filter `atempo` does it: pieces of about
# 45 ms are taken from the sound as they are, each moved by up to half its length to where it fits
# on the one before. No recipe for training draws these effects, and none should: they are how
# `eval` sees whether a model has learned tempo and pitch, or only how one library makes them.

FRAME_SAMPLES = 4096


def wsola_stretched(samples: Samples, sample_rate: int, *, factor: float) -> Samples:
    """The samples `factor` times faster, to the nearest sample, by FFmpeg's `atempo`."""
    import av

    graph = av.filter.Graph()
    tick = Fraction(1, sample_rate)
    try:
        graph.link_nodes(
            graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono", time_base=tick),
            graph.add("atempo", repr(factor)),
            graph.add("abuffersink"),
        ).configure()
        parts: list[Samples] = []
        for start in range(0, samples.size, FRAME_SAMPLES):
            piece = samples[np.newaxis, start : start + FRAME_SAMPLES]
            frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, tick
            graph.push(frame)
            parts += _ready(graph)
        graph.push(None)  # the end: out comes what the filter still held
        parts += _ready(graph)
    except av.FFmpegError as problem:
        raise EffectError(
            f"wsola: this ffmpeg cannot do factor {factor:g} at {sample_rate} Hz ({problem})"
        ) from problem
    stretched = np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
    return with_length(stretched, round(samples.size / factor))  # it ends some ms early or late


def _ready(graph: Any) -> list[Samples]:
    """What the filter has to give for now, (n,) each."""
    import av

    parts: list[Samples] = []
    while True:
        try:
            parts.append(graph.pull().to_ndarray()[0])
        except (av.BlockingIOError, av.EOFError):
            return parts


@dataclass(frozen=True)
class WsolaTempo(Tempo):
    """The sound `factor` times as fast (0.5 to 2), its pitch unchanged, by WSOLA; moves time.

    As long as `tempo` makes it. A moment of the source is heard up to 25 ms of the source from
    where the map has it, half a piece: WSOLA works like that. In music the average over some
    seconds is about 10 ms off, up to 20. It doesn't drift.
    """

    name = "wsola_tempo"
    factors = (0.5, 2)
    stretch = staticmethod(wsola_stretched)


@dataclass(frozen=True)
class WsolaPitch(Pitch):
    """The sound shifted by `shift_semitones` (-12 to 12) by WSOLA, every moment in its place.

    Made longer at the same pitch and then played faster. Moments are as exact as those of
    `wsola_tempo`.
    """

    name = "wsola_pitch"
    shifts = (-12, 12)
    stretch = staticmethod(wsola_stretched)
