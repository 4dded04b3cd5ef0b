"""What every effect is: parameters that were drawn, and a way to change samples with them.

And chains of effects: drawn from a recipe, kept as JSON, applied with one time map.
"""

import dataclasses
import inspect
import json
import math
import re
import tomllib
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Annotated, Any, ClassVar, Self, TypeAlias, dataclass_transform, get_type_hints

import numpy as np
from numpy.typing import NDArray

from augment.errors import EffectError
from augment.timemap import TimeMap

Samples: TypeAlias = NDArray[np.float32]
Range: TypeAlias = tuple[float, float]
Rng: TypeAlias = np.random.Generator

MIN_SAMPLE_RATE = 4_000
MAX_SAMPLE_RATE = 192_000
MAX_SEED = 2**32 - 1

Recipe: TypeAlias = Mapping[str, Sequence[Any]]
"""Effect name → (probability in [0, 1], ranges for its `draw`), in the order of application."""
Rule: TypeAlias = Callable[[str, object], None]
"""Checks the value of a parameter; it is written into the annotation of the field."""

EFFECTS = {
    "audiomentation": "augment.tone:Audiomentation",
    "background": "augment.noise:Background", "codec": "augment.codec:Codec",
    "coloured_noise": "augment.noise:ColouredNoise", "compressor": "augment.tone:Compressor",
    "crop": "augment.edits:Crop", "cut": "augment.edits:Cut",
    "equaliser": "augment.tone:Equaliser", "gain": "augment.tone:Gain",
    "gaussian_noise": "augment.noise:GaussianNoise", "hard_clip": "augment.tone:HardClip",
    "high_pass": "augment.tone:HighPass", "insert_recording": "augment.edits:InsertRecording",
    "insert_silence": "augment.edits:InsertSilence", "invert": "augment.tone:Invert",
    "low_pass": "augment.tone:LowPass", "mix": "augment.edits:Mix",
    "pitch": "augment.tempo:Pitch", "repeat": "augment.edits:Repeat",
    "reverb": "augment.room:Reverb", "room": "augment.room:Room",
    "room_response": "augment.room:RoomResponse", "soft_clip": "augment.tone:SoftClip",
    "speed": "augment.tempo:Speed", "telephone": "augment.tone:Telephone",
    "tempo": "augment.tempo:Tempo", "wsola_pitch": "augment.tempo:WsolaPitch",
    "wsola_tempo": "augment.tempo:WsolaTempo",
}  # fmt: skip
"""Every effect by its name, and where its class is; a new effect needs a line here."""


@dataclass(frozen=True)
class Number:
    """The rule of a number: its limits, and the range, perhaps logarithmic, that `draw` uses."""

    low: float
    high: float
    drawn: Range | None = None
    log: bool = False

    def __call__(self, label: str, value: object) -> None:
        """Raise EffectError, with a message that begins with `label`, unless the value is legal."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and self.low <= value <= self.high):  # type: ignore[operator]
            raise EffectError(
                f"{label} {value!r} is not within {self.low:g} to {self.high:g}; "
                "give a number in that range"
            )


def one_of(words: Sequence[str]) -> Rule:
    """The rule of a parameter that is one of a few words."""

    def check(label: str, value: object) -> None:
        if value not in words:
            raise EffectError(f"{label} {value!r} is unknown; choose from {', '.join(words)}")

    return check


def is_seed(label: str, value: object) -> None:
    """The rule of a seed, from which an effect makes everything that is random in it."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SEED:
        raise EffectError(f"{label} {value!r} is no whole number within 0 to {MAX_SEED}; give one")


def is_path(label: str, value: object) -> None:
    """The rule of the path of a recording."""
    if not isinstance(value, str) or not value:
        raise EffectError(f"{label} {value!r} is not the name of a file; give one as text")


Seconds: TypeAlias = Annotated[float, Number(0.0, 7 * 24 * 3600.0)]
"""A time or a length, at most a week."""
Seed: TypeAlias = Annotated[int, is_seed]
Path: TypeAlias = Annotated[str, is_path]


@dataclass(frozen=True, eq=False)
class Altered:
    """The result of an effect: samples (float32, mono, shape (n,)) and where they came from."""

    samples: Samples
    time_map: TimeMap

    @classmethod
    def unmoved(cls, samples: Samples, sample_rate: int) -> Self:
        """The result of an effect that changes the sound and leaves every moment in its place."""
        return cls(samples, TimeMap.identity(samples.size / sample_rate))


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
@dataclass(frozen=True)
class Effect(ABC):
    """A drawn effect: frozen numbers and strings that replay bit for bit.

    A subclass is made a frozen dataclass, and its name is that of the class: LowPass is "low_pass".
    It has a rule in the annotation of each field, `_change`, or `_alter` if it moves time, and its
    own `draw` where numbers depend on each other.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, *, named: bool = True) -> None:
        if named:
            cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        dataclass(frozen=True)(cls)

    def __post_init__(self) -> None:
        for field, rule in parameters(type(self)).items():
            rule(f"{self.name}: {field}", getattr(self, field))

    @classmethod
    def draw(cls, rng: Rng, *args: Any, **ranges: Any) -> Self:
        """An effect with each parameter drawn from its range, (low, high), or the default."""
        check_ranges(cls, ranges)
        values: dict[str, float] = {}
        for field, rule in parameters(cls).items():
            if isinstance(rule, Number) and rule.drawn:
                limits = ranges.get(field, rule.drawn)
                values[field] = (log_uniform if rule.log else uniform)(rng, limits)
            elif rule is is_seed:
                values[field] = draw_seed(rng)
        return cls(**values)

    def apply(self, samples: Samples, sample_rate: int) -> Altered:
        """The altered samples, float32 (n_out,), and the time map back to the input.

        `samples` is mono, shape (n,), floating point, finite, not empty, and stays as it is;
        `sample_rate` is in Hz, from 4,000 to 192,000.
        """
        checked = checked_samples(samples, sample_rate)
        with np.errstate(over="ignore", invalid="ignore"):  # it is refused below
            altered = self._alter(checked, int(sample_rate))
        result = np.ascontiguousarray(altered.samples, dtype=np.float32)
        if result.size == 0:
            raise EffectError(f"{self.name} leaves no sample of {checked.size}; give more sound")
        if not np.isfinite(result).all():
            raise EffectError(f"{self.name} drives samples beyond what float32 holds; lower them")
        if np.may_share_memory(result, samples):
            result = result.copy()
        return Altered(result, altered.time_map)

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        """The altered samples; the input was checked and must not be changed."""
        return Altered.unmoved(self._change(samples, sample_rate), sample_rate)

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        """The changed samples of an effect that leaves every moment in its place."""
        raise NotImplementedError

    def output_duration_s(self, duration_s: float) -> float:
        """Seconds that come out of a recording that lasts `duration_s`."""
        return duration_s

    def to_dict(self) -> dict[str, Any]:
        """The name and the drawn numbers, ready for JSON; `effect_from_dict` takes it back."""
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        numbers = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in asdict(self).items()}
        values = ", ".join(f"{key} {value}" for key, value in numbers.items())
        return f"{self.name}: {values}" if values else self.name


@cache
def parameters(effect_class: type[Effect]) -> dict[str, Rule]:
    """The rule of every field that has one."""
    hints = get_type_hints(effect_class, include_extras=True)
    rules = ((f.name, getattr(hints[f.name], "__metadata__", ())) for f in fields(effect_class))
    return {name: rule for name, some in rules for rule in some}


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
    needed = {k for k, f in legal.items() if f.default is MISSING and f.default_factory is MISSING}
    listed = ", ".join(legal) or "none"
    for key in given.keys() - legal.keys():
        raise EffectError(f"{effect_class.name} has no {key!r}; its parameters: {listed}")
    for key in needed - given.keys():
        raise EffectError(f"{effect_class.name} needs {key!r}; its parameters: {listed}")
    return effect_class(**given)


def effect_named(name: object) -> type[Effect]:
    """The class of the effect with this name."""
    if not isinstance(name, str) or name not in EFFECTS:
        raise EffectError(f"no effect is named {name!r}; choose from {', '.join(sorted(EFFECTS))}")
    module, _, class_name = EFFECTS[name].partition(":")
    effect_class: type[Effect] = getattr(import_module(module), class_name)
    return effect_class


def range_names(effect_class: type[Effect]) -> tuple[str, ...]:
    """The ranges that `draw` of this effect takes, by keyword."""
    if "draw" in vars(effect_class):
        return tuple(key for key in inspect.signature(effect_class.draw).parameters if key != "rng")
    rules = parameters(effect_class).items()
    return tuple(key for key, rule in rules if isinstance(rule, Number) and rule.drawn)


def check_ranges(effect_class: type[Effect], ranges: Mapping[str, Any]) -> None:
    """Raise EffectError unless `draw` of this effect takes all of these ranges."""
    legal = range_names(effect_class)
    for key in ranges.keys() - set(legal):
        listed = ", ".join(legal) or "none"
        raise EffectError(f"{effect_class.name} draws no {key!r}; its ranges: {listed}")


def uniform(rng: Rng, limits: Range) -> float:
    """A number drawn evenly from (low, high)."""
    low, high = limits
    if not low <= high:
        raise EffectError(f"range ({low}, {high}) is upside down; give (low, high)")
    return float(rng.uniform(low, high))


def log_uniform(rng: Rng, limits: Range) -> float:
    """A number drawn evenly on a logarithmic scale, for frequencies and times."""
    if not limits[0] > 0:
        raise EffectError(f"range {limits} begins at or below 0; give a positive low end")
    value = math.exp(uniform(rng, (math.log(limits[0]), math.log(limits[1]))))
    return min(max(value, limits[0]), limits[1])  # rounding may step over an end


def draw_path(rng: Rng, name: str, paths: Sequence[str]) -> str:
    """One of the files, each as likely as the others."""
    if not paths:
        raise EffectError(f"{name} has no files to draw from; give paths=[...]")
    return str(paths[int(rng.integers(len(paths)))])


def draw_seed(rng: Rng) -> int:
    """A seed for an effect that is random inside."""
    return int(rng.integers(MAX_SEED, endpoint=True))


def checked_samples(samples: Samples, sample_rate: int) -> Samples:
    """The same samples as float32; EffectError if effects cannot work with them or their rate."""
    whole = isinstance(sample_rate, int | np.integer) and not isinstance(sample_rate, bool)
    if not whole or not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise EffectError(
            f"sample_rate {sample_rate!r} is not a whole number of Hz from {MIN_SAMPLE_RATE} "
            f"to {MAX_SAMPLE_RATE}; resample first"
        )
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


# Effects one after the other.


@dataclass(frozen=True)
class Chain:
    """Drawn effects in the order in which they are applied.

    >>> Chain((Tempo(1.1), Gain(-6.0))).apply(samples, 22050).time_map.to_source(10.0)  # about 11 s
    """

    effects: tuple[Effect, ...] = ()

    def apply(self, samples: Samples, sample_rate: int) -> Altered:
        """The samples after every effect, with one map from the result back to the input."""
        altered = Altered.unmoved(checked_samples(samples, sample_rate).copy(), sample_rate)
        for effect in self.effects:
            step = effect.apply(altered.samples, sample_rate)
            altered = Altered(step.samples, altered.time_map.then(step.time_map))
        return altered

    def to_json(self) -> str:
        """JSON text that `from_json` turns into an equal chain."""
        return json.dumps({"effects": [effect.to_dict() for effect in self.effects]}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The chain that `to_json` wrote."""
        try:
            record = json.loads(text)
        except ValueError as problem:
            raise EffectError(f"this is not JSON ({problem}); give what a chain wrote") from problem
        if not isinstance(record, dict) or not isinstance(record.get("effects"), list):
            raise EffectError('this is not a chain; give {"effects": [{"name": ...}, ...]}')
        return cls(tuple(effect_from_dict(effect) for effect in record["effects"]))


def draw_chain(rng: Rng, recipe: Recipe, *, duration_s: float | None = None) -> Chain:
    """A chain drawn from a recipe: each effect with its probability, its numbers from its ranges.

    A recipe with effects that cut or put in needs the recording's `duration_s`; each effect is
    placed within the length that is left before it.
    """
    check_recipe(recipe, has_duration=duration_s is not None)
    effects: list[Effect] = []
    left_s = duration_s or 0.0
    for name, (probability, ranges) in recipe.items():
        if rng.random() < probability:
            effect_class = effect_named(name)
            options = {"duration_s": left_s} if "duration_s" in range_names(effect_class) else {}
            effects.append(effect_class.draw(rng, **{**options, **ranges}))
            left_s = effects[-1].output_duration_s(left_s)
    return Chain(tuple(effects))


def check_recipe(recipe: Recipe, *, has_duration: bool) -> None:
    """Raise EffectError unless `draw_chain` can draw every effect of the recipe."""
    for name, (probability, ranges) in recipe.items():
        effect_class = effect_named(name)
        if not 0 <= probability <= 1:
            raise EffectError(f"{name}: probability {probability} is not within 0 to 1; correct it")
        check_ranges(effect_class, ranges)
        needs_duration = "duration_s" in range_names(effect_class) and "duration_s" not in ranges
        if needs_duration and not has_duration:
            raise EffectError(f"{name} is placed by the recording's length; give duration_s")


RECIPES: dict[str, Recipe] = tomllib.loads((files("augment") / "recipes.toml").read_text())
"""The recipes of `recipes.toml`. Effects that use other recordings are added with their files:
`{"background": (0.5, {"paths": paths}), **REAL_LIFE}`."""
PAPER = RECIPES["paper"]
"""The paper's four effects, each with probability 0.5."""
REAL_LIFE = RECIPES["real-life"]
"""Every effect that needs no files, but for `wsola_tempo` and `wsola_pitch`."""


def recipe_named(name: str) -> Recipe:
    """The recipe with this name, as the command line spells it."""
    if name not in RECIPES:
        raise EffectError(f"no recipe is named {name!r}; choose from {', '.join(RECIPES)}")
    return RECIPES[name]
