"""The recipes of the four sources, as `sources.toml` lists them, and on their other features."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from spoof import networks, resnet
from spoof.data import Samples
from spoof.features import spectra
from spoof.recipes import Recipe, SourceResult, Training

RATE_HZ = 16_000
MODULES = {"spectra": spectra, "networks": networks, "resnet": resnet}


def _read() -> dict[str, Recipe]:
    """The recipes by name."""
    rows: dict[str, dict[str, Any]] = {}
    listed = tomllib.loads(Path(__file__).with_name("sources.toml").read_text(encoding="utf-8"))
    for name, own in listed.items():
        base = rows.get(own.pop("like", ""), {"remarks": [], "results": []})
        own["remarks"] = [*own.pop("more_remarks", []), *own.get("remarks", base["remarks"])]
        rows[name] = {**base, **own}
    return {name: _recipe(name, **row) for name, row in rows.items()}


def _recipe(
    name: str, *, feature: dict[str, Any], model: dict[str, Any], training: dict[str, Any],
    **row: Any,
) -> Recipe:  # fmt: skip
    row["results"] = [SourceResult(*result) for result in row["results"]]
    row |= {key: tuple(row[key]) for key in ("input_shape", "results", "remarks")}
    return Recipe(
        name, rate_hz=RATE_HZ, feature=_function(**feature, rate_hz=RATE_HZ),
        model=_function(**model), training=Training(**training), **row,
    )  # fmt: skip


def _function(of: str, *, args: list[str] | None = None, **options: Any) -> Callable[..., Any]:
    """The function or class of that name, as `networks.S4Cnn`, with arguments if there are any."""
    module, _, name = of.partition(".")
    function: Callable[..., Any] = getattr(MODULES[module], name)
    return partial(function, *args or (), **options) if args or options else function


RECIPES = _read()

# The same networks on other features of their sources, as NAME@FEATURE.

ROWS_RATE_HZ = 22_050
"""librosa's own rate, at which DEEP-VOICE's table was made: no other is stated."""
OTHER_FEATURES: dict[str, tuple[partial[Samples], int]] = {
    "mfcc13": (partial(spectra.mfcc_means, rate_hz=RATE_HZ, n_coefficients=13), 13),
    "lfcc": (partial(spectra.lfcc_means, rate_hz=RATE_HZ), 40),
    "chroma": (partial(spectra.chroma_means, rate_hz=RATE_HZ), 12),
    "rows": (partial(spectra.first_row, rate_hz=ROWS_RATE_HZ), 26),
}
"""Features that networks on 40 means can take instead, and how many numbers each has."""
MEL = partial(spectra.mel_picture, rate_hz=RATE_HZ, size=28)


def _variant(recipe: Recipe, name: str) -> Recipe:
    feature, count = OTHER_FEATURES[name]
    return replace(
        recipe, name=f"{recipe.name}@{name}", rate_hz=feature.keywords["rate_hz"],
        segment_s=1.0 if name == "rows" else recipe.segment_s, feature=feature,
        input_shape=(count,), model=partial(recipe.model, n_features=count), results=(),
    )  # fmt: skip


VARIANTS = {
    recipe.name: recipe
    for recipe in (
        *(replace(r, name=f"{r.name}@mel", feature=MEL) for r in RECIPES.values()
          if r.source == "S1"),
        *(_variant(r, name) for r in RECIPES.values() if r.input_shape == (40,)
          for name in OTHER_FEATURES),
    )
}  # fmt: skip
