"""Effects on tone and level: filters, equaliser, gain, clipping, compression."""

import math
import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from typing import Annotated, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from augment import effect
from augment.effect import Effect, Number, Range, Rng, Samples, Seed, log_uniform, uniform
from augment.errors import EffectError

FREQUENCY_LIMITS: Range = (1.0, 96_000.0)
LOW_PASS_ORDER, HIGH_PASS_ORDER = 8, 4
"""Butterworth orders: 48 and 24 dB per octave. A telephone's upper edge is the steep one."""

Frequency: TypeAlias = Annotated[float, Number(*FREQUENCY_LIMITS)]
GainDb: TypeAlias = Annotated[float, Number(-40.0, 40.0)]


class LowPass(Effect):
    """The sound without what is above `cutoff_hz`: 3 dB down there, 48 dB per octave beyond.

    A cutoff above half the sample rate changes nothing.
    """

    cutoff_hz: Annotated[float, Number(*FREQUENCY_LIMITS, drawn=(2000.0, 8000.0), log=True)]

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        if self.cutoff_hz >= sample_rate / 2:
            return samples
        return _butterworth(samples, sample_rate, self.cutoff_hz, "lowpass", LOW_PASS_ORDER)


class HighPass(Effect):
    """The sound without what is below `cutoff_hz`: 3 dB down there, 24 dB per octave beyond."""

    cutoff_hz: Annotated[float, Number(*FREQUENCY_LIMITS, drawn=(60.0, 500.0), log=True)]

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        if self.cutoff_hz >= sample_rate / 2:
            nothing = f"leaves nothing of a recording that ends at {sample_rate / 2:g} Hz"
            raise EffectError(f"cutoff of {self.cutoff_hz:g} Hz {nothing}; lower it")
        return _butterworth(samples, sample_rate, self.cutoff_hz, "highpass", HIGH_PASS_ORDER)


class Telephone(Effect):
    """The sound in the band of a telephone line, 300 to 3,400 Hz, without a codec."""

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        high = HighPass(300.0)._change(samples, sample_rate)
        return LowPass(3400.0)._change(high, sample_rate)


def _butterworth(
    samples: Samples, sample_rate: int, cutoff_hz: float, kind: str, order: int
) -> Samples:
    from scipy.signal import butter

    return _filtered(samples, butter(order, cutoff_hz, kind, fs=sample_rate, output="sos"))


def _filtered(samples: Samples, sections: NDArray[np.float64]) -> Samples:
    from scipy.signal import sosfilt

    return np.asarray(sosfilt(sections, samples.astype(np.float64)), dtype=np.float32)


class Equaliser(Effect):
    """The sound with its low, middle and high ranges each louder or softer.

    Below `low_hz` a shelf of `low_gain_db`, around `mid_hz` a peak of `mid_gain_db` whose width is
    `mid_hz / mid_q`, above `high_hz` a shelf of `high_gain_db`: second-order filters of R.
    Bristow-Johnson's cookbook. A band at or above half the sample rate does nothing.
    """

    low_hz: Frequency = 200.0
    low_gain_db: GainDb = 0.0
    mid_hz: Frequency = 1000.0
    mid_gain_db: GainDb = 0.0
    mid_q: Annotated[float, Number(0.1, 20)] = 1.0
    high_hz: Frequency = 4000.0
    high_gain_db: GainDb = 0.0

    @classmethod
    def draw(
        cls, rng: Rng, *, gain_db: Range = (-12.0, 12.0), low_hz: Range = (80.0, 300.0),
        mid_hz: Range = (400.0, 2500.0), mid_q: Range = (0.5, 3.0),
        high_hz: Range = (3000.0, 8000.0),
    ) -> Self:  # fmt: skip
        """Gains drawn evenly in dB from one range, frequencies and width evenly in octaves."""
        low = (log_uniform(rng, low_hz), uniform(rng, gain_db))
        mid = (log_uniform(rng, mid_hz), uniform(rng, gain_db), log_uniform(rng, mid_q))
        return cls(*low, *mid, log_uniform(rng, high_hz), uniform(rng, gain_db))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        bands = (
            (self.low_hz, _shelf(self.low_hz, self.low_gain_db, sample_rate, side=1)),
            (self.mid_hz, _peak(self.mid_hz, self.mid_gain_db, self.mid_q, sample_rate)),
            (self.high_hz, _shelf(self.high_hz, self.high_gain_db, sample_rate, side=-1)),
        )
        sections = [section for frequency, section in bands if frequency < sample_rate / 2]
        return _filtered(samples, np.array(sections)) if sections else samples


SHELF_Q = math.sqrt(0.5)  # the steepest shelf that does not overshoot

Triple: TypeAlias = tuple[float, float, float]


def _peak(frequency_hz: float, gain_db: float, q: float, sample_rate: int) -> NDArray[np.float64]:
    root_gain, cosine, alpha = _intermediate(frequency_hz, gain_db, q, sample_rate)
    return _section(
        (1 + alpha * root_gain, -2 * cosine, 1 - alpha * root_gain),
        (1 + alpha / root_gain, -2 * cosine, 1 - alpha / root_gain),
    )


def _shelf(
    frequency_hz: float, gain_db: float, sample_rate: int, *, side: int
) -> NDArray[np.float64]:
    """A low shelf (`side` 1), or its mirror image on the frequency axis, a high one (-1)."""
    root_gain, cosine, alpha = _intermediate(frequency_hz, gain_db, SHELF_Q, sample_rate)
    cosine *= side
    up, down, slope = root_gain + 1, root_gain - 1, 2 * math.sqrt(root_gain) * alpha
    return _section(
        (
            root_gain * (up - down * cosine + slope),
            side * 2 * root_gain * (down - up * cosine),
            root_gain * (up - down * cosine - slope),
        ),
        (up + down * cosine + slope, side * -2 * (down + up * cosine), up + down * cosine - slope),
    )


def _intermediate(frequency_hz: float, gain_db: float, q: float, sample_rate: int) -> Triple:
    """The cookbook's A, cos(w0) and alpha."""
    angle = 2 * math.pi * frequency_hz / sample_rate
    return 10 ** (gain_db / 40), math.cos(angle), math.sin(angle) / (2 * q)


def _section(numerator: Triple, denominator: Triple) -> NDArray[np.float64]:
    """One second-order section for scipy, its first denominator coefficient 1."""
    return np.array([*numerator, *denominator]) / denominator[0]


class Gain(Effect):
    """Every sample multiplied by one factor; nothing is clipped. -6.0206 dB is a half."""

    gain_db: Annotated[float, Number(-120, 60, drawn=(-18.0, 6.0))]

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        return samples * np.float32(10 ** (self.gain_db / 20))


class Invert(Effect):
    """The wave upside down, as a swapped pair of wires leaves it; it sounds the same."""

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        return -samples


class HardClip(Effect):
    """The sound cut off at a ceiling that its peak, whatever that is, exceeds by `over_db`."""

    over_db: Annotated[float, Number(0, 60, drawn=(1.0, 12.0))]

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        ceiling = _ceiling(samples, self.over_db)
        return np.clip(samples, -ceiling, ceiling)


class SoftClip(Effect):
    """The sound bent by a hyperbolic tangent to a ceiling that its peak exceeds by `over_db`."""

    over_db: Annotated[float, Number(0, 60, drawn=(0.0, 12.0))]

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        ceiling = _ceiling(samples, self.over_db)
        return samples if ceiling == 0 else ceiling * np.tanh(samples / ceiling)


def _ceiling(samples: Samples, over_db: float) -> np.float32:
    return np.float32(np.abs(samples).max() * 10 ** (-over_db / 20))


STEP_S = 0.001  # the compressor decides its gain once per millisecond, and interpolates in between


class Compressor(Effect):
    """The sound with its dynamic range reduced.

    Where the level is above `threshold_db` (dB under the recording's peak), what is over it is
    divided by `ratio`, with the time constants `attack_s` and `release_s`. `makeup_db` is added
    everywhere.
    """

    threshold_db: Annotated[float, Number(-80, 0, drawn=(-40.0, -10.0))]
    ratio: Annotated[float, Number(1, 100, drawn=(2.0, 10.0), log=True)]
    attack_s: Annotated[float, Number(0.0005, 5, drawn=(0.002, 0.05), log=True)] = 0.005
    release_s: Annotated[float, Number(0.0005, 5, drawn=(0.05, 0.5), log=True)] = 0.1
    makeup_db: GainDb = 0.0

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        peak = float(np.abs(samples).max())
        if peak == 0:
            return samples
        step = max(1, round(STEP_S * sample_rate))
        starts = np.arange(0, samples.size, step)
        levels = np.maximum.reduceat(np.abs(samples), starts) / peak
        over_db = 20 * np.log10(np.maximum(levels, 1e-10)) - self.threshold_db
        wanted_db = np.maximum(over_db, 0) * (1 - 1 / self.ratio)
        reduction_db = self._smoothed(wanted_db, step_s=step / sample_rate)
        at_samples = np.interp(np.arange(samples.size), starts + step / 2, reduction_db)
        return (samples * 10 ** ((self.makeup_db - at_samples) / 20)).astype(np.float32)

    def _smoothed(self, wanted_db: NDArray[np.float64], *, step_s: float) -> list[float]:
        """The reduction that follows `wanted_db`: by `attack_s` upwards, `release_s` downwards."""
        attack, release = math.exp(-step_s / self.attack_s), math.exp(-step_s / self.release_s)
        current = 0.0
        smoothed = []
        for wanted in wanted_db.tolist():
            keep = attack if wanted > current else release
            current = wanted + keep * (current - wanted)
            smoothed.append(current)
        return smoothed


TRANSFORMS = (
    "AddColorNoise", "AddGaussianNoise", "AddGaussianSNR", "AirAbsorption", "Aliasing",
    "BandPassFilter", "BandStopFilter", "BitCrush", "Clip", "ClippingDistortion", "Gain",
    "GainTransition", "HighPassFilter", "HighShelfFilter", "LowPassFilter", "LowShelfFilter",
    "Normalize", "PeakingFilter", "PitchShift", "PolarityInversion", "SevenBandParametricEQ",
    "TanhDistortion", "TimeMask",
)  # fmt: skip
"""Of audiomentations: those that keep time and need nothing beyond what it installs itself."""


class Audiomentation(Effect):
    """A transform of audiomentations, by its class name, made replayable by a seed.

    `options`: its arguments as in audiomentations, such as ``{"min_temperature": 10.0}``. The
    library draws the other arguments itself, from `seed`.
    """

    transform: Annotated[str, effect.one_of(TRANSFORMS)]
    seed: Seed
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.options, dict):
            raise EffectError(
                f"{self.name}: options {self.options!r} are not a dictionary; give one"
            )

    @classmethod
    def draw(cls, rng: Rng, *, transforms: Sequence[str] = ("AirAbsorption",)) -> Self:
        """One of the transforms, with its own default ranges."""
        return cls(str(rng.choice(list(transforms))), effect.draw_seed(rng))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        import audiomentations

        try:
            transform = getattr(audiomentations, self.transform)(p=1.0, **self.options)
        except (TypeError, ValueError) as problem:
            raise EffectError(f"{self.transform} refuses {self.options}: {problem}") from problem
        with _global_randomness(self.seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of very short input, say; the result is as good
            altered: Samples = transform(samples.copy(), sample_rate)
        return altered


@contextmanager
def _global_randomness(seed: int) -> Iterator[None]:
    """Python's and numpy's global generators, which the library uses, seeded and then restored."""
    before, before_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)  # noqa: NPY002
