"""Cepstra: the shape of the spectrum in a few numbers a frame, from mel bands or linear ones.

S2 makes each twice, once by librosa and once from its definition:
STFT 2048/512 → filters → ln(x + 1e-6) → DCT-II, orthonormal.
librosa has no LFCC; by librosa it is librosa's decibels and DCT over our linear filters.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, fft, rfft
from scipy.sparse import csr_matrix, vstack

from cqtnet.errors import InputError
from spoof.features.spectra import (
    HOP_LENGTH,
    N_FFT,
    By,
    checked,
    frames_of,
    hann,
    known,
    librosa_mel_filters,
    linear_filters,
    logarithm,
    mel_filters,
    power_spectrogram,
)

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


# Chroma from the constant-Q transform: how strong each of the 12 pitch classes is, frame by frame.
# 36 bins an octave over seven octaves from C1, three bins a semitone, folded into 12 classes and
# scaled so that the strongest class of a frame is 1. Speech is tuned to nothing, so no tuning is
# estimated: the classes are those of A = 440 Hz, whatever the clip.

BINS_PER_OCTAVE = 36
N_OCTAVES = 7
N_CHROMA = 12
C1_HZ = 440.0 * 2 ** (-45 / 12)
LOWEST_RATE_HZ = 8400
"""The highest wavelet ends at 4,166 Hz, which must be under half the rate."""
BLOCK_FRAMES = 64
"""Frames transformed at once: 8 MB of spectra at 16 kHz."""


class Kernels(NamedTuple):
    """Spectra of the wavelets (bins, 1 + n_fft / 2), nearly all zero, and the FFT they are for."""

    spectra: csr_matrix
    n_fft: int


def chroma_cqt(
    samples: NDArray[np.float32], rate_hz: int, *, by: By = "librosa"
) -> NDArray[np.float32]:
    """Strength of the 12 pitch classes from C, in [0, 1], (12, 1 + len(samples) // 512).

    By librosa the octaves are transformed one after the other, each at half the rate of the one
    above; from the definition every bin is the product of the signal with its own wavelet.

    >>> chroma_cqt(np.zeros(48_000, np.float32), 16_000).shape
    (12, 94)
    """
    known(by)
    if rate_hz < LOWEST_RATE_HZ:
        raise InputError(
            f"chroma reaches up to 4,166 Hz and {rate_hz} Hz can't hold that; "
            f"give samples of at least {LOWEST_RATE_HZ} Hz"
        )
    samples = checked(samples, rate_hz, shortest=N_FFT, needed_by="chroma")
    n_frames = 1 + len(samples) // HOP_LENGTH
    # Both see silence beyond the end; librosa warns unless its longest wavelet fits.
    samples = np.pad(samples, (0, max(0, _fft_length(rate_hz) - len(samples))))
    compute = _by_librosa if by == "librosa" else _from_definition
    return np.asarray(compute(samples, rate_hz)[:, :n_frames], np.float32)


def _by_librosa(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.floating]:
    import librosa

    chroma: NDArray[np.floating] = librosa.feature.chroma_cqt(
        y=samples,
        sr=rate_hz,
        hop_length=HOP_LENGTH,
        n_octaves=N_OCTAVES,
        bins_per_octave=BINS_PER_OCTAVE,
        tuning=0.0,
    )
    return chroma


def _from_definition(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.floating]:
    kernels = _kernels(rate_hz)
    frames = frames_of(np.pad(samples, kernels.n_fft // 2), length=kernels.n_fft, hop=HOP_LENGTH)
    blocks = [frames[i : i + BLOCK_FRAMES] for i in range(0, len(frames), BLOCK_FRAMES)]
    bins = np.hstack([np.abs(kernels.spectra @ rfft(block, axis=1).T) for block in blocks])
    chroma = _fold() @ bins
    strongest = chroma.max(axis=0)
    audible = strongest > np.finfo(np.float32).tiny
    return np.where(audible, chroma / np.where(audible, strongest, 1), 0)


def _quality_factor() -> float:
    """Centre frequency over bandwidth, the same of every wavelet."""
    ratio = 2 ** (2 / BINS_PER_OCTAVE)
    return float((ratio + 1) / (ratio - 1))


def _fft_length(rate_hz: int) -> int:
    """The power of two that holds the longest wavelet."""
    return 1 << int(np.ceil(np.log2(_quality_factor() * rate_hz / C1_HZ)))


@functools.cache
def _kernels(rate_hz: int) -> Kernels:
    """Hann-windowed phasors of unit sum times the root of their length, as spectra."""
    n_fft = _fft_length(rate_hz)
    rows = []
    for k in range(N_OCTAVES * BINS_PER_OCTAVE):
        hz = C1_HZ * 2 ** (k / BINS_PER_OCTAVE)
        length = int(np.ceil(_quality_factor() * rate_hz / hz))
        window = hann(length) / hann(length).sum()
        phase = 2 * np.pi * hz / rate_hz * (np.arange(length) - length // 2)
        wavelet = np.zeros(n_fft, np.complex128)
        start = n_fft // 2 - length // 2
        wavelet[start : start + length] = np.sqrt(length) * window * np.exp(1j * phase)
        spectrum = fft(wavelet)[: 1 + n_fft // 2].conj() / n_fft
        spectrum[np.abs(spectrum) < 1e-4 * np.abs(spectrum).max()] = 0
        rows.append(csr_matrix(spectrum.astype(np.complex64)))
    return Kernels(vstack(rows, format="csr"), n_fft)


def _fold() -> NDArray[np.float32]:
    """Matrix (12, 252) that adds to each pitch class its bin and the two beside it, all octaves."""
    per_class = BINS_PER_OCTAVE // N_CHROMA
    nearest = (np.arange(N_OCTAVES * BINS_PER_OCTAVE) + per_class // 2) // per_class % N_CHROMA
    return np.asarray(nearest == np.arange(N_CHROMA)[:, None], np.float32)
