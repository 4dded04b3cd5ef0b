"""Statistics of a voice: some 1,600 numbers on how it varies, none on words or loudness.

Synthesis leaves few traces in any one spectrum and many in how spectra vary: envelopes too smooth,
harmonics too regular or too noisy, bands that move together. Levels and means over time depend on
the microphone and the room.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, rfft
from scipy.ndimage import uniform_filter1d

from spoof.features import sound as base
from spoof.features.sound import FLOOR, HOP, LEAST_S, RATE_HZ, Floats, Numbers, Sound
from spoof.features.spectra import checked, frames_of, linear_filters, mel_filters

# The envelope: synthesis smooths it, and moves its bands together.

N_BANDS, N_CEPSTRA = 60, 40
LAGS = (1, 2, 4, 8, 16)
"""Frames of 10 ms over which changes are measured."""
MEL_FFT = 1024
"""Twice the window of the linear bands: low mel bands are narrow."""
N_WIDE = 20
"""Bands whose levels are correlated with each other."""


def envelope(sound: Sound) -> list[Numbers]:
    """Moments of 40 cepstra and their change over five lags, of linear and of mel bands.

    And the correlations of 20 linear bands.
    """
    spectra = sound.spectra(length=MEL_FFT, hop=HOP)
    mel = np.log(spectra @ mel_filters(RATE_HZ, MEL_FFT, N_BANDS).T)
    return [
        *_movement(sound.bands(N_BANDS), sound.active),
        *_movement(mel, base.active_frames(spectra)),
        base.correlations(sound.bands(N_WIDE)[sound.active]),
    ]


def _movement(levels: Floats, active: NDArray[np.bool_]) -> list[Numbers]:
    """Moments of the cepstra of levels (frames, bands), and their change over each lag."""
    cepstra = dct(levels, axis=1, norm="ortho")[:, :N_CEPSTRA]
    return [*base.moments(cepstra[active]), *(_change(cepstra, active, lag) for lag in LAGS)]


def _change(cepstra: Numbers, active: NDArray[np.bool_], lag: int) -> Numbers:
    """Log standard deviation of each cepstrum's change over some frames."""
    change = (cepstra[lag:] - cepstra[:-lag])[active[lag:]]
    empty = np.zeros(cepstra.shape[1])
    return np.log(change.std(axis=0) + 1e-6) if len(change) else empty


# Steady lines through a recording, as upsampling in a synthesiser leaves them.

HOP_SHARE = 4
"""Windows are a quarter of their length apart."""
FINE_HZ = 15
"""Width of the mean that is taken for the spectrum without narrow lines."""
LINES_N_BANDS = 10
FLOOR_SHARE = 0.3 * FLOOR
"""Share of a window's length added to every bin: a little less than FLOOR at unit variance."""


def lines(sound: Sound, lengths: tuple[int, ...], smooth_hz: int) -> list[Numbers]:
    """Log spread, skewness, log kurtosis and log crest factor of ten bands without their mean.

    Of the mean log spectrum of the louder and of the softer half of the windows, at some lengths.
    A mean over `smooth_hz` is taken for the spectrum without lines.
    """
    measures = []
    for length in lengths:
        power = base.power_spectra(sound.samples, length=length, hop=length // HOP_SHARE)
        power += FLOOR_SHARE * length
        energy = power.sum(axis=1)
        middle = np.median(energy)
        width = max(3, round(smooth_hz * length / RATE_HZ) | 1)
        for half in (energy >= middle, energy <= middle):
            measures.append(_peaks(np.log(power[half]).mean(axis=0), width))
    return measures


def _peaks(mean: Floats, width: int) -> Numbers:
    rest = mean - uniform_filter1d(mean, width)
    bands = rest[: len(rest) // LINES_N_BANDS * LINES_N_BANDS].reshape(LINES_N_BANDS, -1)
    bands = bands - bands.mean(axis=1, keepdims=True)
    spread = bands.std(axis=1) + 1e-4
    unit = bands / spread[:, None]
    squares = np.square(unit)
    skewness, fourth = (squares * unit).mean(axis=1), np.square(squares).mean(axis=1)
    crest = np.log(unit.max(axis=1) + 1e-3)
    return np.concatenate([np.log(spread), skewness, np.log(fourth + 1e-3), crest])


# Modulation of the bands, at the rate of the pitch and at that of syllables.

FAST_LENGTH, FAST_HOP, FAST_FFT, N_FAST = 96, 16, 128, 10
"""Windows of 6 ms every 1 ms in 10 bands: short enough to show the single pulses of a voice."""
LOCAL = 25
"""Milliseconds over which the mean is subtracted."""
STRETCH, STRETCH_HOP = 256, 128
LEAST_ENERGY = 0.02
"""Least energy of a stretch of 256 ms that is used, as a share of the loudest one's."""
PITCH_EDGES = (5, 15, 26, 40, 60, 90, 128)
"""Edges of six ranges of modulation, in steps of 3.9 Hz: 20 to 500 Hz."""
PITCH_RANGE = slice(15, 100)
SLOW_EDGES = (5, 15, 35, 70, 120, 180, 257)
"""The same in steps of 0.2 Hz: 1 to 50 Hz."""
N_SLOW, SLOW_FFT = 20, 512


def modulation(sound: Sound) -> list[Numbers]:
    """Shares of ranges of modulation in each band, correlations of bands, how peaked they are."""
    return [*_fast(sound), _slow(sound)]


def _fast(sound: Sound) -> list[Numbers]:
    power = base.power_spectra(sound.samples, length=FAST_LENGTH, hop=FAST_HOP, n_fft=FAST_FFT)
    filters = linear_filters(RATE_HZ, FAST_FFT, N_FAST)
    levels = np.log(power @ filters.T + FLOOR * FAST_LENGTH)  # (milliseconds, bands)
    levels = levels - uniform_filter1d(levels, LOCAL, axis=0)
    length = min(STRETCH, len(levels))
    energy = np.square(
        frames_of(sound.samples, length=length * FAST_HOP, hop=STRETCH_HOP * FAST_HOP)
    ).mean(axis=1)
    stretches = np.lib.stride_tricks.sliding_window_view(levels, length, axis=0)[::STRETCH_HOP]
    loud = np.flatnonzero(energy >= LEAST_ENERGY * energy.max())
    stretches = stretches[loud[loud < len(stretches)]]
    power = _power(stretches * base.hann(length), STRETCH, axis=2)  # (stretches, band, modulation)
    power /= power.sum(axis=2, keepdims=True) + 1e-12
    ranges = [power[..., low:high].sum(axis=2).mean(axis=0) for low, high in pairwise(PITCH_EDGES)]
    spread = levels.std(axis=0) + 1e-6
    peak = np.log(power[..., PITCH_RANGE].max(axis=2).mean(axis=0) + 1e-4)
    skewness = (np.square(levels) * levels).mean(axis=0) / spread**3
    shares = np.log(np.stack(ranges) + 1e-4).ravel()
    return [shares, peak, spread, skewness, base.correlations(levels)]


def _slow(sound: Sound) -> Numbers:
    levels = sound.bands(N_SLOW)
    levels = (levels - levels.mean(axis=0)) * base.hann(len(levels))[:, None]
    power = _power(levels, max(SLOW_FFT, len(levels)), axis=0)
    bins = np.array(SLOW_EDGES) * len(power) // (SLOW_FFT // 2 + 1)
    power /= power[bins[0] :].sum(axis=0) + 1e-12
    shares = [power[a:b].sum(axis=0) for a, b in pairwise(bins.tolist())]
    return np.log(np.stack(shares) + 1e-5).ravel()


def _power(levels: Floats, n_fft: int, *, axis: int) -> Floats:
    """Power spectra of levels along an axis."""
    spectra = rfft(levels, n_fft, axis=axis)
    power: Floats = np.square(spectra.real) + np.square(spectra.imag)
    return power


# All of them.

COUNT, FINE_COUNT = 1523, 1603
"""Numbers in all, for `light` and for `fine`."""


def voice_statistics(
    samples: NDArray[np.float32], *, lengths: tuple[int, ...] = (4096, 2048), smooth_hz: int = 121
) -> NDArray[np.float32]:
    """All statistics of some seconds at 16 kHz; with lines as `light` takes them, (COUNT,)."""
    least = round(LEAST_S * RATE_HZ)
    sound = Sound.of(checked(samples, RATE_HZ, shortest=least, needed_by="a statistic of a voice"))
    parts = [*envelope(sound), *modulation(sound), *base.harmonicity(sound)]
    parts += lines(sound, lengths, smooth_hz)
    return np.asarray(np.nan_to_num(np.concatenate(parts)), np.float32)


def fine_statistics(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The statistics (FINE_COUNT,) with narrower lines, by windows of 500, 250 and 125 ms."""
    return voice_statistics(samples, lengths=(8000, 4000, 2000), smooth_hz=FINE_HZ)
