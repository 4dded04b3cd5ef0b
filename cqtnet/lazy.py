"""A group of commands whose modules are imported only when they are wanted."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows its commands by the modules that hold them, under the same name.

    >>> @click.command(cls=LazyGroup, modules={"score": "eval.commands.score"}, name="eval")
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all sub-commands."""
        return sorted(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of that name."""
        if cmd_name not in self.modules:
            return None
        module = import_module(self.modules[cmd_name])
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command
