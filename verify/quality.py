"""How good a recording is, as its samples show: level, clipping, bandwidth, noise floor."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from verify.features import Floats

LOWEST_DBFS = -120.0  # the level that digital silence is given
FRAME_S = 0.05  # length of the frames whose level is measured

LEVELS = 100  # levels up to the peak, of which one may be that of clipping
LEAST_CLIP_LEVEL = 0.4  # share of the peak from which on it is sought: resampling overshoots
LEVEL_BELOW, PILED_UP = 0.85, 1.5
"""Samples are piled up at a level if it holds so many times more than that share of it."""
FLAT_WITHIN, FLAT_SAMPLES, FALLS_TO = 0.05, 3, 0.75
"""A flat top: so many samples within 5 % of the limit, then a fall that no round top has."""

SPECTRUM_SAMPLES = 4096  # of one frame of the long-term spectrum
SPECTRUM_RANGE_DB = 80.0  # what is farther below its peak counts as that far below
EDGE_DB = 12.0  # the band ends where the spectrum falls by so much within a third of an octave
WIDEST_EDGE, ABOVE_FLOOR_DB = 1.7, 6.0
"""Above so many times the end of the band, nothing may be so far above the floor."""
LOWEST_EDGE_HZ, HIGHEST_EDGE_HZ = 200.0, 8700.0
"""Where the band may end; higher up, resampling to 22,050 Hz lets every spectrum fall."""


@dataclass(frozen=True)
class Quality:
    """What an examiner wants to know of a recording before listening; levels in dB full scale."""

    peak_dbfs: float
    rms_dbfs: float
    clipped: float  # share of samples on flat tops, in [0, 1]
    bandwidth_hz: float  # where the long-term spectrum falls off; 11,025 if it does not
    floor_dbfs: float  # level of the quietest twentieth
    range_db: float  # from that to the level of the loudest twentieth

    @property
    def is_full_band(self) -> bool:
        """Whether the band has no upper limit below HIGHEST_EDGE_HZ."""
        return self.bandwidth_hz >= SAMPLE_RATE / 2


def quality_of(samples: Floats) -> Quality:
    """The quality of samples (n,), mono at 22,050 Hz."""
    if not samples.size:
        raise InputError("a recording of 0 samples has no quality; give one that holds some")
    magnitudes = np.abs(samples)
    length = min(samples.size, round(FRAME_S * SAMPLE_RATE))
    frames = samples[: samples.size // length * length].reshape(-1, length)
    levels = np.sqrt(np.square(frames, dtype=np.float64).mean(axis=1))
    quiet, loud = (_dbfs(float(np.quantile(levels, q))) for q in (0.05, 0.95))
    rms = np.sqrt(np.square(samples, dtype=np.float64).mean())
    return Quality(
        peak_dbfs=_dbfs(float(magnitudes.max())), rms_dbfs=_dbfs(float(rms)),
        clipped=clipped_share(magnitudes), bandwidth_hz=_bandwidth_hz(samples),
        floor_dbfs=quiet, range_db=loud - quiet,
    )  # fmt: skip


def _dbfs(level: float) -> float:
    return max(LOWEST_DBFS, 20 * float(np.log10(max(level, 1e-9))))


def clipped_share(magnitudes: Floats) -> float:
    """The share of samples that lie on flat tops, all at one level."""
    if not magnitudes.any():
        return 0.0
    limit = _limit(magnitudes)
    near = np.pad(magnitudes >= (1 - FLAT_WITHIN) * limit, 1).astype(np.int8)
    begin, end = np.flatnonzero(np.diff(near) == 1), np.flatnonzero(np.diff(near) == -1)
    long = end - begin >= FLAT_SAMPLES
    begin, end = begin[long], end[long]
    # A round top, a parabola, falls as the square of the distance: at twice the distance at which
    # it has lost 5 % it has lost 20 %. A cut top has lost more on one side at least.
    half = (end - begin + 1) // 2
    left = magnitudes[np.maximum(0, begin - half)]
    right = magnitudes[np.minimum(len(magnitudes) - 1, end - 1 + half)]
    flat = np.minimum(left, right) < FALLS_TO * limit
    return float((end - begin)[flat].sum() / len(magnitudes))


def _limit(magnitudes: Floats) -> float:
    """The level at which samples are piled up; the peak where they are not."""
    peak = float(magnitudes.max())
    counts = np.histogram(magnitudes, bins=LEVELS, range=(0, peak))[0]
    smooth = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
    high = np.arange(round(LEAST_CLIP_LEVEL * LEVELS), LEVELS)
    pile = smooth[high] / np.maximum(1, smooth[(high * LEVEL_BELOW).astype(int)])
    best = int(pile.argmax())
    return peak * float(high[best] + 0.5) / LEVELS if pile[best] > PILED_UP else peak


def _bandwidth_hz(samples: Floats) -> float:
    """The frequency at which the long-term spectrum falls steeply, into what stays as low."""
    spectrum = long_term_db(samples)
    step_hz = SAMPLE_RATE / 2 / (len(spectrum) - 1)
    lowest, highest = round(LOWEST_EDGE_HZ / step_hz), round(HIGHEST_EDGE_HZ / step_hz)
    bins = np.arange(lowest, highest)
    sums = np.concatenate([[0.0], np.cumsum(spectrum)])

    def mean(low: float, high: float) -> NDArray[np.float64]:
        begin, end = (bins * low).astype(int), (bins * high).astype(int)
        return np.asarray((sums[end] - sums[begin]) / (end - begin))

    band = mean(0.97, 1.03)
    floor = float(spectrum[highest : round(1.13 * highest)].mean())
    audible = np.flatnonzero(band > floor + ABOVE_FLOOR_DB)
    steep = np.flatnonzero(mean(0.87, 0.97) - mean(1.03, 1.13) >= EDGE_DB)
    if not len(audible) or not len(steep):
        return SAMPLE_RATE / 2
    edge = np.split(steep, np.flatnonzero(np.diff(steep) > 1) + 1)[-1]
    if bins[audible[-1]] > WIDEST_EDGE * bins[edge[0]]:
        return SAMPLE_RATE / 2
    return float(bins[edge[0]] * step_hz)


def long_term_db(samples: Floats) -> NDArray[np.float64]:
    """Mean power (SPECTRUM_SAMPLES // 2 + 1,) by frequency, in dB, not far below its peak.

    Welch's method, Hann windows overlapping by half; `scipy.signal` takes long to import.
    """
    padded = np.pad(samples, (0, max(0, SPECTRUM_SAMPLES - samples.size)))
    frames = sliding_window_view(padded, SPECTRUM_SAMPLES)[:: SPECTRUM_SAMPLES // 2]
    window = np.hanning(SPECTRUM_SAMPLES + 1)[:-1].astype(np.float32)
    power = np.zeros(SPECTRUM_SAMPLES // 2 + 1)
    for some in np.array_split(frames, 1 + len(frames) // 256):
        power += np.square(np.abs(scipy.fft.rfft(some * window))).sum(axis=0)
    power /= len(frames) * SAMPLE_RATE * float(np.square(window).sum())
    power[1:-1] *= 2  # what is at the negative frequencies
    spectrum = 10 * np.log10(power + 1e-16)
    return np.asarray(np.maximum(spectrum, spectrum.max() - SPECTRUM_RANGE_DB))
