"""Chroma from the constant-Q transform: how strong each of the 12 pitch classes is, frame by frame.

36 bins an octave over seven octaves from C1, three bins a semitone, folded into 12 classes and
scaled so that the strongest class of a frame is 1. Speech is tuned to nothing, so no tuning is
estimated: the classes are those of A = 440 Hz, whatever the clip.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft, rfft
from scipy.sparse import csr_matrix, vstack

from cqtnet.errors import InputError
from spoof.features.mel import By, known
from spoof.features.stft import HOP_LENGTH, N_FFT, checked, frames_of, hann

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
