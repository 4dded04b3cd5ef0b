"""`cqtnet eval`: measurements as sub-commands."""

import click

from cqtnet.lazy import LazyGroup

NAMES = ("archive", "bench", "calibrate", "edits", "placing", "protocol", "report", "score")


@click.command(
    cls=LazyGroup, places={name: f"eval.commands.{name}:{name}" for name in NAMES}, name="eval"
)
def group() -> None:
    """Measure how well and how fast it works."""
