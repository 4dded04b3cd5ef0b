"""What is left of spectra when their envelope is taken off: harmonics, noise, lines, gaps."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spoof.features.voice.sound import Sound

ENVELOPE_BINS, ENVELOPE_FRAMES = 9, 5
"""Width of what is taken for the envelope: 280 Hz, and 50 ms."""
EDGES = np.linspace(4, 250, 21).round().astype(int)
"""Bins between which 20 bands lie: 125 to 7,800 Hz."""


def detail(sound: Sound) -> list[NDArray[np.floating]]:
    """In each of 20 bands spread, skewness and kurtosis over frequency, and the same over time."""
    log_power, active = np.log(sound.power), sound.active
    beside = log_power[active]
    fine = beside - uniform_filter1d(beside, ENVELOPE_BINS, axis=1)
    quick = (log_power - uniform_filter1d(log_power, ENVELOPE_FRAMES, axis=0))[active]
    return [*_shapes(fine), *_shapes(quick)]


def _shapes(values: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Standard deviation, skewness and log kurtosis, about 0, of the values in each band."""
    count = np.diff(EDGES) * len(values)
    squares = np.square(values)
    powers = (squares, squares * values, np.square(squares))
    means = [np.add.reduceat(p.sum(axis=0)[: EDGES[-1]], EDGES[:-1]) / count for p in powers]
    spread = np.sqrt(means[0]) + 1e-6
    return [spread, means[1] / spread**3, np.log(means[2] / spread**4 + 1e-3)]
