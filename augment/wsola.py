"""Tempo and pitch by another method than `tempo` and `pitch`, for tests that must not know it.

WSOLA (waveform similarity overlap-add), as FFmpeg's filter `atempo` does it: pieces of about
45 ms are taken from the sound as they are, each moved by up to half its length to where it fits
on the one before. No recipe for training draws these effects, and none should: they are how
`eval` sees whether a model has learned tempo and pitch, or only how one library makes them.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from augment.effect import Samples
from augment.errors import EffectError
from augment.pitch import Pitch
from augment.resample import with_length
from augment.tempo import Tempo

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
