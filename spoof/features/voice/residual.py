"""What drives a voice, its filter taken off: sharp pulses in a throat, blurred in synthesis."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft

from spoof.features.stft import frames_of
from spoof.features.voice.sound import (
    Floats,
    Sound,
    correlations,
    hann,
    loud_frames,
    power_of,
)

LENGTH, HOP = 400, 160
"""Frames of 25 ms every 10 ms."""
ORDER = 20
"""Coefficients of the linear prediction: the vocal tract up to 8 kHz."""
RIDGE = 1e-4
"""Of a frame's power, added to it: so that silence and tones can be predicted too."""
LAGS = slice(40, 270)
"""Periods in samples between which pulses repeat: 60 to 400 Hz."""
N_FFT = 720
"""A residual's length and the longest lag fit into it."""
SPECTRUM_FFT, SPECTRUM_FLOOR = 512, 1e-3
QUANTILES = (0.1, 0.5, 0.9)


def residual(sound: Sound) -> list[NDArray[np.floating]]:
    """Mean, spread and quantiles of six measures of loud frames; how four of them agree.

    The measures of what linear prediction leaves: log kurtosis, skewness either way, log crest, how
    much was predicted (nepers), how well pulses repeat, and how flat its spectrum is.
    """
    frames = loud_frames(frames_of(sound.samples, length=LENGTH, hop=HOP))
    left = _left(frames)
    left -= left.mean(axis=1, keepdims=True)
    power = np.square(left).mean(axis=1)
    gain = np.log(frames.var(axis=1) + 1e-9) - np.log(power + 1e-9)
    left /= np.sqrt(power)[:, None] + 1e-6
    squares = np.square(left)
    kurtosis = np.log(np.square(squares).mean(axis=1) + 1e-3)
    skewness = np.abs((squares * left).mean(axis=1))
    crest = np.log(np.abs(left).max(axis=1) + 1e-3)
    repeats = irfft(power_of(left, N_FFT), axis=1)[:, LAGS].max(axis=1)
    repeats /= left.shape[1]
    flat = _flatness(left)
    measures = np.stack([kurtosis, skewness, crest, gain, repeats, flat], axis=1)
    return [
        measures.mean(axis=0),
        measures.std(axis=0),
        *np.quantile(measures, QUANTILES, axis=0),
        correlations(np.stack([kurtosis, gain, repeats, flat], axis=1)),
    ]


def _left(frames: Floats) -> NDArray[np.floating]:
    """What linear prediction leaves of frames (n, length), (n, length - ORDER)."""
    windowed = frames * hann(LENGTH)
    lags = range(ORDER + 1)
    products = [np.einsum("ij,ij->i", windowed[:, k:], windowed[:, : LENGTH - k]) for k in lags]
    own = np.stack(products, axis=1, dtype=np.float64)
    own[:, 0] = own[:, 0] * (1 + RIDGE) + 1e-6
    apart = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    weights = np.linalg.solve(own[:, apart], own[:, 1:, None])[..., 0].astype(np.float32)
    length = frames.shape[1]
    left = frames[:, ORDER:].copy()
    for back in range(1, ORDER + 1):
        left -= weights[:, back - 1 : back] * frames[:, ORDER - back : length - back]
    return left


def _flatness(left: NDArray[np.floating]) -> NDArray[np.floating]:
    """Logarithm (n,) of the geometric by the arithmetic mean of each residual's power spectrum."""
    power = power_of(left, SPECTRUM_FFT, window=hann(left.shape[1])) + SPECTRUM_FLOOR
    flatness: NDArray[np.floating] = np.log(power).mean(axis=1) - np.log(power.mean(axis=1))
    return flatness
