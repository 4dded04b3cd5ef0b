"""The command `cqtnet`: finds the sub-commands of all packages and turns errors into one line.

Sub-commands are entry points of the group `cqtnet.commands`, so packages above this one, and other
people's, add theirs. A command's module is imported when its help or the command itself is needed.
It imports heavy things only inside its function.
"""

import os
import platform
import sys
import traceback
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Any

import click

from cqtnet.commands import complain
from cqtnet.errors import InputError

EPILOG = """\b
Exit codes: 0 done; 1 some of several files failed; 2 the input or the call is wrong, the system
failed (a full disk), or it was interrupted; 141 the output went into a broken pipe.
Commands that answer a question have their own.

\b
To complete words with the Tab key, add the line of your shell to its start file:
  bash  eval "$(_CQTNET_COMPLETE=bash_source cqtnet)"
  zsh   eval "$(_CQTNET_COMPLETE=zsh_source cqtnet)"
  fish  _CQTNET_COMPLETE=fish_source cqtnet | source
"""
VERSIONS_OF = {"torch": "torch", "librosa": "librosa", "onnxruntime": "onnxruntime",
               "faiss": "faiss-cpu", "PyAV": "av", "numpy": "numpy"}  # fmt: skip
"""What answers depend on, and the package of each."""
BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended: 128 + 13


class LazyGroup(click.Group):
    """A group whose commands' modules are imported only when they are needed."""

    def __init__(self, *args: Any, places: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places  # module and variable of every command

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

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first paragraph of its help, whole."""
        return (self.help or "").partition("\n\n")[0]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The sub-command that a call names; a UsageError with those of a similar name."""
        name = args[0]
        if name not in self.places and name[:1] != "-":
            alike = get_close_matches(name, self.places, n=2)
            cure = f"Did you mean {' or '.join(alike)}?" if alike else "--help lists them."
            ctx.fail(f"No such command {name!r}. {cure}")
        return super().resolve_command(ctx, args)


def installed() -> dict[str, str]:
    """Versions of what answers depend on, told without loading it."""
    found = {"Python": platform.python_version()}
    for name, package in VERSIONS_OF.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _print_versions(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"cqtnet {version('cqtnet')}")
        click.echo(", ".join(f"{name} {of}" for name, of in installed().items()))
        ctx.exit()


@click.command(
    cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]},
    places={point.name: point.value for point in entry_points(group="cqtnet.commands")},
)  # fmt: skip
@click.option("--version", is_flag=True, is_eager=True, expose_value=False,
              callback=_print_versions, help="Print versions and exit.")  # fmt: skip
def cqtnet() -> None:
    """Verify audio: same recording? how sure? where? altered how?"""  # noqa: D400


def main() -> None:
    """Run the command line; whatever prevents an answer ends with exit code 2 or 141, never 1."""
    if sys.stdout is None:
        click.echo("cqtnet: standard output is closed; open it for the answer", err=True)
        sys.exit(2)
    for stream in (sys.stdout, sys.stderr):
        # File names need not be UTF-8; what came in as bytes goes out as the same bytes.
        if stream is not None:
            stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    warnings.showwarning = lambda message, *_, **__: complain(f"warning: {message}")
    try:
        code = _run()
        sys.stdout.flush()
    except OSError as error:  # of writing the answer or the error
        code = BROKEN_PIPE if isinstance(error, BrokenPipeError) else 2
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # Python flushes them again
    sys.exit(code)


def _run() -> int:
    """Run the command and print what goes wrong; its exit code."""
    stdout = sys.stdout
    try:
        try:
            code = cqtnet(prog_name="cqtnet", standalone_mode=False)
        except SystemExit as end:
            code = end.code
        if sys.stdout is stdout:
            return int(code or 0)
        raise BrokenPipeError  # click replaced the stream after a broken pipe, and ended with 1
    except BrokenPipeError:
        raise
    except click.ClickException as error:
        error.show()
    except click.Abort:
        complain("interrupted")
    except OSError as error:
        named = error.filename is not None and error.strerror
        complain(f"{os.fsdecode(error.filename)}: {error.strerror}" if named else error)
    except InputError as error:
        complain(error)
    except Exception:
        traceback.print_exc()
    return 2
