"""Recipes by name: the detectors of four sources, each as its source has it, and ours.

>>> find("s4-cnn").training.epochs
10
"""

from cqtnet.errors import InputError
from spoof.recipes import sources
from spoof.recipes.recipe import Recipe, SourceResult, Training

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (*sources.S1, *sources.S2, *sources.S3, *sources.S4, *sources.OURS)
}
"""What `cqtnet spoof recipes` lists and `compare-recipes` compares."""
VARIANTS: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (*sources.VARIANTS, *sources.S2_VARIANTS)
}
"""The same networks on other features of their sources, as NAME@FEATURE."""

__all__ = ["RECIPES", "VARIANTS", "Recipe", "SourceResult", "Training", "find"]


def find(name: str) -> Recipe:
    """The recipe of that name, one on another feature as NAME@FEATURE."""
    if name in RECIPES:
        return RECIPES[name]
    if name in VARIANTS:
        return VARIANTS[name]
    network, at, _ = name.partition("@")
    features = [other.partition("@")[2] for other in VARIANTS if other.startswith(f"{network}@")]
    if at and features:
        raise InputError(f"{network} takes no {name!r}; use {network}@{{{','.join(features)}}}")
    raise InputError(f"recipe {name!r} is unknown; use one of {', '.join(RECIPES)}")
