"""Power spectra of short frames: what every other feature starts from, computed once a call."""

import functools
from typing import Literal, get_args

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


# Banks of triangular filters over the bins of a power spectrum, each made once and kept.


@functools.cache
def mel_filters(rate_hz: int, n_fft: int, n_filters: int) -> NDArray[np.float32]:
    """Filters (n_filters, 1 + n_fft / 2) from the definition: mel = 2595 log10(1 + Hz / 700).

    Centres are even in mel from 0 Hz to half the rate, every peak is 1. librosa's own are on
    Slaney's scale and of equal area instead: see `librosa_mel_filters`.
    """
    top_mel = 2595 * np.log10(1 + rate_hz / 2 / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top_mel, n_filters + 2) / 2595) - 1)
    return _triangles(edges_hz, rate_hz, n_fft)


@functools.cache
def linear_filters(rate_hz: int, n_fft: int, n_filters: int) -> NDArray[np.float32]:
    """Filters (n_filters, 1 + n_fft / 2) evenly spaced in Hz, every peak 1 (LFCC)."""
    return _triangles(np.linspace(0, rate_hz / 2, n_filters + 2), rate_hz, n_fft)


@functools.cache
def librosa_mel_filters(rate_hz: int, n_fft: int, n_filters: int) -> NDArray[np.float32]:
    """Filters (n_filters, 1 + n_fft / 2) that librosa makes by default."""
    from librosa.filters import mel

    return _kept(mel(sr=rate_hz, n_fft=n_fft, n_mels=n_filters))


def _triangles(edges_hz: NDArray[np.float64], rate_hz: int, n_fft: int) -> NDArray[np.float32]:
    """A filter between every second edge, 1 at the one in the middle."""
    bins_hz = np.fft.rfftfreq(n_fft, 1 / rate_hz)
    low, centre, high = (edges_hz[i : len(edges_hz) - 2 + i, None] for i in range(3))
    rising, falling = (bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)
    return _kept(np.maximum(0, np.minimum(rising, falling)))


def _kept(filters: NDArray[np.floating]) -> NDArray[np.float32]:
    """The filters in float32, safe from being changed by one of those who share them."""
    shared = np.asarray(filters, np.float32)
    shared.setflags(write=False)
    return shared


# The mel spectrogram: energy in bands as wide as the ear hears them, on a logarithmic scale.
# S2 has 64 bands × 188 frames for 3 s at 16 kHz with a hop of 512. That does not add up: 48,000
# samples are 94 frames of 512. A hop of 256 gives 188, as would 6 s, or 32 kHz. Its networks are
# built for 64 × 188 (12,032 inputs; 64 · 16 · 47), so we keep these, the 3 s and the 16 kHz, and
# halve the hop. This is the one place where that is decided.

By = Literal["librosa", "definition"]
"""Whose way: librosa's (its filters, decibels), or S2's own (textbook filters, ln(x + 1e-6))."""

N_MELS = 64
MEL_HOP_LENGTH = 256
"""Samples from one frame to the next: 3 s at 16 kHz give 188 (see above)."""
LOG_FLOOR = 1e-6
"""What S2 adds to a power before the logarithm."""


def log_mel(
    samples: NDArray[np.float32],
    rate_hz: int,
    *,
    n_mels: int = N_MELS,
    n_fft: int = N_FFT,
    hop: int = MEL_HOP_LENGTH,
    by: By = "librosa",
) -> NDArray[np.float32]:
    """Logarithmic mel spectrogram (n_mels, 1 + len(samples) // hop) of mono samples.

    By librosa it is in dB with everything 80 dB under the loudest lifted to there; from the
    definition it is ln(power + 1e-6). Filters differ too: see `spoof.features.spectra`.

    >>> log_mel(np.zeros(48_000, np.float32), 16_000).shape
    (64, 188)
    """
    samples = checked(samples, rate_hz, shortest=n_fft, needed_by="a mel spectrogram")
    powers = power_spectrogram(samples, n_fft=n_fft, hop=hop)
    make = librosa_mel_filters if known(by) == "librosa" else mel_filters
    bands: NDArray[np.float32] = make(rate_hz, n_fft, n_mels) @ powers
    return logarithm(bands, by=by)


def logarithm(powers: NDArray[np.float32], *, by: By) -> NDArray[np.float32]:
    """Powers on the logarithmic scale of librosa (dB, range of 80) or of S2 (ln(x + 1e-6))."""
    if by == "definition":
        return np.asarray(np.log(powers + np.float32(LOG_FLOOR)), np.float32)
    import librosa

    return np.asarray(librosa.power_to_db(powers), np.float32)


def known(by: By) -> By:
    """`by`, if it is one of the two ways."""
    if by not in get_args(By):
        raise InputError(f"by={by!r} is unknown; use {' or '.join(get_args(By))}")
    return by
