"""`cqtnet eval`: its sub-commands, and the options that several of them have."""

from pathlib import Path

import click
from click import IntRange, option

from cqtnet.cli import LazyGroup
from cqtnet.commands import JSON, PATH

MODULES = {
    "evaluate": ("protocol", "report", "score"),
    "measure": ("alterations", "archive", "bench", "calibrate", "edits", "placing", "validate"),
}
PLACES = {name: f"eval.commands.{m}:{name}" for m, names in MODULES.items() for name in names}


@click.command(cls=LazyGroup, places=PLACES, name="eval")
def group() -> None:
    """Measure how well and how fast it works."""


FEWEST_RESAMPLES = 20


def _enough_resamples(_: click.Context, __: click.Parameter, number: int) -> int:
    """The number of resamples; an error if so few make no interval."""
    from cqtnet.errors import InputError

    if 0 < number < FEWEST_RESAMPLES:
        raise InputError(
            f"{number} resamples make no 95 % interval; give {FEWEST_RESAMPLES} or more, or 0"
        )
    return number


audio_option = option("--audio", "source", type=PATH, required=True,
                      help="Folder or list (.tsv, .csv) of recordings.")  # fmt: skip
split_option = option(
    "--split", help="Rows of a list to take.  [default: devtest, if it has splits]"
)
plain_seed_option = option("--seed", type=IntRange(0), default=0, show_default=True)
seed_option = option("--seed", type=IntRange(0, 2**32 - 1), default=0, show_default=True,
                     help="Seed of all random draws.")  # fmt: skip
workers_option = option(
    "--workers", type=IntRange(1), help="Processes.  [default: one a processor]"
)
resamples_option = option(
    "--resamples", type=IntRange(0, 100_000), default=1000, show_default=True,
    callback=_enough_resamples,
    help="Resamples of the recordings for the 95 % intervals; 0: no intervals.",
)  # fmt: skip
json_option = JSON(help="Print JSON.")
force_option = option("--force", is_flag=True, help="Replace the output if it exists.")


def require_source(source: Path) -> None:
    """Raise unless there is something at the path of the recordings."""
    from augment.errors import InputError

    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder or a list of recordings")
