"""One row of 26 numbers a second: the columns of DEEP-VOICE's CSV, by librosa as its authors did.

Every second is cut out first and measured by itself; each number is the mean over its frames.
"""

import numpy as np
from numpy.typing import NDArray

from spoof.features.spectra import (
    HOP_LENGTH,
    N_FFT,
    checked,
    librosa_mel_filters,
    power_spectrogram,
)

N_MFCC = 20
COLUMNS = (
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    *(f"mfcc{i}" for i in range(1, N_MFCC + 1)),
)
"""Names of the 26 numbers, in the order of the CSV."""


def second_rows(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """A row of `COLUMNS` for every whole second, (seconds, 26); the rest is left out.

    >>> second_rows(np.zeros(40_000, np.float32), 16_000).shape
    (2, 26)
    """
    shortest = max(rate_hz, N_FFT)
    samples = checked(samples, rate_hz, shortest=shortest, needed_by="a row of features")
    n_seconds = len(samples) // rate_hz
    seconds = samples[: n_seconds * rate_hz].reshape(n_seconds, rate_hz)
    return np.stack([_row(second, rate_hz) for second in seconds])


def _row(second: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """The 26 numbers of one second, all from one STFT."""
    import librosa

    feature = librosa.feature
    powers = power_spectrogram(second)
    magnitudes = np.sqrt(powers)
    bands = librosa.power_to_db(librosa_mel_filters(rate_hz, N_FFT, 128) @ powers)
    frames = (
        feature.chroma_stft(S=powers, sr=rate_hz, tuning=_tuning(powers, rate_hz)),
        feature.rms(y=second, frame_length=N_FFT, hop_length=HOP_LENGTH),
        feature.spectral_centroid(S=magnitudes, sr=rate_hz),
        feature.spectral_bandwidth(S=magnitudes, sr=rate_hz),
        feature.spectral_rolloff(S=magnitudes, sr=rate_hz),
        feature.zero_crossing_rate(second, frame_length=N_FFT, hop_length=HOP_LENGTH),
    )
    cepstrum = feature.mfcc(S=bands, n_mfcc=N_MFCC).mean(axis=1)
    return np.array([*(frame.mean() for frame in frames), *cepstrum], np.float32)


def _tuning(powers: NDArray[np.float32], rate_hz: int) -> float:
    """What librosa takes for the tuning: 0 where no pitch is heard, without its warning."""
    import librosa

    pitches, strengths = librosa.piptrack(S=powers, sr=rate_hz, n_fft=N_FFT)
    heard = pitches > 0
    if not heard.any():
        return 0.0
    strong = heard & (strengths >= np.median(strengths[heard]))
    return float(librosa.pitch_tuning(pitches[strong]))
