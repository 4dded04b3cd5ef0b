"""Decoded frames as mono float32: the mean of the channels, and never a NaN."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PIECE_VALUES = 1 << 17  # samples of all channels that are mixed down together
LOUDEST = 2.0**32  # nothing real is 190 dB over full scale; its square still fits float32

SAMPLE_FORMATS = {"u8", "s16", "s32", "flt", "dbl"}  # FFmpeg's names of what we mix down
# What stands for 1.0, by numpy type; unsigned bytes also have their zero at 128.
FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "f4": 1.0, "f8": 1.0}


def gathered(arrays: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """The arrays of shape (channels, n), alike in type, joined to pieces of useful size."""
    planes: list[NDArray[Any]] = []
    values = 0
    for array in arrays:
        planes.append(array)
        values += array.size
        if values >= PIECE_VALUES:
            yield np.concatenate(planes, axis=1)
            planes, values = [], 0
    if planes:
        yield np.concatenate(planes, axis=1)


class Mixed(NamedTuple):
    """The mean of the channels, and what it does not tell."""

    samples: NDArray[np.float32]  # (n,) in -1 to 1
    not_finite: int  # samples that were no numbers
    energy: float  # sum of squares, mean of the channels: far above that of `samples`, they cancel


def mixed_down(planes: NDArray[Any]) -> Mixed:
    """The mean of `planes`, of shape (channels, n) in one of FFmpeg's sample types.

    NaN, infinities and values beyond `LOUDEST` count as silence.
    """
    not_finite = 0
    if planes.dtype.kind == "f":
        planes, not_finite = _silenced(planes)
    full_scale = FULL_SCALE[planes.dtype.str[1:]]
    channels = planes.shape[0]
    floats = planes.astype(np.float32)
    if planes.dtype.kind == "u":
        floats -= np.float32(full_scale)
    # A matrix product: numpy's mean over two interleaved channels is six times slower.
    mono = np.full(channels, 1 / (full_scale * channels), dtype=np.float32) @ floats
    energy = float(np.vdot(floats, floats)) / (channels * full_scale**2)
    return Mixed(mono, not_finite, energy)


def _silenced(planes: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The samples with 0 for whatever is no number, and how many these were."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        good = np.abs(planes) <= LOUDEST  # False for NaN
    if good.all():
        return planes, 0
    return np.where(good, planes, 0), int(good.size - np.count_nonzero(good))
