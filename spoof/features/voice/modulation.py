"""How bands swell and fade: at the rate of the pitch, and at that of syllables."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import uniform_filter1d

from spoof.features.filters import linear_filters
from spoof.features.stft import frames_of
from spoof.features.voice.sound import (
    FLOOR,
    RATE_HZ,
    Floats,
    Sound,
    correlations,
    hann,
    power_spectra,
)

FAST_LENGTH, FAST_HOP, FAST_FFT, N_FAST = 96, 16, 128, 10
"""Windows of 6 ms every 1 ms in 10 bands: short enough to see the single pulses of a voice."""
LOCAL = 25
"""Milliseconds whose mean is taken off."""
STRETCH, STRETCH_HOP = 256, 128
LEAST_ENERGY = 0.02
"""Stretches of 256 ms count that have such a share of the loudest one's energy."""
PITCH_EDGES = (5, 15, 26, 40, 60, 90, 128)
"""Between them six ranges of modulation, in 3.9 Hz: 20 to 500 Hz."""
PITCH_RANGE = slice(15, 100)
SLOW_EDGES = (5, 15, 35, 70, 120, 180, 257)
"""The same in 0.2 Hz: 1 to 50 Hz."""
N_SLOW, SLOW_FFT = 20, 512


def modulation(sound: Sound) -> list[NDArray[np.floating]]:
    """Shares of ranges of modulation in each band, how bands agree, and how peaked they are."""
    return [*_fast(sound), _slow(sound)]


def _fast(sound: Sound) -> list[NDArray[np.floating]]:
    levels = _levels(sound)
    levels = levels - uniform_filter1d(levels, LOCAL, axis=0)
    length = min(STRETCH, len(levels))
    energy = np.square(
        frames_of(sound.samples, length=length * FAST_HOP, hop=STRETCH_HOP * FAST_HOP)
    ).mean(axis=1)
    stretches = np.lib.stride_tricks.sliding_window_view(levels, length, axis=0)[::STRETCH_HOP]
    loud = np.flatnonzero(energy >= LEAST_ENERGY * energy.max())
    stretches = stretches[loud[loud < len(stretches)]]
    power = _power(stretches * hann(length), STRETCH, axis=2)  # (stretches, band, modulation)
    power /= power.sum(axis=2, keepdims=True) + 1e-12
    ranges = [power[..., low:high].sum(axis=2).mean(axis=0) for low, high in pairwise(PITCH_EDGES)]
    spread = levels.std(axis=0) + 1e-6
    return [
        np.log(np.stack(ranges) + 1e-4).ravel(),
        np.log(power[..., PITCH_RANGE].max(axis=2).mean(axis=0) + 1e-4),
        spread,
        (np.square(levels) * levels).mean(axis=0) / spread**3,
        correlations(levels),
    ]


def _levels(sound: Sound) -> Floats:
    """Natural logarithms (milliseconds, bands) of the power in short windows."""
    power = power_spectra(sound.samples, length=FAST_LENGTH, hop=FAST_HOP, n_fft=FAST_FFT)
    filters = linear_filters(RATE_HZ, FAST_FFT, N_FAST)
    levels: Floats = np.log(power @ filters.T + FLOOR * FAST_LENGTH)
    return levels


def _slow(sound: Sound) -> NDArray[np.floating]:
    levels = sound.bands(N_SLOW)
    levels = (levels - levels.mean(axis=0)) * hann(len(levels))[:, None]
    power = _power(levels, max(SLOW_FFT, len(levels)), axis=0)
    bins = np.array(SLOW_EDGES) * len(power) // (SLOW_FFT // 2 + 1)
    power /= power[bins[0] :].sum(axis=0) + 1e-12
    shares = [power[a:b].sum(axis=0) for a, b in pairwise(bins.tolist())]
    return np.log(np.stack(shares) + 1e-5).ravel()


def _power(levels: Floats, n_fft: int, *, axis: int) -> Floats:
    """Power spectra of levels along an axis."""
    spectra = rfft(levels, n_fft, axis=axis)
    power: Floats = np.square(spectra.real) + np.square(spectra.imag)
    return power
