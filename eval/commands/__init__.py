"""`cqtnet eval`: measurements as sub-commands."""

from importlib import import_module

import click

COMMANDS = {
    "bench": "eval.commands.bench",
    "calibrate": "eval.commands.calibrate",
    "edits": "eval.commands.edits",
    "placing": "eval.commands.placing",
    "protocol": "eval.commands.protocol",
    "report": "eval.commands.report",
    "score": "eval.commands.score",
}


class Lazy(click.Group):
    """A group that imports a command's module only when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all sub-commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command


@click.command(cls=Lazy, name="eval")
def group() -> None:
    """Measure how well and how fast it works."""
