"""Power spectra of short frames: what every other feature starts from, computed once a call."""

import functools

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import get_window

from cqtnet.errors import InputError

N_FFT = 2048
"""Samples in a window (S2)."""
HOP_LENGTH = 512
"""Samples from one window to the next (S2)."""


def checked(
    samples: NDArray[np.float32], rate_hz: int, *, shortest: int, needed_by: str
) -> NDArray[np.float32]:
    """The samples as float32, or an error that says what a feature cannot use and the cure."""
    if samples.ndim != 1:
        raise InputError(f"samples of shape {samples.shape} are not mono; mix the channels first")
    if rate_hz <= 0:
        raise InputError(f"a rate of {rate_hz} Hz is not positive; give that of the samples")
    if len(samples) < shortest:
        raise InputError(
            f"fragment of {len(samples) / rate_hz:.3f} s is shorter than the "
            f"{shortest / rate_hz:.3f} s that {needed_by} needs at {rate_hz} Hz; "
            "give a longer one, or repeat or pad it"
        )
    if not np.isfinite(samples).all():
        raise InputError("samples hold NaN or infinity; load the file through cqtnet.audio")
    return np.asarray(samples, np.float32)


@functools.cache
def hann(length: int) -> NDArray[np.float64]:
    """The periodic Hann window."""
    window = np.asarray(get_window("hann", length), np.float64)
    window.setflags(write=False)
    return window


def frames_of(samples: NDArray[np.floating], *, length: int, hop: int) -> NDArray[np.floating]:
    """Overlapping frames (frames, length), a view; a rest shorter than a frame is left out."""
    return np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]


def power_spectrogram(
    samples: NDArray[np.float32], *, n_fft: int = N_FFT, hop: int = HOP_LENGTH
) -> NDArray[np.float32]:
    """Power of the short-time Fourier transform, (1 + n_fft / 2, 1 + len(samples) // hop).

    Frame t is centred on sample t · hop; beyond the ends there is silence: as librosa does it.

    >>> power_spectrogram(np.zeros(16_000, np.float32)).shape
    (1025, 32)
    """
    padded = np.pad(samples, n_fft // 2)
    frames = frames_of(padded, length=n_fft, hop=hop) * hann(n_fft).astype(np.float32)
    spectra = rfft(frames, axis=1)
    return np.ascontiguousarray((spectra.real**2 + spectra.imag**2).T)
