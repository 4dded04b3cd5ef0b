"""`cqtnet spoof train`: train a detector by its recipe."""

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from spoof.data.utterance import Utterance
    from spoof.prepare import Preparer
    from spoof.recipes.recipe import Recipe
    from spoof.train import Step


# Options that several commands have, and what becomes of them.

PATH = click.Path(path_type=Path)
LAYOUT_NAMES = ("asvspoof", "deep-voice", "fake-or-real", "folders", "table")
PARTS = ("auto", "train", "valid", "test", "all")

DATA = (
    click.option(
        "--data",
        required=True,
        type=PATH,
        help="A data set's folder, one with real/ and fake/, a table of recordings, or "
        "DEEP-VOICE's of features.",
    ),
    click.option("--layout", type=click.Choice(LAYOUT_NAMES), help="Default: found by itself."),
    click.option("--cache", type=PATH, help="Folder for what is made of recordings, to share."),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Processes that read recordings.  [default: all cores but one, 16 at most]",
    ),
    click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True),
)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which recordings are meant, and how they are made ready."""
    for option in reversed(DATA):
        command = option(command)
    return command


@contextmanager
def reading(
    data: Path,
    layout: str | None,
    *,
    cache: Path | None,
    workers: int | None,
    told: Callable[[int, int], None],
) -> "Iterator[tuple[list[Utterance], Preparer]]":
    """The recordings of a data set, and what makes them ready.

    What is made is kept in the folder `cache`; without one, in one that does not last.
    """
    from eval.processes import Workers
    from spoof.data import load_data
    from spoof.prepare import Preparer, is_row_table, read_row_table

    count = workers or max(1, min(16, (os.cpu_count() or 1) - 1))
    kept = TemporaryDirectory() if cache is None else nullcontext(os.fspath(cache))
    with kept as folder, Workers(count) as pool:
        preparer = Preparer(Path(folder), pool, told)
        if layout is None and is_row_table(data):
            yield read_row_table(data, preparer)
        else:
            yield load_data(data, layout=layout), preparer


# How far preparing and training have come, on stderr.


class Showing:
    """A bar for recordings that are made ready, one for epochs, and a line for each epoch."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress, self._console = progress, console
        self._preparing = progress.add_task("preparing", total=None, visible=False)
        self._learning = progress.add_task("training", total=None, visible=False)

    def prepared(self, done: int, of: int) -> None:
        """So many of the recordings that lack are ready."""
        self._progress.update(
            self._preparing, completed=done, total=of, visible=done < of, description="preparing"
        )

    def learned(self, step: "Step", name: str = "training") -> None:
        """A batch is learned, or an epoch is over."""
        done = step.epoch * step.n_batches + (0 if step.row else step.batch)
        words = f"{name}  epoch {step.epoch + (not step.row)}  loss {step.loss:.3f}"
        self._progress.update(
            self._learning,
            completed=done,
            total=step.n_epochs * step.n_batches,
            visible=done < step.n_epochs * step.n_batches,
            description=words,
        )
        if step.row:
            self._console.print(f"{name}  {line_of(step.row)}", highlight=False, soft_wrap=True)


def line_of(row: dict[str, float]) -> str:
    """An epoch's figures in a line."""
    eer = f"  EER {100 * row['valid_eer']:.1f} %" if "valid_eer" in row else ""
    return (
        f"epoch {row['epoch']:.0f}  loss {row['loss']:.4f}  accuracy {100 * row['accuracy']:.1f} %"
        f"  held out: loss {row['valid_loss']:.4f}  accuracy {100 * row['valid_accuracy']:.1f} %"
        f"{eer}  {row['seconds']:.1f} s"
    )


@contextmanager
def showing() -> Iterator[Showing]:
    """Bars on stderr while it lasts; lines alone where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Showing(progress, console)


# `cqtnet spoof recipes`: the detectors by name.


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


# `cqtnet spoof train`: train a detector by its recipe.


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

    from cqtnet.recipes import changed
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
    from spoof.calibration import calibrate
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
