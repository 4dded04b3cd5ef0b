"""Segments of one length, cut from a recording of any length."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import InputError

Samples = NDArray[np.float32]
Short = Literal["repeat", "pad", "skip"]
SHORT = ("repeat", "pad", "skip")


def segments(
    samples: Samples,
    *,
    rate_hz: int,
    length_s: float,
    hop_s: float | None = None,
    short: Short = "repeat",
) -> Samples:
    """Segments of mono samples (n,): float32 of shape (segments, length).

    They begin every `hop_s` (by default one after the other); what is left at the end and fills
    none is dropped. A recording shorter than one segment is repeated until it fills it, padded
    with silence, or skipped, which gives (0, length).

    >>> segments(np.arange(10.0, dtype=np.float32), rate_hz=1, length_s=4, hop_s=3)[:, 0]
    array([0., 3., 6.], dtype=float32)
    """
    length = segment_length(rate_hz, length_s)
    hop = length if hop_s is None else segment_length(rate_hz, hop_s, what="hop")
    check_short(short)
    if samples.ndim != 1 or samples.size == 0:
        raise InputError(f"samples of shape {samples.shape} can't be cut; give some, mono, (n,)")
    if samples.size < length:
        return filled(samples, length, short)
    windows = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    return np.array(windows, dtype=np.float32)


def filled(samples: Samples, length: int, short: Short) -> Samples:
    """Samples (n,) shorter than a segment as one segment (1, length), or none, (0, length)."""
    if short == "skip":
        return np.zeros((0, length), np.float32)
    if short == "repeat":
        return np.resize(samples, (1, length)).astype(np.float32, copy=False)
    return np.pad(samples, (0, length - samples.size)).astype(np.float32, copy=False)[None]


def segment_length(rate_hz: int, seconds: float, *, what: str = "segment") -> int:
    """Seconds as samples, at least one; what is no length is an InputError."""
    if not (math.isfinite(seconds) and seconds * rate_hz >= 0.5):
        raise InputError(f"{what} of {seconds:g} s holds no sample at {rate_hz} Hz; give more")
    return max(1, round(seconds * rate_hz))


def check_short(short: str) -> None:
    """Raise unless it is known what becomes of short recordings."""
    if short not in SHORT:
        raise InputError(f"short {short!r} is unknown; choose from {', '.join(SHORT)}")
