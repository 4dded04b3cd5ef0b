"""How the spectrum's envelope varies: synthesis smooths it, and moves its bands together."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from spoof.features.filters import mel_filters
from spoof.features.voice.sound import (
    HOP,
    RATE_HZ,
    Floats,
    Sound,
    active_frames,
    correlations,
    moments,
)

N_BANDS, N_CEPSTRA = 60, 40
LAGS = (1, 2, 4, 8, 16)
"""Frames of 10 ms over which changes are measured."""
MEL_FFT = 1024
"""Twice the window of the linear bands: mel bands are narrow where pitch is."""
N_WIDE = 20
"""Bands whose levels are compared with each other."""


def envelope(sound: Sound) -> list[NDArray[np.floating]]:
    """Moments of 40 cepstra and their change over five lags; how 20 linear bands agree.

    The cepstra are of linear bands, and then of mel bands.
    """
    spectra = sound.spectra(length=MEL_FFT, hop=HOP)
    mel = np.log(spectra @ mel_filters(RATE_HZ, MEL_FFT, N_BANDS).T)
    return [
        *_movement(sound.bands(N_BANDS), sound.active),
        *_movement(mel, active_frames(spectra)),
        correlations(sound.bands(N_WIDE)[sound.active]),
    ]


def _movement(levels: Floats, active: NDArray[np.bool_]) -> list[NDArray[np.floating]]:
    """Moments of the cepstra of levels (frames, bands), and their change over each lag."""
    cepstra = dct(levels, axis=1, norm="ortho")[:, :N_CEPSTRA]
    return [*moments(cepstra[active]), *(_change(cepstra, active, lag) for lag in LAGS)]


def _change(
    cepstra: NDArray[np.floating], active: NDArray[np.bool_], lag: int
) -> NDArray[np.floating]:
    """Log standard deviation of each cepstrum's change over some frames."""
    change = (cepstra[lag:] - cepstra[:-lag])[active[lag:]]
    if not len(change):
        return np.zeros(cepstra.shape[1])
    spread: NDArray[np.floating] = np.log(change.std(axis=0) + 1e-6)
    return spread
