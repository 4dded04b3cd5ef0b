"""Features from short-time spectra: mel spectrograms, cepstra and chroma.

S2 computes each feature twice: by librosa, and from its definition, which is an STFT of 2048/512,
filters, ln(x + 1e-6) and an orthonormal DCT-II.
"""

import functools
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, fft, rfft
from scipy.signal import get_window
from scipy.sparse import csr_matrix, vstack

from cqtnet.errors import InputError

Floats = NDArray[np.float32]
Samples = Floats
N_FFT = 2048
"""Samples in a window (S2)."""
HOP_LENGTH = 512
"""Samples from one window to the next (S2)."""


def checked(samples: Samples, rate_hz: int, *, shortest: int, needed_by: str) -> Samples:
    """The samples as float32; an InputError where a feature cannot use them."""
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


def power_spectrogram(samples: Samples, *, n_fft: int = N_FFT, hop: int = HOP_LENGTH) -> Floats:
    """Power of the short-time Fourier transform, (1 + n_fft / 2, 1 + len(samples) // hop).

    Frame t is centred on sample t · hop; beyond the ends there is silence, as in librosa.
    """
    padded = np.pad(samples, n_fft // 2)
    frames = frames_of(padded, length=n_fft, hop=hop) * hann(n_fft).astype(np.float32)
    spectra = rfft(frames, axis=1)
    return np.ascontiguousarray((spectra.real**2 + spectra.imag**2).T)


@functools.cache
def mel_filters(rate_hz: int, n_fft: int, n_filters: int) -> Floats:
    """Filters (n_filters, 1 + n_fft / 2) from the definition: mel = 2595 log10(1 + Hz / 700).

    Centres are evenly spaced in mel from 0 Hz to half the rate, every peak is 1.
    """
    top_mel = 2595 * np.log10(1 + rate_hz / 2 / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top_mel, n_filters + 2) / 2595) - 1)
    return _triangles(edges_hz, rate_hz, n_fft)


@functools.cache
def linear_filters(rate_hz: int, n_fft: int, n_filters: int) -> Floats:
    """Filters (n_filters, 1 + n_fft / 2) evenly spaced in Hz, every peak 1 (LFCC)."""
    return _triangles(np.linspace(0, rate_hz / 2, n_filters + 2), rate_hz, n_fft)


@functools.cache
def librosa_mel_filters(rate_hz: int, n_fft: int, n_filters: int) -> Floats:
    """Filters (n_filters, 1 + n_fft / 2) that librosa makes by default."""
    from librosa.filters import mel

    return read_only(mel(sr=rate_hz, n_fft=n_fft, n_mels=n_filters))


def _triangles(edges_hz: NDArray[np.float64], rate_hz: int, n_fft: int) -> Floats:
    """A filter between every second edge, 1 at the one in the middle."""
    bins_hz = np.fft.rfftfreq(n_fft, 1 / rate_hz)
    low, centre, high = (edges_hz[i : len(edges_hz) - 2 + i, None] for i in range(3))
    rising, falling = (bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)
    return read_only(np.maximum(0, np.minimum(rising, falling)))


def read_only(filters: NDArray[np.floating]) -> Floats:
    """The same numbers for all who ask: nobody can change them."""
    shared = np.asarray(filters, np.float32)
    shared.setflags(write=False)
    return shared


# Mel spectrograms. S2 has 64 bands × 188 frames for 3 s at 16 kHz with a hop of 512. That does
# not add up: 48,000 samples are 94 frames of 512. A hop of 256 gives 188, as would 6 s, or 32 kHz.
# Its networks are built for 64 × 188 (12,032 inputs; 64 · 16 · 47), so we keep these, the 3 s and
# the 16 kHz, and halve the hop.

By = Literal["librosa", "definition"]
"""The method: librosa's (its filters, decibels), or S2's own (textbook filters, ln(x + 1e-6))."""
N_MELS = 64
MEL_HOP = 256
LOG_FLOOR = 1e-6
"""What S2 adds to a power before the logarithm."""


def log_mel(
    samples: Samples, rate_hz: int, *, n_mels: int = N_MELS, hop: int = MEL_HOP, by: By = "librosa"
) -> Floats:
    """Logarithmic mel spectrogram (n_mels, 1 + len(samples) // hop) of mono samples.

    By librosa in dB, at least 80 dB below the loudest value; from the definition ln(power + 1e-6).
    """
    filters = librosa_mel_filters if _known(by) == "librosa" else mel_filters
    samples = checked(samples, rate_hz, shortest=N_FFT, needed_by="a mel spectrogram")
    return _log_bands(samples, filters(rate_hz, N_FFT, n_mels), hop, by)


def _log_bands(samples: Samples, filters: Floats, hop: int, by: By) -> Floats:
    """Powers in bands on the logarithmic scale of librosa (dB, range of 80) or of S2."""
    powers = filters @ power_spectrogram(samples, hop=hop)
    if by == "definition":
        return np.asarray(np.log(powers + np.float32(LOG_FLOOR)), np.float32)
    import librosa

    return np.asarray(librosa.power_to_db(powers), np.float32)


def _known(by: By) -> By:
    if by not in get_args(By):
        raise InputError(f"by={by!r} is unknown; use {' or '.join(get_args(By))}")
    return by


# Cepstra: the shape of the spectrum in a few numbers a frame. librosa has no LFCC; "by librosa" it
# is librosa's decibels and DCT over our linear filters.

N_FILTERS = 128
"""Bands under the cepstrum: librosa's number, which no source changes."""
Filters = Callable[[int, int, int], Floats]


def mfcc(samples: Samples, rate_hz: int, *, n_coefficients: int = 40, by: By = "librosa") -> Floats:
    """Mel-frequency cepstral coefficients (n_coefficients, 1 + len(samples) // 512).

    By librosa they are in dB, about 10 / ln 10 = 4.34 times the definition's.
    """
    filters = librosa_mel_filters if _known(by) == "librosa" else mel_filters
    return _cepstrum(samples, rate_hz, filters, n_coefficients, by)


def lfcc(samples: Samples, rate_hz: int, *, n_coefficients: int = 40, by: By = "librosa") -> Floats:
    """Linear-frequency cepstral coefficients (n_coefficients, 1 + len(samples) // 512)."""
    return _cepstrum(samples, rate_hz, linear_filters, n_coefficients, _known(by))


def mfcc_means(samples: Samples, rate_hz: int, *, n_coefficients: int = 40) -> Floats:
    """Each MFCC's mean over time, (n_coefficients,): the input of S2's dense networks."""
    coefficients = mfcc(samples, rate_hz, n_coefficients=n_coefficients)
    return np.asarray(coefficients.mean(axis=1), np.float32)


def lfcc_means(samples: Samples, rate_hz: int) -> Floats:
    """Each of 40 LFCCs' mean over time, (40,)."""
    return np.asarray(lfcc(samples, rate_hz).mean(axis=1), np.float32)


def _cepstrum(samples: Samples, rate_hz: int, filters: Filters, count: int, by: By) -> Floats:
    """The first coefficients of the logarithmic bands' DCT-II."""
    if not 1 <= count <= N_FILTERS:
        raise InputError(f"{count} coefficients of {N_FILTERS} bands; ask for 1 to 128")
    samples = checked(samples, rate_hz, shortest=N_FFT, needed_by="a cepstrum")
    bands = _log_bands(samples, filters(rate_hz, N_FFT, N_FILTERS), HOP_LENGTH, by)
    if by == "librosa":
        import librosa

        return np.asarray(librosa.feature.mfcc(S=bands, n_mfcc=count), np.float32)
    return np.ascontiguousarray(dct(bands, axis=0, type=2, norm="ortho")[:count])


# Chroma from the constant-Q transform: how strong each of the 12 pitch classes is, frame by frame.
# 36 bins an octave over seven octaves from C1, three bins a semitone, folded into 12 classes and
# scaled so that the strongest class of a frame is 1. Speech is tuned to nothing, so no tuning is
# estimated: the classes are those of A = 440 Hz, whatever the clip.

BINS_PER_OCTAVE = 36
N_OCTAVES = 7
N_CHROMA = 12
C1_HZ = 440.0 * 2 ** (-45 / 12)
QUALITY = (2 ** (2 / BINS_PER_OCTAVE) + 1) / (2 ** (2 / BINS_PER_OCTAVE) - 1)
"""Centre frequency over bandwidth, the same of every wavelet."""
LOWEST_RATE_HZ = 8400
"""The highest wavelet ends at 4,166 Hz, which must be under half the rate."""
BLOCK_FRAMES = 64
"""Frames transformed at once: 8 MB of spectra at 16 kHz."""


def chroma_cqt(samples: Samples, rate_hz: int, *, by: By = "librosa") -> Floats:
    """Strength of the 12 pitch classes from C, in [0, 1], (12, 1 + len(samples) // 512).

    By librosa each octave is transformed at half the rate of the one above; from the definition
    every bin is the product of the signal with its own wavelet.
    """
    _known(by)
    if rate_hz < LOWEST_RATE_HZ:
        raise InputError(
            f"chroma reaches up to 4,166 Hz and {rate_hz} Hz can't hold that; "
            f"give samples of at least {LOWEST_RATE_HZ} Hz"
        )
    samples = checked(samples, rate_hz, shortest=N_FFT, needed_by="chroma")
    n_frames = 1 + len(samples) // HOP_LENGTH
    # Silence follows the end; librosa warns unless its longest wavelet fits.
    samples = np.pad(samples, (0, max(0, _fft_length(rate_hz) - len(samples))))
    if by == "definition":
        chroma = _chroma_from_definition(samples, rate_hz)
    else:
        from librosa.feature import chroma_cqt as by_librosa

        chroma = by_librosa(
            y=samples, sr=rate_hz, hop_length=HOP_LENGTH, n_octaves=N_OCTAVES,
            bins_per_octave=BINS_PER_OCTAVE, tuning=0.0,
        )  # fmt: skip
    return np.asarray(chroma[:, :n_frames], np.float32)


def chroma_means(samples: Samples, rate_hz: int) -> Floats:
    """Each pitch class's mean over time, (12,)."""
    return np.asarray(chroma_cqt(samples, rate_hz).mean(axis=1), np.float32)


def _chroma_from_definition(samples: Samples, rate_hz: int) -> NDArray[np.floating]:
    n_fft, wavelets = _fft_length(rate_hz), _wavelets(rate_hz)
    frames = frames_of(np.pad(samples, n_fft // 2), length=n_fft, hop=HOP_LENGTH)
    blocks = [frames[i : i + BLOCK_FRAMES] for i in range(0, len(frames), BLOCK_FRAMES)]
    bins = np.hstack([np.abs(wavelets @ rfft(block, axis=1).T) for block in blocks])
    # Each pitch class is the sum of its bin and the two beside it, over all octaves.
    per_class = BINS_PER_OCTAVE // N_CHROMA
    nearest = (np.arange(N_OCTAVES * BINS_PER_OCTAVE) + per_class // 2) // per_class % N_CHROMA
    chroma = np.asarray(nearest == np.arange(N_CHROMA)[:, None], np.float32) @ bins
    strongest = chroma.max(axis=0)
    audible = strongest > np.finfo(np.float32).tiny
    return np.where(audible, chroma / np.where(audible, strongest, 1), 0)


def _fft_length(rate_hz: int) -> int:
    """The power of two that holds the longest wavelet."""
    return 1 << int(np.ceil(np.log2(QUALITY * rate_hz / C1_HZ)))


@functools.cache
def _wavelets(rate_hz: int) -> csr_matrix:
    """Spectra (bins, 1 + n_fft / 2) of Hann-windowed phasors of unit sum times root of length."""
    n_fft = _fft_length(rate_hz)
    rows = []
    for k in range(N_OCTAVES * BINS_PER_OCTAVE):
        hz = C1_HZ * 2 ** (k / BINS_PER_OCTAVE)
        length = int(np.ceil(QUALITY * rate_hz / hz))
        window = hann(length) / hann(length).sum()
        phase = 2 * np.pi * hz / rate_hz * (np.arange(length) - length // 2)
        wavelet = np.zeros(n_fft, np.complex128)
        start = n_fft // 2 - length // 2
        wavelet[start : start + length] = np.sqrt(length) * window * np.exp(1j * phase)
        spectrum = fft(wavelet)[: 1 + n_fft // 2].conj() / n_fft
        spectrum[np.abs(spectrum) < 1e-4 * np.abs(spectrum).max()] = 0
        rows.append(csr_matrix(spectrum.astype(np.complex64)))
    return vstack(rows, format="csr")


# DEEP-VOICE's table: one row of 26 numbers a second, by librosa as its authors did. Every second
# is cut out first and measured by itself; each number is the mean over its frames.

N_ROW_MFCC = 20
COLUMNS = (
    "chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "rolloff",
    "zero_crossing_rate", *(f"mfcc{i}" for i in range(1, N_ROW_MFCC + 1)),
)  # fmt: skip
"""Names of the 26 numbers, in the order of the table."""


def first_row(samples: Samples, rate_hz: int) -> Floats:
    """The numbers of `COLUMNS` of the first second, (26,), all from one STFT."""
    from librosa import feature, power_to_db

    shortest = max(rate_hz, N_FFT)
    samples = checked(samples, rate_hz, shortest=shortest, needed_by="a row of features")
    second = samples[:rate_hz]
    powers = power_spectrogram(second)
    magnitudes = np.sqrt(powers)
    bands = power_to_db(librosa_mel_filters(rate_hz, N_FFT, N_FILTERS) @ powers)
    frames = (
        feature.chroma_stft(S=powers, sr=rate_hz, tuning=_tuning(powers, rate_hz)),
        feature.rms(y=second, frame_length=N_FFT, hop_length=HOP_LENGTH),
        feature.spectral_centroid(S=magnitudes, sr=rate_hz),
        feature.spectral_bandwidth(S=magnitudes, sr=rate_hz),
        feature.spectral_rolloff(S=magnitudes, sr=rate_hz),
        feature.zero_crossing_rate(second, frame_length=N_FFT, hop_length=HOP_LENGTH),
    )
    cepstrum = feature.mfcc(S=bands, n_mfcc=N_ROW_MFCC).mean(axis=1)
    return np.array([*(frame.mean() for frame in frames), *cepstrum], np.float32)


def _tuning(powers: Floats, rate_hz: int) -> float:
    """Librosa's estimate of the tuning; 0 where there is no pitch, without its warning."""
    import librosa

    pitches, strengths = librosa.piptrack(S=powers, sr=rate_hz, n_fft=N_FFT)
    pitched = pitches > 0
    if not pitched.any():
        return 0.0
    strong = pitched & (strengths >= np.median(strengths[pitched]))
    return float(librosa.pitch_tuning(pitches[strong]))


# Spectra as small pictures, (3, height, width) in [0, 1], without drawing a figure. The values, low
# frequencies at the bottom, are stretched from their lowest to their highest over the 256 steps of
# a colour map, as matplotlib's `specgram` and `imshow` do; the coloured picture is then resized
# with PIL's antialiased bilinear filter.

COLOUR_MAP = "viridis"
"""matplotlib's default; no source names another."""
PICTURE_FFT, PICTURE_HOP = 1024, 512
"""Samples in a window, and from one window to the next (S3 and S4)."""


def spectrogram_picture(samples: Samples, rate_hz: int, *, size: int = 224) -> Floats:
    """The picture of `specgram(samples, NFFT=1024, Fs=rate_hz, noverlap=512)`; S4's size is 128."""
    samples = checked(samples, rate_hz, shortest=PICTURE_FFT, needed_by="a spectrogram picture")
    # Double precision: the weakest bin decides where the colours begin.
    frames = frames_of(samples.astype(np.float64), length=PICTURE_FFT, hop=PICTURE_HOP)
    spectra = rfft(frames * np.hanning(PICTURE_FFT), axis=1).T
    powers = spectra.real**2 + spectra.imag**2
    powers[1:-1] *= 2  # a density counts the negative frequencies too
    # Bins without any power get the decibels of the weakest bin that has some.
    some = powers[powers > 0]
    return draw(10 * np.log10(np.maximum(powers, some.min() if some.size else 1.0)), size=size)


def mel_picture(samples: Samples, rate_hz: int, *, size: int = 28) -> Floats:
    """The mel spectrogram, 128 bands, as a picture; S1's, whose size is a setting."""
    return draw(log_mel(samples, rate_hz, n_mels=128, hop=512), size=size)


def mfcc_picture(samples: Samples, rate_hz: int, *, size: int = 28) -> Floats:
    """The first 40 MFCCs as a picture, the first at the bottom; S1's, whose size is a setting."""
    return draw(mfcc(samples, rate_hz, n_coefficients=40), size=size)


def draw(values: NDArray[np.floating], *, size: int) -> Floats:
    """Values (rows, columns), first row at the bottom, as a picture (3, size, size)."""
    from matplotlib import colormaps
    from PIL import Image

    if size < 1:
        raise InputError(f"a picture of {size} × {size}; it needs at least one pixel")
    lowest, span = values.min(), np.ptp(values)
    steps = (values[::-1] - lowest) * (256 / span if span > 0 else 0)
    places = np.minimum(steps, 255).astype(np.uint8)
    pixels = np.ascontiguousarray(colormaps[COLOUR_MAP](places, bytes=True)[..., :3])
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    planes = np.asarray(image, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(planes / np.float32(255))
