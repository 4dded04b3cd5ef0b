"""Tempo, pitch and speed: by a phase vocoder, by WSOLA, or by resampling."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from augment.effect import Altered, Effect, Number, Samples
from augment.errors import EffectError
from augment.timemap import Span, TimeMap


def resample(samples: Samples, from_rate: float, to_rate: float) -> Samples:
    """Samples at `to_rate` Hz, as many as the duration asks for, by soxr's linear-phase filter."""
    if from_rate == to_rate:
        return samples
    import soxr

    length = max(1, round(samples.size * to_rate / from_rate))
    return with_length(np.asarray(soxr.resample(samples, from_rate, to_rate)), length)


def with_length(samples: Samples, length: int) -> Samples:
    """The samples cut, or filled up with zeros at the end, to `length`."""
    return np.pad(samples[:length], (0, max(0, length - samples.size)))


def stretched(samples: Samples, sample_rate: int, *, factor: float) -> Samples:
    """The samples `factor` times faster at the same pitch, by Signalsmith Stretch.

    The library is random where it makes sound more than twice as long: its seed is fixed.
    """
    from python_stretch import Signalsmith

    stretch = Signalsmith.Stretch(0)
    stretch.preset(1, sample_rate)
    stretch.setTimeFactor(factor)
    return np.array(stretch.process(samples[np.newaxis, :]), dtype=np.float32).reshape(-1)


class Speed(Effect):
    """The sound `factor` times as fast, and higher along with it, like a tape; moves time.

    1.1 turns 20 s into 18.18 s, to the nearest sample, and 440 Hz into 484 Hz.
    """

    factor: Annotated[float, Number(0.25, 4, drawn=(0.9, 1.1))]

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        faster = resample(samples, sample_rate * self.factor, sample_rate)
        return _played_evenly(samples, faster, sample_rate)

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds at the new speed."""
        return duration_s / self.factor


class Tempo(Effect):
    """The sound `factor` times as fast, its pitch unchanged; moves time.

    1.1 plays ten per cent faster: 20 s become 18.18 s. The default range for drawing is the
    paper's.
    """

    output_duration_s = Speed.output_duration_s
    stretch: ClassVar[Callable[..., Samples]] = staticmethod(stretched)
    factor: Annotated[float, Number(0.25, 4, drawn=(0.8, 1.2))]

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        if self.factor == 1:
            return Altered.unmoved(samples, sample_rate)
        faster = self.stretch(samples, sample_rate, factor=self.factor)
        return _played_evenly(samples, faster, sample_rate)


def _played_evenly(source: Samples, output: Samples, sample_rate: int) -> Altered:
    """The result of an effect that plays the whole source at one rate, that of the two lengths."""
    times = (0.0, output.size / sample_rate, 0.0, source.size / sample_rate)
    return Altered(output, TimeMap((Span(*times),) if output.size else ()))


class Pitch(Effect):
    """The sound shifted by `shift_semitones`, every moment in its place; 12 is an octave up.

    Formants move along with the pitch. The sound is made longer at the same pitch, then played
    faster, which moves a steady tone exactly. The default range for drawing is the paper's.
    """

    stretch: ClassVar[Callable[..., Samples]] = staticmethod(stretched)
    shift_semitones: Annotated[float, Number(-24, 24, drawn=(-4.0, 4.0))]

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        if self.shift_semitones == 0:
            return samples
        ratio = 2 ** (self.shift_semitones / 12)
        longer = self.stretch(samples, sample_rate, factor=1 / ratio)
        return with_length(resample(longer, sample_rate * ratio, sample_rate), samples.size)


# WSOLA (waveform similarity overlap-add), as FFmpeg's filter `atempo` does it: pieces of about
# 45 ms are taken from the sound as they are, each moved by up to half its length to where it fits
# on the one before. It is a second method of changing tempo and pitch, for tests: with it `eval`
# sees whether a model has learned tempo and pitch, or only how one library makes them. So no
# recipe for training may draw these effects.


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
        for frame in mono_frames(samples, sample_rate, "flt", 4096):
            graph.push(frame)  # the last one, None, makes the filter give what it still holds
            parts.extend(_ready(graph))
    except av.FFmpegError as problem:
        raise EffectError(
            f"wsola: this ffmpeg cannot do factor {factor:g} at {sample_rate} Hz ({problem})"
        ) from problem
    output = np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
    return with_length(output, round(samples.size / factor))  # it ends some ms early or late


def _ready(graph: Any) -> Iterator[Samples]:
    """What the filter has ready by now, (n,) each."""
    import av

    with suppress(av.BlockingIOError, av.EOFError):
        while True:
            yield graph.pull().to_ndarray()[0]


def mono_frames(values: NDArray[Any], sample_rate: int, kind: str, size: int) -> Iterator[Any]:
    """Mono samples (n,) as FFmpeg's frames of at most `size`, then None, which marks the end."""
    import av

    for start in range(0, values.size, size):
        piece = values[np.newaxis, start : start + size]
        frame = av.AudioFrame.from_ndarray(piece, format=kind, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        yield frame
    yield None


class WsolaTempo(Tempo):
    """The sound `factor` times as fast, its pitch unchanged, by WSOLA; moves time.

    As long as `tempo` makes it. A moment of the source sounds at most 25 ms of the source, half
    a piece, from where the map has it: WSOLA works like that. In music the average over some
    seconds is about 10 ms off, at most 20. It does not drift.
    """

    stretch = staticmethod(wsola_stretched)
    factor: Annotated[float, Number(0.5, 2, drawn=(0.8, 1.2))]


class WsolaPitch(Pitch):
    """The sound shifted by `shift_semitones` by WSOLA, as exactly as `wsola_tempo` is."""

    stretch = staticmethod(wsola_stretched)
    shift_semitones: Annotated[float, Number(-12, 12, drawn=(-4.0, 4.0))]
