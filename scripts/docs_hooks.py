"""What MkDocs adds when it makes the site: the help of every command, and examples as code."""

import re
from collections.abc import Iterator
from typing import Any

import click
import griffe

from cqtnet.cli import cqtnet


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with the help of all commands in the place of its mark."""
    return markdown.replace(
        "<!-- the help of every command -->", "\n".join(helps("cqtnet", cqtnet))
    )


def helps(name: str, command: click.Command, parent: click.Context | None = None) -> Iterator[str]:
    """A section for a command and for each below it."""
    context = click.Context(command, parent, name, terminal_width=80)
    words = context.command_path.split()
    heading = f"{'#' * (1 + len(words))} {' '.join(words)}"
    yield f"{heading}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            below = command.get_command(context, child)
            assert below is not None
            yield from helps(child, below, context)


class ExamplesAsCode(griffe.Extension):
    """Paragraphs of docstrings that begin with >>> are code, not quotations."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put such paragraphs of the object's docstring into fences."""
        if obj.docstring:
            fenced = r"```pycon\n\1\n```"
            obj.docstring.value = re.sub(r"(?m)^(>>> .*(?:\n.+)*)", fenced, obj.docstring.value)
