"""`cqtnet spoof`: whether a voice is synthetic."""

import click

from cqtnet.lazy import LazyGroup

NAMES = ("calibrate", "detect", "evaluate", "recipes", "train")


@click.command(
    cls=LazyGroup,
    places={name: f"spoof.commands.{name}:{name}" for name in NAMES}
    | {"compare-recipes": "spoof.commands.compare_recipes:compare_recipes"},
    name="spoof",
)
def group() -> None:
    """Say whether a voice is synthetic; train and compare detectors."""
