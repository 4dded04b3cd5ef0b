"""The mel spectrogram: energy in bands as wide as the ear hears them, on a logarithmic scale.

S2 has 64 bands × 188 frames for 3 s at 16 kHz with a hop of 512. That does not add up: 48,000
samples are 94 frames of 512. A hop of 256 gives 188, as would 6 s, or 32 kHz. Its networks are
built for 64 × 188 (12,032 inputs; 64 · 16 · 47), so we keep these, the 3 s and the 16 kHz, and
halve the hop. This is the one place where that is decided.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import InputError
from spoof.features.filters import librosa_mel_filters, mel_filters
from spoof.features.stft import N_FFT, checked, power_spectrogram

By = Literal["librosa", "definition"]
"""Whose way: librosa's (its filters, decibels), or S2's own (textbook filters, ln(x + 1e-6))."""

N_MELS = 64
HOP_LENGTH = 256
"""Samples from one frame to the next: 3 s at 16 kHz give 188 (see above)."""
LOG_FLOOR = 1e-6
"""What S2 adds to a power before the logarithm."""


def log_mel(
    samples: NDArray[np.float32],
    rate_hz: int,
    *,
    n_mels: int = N_MELS,
    n_fft: int = N_FFT,
    hop: int = HOP_LENGTH,
    by: By = "librosa",
) -> NDArray[np.float32]:
    """Logarithmic mel spectrogram (n_mels, 1 + len(samples) // hop) of mono samples.

    By librosa it is in dB with everything 80 dB under the loudest lifted to there; from the
    definition it is ln(power + 1e-6). Filters differ too: see `spoof.features.filters`.

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
