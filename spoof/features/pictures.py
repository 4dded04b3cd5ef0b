"""Spectra as small pictures, (3, height, width) in [0, 1], without drawing a figure.

The values, low frequencies at the bottom, are stretched from their lowest to their highest over the
256 steps of a colour map, as matplotlib's `specgram` and `imshow` do; the coloured picture is then
resized with PIL's antialiased bilinear filter.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import rfft

from cqtnet.errors import InputError
from spoof.features.spectra import Samples, checked, frames_of, log_mel, mfcc

COLOUR_MAP = "viridis"
"""matplotlib's default; no source names another."""
N_FFT = 1024
"""Samples in a window (S3 and S4)."""
OVERLAP = 512
"""Samples that two neighbouring windows share (S3 and S4)."""


def spectrogram_picture(samples: Samples, rate_hz: int, *, size: int = 224) -> NDArray[np.float32]:
    """The picture of `specgram(samples, NFFT=1024, Fs=rate_hz, noverlap=512)`; S4's size is 128."""
    samples = checked(samples, rate_hz, shortest=N_FFT, needed_by="a spectrogram picture")
    # Double precision: the weakest bin decides where the colours begin.
    frames = frames_of(samples.astype(np.float64), length=N_FFT, hop=N_FFT - OVERLAP)
    spectra = rfft(frames * np.hanning(N_FFT), axis=1).T
    powers = spectra.real**2 + spectra.imag**2
    powers[1:-1] *= 2  # a density counts the negative frequencies too
    # Bins without any power get the decibels of the weakest bin that has some.
    some = powers[powers > 0]
    return draw(10 * np.log10(np.maximum(powers, some.min() if some.size else 1.0)), size=size)


def mel_picture(samples: Samples, rate_hz: int, *, size: int = 28) -> NDArray[np.float32]:
    """The mel spectrogram, 128 bands, as a picture; S1's, whose size is a setting."""
    return draw(log_mel(samples, rate_hz, n_mels=128, hop=512), size=size)


def mfcc_picture(samples: Samples, rate_hz: int, *, size: int = 28) -> NDArray[np.float32]:
    """The first 40 MFCCs as a picture, the first at the bottom; S1's, whose size is a setting."""
    return draw(mfcc(samples, rate_hz, n_coefficients=40), size=size)


def draw(values: NDArray[np.floating], *, size: int) -> NDArray[np.float32]:
    """Values (rows, columns), first row at the bottom, as a picture (3, size, size)."""
    from matplotlib import colormaps

    if size < 1:
        raise InputError(f"a picture of {size} × {size}; it needs at least one pixel")
    lowest, span = values.min(), np.ptp(values)
    steps = (values[::-1] - lowest) * (256 / span if span > 0 else 0)
    places = np.minimum(steps, 255).astype(np.uint8)
    pixels = np.ascontiguousarray(colormaps[COLOUR_MAP](places, bytes=True)[..., :3])
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    planes = np.asarray(image, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(planes / np.float32(255))
