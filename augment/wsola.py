"""Tempo and pitch by another method than `tempo` and `pitch`, for tests that must not know it.

WSOLA (waveform similarity overlap-add), as FFmpeg's filter `atempo` does it: pieces of about
45 ms are taken from the sound as they are, each moved by up to half its length to where it fits
on the one before. No recipe for training draws these effects, and none should: they are how
`eval` sees whether a model has learned tempo and pitch, or only how one library makes them.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, uniform
from augment.errors import EffectError
from augment.resample import resample, with_length
from augment.tempo import whole_to_whole

FRAME_SAMPLES = 4096


@dataclass(frozen=True)
class WsolaTempo(Effect):
    """The sound `factor` times as fast (0.5 to 2), its pitch unchanged, by WSOLA; moves time.

    As long as `tempo` makes it. A moment of the source is heard up to 25 ms of the source from
    where the map has it, half a piece: WSOLA works like that. In music the average over some
    seconds is about 10 ms off, up to 20. It doesn't drift.
    """

    name = "wsola_tempo"
    factor: float

    def __post_init__(self) -> None:
        self._check_limits(factor=(0.5, 2))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, factor: Range = (0.8, 1.2)) -> Self:
        """A factor drawn evenly."""
        return cls(uniform(rng, factor))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        if self.factor == 1:
            return Altered.unmoved(samples, sample_rate)
        faster = _stretched(samples, sample_rate, factor=self.factor)
        return Altered(faster, whole_to_whole(samples, faster, sample_rate))

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds at the new tempo."""
        return duration_s / self.factor


@dataclass(frozen=True)
class WsolaPitch(Effect):
    """The sound shifted by `shift_semitones` (-12 to 12) by WSOLA, every moment in its place.

    Made longer at the same pitch and then played faster. Moments are as exact as those of
    `wsola_tempo`.
    """

    name = "wsola_pitch"
    shift_semitones: float

    def __post_init__(self) -> None:
        self._check_limits(shift_semitones=(-12, 12))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, shift_semitones: Range = (-4.0, 4.0)) -> Self:
        """A shift drawn evenly, not only whole semitones."""
        return cls(uniform(rng, shift_semitones))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        if self.shift_semitones == 0:
            return Altered.unmoved(samples, sample_rate)
        ratio = 2 ** (self.shift_semitones / 12)
        longer = _stretched(samples, sample_rate, factor=1 / ratio)
        shifted = resample(longer, sample_rate * ratio, sample_rate)
        return Altered.unmoved(with_length(shifted, samples.size), sample_rate)


def _stretched(samples: Samples, sample_rate: int, *, factor: float) -> Samples:
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
