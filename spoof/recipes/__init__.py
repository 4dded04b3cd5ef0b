"""Recipes by name: the detectors of four sources, each as its source has it, and ours.

>>> find("s4-cnn").training.epochs
10
"""

from cqtnet.errors import InputError
from spoof.recipes import ours, s1, s2, s3, s4
from spoof.recipes.recipe import Recipe, SourceResult, Training

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (*s1.S1, *s2.S2, *s3.S3, *s4.S4, *ours.OURS)
}
"""What `cqtnet spoof recipes` lists and `compare-recipes` compares."""
VARIANTS: dict[str, Recipe] = {recipe.name: recipe for recipe in (*s1.VARIANTS, *s2.VARIANTS)}
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
