"""`cqtnet spoof`: whether a voice is synthetic; and the options that its commands share."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
from click import Choice, IntRange, option

from cqtnet.cli import LazyGroup
from cqtnet.commands import DEVICE, PATH, progress_options

if TYPE_CHECKING:
    from cqtnet.progress import Bar
    from spoof.data import Utterance
    from spoof.prepare import Preparer
    from spoof.train import Step

COMMANDS = ("detect", "evaluate", "calibrate", "recipes", "train", "compare-recipes")
PLACES = {name: f"spoof.commands.detectors:{name.replace('-', '_')}" for name in COMMANDS}


@click.command(cls=LazyGroup, places=PLACES, name="spoof")
def group() -> None:
    """Judge whether a voice is synthetic; train and compare detectors."""


ShowStep = Callable[..., None]
"""A function of a `Step` and, if it is not "training", the name of what is trained."""
LAYOUTS = Choice(["asvspoof", "deep-voice", "fake-or-real", "folders", "table"])
PARTS = Choice(["auto", "train", "valid", "test", "all"])
PART = option("--split", "part", type=PARTS, default="auto", show_default=True,
              help="Part of the data to take.")  # fmt: skip
DATA = (
    option("--data", required=True, type=PATH, help="A data set's folder, one with real/ and "
           "fake/, a table of recordings, or DEEP-VOICE's table of features."),
    option("--layout", type=LAYOUTS, help="How the data set is laid out.  [default: detected]"),
    option("--cache", type=PATH, help="Folder for the inputs made of recordings; may be shared."),
    option("--jobs", "workers", type=IntRange(1), help="Processes that read recordings.  [default: "
           "one for each processor but one, 16 at most]"),
    DEVICE,
)  # fmt: skip


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `opened`, --device, -q and -v."""
    command = progress_options(command)
    for add in reversed(DATA):
        command = add(command)
    return command


@contextmanager
def opened(
    options: dict[str, Any], *, cache: Path | None = None
) -> "Iterator[tuple[list[Utterance], Preparer, ShowStep]]":
    """The utterances of a data set, their preparer, and a function that shows training steps.

    Takes its own from the `options` of a command. Inputs are kept in the folder of --cache, or in
    `cache`, or in a temporary one.
    """
    from cqtnet.progress import Workers, progress_bar
    from spoof.data.lists import load_data
    from spoof.prepare import Preparer, is_row_table, read_row_table

    data, layout, chosen, workers = (
        options.pop(name) for name in ("data", "layout", "cache", "workers")
    )
    count = workers or max(1, min(16, (os.cpu_count() or 1) - 1))
    kept = chosen or cache
    folder = TemporaryDirectory() if kept is None else nullcontext(os.fspath(kept))
    with folder as path, Workers(count) as pool, progress_bar("preparing") as bar:
        preparer = Preparer(Path(path), pool, partial(bar.update, doing="preparing"))
        if layout is None and is_row_table(data):
            utterances, preparer = read_row_table(data, preparer)
        else:
            utterances = load_data(data, layout=layout)
        yield utterances, preparer, partial(_show_step, bar)


def _show_step(bar: "Bar", step: "Step", name: str = "training") -> None:
    """Move the bar after a batch, and print a line after an epoch."""
    row = step.row
    done = step.epoch * step.n_batches + (0 if row else step.batch)
    doing = f"{name}  epoch {step.epoch + (not row)}  loss {step.loss:.3f}"
    bar.update(done, step.n_epochs * step.n_batches, doing=doing)
    if row:
        eer = f"  EER {100 * row['valid_eer']:.1f} %" if "valid_eer" in row else ""
        bar.print(
            f"{name}  epoch {row['epoch']:.0f}  loss {row['loss']:.4f}  "
            f"accuracy {100 * row['accuracy']:.1f} %  held out: loss {row['valid_loss']:.4f}  "
            f"accuracy {100 * row['valid_accuracy']:.1f} %{eer}  {row['seconds']:.1f} s"
        )
