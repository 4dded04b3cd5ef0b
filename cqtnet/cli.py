"""The command `cqtnet`: finds the sub-commands of all packages and turns errors into one line.

Sub-commands are entry points of the group `cqtnet.commands`, so packages above this one, and
other people's, add theirs without being imported here. A command's module is imported when its
help or the command itself is wanted, and imports heavy things only inside its function.
"""

import sys
import traceback
import warnings
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

# A group of commands whose modules are imported only when they are wanted.


class LazyGroup(click.Group):
    """A group that knows its commands by where they are, as entry points do.

    >>> @click.command(cls=LazyGroup, places={"score": "eval.commands.score:score"}, name="eval")
    """

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all sub-commands."""
        return sorted(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of that name."""
        if cmd_name not in self.places:
            return None
        module, _, name = self.places[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


# The command `cqtnet`: finds the sub-commands of all packages and turns errors into one line.

EPILOG = """\b
Exit codes: 0 done; 1 some of several files failed; 2 the input or the call is wrong, the system
failed (a full disk), or it was interrupted. Commands that answer a question have their own.
"""


class Commands(click.Group):
    """A group whose commands are entry points."""

    @cached_property
    def found(self) -> dict[str, EntryPoint]:
        """Entry points by name."""
        return {point.name: point for point in entry_points(group="cqtnet.commands")}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all sub-commands."""
        return sorted(self.found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The sub-command of that name."""
        if cmd_name not in self.found:
            return None
        command: click.Command = self.found[cmd_name].load()
        return command


@click.command(cls=Commands, epilog=EPILOG)
@click.version_option(package_name="cqtnet")
def cqtnet() -> None:
    """Verify audio: same recording? how sure? where? altered how?"""  # noqa: D400


def main() -> None:
    """Run the command line; whatever prevents an answer ends with exit code 2.

    Python's own 1, of an interruption or an error that nobody foresaw, would be an answer of
    commands such as `cqtnet compare`.
    """
    for stream in (sys.stdout, sys.stderr):
        # File names need not be UTF-8; what came in as bytes goes out as the same bytes.
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    warnings.showwarning = _show_warning
    try:
        sys.exit(cqtnet(standalone_mode=False))
    except click.ClickException as error:
        error.show()
    except click.Abort:
        click.echo("cqtnet: interrupted", err=True)
    except Exception as error:
        from augment.errors import InputError  # here, for it brings numpy, not needed by --help

        if isinstance(error, InputError | OSError):
            click.echo(f"cqtnet: {error}", err=True)
        else:
            traceback.print_exc()
    sys.exit(2)


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"cqtnet: warning: {message}", err=True)
