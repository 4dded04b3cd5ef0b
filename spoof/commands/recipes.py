"""`cqtnet spoof recipes`: the detectors by name."""

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from spoof.recipes.recipe import Recipe


@click.command(
    epilog="""\b
Example:
  cqtnet spoof recipes
  cqtnet spoof recipes --features --json
"""
)
@click.option("--features", "with_variants", is_flag=True, help="Also those on other features.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def recipes(with_variants: bool, as_json: bool) -> None:
    """List the recipes: what each hears, its network, its training, its source's own results.

    The sources' figures are of their own data and splits.
    """
    from spoof.recipes import RECIPES, VARIANTS

    listed = [*RECIPES.values(), *(VARIANTS.values() if with_variants else ())]
    if as_json:
        click.echo(json.dumps([_record(recipe) for recipe in listed], indent=1))
        return
    for recipe in listed:
        click.echo("\n".join(_lines(recipe)))


def _lines(recipe: "Recipe") -> list[str]:
    training = recipe.training
    ends = f"up to {training.epochs}" if training.patience is not None else f"{training.epochs}"
    length = f"{recipe.segment_s:g} s" if recipe.segment_s else "whole recordings"
    joined = ", each speaker's recordings joined" if recipe.joins else ""
    lines = [
        f"{recipe.name}  {recipe.title}",
        f"  hears     {length} at {recipe.rate_hz:,} Hz{joined} → "
        f"{' × '.join(map(str, recipe.input_shape))}",
        f"  network   {_parameters(recipe):,} parameters",
        f"  training  {training.optimiser}, rate {training.learning_rate:g}, batch "
        f"{training.batch}, {ends} epochs, keeps the {_kept(training.keep)}",
    ]
    lines += [f"  {recipe.source} states {result}" for result in recipe.results]
    return lines + [f"  * {remark}" for remark in recipe.remarks]


def _kept(keep: str) -> str:
    return "last" if keep == "last" else f"best by {keep}"


def _parameters(recipe: "Recipe") -> int:
    """How many numbers the network has, without giving them memory."""
    import torch

    with torch.device("meta"):
        return sum(parameter.numel() for parameter in recipe.build().parameters())


def _record(recipe: "Recipe") -> dict[str, Any]:
    return {
        **recipe.to_dict(),
        "source": recipe.source,
        "title": recipe.title,
        "parameters": _parameters(recipe),
        "results": [vars(result) for result in recipe.results],
        "remarks": list(recipe.remarks),
    }
