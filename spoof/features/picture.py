"""Spectra as small pictures, (channels, height, width) in [0, 1], without drawing a figure.

The values, low frequencies at the bottom, are stretched from their lowest to their highest over
the 256 steps of a colour map, as matplotlib's `specgram` and `imshow` do; the coloured picture
is then resized with PIL's antialiased bilinear filter. What a figure would add, its axes and
its own resampling, is no part of the signal and left out.
"""

import functools
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import rfft

from cqtnet.errors import InputError
from spoof.features.cepstra import mfcc
from spoof.features.spectra import checked, frames_of, log_mel

Colours = Literal["rgb", "grey"]
"""Three channels through the colour map, or one."""

COLOUR_MAP = "viridis"
"""matplotlib's default; no source names another."""
N_FFT = 1024
OVERLAP = 512
"""Window of S3 and S4, and what one shares with the next, in samples."""


def spectrogram_picture(
    samples: NDArray[np.float32],
    rate_hz: int,
    *,
    size: int = 224,
    n_fft: int = N_FFT,
    overlap: int = OVERLAP,
    colours: Colours = "rgb",
) -> NDArray[np.float32]:
    """The picture of `specgram(samples, NFFT=n_fft, Fs=rate_hz, noverlap=overlap)`.

    S3 takes 224 × 224, S4 takes 128 × 128.

    >>> spectrogram_picture(np.zeros(48_000, np.float32), 16_000, size=128).shape
    (3, 128, 128)
    """
    if not 0 <= overlap < n_fft:
        raise InputError(f"overlap of {overlap} samples; it must be under the {n_fft} of a window")
    samples = checked(samples, rate_hz, shortest=n_fft, needed_by="a spectrogram picture")
    # Double precision: the weakest bin decides where the colours begin.
    frames = frames_of(samples.astype(np.float64), length=n_fft, hop=n_fft - overlap)
    spectra = rfft(frames * np.hanning(n_fft), axis=1).T
    powers = spectra.real**2 + spectra.imag**2
    powers[1:-1] *= 2  # a density counts the negative frequencies too
    return draw(_decibels(powers), size=size, colours=colours)


def mel_picture(
    samples: NDArray[np.float32], rate_hz: int, *, size: int = 28, colours: Colours = "rgb"
) -> NDArray[np.float32]:
    """The mel spectrogram, 128 bands, as a picture; S1's, whose size is a setting."""
    return draw(log_mel(samples, rate_hz, n_mels=128, hop=512), size=size, colours=colours)


def mfcc_picture(
    samples: NDArray[np.float32], rate_hz: int, *, size: int = 28, colours: Colours = "rgb"
) -> NDArray[np.float32]:
    """The first 40 MFCCs as a picture, the first at the bottom; S1's, whose size is a setting."""
    return draw(mfcc(samples, rate_hz, n_coefficients=40), size=size, colours=colours)


def draw(
    values: NDArray[np.floating], *, size: int = 224, colours: Colours = "rgb"
) -> NDArray[np.float32]:
    """Values (rows, columns), first row at the bottom, as a picture (3 or 1, size, size).

    Values that are all the same give the colour map's lowest colour.
    """
    if size < 1:
        raise InputError(f"a picture of {size} × {size}; it needs at least one pixel")
    if colours not in get_args(Colours):
        raise InputError(f"colours={colours!r} is unknown; use rgb or grey")
    lowest, span = values.min(), np.ptp(values)
    steps = (values[::-1] - lowest) * (256 / span if span > 0 else 0)
    levels = np.minimum(steps, 255).astype(np.uint8)
    pixels = _colour_table(COLOUR_MAP)[levels] if colours == "rgb" else levels
    resized = np.asarray(
        Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR), np.float32
    )
    planes = resized.reshape(size, size, -1).transpose(2, 0, 1)
    return np.ascontiguousarray(planes / np.float32(255))


def _decibels(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decibels; where there is no power at all, those of the weakest bin that has some."""
    some = powers[powers > 0]
    return 10 * np.log10(np.maximum(powers, some.min() if some.size else 1.0))


@functools.cache
def _colour_table(name: str) -> NDArray[np.uint8]:
    """The 256 colours (256, 3) of one of matplotlib's colour maps."""
    import matplotlib

    table = np.asarray(matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3], np.uint8)
    table.setflags(write=False)
    return table
