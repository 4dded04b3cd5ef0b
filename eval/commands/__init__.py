"""`cqtnet eval`: measurements as sub-commands."""

import click

from cqtnet.cli import LazyGroup

MODULES = {
    "measure": ("archive", "bench", "calibrate", "edits", "placing"),
    "protocol": ("protocol",),
    "score": ("report", "score"),
}


@click.command(
    cls=LazyGroup,
    places={name: f"eval.commands.{m}:{name}" for m, names in MODULES.items() for name in names},
    name="eval",
)
def group() -> None:
    """Measure how well and how fast it works."""
