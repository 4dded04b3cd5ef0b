"""What MkDocs adds when it makes the site: help of commands, keys of answers, examples as code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import griffe

from cqtnet.cli import cqtnet

SCHEMAS = Path(__file__).resolve().parents[1] / "docs/schemas"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with what is made in the place of its mark."""
    markdown = markdown.replace("<!-- the help of every command -->", "\n".join(helps(cqtnet)))
    return markdown.replace("<!-- the keys of every answer -->", "\n".join(answers()))


def helps(command: click.Command, parent: click.Context | None = None) -> Iterator[str]:
    """A section for a command and for each below it."""
    context = click.Context(command, parent, command.name, terminal_width=80)
    heading = f"{'#' * (1 + len(context.command_path.split()))} {context.command_path}"
    yield f"{heading}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from helps(below, context)


def answers() -> Iterator[str]:
    """A section for the answer of each command, with a table of its keys."""
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        command = path.name.partition(".")[0].replace("-", " ", 1)
        yield f"## {command}\n\n{schema['title']} ([schema](../schemas/{path.name})).\n"
        yield "| key | type | meaning |\n|---|---|---|"
        for key, part in keys(schema):
            yield f"| `{key}` | {kinds(part)} | {part.get('description', '')} |"
        yield ""


def keys(schema: dict[str, Any], place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key below a schema, with the keys that lead to it."""
    for part in [schema, *schema.get("anyOf", ())]:
        for name, below in part.get("properties", {}).items():
            yield f"{place}{name}", below
            yield from keys(below, f"{place}{name}.")
        for within, mark in (("items", "[]"), ("additionalProperties", ".…")):
            if isinstance(part.get(within), dict):
                yield from keys(part[within], f"{place[:-1]}{mark}.")


def kinds(schema: dict[str, Any]) -> str:
    """The types of a key, or its values where they are given."""
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return ", ".join(f"`{json.dumps(value, ensure_ascii=False)}`" for value in values)
    found = schema.get("type", [])
    found = [found] if isinstance(found, str) else [*found]
    return ", ".join(found + [kinds(part) for part in schema.get("anyOf", ())])


class ExamplesAsCode(griffe.Extension):
    """Paragraphs of docstrings that begin with >>> are code, not quotations."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put such paragraphs of the object's docstring into fences."""
        if obj.docstring:
            fenced = r"```pycon\n\1\n```"
            text = obj.docstring.value
            obj.docstring.value = re.sub(r"(?m)^(>>> .*(?:\n.+)*)", fenced, text)
