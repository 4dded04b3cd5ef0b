"""Some seconds of a voice at one level, the spectra that all measures use, and its source.

The source: how periodic it is, how its pitch moves, and how sharp its pulses are.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

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
"""The same where a pitch is measured."""
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


@cache
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


# The source.

WINDOWS = ((400, 160), (768, 320))
"""Lengths and hops in samples: 25 ms hold a period or two, 48 ms several."""
EDGES_HZ = (0, 300, 600, 1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000, 6000, 7500)
"""Edges of the bands in which periodicity is measured."""
SHORTEST_LAG, LONGEST_LAG = 40, 268
"""Limits of the period in samples: 60 to 400 Hz."""
VOICED = 0.5
"""Autocorrelation above which a frame has a pitch."""
FEWEST = 5
"""With fewer voiced frames all are used, and the pitch does not move."""
LARGEST_STEP = 2.0
"""Semitones from frame to frame; a larger step is an octave error or a new word."""


@dataclass(frozen=True, eq=False)
class Pitch:
    """The period of each loud frame in samples, how well it fits, and whether there is one."""

    lag: Numbers
    fit: Numbers
    voiced: NDArray[np.bool_]


def harmonicity(sound: Sound) -> list[Numbers]:
    """How periodic twelve bands are and how they correlate, at two lengths; how the pitch moves."""
    measures: list[Numbers] = []
    for number, (length, hop) in enumerate(WINDOWS):
        pitch, bands = _bands(sound.samples, length, hop)
        spread = bands.std(axis=0)
        steps = _mean_step(bands) / (spread + 1e-3)
        quantiles = np.quantile(bands, (0.1, 0.9), axis=0)
        measures += [bands.mean(axis=0), spread, *quantiles, steps, correlations(bands)]
        if number == 0:
            measures.append(_movement(pitch))
    return measures


def _bands(samples: Floats, length: int, hop: int) -> tuple[Pitch, Numbers]:
    """The pitch, and of each voiced frame how periodic each band is at it, (voiced, bands)."""
    energy = np.square(frames_of(samples, length=length, hop=hop)).mean(axis=1)
    power = power_spectra(samples, length=length, hop=hop, n_fft=2 * length)
    power = power[energy >= LOUD * energy.max()]
    own = _own_autocorrelation(length)
    correlation = irfft(power, axis=1)[:, : len(own)]
    correlation = correlation / (correlation[:, :1] + 1e-9) / own
    pitch = _pitch(correlation)
    voiced = pitch.voiced if pitch.voiced.sum() >= FEWEST else np.ones(len(power), bool)
    lag = SHORTEST_LAG + correlation[voiced, SHORTEST_LAG:].argmax(axis=1)
    power = power[voiced]
    edges = np.ceil(np.array(EDGES_HZ) * 2 * length / RATE_HZ).astype(int)
    in_bands, at_lag = (
        np.add.reduceat(values[:, : edges[-1]], edges[:-1], axis=1)
        for values in (power, power * _combs(length)[lag])
    )
    return pitch, at_lag / (in_bands + 1e-9)


@cache
def _own_autocorrelation(length: int) -> Floats:
    """The autocorrelation of a window (lags,), as far as pitches are sought; 1 at 0."""
    own = irfft(np.square(np.abs(rfft(np.hanning(length), 2 * length))))
    return np.asarray(own[: min(LONGEST_LAG, int(0.75 * length))] / own[0], np.float32)


@cache
def _combs(length: int) -> Floats:
    """Weights (lags, bins) of a power spectrum whose sum over a band is its autocorrelation."""
    own = _own_autocorrelation(length)
    turns = np.arange(len(own))[:, None] * np.arange(length + 1) / (2 * length)
    return np.asarray(np.cos(2 * np.pi * turns) / own[:, None], np.float32)


def _pitch(correlation: Numbers) -> Pitch:
    """The pitch of frames with these autocorrelations (frames, lags), finer than a sample."""
    frames = np.arange(len(correlation))
    lag = SHORTEST_LAG + correlation[:, SHORTEST_LAG:].argmax(axis=1)
    fit = correlation[frames, lag]
    at = np.clip(lag, SHORTEST_LAG + 1, correlation.shape[1] - 2)
    before, here, after = (correlation[frames, at + step] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    step = 0.5 * (before - after) / np.where(np.abs(bend) < 1e-9, -1e-9, bend)
    return Pitch(at + np.clip(step, -1, 1), fit, fit > VOICED)


def _movement(pitch: Pitch) -> Numbers:
    """How far the pitch moves from frame to frame, how that changes, and how clear the pitch is."""
    semitones = 12 * np.log2(RATE_HZ / pitch.lag)
    steps = np.diff(semitones)
    steady = pitch.voiced[1:] & pitch.voiced[:-1] & (np.abs(steps) < LARGEST_STEP)
    both = steady[1:] & steady[:-1]
    three = both[1:] & both[:-1]
    moved = _where(steps, steady)
    numbers: list[float] = []
    for values in (moved, _where(np.diff(steps), both), _where(np.diff(steps, 2), three)):
        numbers.append(float(np.log(values.std() + 1e-3)))
        numbers += np.log(np.quantile(np.abs(values), (0.25, 0.5, 0.75, 0.9)) + 1e-3).tolist()
    voiced = pitch.voiced if pitch.voiced.sum() >= FEWEST else np.ones(len(semitones), bool)
    numbers += [
        float(correlations(np.stack([moved[1:], moved[:-1]], axis=1))[0]),
        float(semitones[voiced].std()), float(pitch.voiced.mean()),
        float(pitch.fit[voiced].mean()), float(pitch.fit[voiced].std()),
        float(_mean_step(pitch.voiced.astype(float))),
        *np.quantile(pitch.fit, (0.1, 0.25, 0.5, 0.75, 0.9)).tolist(),
    ]  # fmt: skip
    return np.array(numbers)


def _mean_step(values: Numbers) -> Numbers:
    """How far values (frames, …) move from frame to frame, on average."""
    steps: Numbers = np.abs(np.diff(values, axis=0)).sum(axis=0)
    return steps / max(1, len(values) - 1)


def _where(values: Numbers, mask: NDArray[np.bool_]) -> Numbers:
    """The values where a mask is true; zeros where it hardly ever is."""
    return values[mask] if mask.sum() >= FEWEST else np.zeros(FEWEST)
