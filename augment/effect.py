"""What every effect is: numbers that were drawn, and how they change samples."""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from augment.errors import EffectError
from augment.timemap import TimeMap

Samples: TypeAlias = NDArray[np.float32]
Range: TypeAlias = tuple[float, float]

MIN_SAMPLE_RATE = 4_000
MAX_SAMPLE_RATE = 192_000
MAX_SEED = 2**32 - 1
TIMES_S: Range = (0.0, 7 * 24 * 3600.0)
"""Seconds that a time or a length may be: up to a week."""

EFFECTS: "dict[str, type[Effect]]" = {}
"""Every effect by its name; a subclass of `Effect` that has a name enters itself."""


@dataclass(frozen=True, eq=False)
class Altered:
    """What an effect gives back: samples (float32, mono, shape (n,)) and where they came from."""

    samples: Samples
    time_map: TimeMap

    @classmethod
    def unmoved(cls, samples: Samples, sample_rate: int) -> Self:
        """The result of an effect that changes the sound and leaves every moment in its place."""
        return cls(samples, TimeMap.identity(samples.size / sample_rate))


@dataclass(frozen=True)
class Effect(ABC):
    """A drawn effect: frozen numbers and strings that replay bit for bit.

    A subclass is a frozen dataclass with a `name`, limits checked in `__post_init__`, a
    `draw` with its default ranges as keyword arguments, and `_alter`, which does the work.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" in cls.__dict__:
            EFFECTS[cls.name] = cls

    @classmethod
    @abstractmethod
    def draw(cls, rng: np.random.Generator, *args: Any, **ranges: Any) -> Self:
        """An effect with numbers drawn from ranges; each range is (low, high)."""

    @abstractmethod
    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        """The altered samples; the input has been checked and must not be changed."""

    def apply(self, samples: Samples, sample_rate: int) -> Altered:
        """The altered samples, float32 of shape (n_out,), and the time map back to the input.

        `samples` is mono, shape (n,), floating point, finite, not empty, and stays as it is;
        `sample_rate` is in Hz, from 4,000 to 192,000.
        """
        checked = checked_samples(samples)
        check_sample_rate(sample_rate)
        altered = self._alter(checked, int(sample_rate))
        result = np.ascontiguousarray(altered.samples, dtype=np.float32)
        if result.size == 0:
            raise EffectError(f"{self.name} leaves no sample of {checked.size}; give more sound")
        if not np.isfinite(result).all():
            raise EffectError(f"{self.name} drives samples beyond what float32 holds; lower them")
        if np.may_share_memory(result, samples):
            result = result.copy()
        return Altered(result, altered.time_map)

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds that come out of a recording of so many seconds."""
        return duration_s

    def to_dict(self) -> dict[str, Any]:
        """The name and the drawn numbers, ready for JSON; `effect_from_dict` takes it back."""
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        values = ", ".join(f"{key} {_short(value)}" for key, value in asdict(self).items())
        return f"{self.name}: {values}" if values else self.name

    def _check_limits(self, **limits: Range) -> None:
        """Raise EffectError for each named field that isn't a number within its limits."""
        for field, (low, high) in limits.items():
            value = getattr(self, field)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (is_number and math.isfinite(value) and low <= value <= high):
                raise EffectError(
                    f"{self.name}: {field} {value!r} is not within {low:g} to {high:g}; "
                    "give a number in that range"
                )

    def _check_seed(self, seed: int) -> None:
        if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
            raise EffectError(
                f"{self.name}: seed {seed!r} is not a whole number within 0 to {MAX_SEED}; give one"
            )

    def _check_choice(self, field: str, legal: Sequence[str]) -> None:
        if getattr(self, field) not in legal:
            raise EffectError(
                f"{self.name}: {field} {getattr(self, field)!r} is unknown; "
                f"choose from {', '.join(legal)}"
            )

    def _check_path(self, path: str) -> None:
        if not isinstance(path, str) or not path:
            raise EffectError(f"{self.name}: path {path!r} names no file; give one as text")


def effect_from_dict(record: Mapping[str, Any]) -> Effect:
    """The effect that `Effect.to_dict` described.

    >>> effect_from_dict({"name": "gain", "gain_db": -6.0})
    Gain(gain_db=-6.0)
    """
    if not isinstance(record, Mapping):
        raise EffectError(f'{record!r} describes no effect; give {{"name": ..., parameters}}')
    effect_class = effect_named(record.get("name"))
    given = {key: value for key, value in record.items() if key != "name"}
    legal = {field.name: field for field in fields(effect_class)}
    listed = ", ".join(legal) or "none"
    for key in given:
        if key not in legal:
            raise EffectError(f"{effect_class.name} has no {key!r}; its parameters: {listed}")
    for key, field in legal.items():
        if key not in given and field.default is MISSING:
            raise EffectError(f"{effect_class.name} needs {key!r}; its parameters: {listed}")
    return effect_class(**given)


def effect_named(name: object) -> type[Effect]:
    """The class of the effect with this name."""
    if not isinstance(name, str) or name not in EFFECTS:
        raise EffectError(f"no effect is named {name!r}; choose from {', '.join(sorted(EFFECTS))}")
    return EFFECTS[name]


def range_names(effect_class: type[Effect]) -> tuple[str, ...]:
    """The keyword arguments that this effect's `draw` takes."""
    return tuple(key for key in inspect.signature(effect_class.draw).parameters if key != "rng")


def uniform(rng: np.random.Generator, limits: Range) -> float:
    """A number drawn evenly from (low, high)."""
    low, high = limits
    if not low <= high:
        raise EffectError(f"range ({low}, {high}) is upside down; give (low, high)")
    return float(rng.uniform(low, high))


def log_uniform(rng: np.random.Generator, limits: Range) -> float:
    """A number drawn evenly on a logarithmic scale, as frequencies and times ask for."""
    if not limits[0] > 0:
        raise EffectError(f"range {limits} begins at or below 0; give a positive low end")
    # exp(log(x)) may step over an end by one rounding; hold the promise of the range.
    value = math.exp(uniform(rng, (math.log(limits[0]), math.log(limits[1]))))
    return min(max(value, limits[0]), limits[1])


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for an effect that is random inside."""
    return int(rng.integers(MAX_SEED, endpoint=True))


def checked_samples(samples: Samples) -> Samples:
    """The same samples as float32, after making sure that effects can work with them."""
    if not isinstance(samples, np.ndarray) or not np.issubdtype(samples.dtype, np.floating):
        kind = samples.dtype if isinstance(samples, np.ndarray) else type(samples).__name__
        raise EffectError(f"samples are {kind}; give a numpy array of float32 in -1 to 1")
    if samples.ndim != 1:
        raise EffectError(f"samples have shape {samples.shape}; give mono samples of shape (n,)")
    if samples.size == 0:
        raise EffectError("samples are empty, 0 long; give at least 1")
    converted = samples.astype(np.float32, copy=False)
    if not np.isfinite(converted).all():
        raise EffectError("samples hold NaN or infinite values; remove them first")
    return converted


def check_sample_rate(sample_rate: int) -> None:
    """Raise EffectError unless the rate is a whole number of Hz that effects are built for."""
    whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
    if not whole or not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise EffectError(
            f"sample_rate {sample_rate!r} is not a whole number of Hz from {MIN_SAMPLE_RATE} "
            f"to {MAX_SAMPLE_RATE}; resample first"
        )


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
