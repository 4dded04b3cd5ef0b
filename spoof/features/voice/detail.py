"""What is left of spectra when their envelope is taken off: harmonics, noise, lines, gaps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spoof.features.voice.sound import HOP, N_FFT, Floats, Sound, active_frames

ENVELOPE_FRAMES = 5
"""Frames that are taken for the envelope over time."""


@dataclass(frozen=True)
class Resolution:
    """Windows of a length, how many bins of theirs are the envelope, and bands of bins."""

    length: int
    hop: int
    n_fft: int
    envelope_bins: int
    edges: tuple[int, ...]


def _edges(first: int, last: int, bands: int) -> tuple[int, ...]:
    return tuple(np.linspace(first, last, bands + 1).round().astype(int).tolist())


MIDDLE = Resolution(N_FFT, HOP, N_FFT, 9, _edges(4, 250, 20))
"""32 ms, an envelope 280 Hz wide, 125 to 7,800 Hz."""
LONG = Resolution(1600, 320, 2048, 21, _edges(32, 1020, 16))
"""100 ms, 160 Hz, 250 to 8,000 Hz: single harmonics."""
SHORT = Resolution(160, 80, 512, 5, _edges(8, 252, 16))
"""10 ms, 160 Hz, 250 to 7,900 Hz: single pulses."""


def detail(sound: Sound) -> list[NDArray[np.floating]]:
    """In each band spread, skewness and kurtosis over frequency and over time, thrice.

    Once at each resolution: MIDDLE, LONG, SHORT.
    """
    found = [*_detail(sound.power, MIDDLE)]
    for at in (LONG, SHORT):
        found += _detail(sound.spectra(length=at.length, hop=at.hop, n_fft=at.n_fft), at)
    return found


def _detail(power: Floats, at: Resolution) -> list[NDArray[np.floating]]:
    log_power, active = np.log(power), active_frames(power)
    beside = log_power[active]
    beside -= uniform_filter1d(beside, at.envelope_bins, axis=1)
    log_power -= _mean_over_frames(log_power)
    return [*_shapes(beside, at.edges), *_shapes(log_power[active], at.edges)]


def _mean_over_frames(values: Floats) -> Floats:
    """Of each of values (frames, bins) and its two neighbours on either side, mirrored at the ends.

    As `uniform_filter1d` along the first axis, which takes several times as long.
    """
    around = ENVELOPE_FRAMES // 2
    padded = np.pad(values, ((around, around), (0, 0)), mode="symmetric")
    total = padded[: len(values)].copy()
    for later in range(1, ENVELOPE_FRAMES):
        total += padded[later : later + len(values)]
    total /= ENVELOPE_FRAMES
    return total


def _shapes(values: NDArray[np.floating], edges: tuple[int, ...]) -> list[NDArray[np.floating]]:
    """Standard deviation, skewness and log kurtosis, about 0, of the values in each band."""
    count = np.diff(edges) * len(values)
    squares = np.square(values)
    powers = (squares, squares * values, np.square(squares))
    means = [np.add.reduceat(p.sum(axis=0)[: edges[-1]], edges[:-1]) / count for p in powers]
    spread = np.sqrt(means[0]) + 1e-6
    return [spread, means[1] / spread**3, np.log(means[2] / spread**4 + 1e-3)]
