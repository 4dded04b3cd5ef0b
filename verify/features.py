"""What alignment sees of a stretch of sound: its changes, at two resolutions, and its spectrum.

The CQT's roots are freed from what stands still in time (hum, a room's colour, stationary noise)
and from what is wide in frequency (an equaliser, a noise floor), and brought to one level. What
is left, the beginnings of notes and their partials, correlates sharply with itself and with
nothing else, also under noise.
"""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND, SILENCE_LEVEL, Cqt

Floats = NDArray[np.float32]

COARSE_FRAMES = 4
COARSE_PER_SECOND = FRAMES_PER_SECOND / COARSE_FRAMES
"""Frames a second of what is searched: 10.8."""
STEADY_S = 1.0
"""What lasts longer is taken as standing still."""
WIDE_BINS = 7
QUIET = 0.003
"""Level of changes, in roots of CQT magnitudes, under which they are not lifted."""

HIGH_BIN = 42
"""Bins from here on, 370 Hz, hear less than four frames at once: noise changes between frames."""
NOISE_STRUCTURE, NOISE_SPREAD = 0.235, 0.04
"""`Content.structure` of noise, and how much more noise of a second may have."""
LEAST_MOTION = 0.15

SPECTRUM_SAMPLES = 8192
SPECTRA_PER_SECOND = 10.0
STEP_CENTS = 10
LOWEST_HZ, SPECTRUM_OCTAVES = 110.0, 5.25
WIDE_CENTS = 200


@dataclass(frozen=True)
class Content:
    """Whether there is anything to recognise a recording by."""

    structure: float  # of noise 0.235, more exactly the longer it lasts; of music 0.25 to 0.8
    motion: float  # median change over the level; of a steady tone near 0, of music above 0.23
    level: float  # mean root of the CQT's magnitudes
    heard_s: float  # how much of it is no silence

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.level < SILENCE_LEVEL

    @property
    def is_steady(self) -> bool:
        """Whether there is nothing but tones that stand still."""
        return self.motion < LEAST_MOTION

    @property
    def is_noise(self) -> bool:
        """Whether there is nothing but noise that stands still."""
        return self.structure < NOISE_STRUCTURE + NOISE_SPREAD / math.sqrt(self.heard_s)


@dataclass(frozen=True)
class Features:
    """What alignment sees of samples (n,), mono at 22,050 Hz, that begin at `start_s`."""

    fine: Floats  # (84, n // 512 + 1) changes of the CQT
    spectra: Floats  # (spectra, steps of 10 cents), SPECTRA_PER_SECOND
    motion: Floats  # (n // 512 + 1,) how much changes, over the level
    level: Floats  # (n // 512 + 1,) mean root of the CQT's magnitudes
    start_s: float = 0.0

    @classmethod
    def of(cls, samples: Floats, *, start_s: float = 0.0) -> "Features":
        """The features of samples.

        >>> Features.of(samples).fine.shape
        (84, 862)
        """
        with torch.inference_mode():
            roots = cqt()(torch.from_numpy(samples)[None])[0].sqrt().numpy()
        fine, motion = changes(roots)
        return cls(fine, spectra(samples), motion, roots.mean(axis=0), start_s)

    def part(self, start_s: float, end_s: float) -> "Features":
        """The features from one time to another, cut to what there is, on the grid of spectra."""
        first = max(0, round((start_s - self.start_s) * SPECTRA_PER_SECOND))
        last = max(first + 1, math.ceil((end_s - self.start_s) * SPECTRA_PER_SECOND))
        begin_s = first / SPECTRA_PER_SECOND
        begin = round(begin_s * FRAMES_PER_SECOND)
        frames = slice(begin, round(last / SPECTRA_PER_SECOND * FRAMES_PER_SECOND))
        return Features(
            self.fine[:, frames],
            self.spectra[first:last],
            self.motion[frames],
            self.level[frames],
            self.start_s + begin / FRAMES_PER_SECOND,
        )

    @cached_property
    def coarse(self) -> Floats:
        """The changes averaged over four frames, (84, n)."""
        return averaged(self.fine)

    @property
    def duration_s(self) -> float:
        """How long the stretch lasts, to a frame."""
        return float((self.fine.shape[1] - 1) / FRAMES_PER_SECOND)

    @property
    def end_s(self) -> float:
        """Where it ends, on the clock of its recording."""
        return self.start_s + self.duration_s

    @cached_property
    def content(self) -> Content:
        """Whether there is anything to recognise it by."""
        edge = round(STEADY_S / 2 * FRAMES_PER_SECOND)
        n = self.fine.shape[1]
        high = self.fine[HIGH_BIN:, edge : max(edge + COARSE_FRAMES, n - edge)]
        power = float(np.square(high).mean()) if high.size else 0.0
        structure = float(np.square(averaged(high)).mean()) / power if power > 0 else 0.0
        heard = self.level >= SILENCE_LEVEL
        motion = float(np.median(self.motion[heard])) if heard.any() else 0.0
        heard_s = max(1, int(np.count_nonzero(heard))) / FRAMES_PER_SECOND
        return Content(structure, motion, float(self.level.mean()), heard_s)


def averaged(changes: Floats) -> Floats:
    """Means (84, n // 4) of four frames each."""
    n = changes.shape[1] // COARSE_FRAMES
    groups = changes[:, : n * COARSE_FRAMES].reshape(len(changes), n, COARSE_FRAMES)
    means: Floats = groups.mean(axis=2)
    return means


@cache
def cqt() -> Cqt:
    """The one front end of this process."""
    return Cqt()


def changes(roots: Floats) -> tuple[Floats, Floats]:
    """Changes (84, n) of CQT roots (84, n), about 1 where something is heard; and motion (n,)."""
    steady = _odd(STEADY_S * FRAMES_PER_SECOND)
    found = roots - uniform_filter1d(roots, steady, axis=1, mode="nearest")
    motion = np.sqrt(np.square(found).mean(axis=0)) / np.maximum(roots.mean(axis=0), SILENCE_LEVEL)
    found -= uniform_filter1d(found, WIDE_BINS, axis=0, mode="nearest")
    power = np.square(found, dtype=np.float64).mean(axis=0)
    level = np.sqrt(np.maximum(0, uniform_filter1d(power, steady, mode="nearest")))
    return (found / (level + QUIET)).astype(np.float32), motion.astype(np.float32)


def spectra(samples: Floats) -> Floats:
    """Roots of magnitudes (n, steps) on a scale of cents, less their own neighbourhood.

    Each has length 1, or 0 where nothing sounds.
    """
    hop = round(SAMPLE_RATE / SPECTRA_PER_SECOND)
    half = SPECTRUM_SAMPLES // 2
    padded = np.pad(samples, half)
    frames = np.lib.stride_tricks.sliding_window_view(padded, SPECTRUM_SAMPLES)[::hop]
    window = np.hanning(SPECTRUM_SAMPLES).astype(np.float32)
    bins = spectrum_hz() * SPECTRUM_SAMPLES / SAMPLE_RATE
    below = bins.astype(int)
    above = (bins - below).astype(np.float32)
    rows = []
    for some in np.array_split(frames, max(1, len(frames) // 256)):
        roots = np.sqrt(np.abs(np.fft.rfft(some * window, axis=1))).astype(np.float32)
        rows.append(roots[:, below] * (1 - above) + roots[:, below + 1] * above)
    found = np.concatenate(rows)
    found -= uniform_filter1d(found, _odd(WIDE_CENTS / STEP_CENTS), axis=1)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, 1e-3), np.float32)


def spectrum_hz() -> NDArray[np.float64]:
    """Frequencies of the scale of cents."""
    cents = np.arange(0, SPECTRUM_OCTAVES * 1200, STEP_CENTS)
    return np.asarray(LOWEST_HZ * 2 ** (cents / 1200))


def _odd(number: float) -> int:
    return int(number) | 1
