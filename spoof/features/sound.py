"""Some seconds of a voice, trimmed and at one level, with the spectra that all measures use."""

import functools
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from spoof.features.spectra import frames_of, linear_filters, read_only

Floats = NDArray[np.float32]
Numbers = NDArray[np.floating]

RATE_HZ = 16_000
LEAST_S = 0.5
"""Seconds of the shortest sound that has statistics."""
TRIM_FRAME_S, TRIM_DB, MARGIN_S = 0.025, 40.0, 0.05
"""Frames at either end so far below the loudest one are cut off, except for the margin."""
N_FFT, HOP = 512, 160
"""Windows of 32 ms every 10 ms."""
BLOCK = 128
"""Frames that are transformed at once."""
ACTIVE = 1e-4
"""Least power of a frame that is used, as a share of the loudest frame's."""
LOUD = 1e-3
"""The same where a pitch or a residual is measured."""
FLOOR = 1e-5
"""Share of the mean power that is added to every bin: codecs leave out what is fainter."""


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
        """Which frames are used, (frames,)."""
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
    """Which of the frames with these power spectra (frames, bins) are used, (frames,)."""
    energy = power.sum(axis=1)
    return np.asarray(energy > ACTIVE * energy.max())


@functools.cache
def hann(length: int) -> Floats:
    """The symmetric Hann window."""
    return read_only(np.hanning(length))


def power_spectra(samples: Floats, *, length: int, hop: int, n_fft: int | None = None) -> Floats:
    """Power spectra (frames, bins) of windows of a length; a rest shorter than one is left out."""
    return power_of(frames_of(samples, length=length, hop=hop), n_fft, window=hann(length))


def power_of(frames: Numbers, n_fft: int | None = None, *, window: Floats | None = None) -> Floats:
    """Power spectra (n, bins) of frames (n, length), as they are or times a window."""
    power = np.empty((len(frames), (n_fft or frames.shape[1]) // 2 + 1), np.float32)
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        spectra = rfft(block if window is None else block * window, n_fft, axis=1)
        own = power[start : start + BLOCK]
        np.square(spectra.real, out=own)
        own += np.square(spectra.imag)
    return power


def moments(values: Numbers) -> list[Numbers]:
    """Log standard deviation, skewness and log kurtosis of each column of values (n, columns)."""
    centred = values - values.mean(axis=0)
    spread = centred.std(axis=0) + 1e-6
    squares = np.square(centred / spread)
    skewness = np.clip((squares * (centred / spread)).mean(axis=0), -4, 4)
    return [np.log(spread), skewness, np.log(np.square(squares).mean(axis=0) + 1e-3)]


def correlations(values: Numbers) -> Numbers:
    """Correlations of all pairs of columns of values (n, columns); 0 where one is constant."""
    centred = values - values.mean(axis=0)
    unit = centred / (np.sqrt(np.square(centred).sum(axis=0)) + 1e-6)
    upper: Numbers = (unit.T @ unit)[np.triu_indices(values.shape[1], 1)]
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
