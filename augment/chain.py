"""Effects one after the other: drawn from a recipe, kept as JSON, applied with one time map."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

from augment.effect import (
    Altered,
    Effect,
    Rng,
    Samples,
    check_ranges,
    checked_samples,
    effect_from_dict,
    effect_named,
    range_names,
)
from augment.errors import EffectError

Recipe: TypeAlias = Mapping[str, Sequence[Any]]
"""Effect name → (probability in [0, 1], ranges for its `draw`), in the order of application."""


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
            raise EffectError('this is no chain; give {"effects": [{"name": ...}, ...]}')
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
        if rng.random() >= probability:
            continue
        effect_class = effect_named(name)
        options = {"duration_s": left_s} if "duration_s" in range_names(effect_class) else {}
        effect = effect_class.draw(rng, **{**options, **ranges})
        left_s = effect.output_duration_s(left_s)
        effects.append(effect)
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


RECIPES: dict[str, Recipe] = tomllib.loads(Path(__file__).with_name("recipes.toml").read_text())
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
