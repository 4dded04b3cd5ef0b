"""Cepstra: the shape of the spectrum in a few numbers a frame, from mel bands or linear ones.

S2 makes each twice, once by librosa and once from its definition:
STFT 2048/512 → filters → ln(x + 1e-6) → DCT-II, orthonormal.
librosa has no LFCC; by librosa it is librosa's decibels and DCT over our linear filters.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from cqtnet.errors import InputError
from spoof.features.filters import librosa_mel_filters, linear_filters, mel_filters
from spoof.features.mel import By, known, logarithm
from spoof.features.stft import HOP_LENGTH, N_FFT, checked, power_spectrogram

N_FILTERS = 128
"""Bands under the cepstrum: librosa's number, which no source changes."""

Filters = Callable[[int, int, int], NDArray[np.float32]]


def mfcc(
    samples: NDArray[np.float32],
    rate_hz: int,
    *,
    n_coefficients: int = 40,
    n_fft: int = N_FFT,
    hop: int = HOP_LENGTH,
    by: By = "librosa",
) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients (n_coefficients, 1 + len(samples) // hop).

    By librosa they equal `librosa.feature.mfcc`, which works in dB: about 10 / ln 10 = 4.34
    times the definition's where nothing is near silence.

    >>> mfcc(np.zeros(48_000, np.float32), 16_000, n_coefficients=13).shape
    (13, 94)
    """
    filters = librosa_mel_filters if known(by) == "librosa" else mel_filters
    return _cepstrum(samples, rate_hz, filters, n_coefficients, n_fft=n_fft, hop=hop, by=by)


def lfcc(
    samples: NDArray[np.float32],
    rate_hz: int,
    *,
    n_coefficients: int = 40,
    n_fft: int = N_FFT,
    hop: int = HOP_LENGTH,
    by: By = "librosa",
) -> NDArray[np.float32]:
    """Linear-frequency cepstral coefficients (n_coefficients, 1 + len(samples) // hop).

    >>> lfcc(np.zeros(48_000, np.float32), 16_000).shape
    (40, 94)
    """
    known(by)
    return _cepstrum(samples, rate_hz, linear_filters, n_coefficients, n_fft=n_fft, hop=hop, by=by)


def mfcc_means(
    samples: NDArray[np.float32], rate_hz: int, *, n_coefficients: int = 40, by: By = "librosa"
) -> NDArray[np.float32]:
    """Each coefficient's mean over time, (n_coefficients,): what S2's dense networks take in."""
    coefficients = mfcc(samples, rate_hz, n_coefficients=n_coefficients, by=by)
    return np.asarray(coefficients.mean(axis=1), np.float32)


def _cepstrum(
    samples: NDArray[np.float32],
    rate_hz: int,
    filters: Filters,
    n_coefficients: int,
    *,
    n_fft: int,
    hop: int,
    by: By,
) -> NDArray[np.float32]:
    """The first coefficients of the logarithmic bands' DCT-II."""
    if not 1 <= n_coefficients <= N_FILTERS:
        raise InputError(f"{n_coefficients} coefficients of {N_FILTERS} bands; ask for 1 to 128")
    samples = checked(samples, rate_hz, shortest=n_fft, needed_by="a cepstrum")
    powers = power_spectrogram(samples, n_fft=n_fft, hop=hop)
    bands = logarithm(filters(rate_hz, n_fft, N_FILTERS) @ powers, by=by)
    if by == "librosa":
        import librosa

        return np.asarray(librosa.feature.mfcc(S=bands, n_mfcc=n_coefficients), np.float32)
    return np.ascontiguousarray(dct(bands, axis=0, type=2, norm="ortho")[:n_coefficients])
