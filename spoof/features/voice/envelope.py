"""How the spectrum's envelope varies: synthesis smooths it, and moves its bands together."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from spoof.features.voice.sound import Sound, correlations, moments

N_BANDS, N_CEPSTRA = 60, 40
LAGS = (1, 2, 4, 8, 16)
"""Frames of 10 ms over which changes are measured."""
N_WIDE = 20
"""Bands whose levels are compared with each other."""


def envelope(sound: Sound) -> list[NDArray[np.floating]]:
    """Moments of 40 linear-frequency cepstra, their change over five lags, how 20 bands agree."""
    cepstra = dct(sound.bands(N_BANDS), axis=1, norm="ortho")[:, :N_CEPSTRA]
    found = moments(cepstra[sound.active])
    for lag in LAGS:
        found.append(_change(cepstra, sound.active, lag))
    found.append(correlations(sound.bands(N_WIDE)[sound.active]))
    return found


def _change(
    cepstra: NDArray[np.floating], active: NDArray[np.bool_], lag: int
) -> NDArray[np.floating]:
    """Log standard deviation of each cepstrum's change over some frames."""
    change = (cepstra[lag:] - cepstra[:-lag])[active[lag:]]
    if not len(change):
        return np.zeros(cepstra.shape[1])
    spread: NDArray[np.floating] = np.log(change.std(axis=0) + 1e-6)
    return spread
