"""What alignment compares: the changes of a stretch of sound, at two resolutions, and its spectra.

What stands still in time (hum, the colour of a room, steady noise) is taken from the roots of the
CQT, and so is what is wide in frequency (an equaliser, a noise floor). The rest, the beginnings of
notes and their partials, is brought to one level. It correlates sharply with itself and with
nothing else, also under noise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS, SILENCE_LEVEL, Cqt

Floats = NDArray[np.float32]
Values = NDArray[np.float64]
Read = Callable[[float, float], Floats]
"""Reads the samples of a recording from one second to another, cut to what there is."""

COARSE_FRAMES = 4
COARSE_PER_SECOND = FRAMES_PER_SECOND / COARSE_FRAMES  # 10.8, for the coarse search
STEADY_S = 1.0  # what lasts longer stands still
BETWEEN_FRAMES = 0.8  # by so much changes are smoothed where lines fall between frames
WIDE_BINS = 7  # what is wider in frequency, in semitones, is no partial
QUIET_CHANGES = 0.003  # level, in roots of CQT magnitudes, below which changes are not lifted

HIGH_BIN = 42
"""From this bin on, 370 Hz, wavelets are shorter than four frames: so noise differs from one
coarse frame to the next, and music less."""
NOISE_STRUCTURE, NOISE_SPREAD = 0.235, 0.04
"""`Content.structure` of noise, and how much more a second of noise may have."""
LEAST_MOTION = 0.15  # `Content.motion` of anything but steady tones
MOMENTS, SIMPLE = 24, 0.83
"""So many moments are compared with each other; `Content.monotony` of sirens, sweeps, scales and
drones is higher (0.84 to 0.99). Of 12 s of 393 recordings of music and speech 3 had more: two
test tones and one piece."""

SPECTRUM_SAMPLES = 8192  # of one spectrum
SPECTRA_PER_SECOND = 10.0
LOWEST_HZ, SPECTRUM_OCTAVES, STEP_CENTS = 110.0, 5.25, 10  # the scale of the spectra
PERSISTENCE_S = 0.3  # spectra so far apart are alike where tones are held
WIDE_CENTS = 200  # what is wider in a spectrum is no partial


def held(values: Floats) -> Read:
    """A reader of samples in memory."""

    def read(start_s: float, end_s: float) -> Floats:
        return values[max(0, round(start_s * SAMPLE_RATE)) : round(end_s * SAMPLE_RATE)]

    return read


@dataclass(frozen=True)
class Content:
    """Whether a recording holds anything to recognise it by."""

    structure: float  # of noise 0.235, more exactly the longer it lasts; of music 0.25 to 0.8
    motion: float  # median change over the level; of a steady tone near 0, of music above 0.23
    level: float  # mean root of the CQT's magnitudes
    heard_s: float  # seconds that are not silent
    persistence: float = 0.0  # likeness of spectra 0.3 s apart: of music about 0.4, of speech 0
    monotony: float = 0.0  # likeness of any two moments at their best pitch: 0.3 to 0.7

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear."""
        return self.level < SILENCE_LEVEL

    @property
    def is_steady(self) -> bool:
        """Whether there are only tones that stand still."""
        return self.motion < LEAST_MOTION

    @property
    def is_simple(self) -> bool:
        """Whether there is one timbre that only glides or steps: sirens, sweeps, scales, drones."""
        return self.monotony > SIMPLE

    @property
    def is_noise(self) -> bool:
        """Whether there is only steady noise."""
        return self.structure < NOISE_STRUCTURE + NOISE_SPREAD / math.sqrt(self.heard_s)


@dataclass(frozen=True)
class Features:
    """What alignment compares of samples (n,), mono at 22,050 Hz, that begin at `start_s`."""

    fine: Floats  # (84, n // 512 + 1) changes of the CQT
    spectra: Floats  # (spectra, steps of 10 cents), SPECTRA_PER_SECOND
    motion: Floats  # (n // 512 + 1,) how much changes, over the level
    level: Floats  # (n // 512 + 1,) mean root of the CQT's magnitudes
    start_s: float = 0.0

    @classmethod
    def of(cls, samples: Floats, *, start_s: float = 0.0) -> "Features":
        """The features of samples."""
        roots = np.sqrt(cqt()(samples[None])[0])
        fine, motion = changes(roots)
        return cls(fine, spectra(samples), motion, roots.mean(axis=0), start_s)

    def part(self, start_s: float, end_s: float) -> "Features":
        """The features from one time to another, cut to what there is, on the grid of spectra."""
        first = max(0, round((start_s - self.start_s) * SPECTRA_PER_SECOND))
        last = max(first + 1, math.ceil((end_s - self.start_s) * SPECTRA_PER_SECOND))
        begin, end = (round(n / SPECTRA_PER_SECOND * FRAMES_PER_SECOND) for n in (first, last))
        return Features(
            self.fine[:, begin:end], self.spectra[first:last], self.motion[begin:end],
            self.level[begin:end], self.start_s + begin / FRAMES_PER_SECOND,
        )  # fmt: skip

    @cached_property
    def coarse(self) -> Floats:
        """The changes averaged over four frames, (84, n)."""
        return averaged(self.fine)

    @cached_property
    def smooth(self) -> Floats:
        """The changes, smoothed, or what falls between two frames would agree less, (84, n)."""
        return np.asarray(gaussian_filter1d(self.fine, BETWEEN_FRAMES, axis=1))

    @property
    def duration_s(self) -> float:
        """How long it lasts, to a frame."""
        return float((self.fine.shape[1] - 1) / FRAMES_PER_SECOND)

    @property
    def end_s(self) -> float:
        """Where it ends, on the clock of its recording."""
        return self.start_s + self.duration_s

    @cached_property
    def content(self) -> Content:
        """Whether it holds anything to recognise it by."""
        edge = round(STEADY_S / 2 * FRAMES_PER_SECOND)
        end = max(edge + COARSE_FRAMES, self.fine.shape[1] - edge)
        high = self.fine[HIGH_BIN:, edge:end]
        power = float(np.square(high).mean()) if high.size else 0.0
        structure = float(np.square(averaged(high)).mean()) / power if power > 0 else 0.0
        audible = self.level >= SILENCE_LEVEL
        motion = float(np.median(self.motion[audible])) if audible.any() else 0.0
        audible_s = max(1, int(np.count_nonzero(audible))) / FRAMES_PER_SECOND
        level = float(self.level.mean())
        return Content(structure, motion, level, audible_s, self._persistence(), self._monotony())

    def _persistence(self) -> float:
        apart = round(PERSISTENCE_S * SPECTRA_PER_SECOND)
        likeness = (self.spectra[:-apart] * self.spectra[apart:]).sum(axis=1)
        audible = np.linalg.norm(self.spectra, axis=1) > 0.5
        both = audible[:-apart] & audible[apart:]
        return float(np.median(likeness[both])) if both.any() else 0.0

    def _monotony(self) -> float:
        loud = np.flatnonzero(self.level > 0.5 * np.quantile(self.level, 0.98))
        if not loud.size:
            return 0.0
        at = loud[np.linspace(0, loud.size - 1, MOMENTS).astype(int)]
        on_spectra = np.rint(at / FRAMES_PER_SECOND * SPECTRA_PER_SECOND).astype(int)
        rows = self.spectra[np.minimum(on_spectra, len(self.spectra) - 1)]
        return max(_likeness(self.fine[:, at].T), _likeness(rows))


def _likeness(spectra: Floats) -> float:
    """The median correlation of two rows of spectra (n, bins), each pair at its best shift."""
    rows = spectra - spectra.mean(axis=1, keepdims=True)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    transforms = scipy.fft.rfft(rows, 2 * rows.shape[1], axis=1)
    one, other = np.triu_indices(len(rows), 1)
    products = scipy.fft.irfft(transforms[one] * np.conj(transforms[other]), axis=1)
    return float(np.median(products.max(axis=1)))


def averaged(changes: Floats) -> Floats:
    """Means (84, n // 4) of four frames each."""
    n = changes.shape[1] // COARSE_FRAMES
    groups = changes[:, : n * COARSE_FRAMES].reshape(len(changes), n, COARSE_FRAMES)
    return np.asarray(groups.mean(axis=2))


@cache
def cqt() -> Cqt:
    """The one front end of this process."""
    return Cqt()


def changes(roots: Floats, *, per_second: float = FRAMES_PER_SECOND) -> tuple[Floats, Floats]:
    """Changes (84, n) of CQT roots (84, n), about 1 where there is sound; and motion (n,)."""
    steady = int(STEADY_S * per_second) | 1  # odd
    moving = roots - uniform_filter1d(roots, steady, axis=1, mode="nearest")
    motion = np.sqrt(np.square(moving).mean(axis=0)) / np.maximum(roots.mean(axis=0), SILENCE_LEVEL)
    moving -= uniform_filter1d(moving, WIDE_BINS, axis=0, mode="nearest")
    power = np.square(moving, dtype=np.float64).mean(axis=0)
    level = np.sqrt(np.maximum(0, uniform_filter1d(power, steady, mode="nearest")))
    return (moving / (level + QUIET_CHANGES)).astype(np.float32), motion.astype(np.float32)


def spectra(samples: Floats) -> Floats:
    """Roots of magnitudes (n, steps) on a scale of cents, less the mean of their neighbours.

    Each has length 1, or 0 where there is no sound.
    """
    hop = round(SAMPLE_RATE / SPECTRA_PER_SECOND)
    padded = np.pad(samples, SPECTRUM_SAMPLES // 2)
    frames = sliding_window_view(padded, SPECTRUM_SAMPLES)[::hop]
    window = np.hanning(SPECTRUM_SAMPLES).astype(np.float32)
    bins = spectrum_hz() * SPECTRUM_SAMPLES / SAMPLE_RATE
    below = bins.astype(int)
    above = (bins - below).astype(np.float32)
    rows = []
    for some in np.array_split(frames, max(1, len(frames) // 256)):
        roots = np.sqrt(np.abs(scipy.fft.rfft(some * window, axis=1)))
        rows.append(roots[:, below] * (1 - above) + roots[:, below + 1] * above)
    on_scale = np.concatenate(rows)
    on_scale -= uniform_filter1d(on_scale, WIDE_CENTS // STEP_CENTS | 1, axis=1)
    length = np.linalg.norm(on_scale, axis=1, keepdims=True)
    return np.asarray(on_scale / np.maximum(length, 1e-3), np.float32)


def spectrum_hz() -> NDArray[np.float64]:
    """Frequencies of the scale of cents."""
    cents = np.arange(0, SPECTRUM_OCTAVES * 1200, STEP_CENTS)
    return np.asarray(LOWEST_HZ * 2 ** (cents / 1200))


def played_at(changes: Floats, tempo: float) -> Floats:
    """Changes (84, n) of A on the clock of B, (84, n * tempo)."""
    n = changes.shape[1]
    return sample(changes, np.arange(max(2, round(n * tempo))) / tempo)


def sample(changes: Floats, frames: Values) -> Floats:
    """Changes (84, n) at fractional frames (m,): (84, m); beyond the ends, the last one."""
    before, after, share = _around(frames, changes.shape[1])
    low, high = (changes.take(places, axis=1, mode="clip") for places in (before, after))
    high -= low
    high *= share
    high += low
    return high


def _around(places: Values, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """The two of n rows around each place, and the share of the second one."""
    inside = np.clip(places, 0, n - 1)
    before = np.minimum(inside.astype(int), max(0, n - 2))
    return before, np.minimum(before + 1, n - 1), (inside - before).astype(np.float32)


def shifted(changes: Floats, semitones: float) -> Floats:
    """Changes (84, n) moved up by semitones; a fraction is shared between two bins."""
    source = np.arange(N_BINS) - semitones
    below = np.floor(source).astype(int)
    share = np.float32(semitones * -1 - np.floor(-semitones))
    rows = padded(changes.T, -1, N_BINS + 1).T
    low: Floats = rows[np.clip(below + 1, 0, N_BINS + 1)]
    if not share:
        return low
    high = rows[np.clip(below + 2, 0, N_BINS + 1)]
    return np.asarray(low * (1 - share) + high * share, np.float32)


def rows_at(spectra: Floats, places: Values, *, margin: int = 0) -> Floats:
    """Spectra (n, steps) at fractional rows (m,), and zeros after each: (m, steps + margin)."""
    before, after, share = _around(places, len(spectra))
    rows = np.zeros((len(places), spectra.shape[1] + margin), np.float32)
    low, high = spectra[before], spectra[after]
    high -= low
    high *= share[:, None]
    np.add(low, high, out=rows[:, : spectra.shape[1]])
    return rows


def padded(changes: Floats, first: int, last: int) -> Floats:
    """Changes (84, n) from one frame to another, zeros where there are none."""
    padded = np.zeros((len(changes), last - first), np.float32)
    begin, end = max(0, first), min(last, changes.shape[1])
    padded[:, begin - first : end - first] = changes[:, begin:end]
    return padded
