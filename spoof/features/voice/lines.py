"""Lines that stand through a recording, as upsampling in a synthesiser leaves them."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from spoof.features.voice.sound import FLOOR, RATE_HZ, Floats, Sound, power_spectra

LENGTHS, HOP_SHARE = (4096, 2048), 4
"""Windows of 256 and 128 ms, a quarter of one apart."""
SMOOTH_HZ = 121
"""Width of what is taken for the spectrum without lines."""
N_BANDS = 10
FLOOR_SHARE = 0.3 * FLOOR
"""Of a window's length, added to every bin: a little below FLOOR, for samples of unit variance."""


def lines(sound: Sound) -> list[NDArray[np.floating]]:
    """Log spread, skewness, log kurtosis and log crest of what stands out in ten bands.

    Of the mean log spectrum of the louder and of the softer half of the windows, at two lengths.
    """
    found = []
    for length in LENGTHS:
        power = power_spectra(sound.samples, length=length, hop=length // HOP_SHARE)
        power += FLOOR_SHARE * length
        energy = power.sum(axis=1)
        middle = np.median(energy)
        for half in (energy >= middle, energy <= middle):
            found.append(_standing_out(np.log(power[half]).mean(axis=0), length))
    return found


def _standing_out(mean: Floats, length: int) -> NDArray[np.floating]:
    width = round(SMOOTH_HZ * length / RATE_HZ) | 1
    rest = mean - uniform_filter1d(mean, width)
    bands = rest[: len(rest) // N_BANDS * N_BANDS].reshape(N_BANDS, -1)
    bands = bands - bands.mean(axis=1, keepdims=True)
    spread = bands.std(axis=1) + 1e-4
    unit = bands / spread[:, None]
    squares = np.square(unit)
    measures = [
        np.log(spread),
        (squares * unit).mean(axis=1),
        np.log(np.square(squares).mean(axis=1) + 1e-3),
        np.log(unit.max(axis=1) + 1e-3),
    ]
    return np.concatenate(measures)
