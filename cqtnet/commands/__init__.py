"""Commands of the cqtnet package: parse, one library call, print; here what they share."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
from click import Choice, option

from augment.audio.files import told
from cqtnet.errors import InputError
from cqtnet.files import refuse_overwrite

PATH = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
DEVICE = option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
PRECISION = partial(option, "--precision", type=Choice(["auto", "float32", "bfloat16"]),
                    default="auto", show_default=True)  # fmt: skip
JSON = partial(option, "--json", "as_json", is_flag=True)


MOST_TOLD = 1_000
"""Characters of a message; what is longer loses its middle."""


def complain(text: object) -> None:
    """Print a message to stderr: one printable line, whatever text of others is in it."""
    click.echo(f"cqtnet: {told(text, most=MOST_TOLD)}", err=True)


def show(answer: Any) -> None:
    """Print text as it is, plain data and dataclasses as indented JSON."""
    text = answer if isinstance(answer, str) else json.dumps(answer, indent=1, default=asdict)
    click.echo(text)


def check_files(
    files: Sequence[object], given: Sequence[object], out: Path | None, rule: str, *, force: bool
) -> None:
    """Raise unless files were found and, where `out` is to be written of one, it can be."""
    if not files:
        raise InputError(f"no audio in {', '.join(map(str, given))}; give files or folders")
    if out is not None:
        if len(files) != 1:
            raise InputError(rule.format(len(files)))
        refuse_overwrite(out, force=force)


def command(
    *examples: str, before: str = "", after: str = "", **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A decorator that makes a command whose help ends with examples."""
    listed = "\n".join(f"  {example}" for example in examples)
    return click.command(epilog=f"{before}\b\nExample:\n{listed}\n{after}", **settings)
