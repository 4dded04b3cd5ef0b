"""Some seconds of a voice, trimmed and at one level, with the spectra that several files need."""

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from spoof.features.spectra import frames_of, linear_filters

Floats = NDArray[np.float32]

RATE_HZ = 16_000
LEAST_S = 0.5
TRIM_FRAME_S, TRIM_DB, MARGIN_S = 0.025, 40.0, 0.05
"""Frames at either end so far below the loudest are cut off, but for the margin."""
N_FFT, HOP = 512, 160
BLOCK = 128
"""Frames that are transformed at once."""
ACTIVE = 1e-4
"""A frame counts that has such a share of the loudest one's power; where pitch is sought, LOUD."""
LOUD = 1e-3
FLOOR = 1e-5
"""Of the mean power, added to every bin: what is fainter, codecs leave out."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Samples (n,) of unit variance at 16 kHz."""

    samples: Floats

    @classmethod
    def of(cls, samples: Floats) -> Self:
        """The samples without silence around them; at least LEAST_S of them."""
        own = _trimmed(samples)
        spread = float(own.std())
        return cls((own - own.mean()) / (spread if spread > 0 else 1.0))

    @cached_property
    def power(self) -> Floats:
        """Power spectra (frames, 257) every 10 ms, with a floor under them."""
        return self.spectra(length=N_FFT, hop=HOP)

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Which frames count, (frames,)."""
        return active_frames(self.power)

    def spectra(self, *, length: int, hop: int, n_fft: int | None = None) -> Floats:
        """Power spectra (frames, bins) of windows of a length, with a floor under them."""
        power = power_spectra(self.samples, length=length, hop=hop, n_fft=n_fft)
        power += FLOOR * max(float(power.mean()), 1e-12)
        return power

    def bands(self, count: int) -> Floats:
        """Natural logarithms (frames, count) of the power in bands of equal width."""
        filters = linear_filters(RATE_HZ, N_FFT, count)
        levels: Floats = np.log(self.power @ filters.T)
        return levels


def active_frames(power: Floats) -> NDArray[np.bool_]:
    """Which frames count (frames,) of those with these power spectra (frames, bins)."""
    energy = power.sum(axis=1)
    return np.asarray(energy > ACTIVE * energy.max())


def loud_frames(frames: NDArray[np.floating]) -> NDArray[np.floating]:
    """Those of frames (n, length) that have the share LOUD of the loudest one's energy."""
    energy = np.square(frames).mean(axis=1)
    loud: NDArray[np.floating] = frames[energy >= LOUD * energy.max()]
    return loud


@functools.cache
def hann(length: int) -> Floats:
    """The symmetric Hann window."""
    window = np.hanning(length).astype(np.float32)
    window.setflags(write=False)
    return window


def power_spectra(samples: Floats, *, length: int, hop: int, n_fft: int | None = None) -> Floats:
    """Power spectra (frames, bins) of windows of a length; a rest shorter than one is left out."""
    return power_of(frames_of(samples, length=length, hop=hop), n_fft, window=hann(length))


def power_of(
    frames: NDArray[np.floating], n_fft: int | None = None, *, window: Floats | None = None
) -> Floats:
    """Power spectra (n, bins) of frames (n, length), as they are or times a window.

    A block of frames after the other: what is needed in between stays in the processor's cache.
    """
    power = np.empty((len(frames), (n_fft or frames.shape[1]) // 2 + 1), np.float32)
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        spectra = rfft(block if window is None else block * window, n_fft, axis=1)
        own = power[start : start + BLOCK]
        np.square(spectra.real, out=own)
        own += np.square(spectra.imag)
    return power


def moments(values: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Log standard deviation, skewness and log kurtosis of each column of values (n, columns)."""
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0) + 1e-6
    squares = np.square(centred / spread)
    skewness = (squares * (centred / spread)).mean(axis=0)
    return [
        np.log(spread),
        np.clip(skewness, -4, 4),
        np.log(np.square(squares).mean(axis=0) + 1e-3),
    ]


def correlations(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Correlations of columns of values (n, columns), each two once; 0 where one is constant."""
    centred = values - values.mean(axis=0)
    unit = centred / (np.sqrt(np.square(centred).sum(axis=0)) + 1e-6)
    upper: NDArray[np.floating] = (unit.T @ unit)[np.triu_indices(values.shape[1], 1)]
    return upper


def _trimmed(samples: Floats) -> Floats:
    frame = round(TRIM_FRAME_S * RATE_HZ)
    count = samples.size // frame
    power = np.square(samples[: count * frame].reshape(count, frame)).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (-TRIM_DB / 10))
    if not len(loud):
        return samples
    margin, least = round(MARGIN_S * RATE_HZ), round(LEAST_S * RATE_HZ)
    first = max(0, int(loud[0]) * frame - margin)
    last = min(samples.size, (int(loud[-1]) + 1) * frame + margin)
    if last - first < least:
        first = max(0, min(first, samples.size - least))
        last = first + least
    return samples[first:last]
