"""Noise made of numbers: Gaussian with an amplitude, or coloured at a signal-to-noise ratio."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import TIMES_S, Altered, Effect, Range, Samples, draw_seed, uniform
from augment.errors import EffectError
from augment.recordings import draw_path, duration_s, read_stretch
from augment.tempo import with_length

# Loudness of samples, and a second sound set to a level relative to the first.


def mean_square(samples: Samples) -> float:
    """Power of the samples: the mean of their squares, summed in double precision."""
    return float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0


def scaled_to_level(sound: Samples, reference: Samples, *, level_db: float) -> Samples:
    """`sound` with its power `level_db` above that of `reference` (negative: below).

    The power is taken over the whole of each. Next to silence every level is silence: the
    result is then all zeros. A silent `sound` stays silent.
    """
    power = mean_square(sound)
    if power == 0:
        return np.zeros_like(sound)
    wanted = mean_square(reference) * 10 ** (level_db / 10)
    return sound * np.float32(math.sqrt(wanted / power))


# Noise made of numbers: Gaussian with an amplitude, or coloured at a signal-to-noise ratio.

COLOUR_SLOPES_DB = {"brown": -6.0, "pink": -3.0, "white": 0.0, "blue": 3.0, "violet": 6.0}
"""dB per octave of the power spectrum."""

LOWEST_HZ = 20.0
"""Below this the spectrum stays flat: brown noise would else be mostly drift nobody hears."""


@dataclass(frozen=True)
class GaussianNoise(Effect):
    """White Gaussian noise of a fixed amplitude, whatever the loudness of the recording.

    `amplitude`: standard deviation on the scale where full scale is 1, 0 to 1. The same
    definition as audiomentations' `AddGaussianNoise`, whose draw of the noise itself comes
    from numpy's global state and so can't be replayed; ours comes from `seed`.
    """

    name = "gaussian_noise"
    amplitude: float
    seed: int

    def __post_init__(self) -> None:
        self._check_limits(amplitude=(0, 1))
        self._check_seed(self.seed)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, amplitude: Range = (0.001, 0.015)) -> Self:
        """An amplitude drawn evenly; the default range is the paper's."""
        return cls(uniform(rng, amplitude), draw_seed(rng))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        noise = np.random.default_rng(self.seed).standard_normal(samples.size, dtype=np.float32)
        return Altered.unmoved(samples + np.float32(self.amplitude) * noise, sample_rate)


@dataclass(frozen=True)
class ColouredNoise(Effect):
    """Noise of a colour at a signal-to-noise ratio over the whole recording.

    `snr_db`: dB, -60 to 120; `colour`: white, pink (-3 dB per octave), brown (-6), blue (+3)
    or violet (+6). Silence has no level to measure against and comes back as it is.
    """

    name = "coloured_noise"
    snr_db: float
    seed: int
    colour: str = "white"

    def __post_init__(self) -> None:
        self._check_limits(snr_db=(-60, 120))
        self._check_seed(self.seed)
        self._check_choice("colour", tuple(COLOUR_SLOPES_DB))

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        snr_db: Range = (5.0, 40.0),
        colours: Sequence[str] = ("white", "pink", "brown"),
    ) -> Self:
        """A ratio drawn evenly in dB, and one of the colours."""
        return cls(uniform(rng, snr_db), draw_seed(rng), str(rng.choice(list(colours))))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        rng = np.random.default_rng(self.seed)
        noise = _coloured(rng, samples.size, sample_rate, slope_db=COLOUR_SLOPES_DB[self.colour])
        noise = scaled_to_level(noise, samples, level_db=-self.snr_db)
        return Altered.unmoved(samples + noise, sample_rate)


def _coloured(
    rng: np.random.Generator, n_samples: int, sample_rate: int, *, slope_db: float
) -> Samples:
    """Gaussian noise whose power spectrum has this slope per octave above LOWEST_HZ."""
    white = rng.standard_normal(n_samples, dtype=np.float32)
    if slope_db == 0:
        return white
    from scipy.fft import irfft, next_fast_len, rfft

    n_fft = next_fast_len(n_samples, real=True)
    frequencies = np.maximum(np.fft.rfftfreq(n_fft, 1 / sample_rate), LOWEST_HZ)
    spectrum = rfft(white, n_fft) * (frequencies / 1000).astype(np.float32) ** (slope_db / 6)
    return np.asarray(irfft(spectrum, n_fft)[:n_samples], dtype=np.float32)


# Noise that was recorded: a street, a crowd, a fan, under the whole recording.


@dataclass(frozen=True)
class Background(Effect):
    """A file's sound added at a signal-to-noise ratio, from `offset_s` on, looped if short.

    `snr_db`: dB over the whole recording, -60 to 120. The loop runs through the end of the
    file to its beginning. Silence has no level to measure against and comes back as it is.
    """

    name = "background"
    path: str
    offset_s: float
    snr_db: float

    def __post_init__(self) -> None:
        self._check_path(self.path)
        self._check_limits(offset_s=TIMES_S, snr_db=(-60, 120))

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, paths: Sequence[str] = (), snr_db: Range = (0.0, 30.0)
    ) -> Self:
        """One of the files, a place in it, and a ratio drawn evenly in dB."""
        path = draw_path(rng, cls.name, paths)
        return cls(path, float(rng.random()) * duration_s(path), uniform(rng, snr_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        noise = self._looped(samples.size, sample_rate)
        if mean_square(noise) == 0:
            raise EffectError(f"background: {self.path!r} is silent there; choose another place")
        noise = scaled_to_level(noise, samples, level_db=-self.snr_db)
        return Altered.unmoved(samples + noise, sample_rate)

    def _looped(self, n_samples: int, sample_rate: int) -> Samples:
        needed_s = n_samples / sample_rate
        start_s = self.offset_s % duration_s(self.path)
        head = read_stretch(self.path, sample_rate, start_s=start_s, length_s=needed_s)
        if head.size >= n_samples:
            return head
        again = read_stretch(self.path, sample_rate, start_s=0.0, length_s=needed_s)
        loops = -(-(n_samples - head.size) // again.size)
        return with_length(np.concatenate([head, *[again] * loops]), n_samples)
