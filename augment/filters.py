"""Bands taken away: low-pass, high-pass, and the telephone."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, log_uniform
from augment.errors import EffectError

FREQUENCIES_HZ: Range = (1.0, 96_000.0)
TELEPHONE_HZ = (300.0, 3400.0)
LOW_PASS_ORDER, HIGH_PASS_ORDER = 8, 4
"""Butterworth orders: 48 and 24 dB per octave. A telephone's upper edge is the steep one."""


@dataclass(frozen=True)
class LowPass(Effect):
    """The sound without what is above `cutoff_hz`: 3 dB down there, 48 dB per octave beyond.

    A cutoff above half the sample rate leaves the sound as it is: there is nothing to remove.
    Delays by a fraction of a millisecond in the band that passes, as analogue filters do.
    """

    name = "low_pass"
    cutoff_hz: float

    def __post_init__(self) -> None:
        self._check_limits(cutoff_hz=FREQUENCIES_HZ)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, cutoff_hz: Range = (2000.0, 8000.0)) -> Self:
        """A cutoff drawn evenly on a logarithmic scale."""
        return cls(log_uniform(rng, cutoff_hz))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return Altered.unmoved(_without_above(samples, sample_rate, self.cutoff_hz), sample_rate)


@dataclass(frozen=True)
class HighPass(Effect):
    """The sound without what is below `cutoff_hz`: 3 dB down there, 24 dB per octave beyond."""

    name = "high_pass"
    cutoff_hz: float

    def __post_init__(self) -> None:
        self._check_limits(cutoff_hz=FREQUENCIES_HZ)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, cutoff_hz: Range = (60.0, 500.0)) -> Self:
        """A cutoff drawn evenly on a logarithmic scale."""
        return cls(log_uniform(rng, cutoff_hz))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return Altered.unmoved(_without_below(samples, sample_rate, self.cutoff_hz), sample_rate)


@dataclass(frozen=True)
class Telephone(Effect):
    """The sound in the band of a telephone line, 300 to 3,400 Hz; no codec (see `codec`)."""

    name = "telephone"

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """The one and only telephone band; nothing is drawn."""
        return cls()

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        low_hz, high_hz = TELEPHONE_HZ
        band = _without_above(_without_below(samples, sample_rate, low_hz), sample_rate, high_hz)
        return Altered.unmoved(band, sample_rate)


def _without_above(samples: Samples, sample_rate: int, cutoff_hz: float) -> Samples:
    if cutoff_hz >= sample_rate / 2:
        return samples
    return _butterworth(samples, sample_rate, cutoff_hz, kind="lowpass", order=LOW_PASS_ORDER)


def _without_below(samples: Samples, sample_rate: int, cutoff_hz: float) -> Samples:
    if cutoff_hz >= sample_rate / 2:
        raise EffectError(
            f"cutoff of {cutoff_hz:g} Hz leaves nothing of a recording that ends at "
            f"{sample_rate / 2:g} Hz; lower it"
        )
    return _butterworth(samples, sample_rate, cutoff_hz, kind="highpass", order=HIGH_PASS_ORDER)


def _butterworth(
    samples: Samples, sample_rate: int, cutoff_hz: float, *, kind: str, order: int
) -> Samples:
    from scipy.signal import butter, sosfilt

    sections = butter(order, cutoff_hz, kind, fs=sample_rate, output="sos")
    return np.asarray(sosfilt(sections, samples.astype(np.float64)), dtype=np.float32)
