"""`cqtnet spoof train`: train a detector by its recipe."""

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spoof.commands.options import PATH, data_options, reading

if TYPE_CHECKING:
    from spoof.data.utterance import Utterance
    from spoof.prepare import Preparer
    from spoof.recipes.recipe import Recipe


@click.command(
    epilog="""\b
Example:
  cqtnet spoof train s4-cnn --data LA --out runs/s4
  cqtnet spoof train s2-ann --data AUDIO --split-by segment --set copies=60
"""
)
@click.argument("recipe")
@data_options
@click.option("--out", type=PATH, help="Folder of the run.  [default: runs/RECIPE-SEED]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--epochs", type=click.IntRange(1), help="Instead of the recipe's.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any field of the training: --set copies=60 --set learning_rate=0.0003.",
)
@click.option(
    "--split-by",
    type=click.Choice(["group", "segment"]),
    default="group",
    show_default=True,
    help="segment: as the sources did, which lets recordings be remembered.",
)
@click.option(
    "--pretrained", type=PATH, help="Weights of ImageNet.  [default: those in the usual caches]"
)
@click.option("--resume", is_flag=True, help="Go on where the run in OUT stopped.")
@click.option(
    "--stop-after",
    "stop_after_min",
    type=click.FloatRange(0),
    default=math.inf,
    help="Minutes; the run stops at the end of an epoch, and --resume goes on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(
    recipe: str,
    data: Path,
    layout: str | None,
    cache: Path | None,
    workers: int | None,
    device: str,
    out: Path | None,
    seed: int,
    epochs: int | None,
    assignments: tuple[str, ...],
    split_by: str,
    pretrained: Path | None,
    resume: bool,
    stop_after_min: float,
    as_json: bool,
) -> None:
    """Train the detector RECIPE, and calibrate it by its validation part.

    Recordings and speakers are on one side of the split; the test part is left for
    `cqtnet spoof evaluate`. OUT gets best.safetensors with its JSON and its calibration, the
    curves, and what --resume needs. `cqtnet spoof recipes` lists the recipes.
    """
    from spoof.commands.progress import showing
    from spoof.parts import known_split
    from spoof.train import TrainConfig
    from spoof.train import train as learn

    chosen = _chosen(recipe, epochs, assignments)
    folder = out or Path("runs") / f"{chosen.name}-{seed}"
    start = _start(chosen, pretrained)
    with (
        showing() as shown,
        reading(
            data, layout, cache=cache or folder / "cache", workers=workers, told=shown.prepared
        ) as (utterances, preparer),
    ):
        config = TrainConfig(
            folder, chosen, preparer, seed=seed, split_by=known_split(split_by), device=device,
            pretrained=start, resume=resume, stop_after_s=60 * stop_after_min,
        )  # fmt: skip
        outcome = learn(utterances, config, told=shown.learned)
        calibrated = _calibrated(outcome.weights, utterances, preparer, device=device)
    row = outcome.history[outcome.best_epoch - 1]
    if as_json:
        record = {"weights": os.fspath(outcome.weights), "calibrated": calibrated, **vars(outcome)}
        click.echo(json.dumps({**record, "seconds": outcome.seconds}, indent=1, default=os.fspath))
        return
    eer = f"EER {100 * row['valid_eer']:.1f} %, " if "valid_eer" in row else ""
    click.echo(
        f"epoch {outcome.best_epoch} of {len(outcome.history)}, {outcome.seconds:.0f} s; held "
        f"out: {eer}accuracy {100 * row['valid_accuracy']:.1f} % → {outcome.weights}"
    )
    if not outcome.is_finished:
        click.echo("cqtnet: stopped for lack of time; --resume goes on", err=True)


def _chosen(name: str, epochs: int | None, assignments: tuple[str, ...]) -> "Recipe":
    """The recipe with its training changed on request."""
    from dataclasses import replace

    from cqtnet.settings import changed
    from spoof.recipes import find

    found = find(name)
    if epochs is not None:
        found = found.changed(epochs=epochs)
    return replace(found, training=changed(found.training, assignments))


def _start(recipe: "Recipe", pretrained: Path | None) -> Path | None:
    """The weights to start from, said on stderr where the recipe wants some."""
    from spoof.models import find_pretrained

    if pretrained is None and recipe.imagenet:
        pretrained = find_pretrained(recipe.imagenet)
        found = f"weights of {pretrained}" if pretrained else "random weights: no file was found"
        click.echo(f"cqtnet: {recipe.name} starts from {found}", err=True)
    return pretrained


def _calibrated(
    weights: Path, utterances: "list[Utterance]", preparer: "Preparer", *, device: str
) -> bool:
    """Calibrate by the validation part, where that is large enough and was not learned from."""
    from cqtnet.errors import ManifestError
    from spoof.calibrate import calibrate
    from spoof.checkpoint import load_trained

    trained = load_trained(weights)
    if trained.card["split_by"] != "group":
        return False
    try:
        found = calibrate(trained, utterances, preparer, device=device, sources="validation part")
    except ManifestError as error:
        click.echo(f"cqtnet: not calibrated: {error}", err=True)
        return False
    found.save(trained.path)
    return True
