"""`cqtnet spoof`: whether a voice is synthetic."""

import click

from cqtnet.cli import LazyGroup

MODULES = {"judge": ("calibrate", "detect", "evaluate"), "train": ("recipes", "train")}


@click.command(
    cls=LazyGroup,
    places={name: f"spoof.commands.{m}:{name}" for m, names in MODULES.items() for name in names}
    | {"compare-recipes": "spoof.commands.judge:compare_recipes"},
    name="spoof",
)
def group() -> None:
    """Say whether a voice is synthetic; train and compare detectors."""
