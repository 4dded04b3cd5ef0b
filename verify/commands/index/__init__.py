"""`cqtnet index`: archives of recordings, kept so that they can be searched."""

import click

from cqtnet.cli import LazyGroup

NAMES = (
    "add",
    "compact",
    "export",
    "info",
    "merge",
    "rebuild",
    "remove",
    "verify",
)


@click.command(
    cls=LazyGroup,
    places={name: f"verify.commands.index.{name}:{name}" for name in NAMES}
    | {"list": "verify.commands.index.list:list_"},
    name="index",
)
def group() -> None:
    """Keep an archive of recordings: a folder that `cqtnet search` looks into."""
