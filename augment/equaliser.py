"""A mixing desk's three tone controls."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from augment.effect import Altered, Effect, Range, Samples, log_uniform, uniform
from augment.filters import FREQUENCIES_HZ

GAINS_DB: Range = (-40.0, 40.0)
SHELF_Q = math.sqrt(0.5)
"""The steepest shelf that doesn't overshoot."""


@dataclass(frozen=True)
class Equaliser(Effect):
    """The sound with its low, middle and high ranges each louder or softer.

    Below `low_hz` a shelf of `low_gain_db`, around `mid_hz` a peak of `mid_gain_db` whose
    width is `mid_hz / mid_q`, above `high_hz` a shelf of `high_gain_db`. Gains -40 to 40 dB,
    `mid_q` 0.1 to 20. A band at or above half the sample rate does nothing. Second-order
    filters of R. Bristow-Johnson's "Cookbook formulae for audio EQ biquad filter coefficients".
    """

    name = "equaliser"
    low_hz: float = 200.0
    low_gain_db: float = 0.0
    mid_hz: float = 1000.0
    mid_gain_db: float = 0.0
    mid_q: float = 1.0
    high_hz: float = 4000.0
    high_gain_db: float = 0.0

    def __post_init__(self) -> None:
        self._check_limits(low_hz=FREQUENCIES_HZ, mid_hz=FREQUENCIES_HZ, high_hz=FREQUENCIES_HZ)
        self._check_limits(low_gain_db=GAINS_DB, mid_gain_db=GAINS_DB, high_gain_db=GAINS_DB)
        self._check_limits(mid_q=(0.1, 20))

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        gain_db: Range = (-12.0, 12.0),
        low_hz: Range = (80.0, 300.0),
        mid_hz: Range = (400.0, 2500.0),
        mid_q: Range = (0.5, 3.0),
        high_hz: Range = (3000.0, 8000.0),
    ) -> Self:
        """Gains drawn evenly in dB from one range, frequencies and width evenly in octaves."""
        return cls(
            low_hz=log_uniform(rng, low_hz),
            low_gain_db=uniform(rng, gain_db),
            mid_hz=log_uniform(rng, mid_hz),
            mid_gain_db=uniform(rng, gain_db),
            mid_q=log_uniform(rng, mid_q),
            high_hz=log_uniform(rng, high_hz),
            high_gain_db=uniform(rng, gain_db),
        )

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        from scipy.signal import sosfilt

        bands = (
            (self.low_hz, _low_shelf(self.low_hz, self.low_gain_db, sample_rate)),
            (self.mid_hz, _peak(self.mid_hz, self.mid_gain_db, self.mid_q, sample_rate)),
            (self.high_hz, _high_shelf(self.high_hz, self.high_gain_db, sample_rate)),
        )
        sections = [section for frequency, section in bands if frequency < sample_rate / 2]
        if not sections:
            return Altered.unmoved(samples, sample_rate)
        equalised = sosfilt(np.array(sections), samples.astype(np.float64))
        return Altered.unmoved(np.asarray(equalised, dtype=np.float32), sample_rate)


def _peak(frequency_hz: float, gain_db: float, q: float, sample_rate: int) -> NDArray[np.float64]:
    root_gain, cosine, alpha = _intermediate(frequency_hz, gain_db, q, sample_rate)
    return _section(
        (1 + alpha * root_gain, -2 * cosine, 1 - alpha * root_gain),
        (1 + alpha / root_gain, -2 * cosine, 1 - alpha / root_gain),
    )


def _low_shelf(frequency_hz: float, gain_db: float, sample_rate: int) -> NDArray[np.float64]:
    root_gain, cosine, alpha = _intermediate(frequency_hz, gain_db, SHELF_Q, sample_rate)
    return _shelf(root_gain, cosine, alpha)


def _high_shelf(frequency_hz: float, gain_db: float, sample_rate: int) -> NDArray[np.float64]:
    # The mirror image of the low shelf: the frequency axis turned around at half its length.
    root_gain, cosine, alpha = _intermediate(frequency_hz, gain_db, SHELF_Q, sample_rate)
    mirrored: NDArray[np.float64] = _shelf(root_gain, -cosine, alpha)
    mirrored[[1, 4]] *= -1
    return mirrored


def _shelf(root_gain: float, cosine: float, alpha: float) -> NDArray[np.float64]:
    up, down, slope = root_gain + 1, root_gain - 1, 2 * math.sqrt(root_gain) * alpha
    return _section(
        (
            root_gain * (up - down * cosine + slope),
            2 * root_gain * (down - up * cosine),
            root_gain * (up - down * cosine - slope),
        ),
        (up + down * cosine + slope, -2 * (down + up * cosine), up + down * cosine - slope),
    )


def _intermediate(
    frequency_hz: float, gain_db: float, q: float, sample_rate: int
) -> tuple[float, float, float]:
    """The cookbook's A, cos(w0) and alpha."""
    angle = 2 * math.pi * frequency_hz / sample_rate
    return 10 ** (gain_db / 40), math.cos(angle), math.sin(angle) / (2 * q)


def _section(
    numerator: tuple[float, float, float], denominator: tuple[float, float, float]
) -> NDArray[np.float64]:
    """One second-order section as scipy wants it, its first denominator coefficient 1."""
    return np.array([*numerator, *denominator]) / denominator[0]
