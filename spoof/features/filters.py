"""Banks of triangular filters over the bins of a power spectrum, each made once and kept."""

import functools

import numpy as np
from numpy.typing import NDArray


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
