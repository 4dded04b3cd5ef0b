"""`cqtnet spoof compare-recipes`: all recipes on the same data, in one table."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spoof.commands.options import PATH, data_options, reading

if TYPE_CHECKING:
    from spoof.recipes.recipe import Recipe


@click.command(
    epilog="""\b
Example:
  cqtnet spoof compare-recipes --data voices.tsv --out comparison
  cqtnet spoof compare-recipes --data LA --recipes s4-cnn,s2-lstm --minutes 30 --out comparison
"""
)
@data_options
@click.option("--out", required=True, type=PATH, help="Folder for runs, reports and the table.")
@click.option("--recipes", "names", help="Names with commas between; all of them if not given.")
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Runs of each.")
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    default=math.inf,
    help="Of training, for each recipe and seed; the best until then counts.",
)
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipes' own.")
@click.option("--leaky", is_flag=True, help="Also split by segment, as the sources did.")
@click.option("--shortcuts", type=click.IntRange(0), default=200, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what comparison.json holds.")
def compare_recipes(
    data: Path,
    layout: str | None,
    cache: Path | None,
    workers: int | None,
    device: str,
    out: Path,
    names: str | None,
    seeds: int,
    minutes: float,
    epochs: int | None,
    leaky: bool,
    shortcuts: int,
    as_json: bool,
) -> None:
    """Train and evaluate recipes on the same data and print one table.

    Recordings and speakers are on one side of the split; with --leaky also by segment, to show
    what that makes of the figures. What is finished is kept: the same call goes on where it was
    interrupted. A recipe that fails is told; then the exit code is 1.
    """
    from spoof.commands.progress import showing
    from spoof.compare import REMARK, CompareConfig, table
    from spoof.compare import compare_recipes as compare

    chosen = _chosen(names)
    with (
        showing() as shown,
        reading(
            data, layout, cache=cache or out / "cache", workers=workers, told=shown.prepared
        ) as (utterances, preparer),
    ):
        config = CompareConfig(
            out,
            preparer,
            seeds=seeds,
            split_bys=("group", "segment") if leaky else ("group",),
            limit_s=60 * minutes,
            epochs=epochs,
            shortcuts=shortcuts,
            device=device,
        )
        entries = compare(
            utterances, chosen, config, told=lambda name, step: shown.learned(step, name)
        )
    if as_json:
        click.echo(json.dumps([entry.to_dict() for entry in entries], indent=1))
    else:
        click.echo(f"{table(entries)}\n\n{REMARK}")
    failed = [entry for entry in entries if entry.error]
    for entry in failed:
        click.echo(f"cqtnet: {entry.recipe.name}: {entry.error}", err=True)
    if failed:
        sys.exit(1)


def _chosen(names: str | None) -> "list[Recipe]":
    """The recipes of these names, each once."""
    from spoof.recipes import RECIPES, find

    if names is None:
        return list(RECIPES.values())
    return [find(name) for name in dict.fromkeys(map(str.strip, names.split(",")))]
