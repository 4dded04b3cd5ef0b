"""`cqtnet eval`: its sub-commands, and the options that several of them have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click import IntRange, option

from cqtnet.cli import LazyGroup
from cqtnet.commands import JSON, PATH, progress_options
from cqtnet.errors import InputError

MODULES = {
    "evaluate": ("protocol", "report", "score"),
    "measure": ("alterations", "archive", "bench", "calibrate", "edits", "placing", "validate"),
}
PLACES = {name: f"eval.commands.{m}:{name}" for m, names in MODULES.items() for name in names}


@click.command(cls=LazyGroup, places=PLACES, name="eval")
def group() -> None:
    """Measure how well and how fast it works."""


audio_option = option("--audio", "source", type=PATH, required=True,
                      help="Folder or list (.tsv, .csv) of recordings.")  # fmt: skip
split_option = option(
    "--split", help="Rows of a list to take.  [default: devtest, if it has splits]"
)
workers_option = option(
    "--jobs", "workers", type=IntRange(1), help="Processes.  [default: one for each processor]"
)


def answer_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json, -q and -v, which all of these commands have."""
    return JSON(help="Print JSON.")(progress_options(function))


def require_source(source: Path) -> None:
    """Raise unless there is something at the path of the recordings."""
    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder or a list of recordings")
