"""Bands taken away: low-pass, high-pass, and the telephone."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from augment.effect import Altered, Effect, Range, Samples, log_uniform, uniform
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


# A mixing desk's three tone controls.

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


# Louder, softer, or upside down.


@dataclass(frozen=True)
class Gain(Effect):
    """Every sample multiplied by one factor; nothing is clipped.

    `gain_db`: dB, -120 to 60; -6.0206 halves the amplitude.
    """

    name = "gain"
    gain_db: float

    def __post_init__(self) -> None:
        self._check_limits(gain_db=(-120, 60))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, gain_db: Range = (-18.0, 6.0)) -> Self:
        """A gain drawn evenly in dB."""
        return cls(uniform(rng, gain_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return Altered.unmoved(samples * np.float32(10 ** (self.gain_db / 20)), sample_rate)


@dataclass(frozen=True)
class Invert(Effect):
    """The wave upside down, as a swapped pair of wires leaves it; it sounds the same."""

    name = "invert"

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Self:
        """The one and only inversion; nothing is drawn."""
        return cls()

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        return Altered.unmoved(-samples, sample_rate)


# Peaks that don't fit: cut off hard, or bent softly.


@dataclass(frozen=True)
class HardClip(Effect):
    """The sound cut off at a ceiling that its peak exceeds by `over_db` (0 to 60 dB).

    The ceiling hangs from the recording's own peak, so that quiet recordings are clipped as
    loud ones are; what is below it stays as it is.
    """

    name = "hard_clip"
    over_db: float

    def __post_init__(self) -> None:
        self._check_limits(over_db=(0, 60))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, over_db: Range = (1.0, 12.0)) -> Self:
        """An excess drawn evenly in dB."""
        return cls(uniform(rng, over_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        ceiling = _ceiling(samples, self.over_db)
        return Altered.unmoved(np.clip(samples, -ceiling, ceiling), sample_rate)


@dataclass(frozen=True)
class SoftClip(Effect):
    """The sound bent towards a ceiling that its peak exceeds by `over_db` (0 to 60 dB).

    A hyperbolic tangent, as an overdriven valve or tape: small samples pass as they are, large
    ones approach the ceiling and never reach it.
    """

    name = "soft_clip"
    over_db: float

    def __post_init__(self) -> None:
        self._check_limits(over_db=(0, 60))

    @classmethod
    def draw(cls, rng: np.random.Generator, *, over_db: Range = (0.0, 12.0)) -> Self:
        """An excess drawn evenly in dB."""
        return cls(uniform(rng, over_db))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        ceiling = _ceiling(samples, self.over_db)
        if ceiling == 0:
            return Altered.unmoved(samples, sample_rate)
        return Altered.unmoved(ceiling * np.tanh(samples / ceiling), sample_rate)


def _ceiling(samples: Samples, over_db: float) -> np.float32:
    return np.float32(np.abs(samples).max() * 10 ** (-over_db / 20))


# Loud passages turned down, as broadcasting and loudness-minded mastering do.

STEP_S = 0.001
"""The gain is decided once per millisecond and runs straight in between."""


@dataclass(frozen=True)
class Compressor(Effect):
    """The sound with its dynamic range reduced.

    Where the level is above `threshold_db` (dB under the recording's peak, -80 to 0), what is
    over it is divided by `ratio` (1 to 100). `attack_s` and `release_s` (0.0005 to 5) are the
    time constants of turning down and up again. `makeup_db` (-40 to 40) is added everywhere.
    """

    name = "compressor"
    threshold_db: float
    ratio: float
    attack_s: float = 0.005
    release_s: float = 0.1
    makeup_db: float = 0.0

    def __post_init__(self) -> None:
        self._check_limits(threshold_db=(-80, 0), ratio=(1, 100), makeup_db=(-40, 40))
        self._check_limits(attack_s=(0.0005, 5), release_s=(0.0005, 5))

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        threshold_db: Range = (-40.0, -10.0),
        ratio: Range = (2.0, 10.0),
        attack_s: Range = (0.002, 0.05),
        release_s: Range = (0.05, 0.5),
    ) -> Self:
        """A threshold drawn evenly in dB, the rest evenly on a logarithmic scale; no makeup."""
        return cls(
            uniform(rng, threshold_db),
            log_uniform(rng, ratio),
            log_uniform(rng, attack_s),
            log_uniform(rng, release_s),
        )

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        peak = float(np.abs(samples).max())
        if peak == 0:
            return Altered.unmoved(samples, sample_rate)
        step = max(1, round(STEP_S * sample_rate))
        starts = np.arange(0, samples.size, step)
        levels = np.maximum.reduceat(np.abs(samples), starts) / peak
        over_db = 20 * np.log10(np.maximum(levels, 1e-10)) - self.threshold_db
        wanted_db = np.maximum(over_db, 0) * (1 - 1 / self.ratio)
        reduction_db = self._smoothed(wanted_db, step_s=step / sample_rate)
        at_samples = np.interp(np.arange(samples.size), starts + step / 2, reduction_db)
        gain = 10 ** ((self.makeup_db - at_samples) / 20)
        return Altered.unmoved((samples * gain).astype(np.float32), sample_rate)

    def _smoothed(self, wanted_db: NDArray[np.float64], *, step_s: float) -> list[float]:
        """The reduction following what is wanted: by `attack_s` upwards, `release_s` downwards."""
        attack, release = math.exp(-step_s / self.attack_s), math.exp(-step_s / self.release_s)
        current = 0.0
        smoothed = []
        for wanted in wanted_db.tolist():
            keep = attack if wanted > current else release
            current = wanted + keep * (current - wanted)
            smoothed.append(current)
        return smoothed
