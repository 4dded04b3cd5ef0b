"""Options and answers of all commands: one name for one thing, and a schema for each answer."""

import json
import math
from pathlib import Path

import click
import pytest

from cqtnet.progress import listening, progress_bar, talking
from cqtnet.schema import plain
from tests.conftest import SCHEMAS
from tests.test_cli import COMMANDS, invoke

ANSWERING = [
    words for words, command in COMMANDS.items()
    if any("--json" in param.opts for param in command.params)
]  # fmt: skip
SEVERAL = {"--noise", "--tag", "--hop", "--jobs", "--duration", "--split", "--seed"}
"""Options whose numbers have other limits, or that some commands take several times."""
WRITING = {"demo", "serve"}
"""Commands whose answer is what they write, or a page."""


def objects(schema, path=""):
    """Every object that a schema describes, with its place."""
    if schema.get("type") == "object":
        yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from objects(part, f"{path}/{name}")
    for part in [schema.get("items"), schema.get("additionalProperties"), *schema.get("anyOf", ())]:
        if isinstance(part, dict):
            yield from objects(part, path)


def test_every_command_answers_in_json_and_has_a_schema():
    leaves = {words for words, one in COMMANDS.items() if not isinstance(one, click.Group)}
    assert leaves - set(ANSWERING) == WRITING
    named = {path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.json")}
    assert named == {words.replace(" ", "-") for words in ANSWERING}


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name)
def test_every_key_is_described(path):
    schema = json.loads(path.read_text())
    assert schema["title"] and schema["properties"]["schema_version"]["const"] == 2
    for place, one in objects(schema):
        for name, part in one.get("properties", {}).items():
            assert part.get("description"), f"{place}/{name}"


def test_an_option_has_one_meaning_in_every_command():
    meanings = {}
    for words, command in COMMANDS.items():
        for param in command.params:
            if isinstance(param, click.Option) and param.opts[-1] not in SEVERAL:
                name, own = param.opts[-1], (param.type.name, param.is_flag)
                other, first = meanings.setdefault(name, (words, own))
                assert own == first, f"{name} of {words} and {other}"
                assert name != "--out" or len(param.opts) > 1


@pytest.mark.parametrize(("words", "said"), [
    ("dedup", "Did you mean dedupe?"),
    ("index ad", "Did you mean add?"),
    ("compare a b --reprot x", "Did you mean '--report'?"),
    ("compare a b --players", "--players does nothing without --report"),
    ("compare a b --pdf", "--pdf does nothing without --report"),
    ("compare a b --language ru", "--language does nothing without --report"),
    ("compare a b --case x.toml", "--case does nothing without --report"),
    ("compare a b --json --csv", "give one of --json and --csv, not both"),
    ("diff a b --force", "--force does nothing without --labels or --report"),
    ("augment a b --tempo 1.1 --seed 3", "--seed does nothing without --random or"),
    ("search a b --min-lr 0", "0.0 is not in the range x>0"),
])  # fmt: skip
def test_what_is_mistyped_or_does_nothing_is_an_error_with_its_cure(words, said):
    result = invoke(*words.split())
    assert result.exit_code == 2 and said in result.output


def test_a_report_must_be_named_as_a_page():
    assert "ends in .html" in str(invoke("compare", "a", "b", "--report", "x.pdf").exception)


def test_help_is_short_or_long_and_cuts_nothing_off():
    assert invoke("-h").output == invoke("--help").output
    assert "..." not in invoke("-h").output.split("Commands:")[1]
    assert invoke("compare", "-h").output.startswith("Usage: cqtnet compare")
    said = invoke("--version").output
    assert all(name in said for name in ("cqtnet", "Python", "torch", "onnxruntime", "PyAV"))


@pytest.mark.parametrize(("talk", "said"), [
    ("bars", ""), ("nothing", ""), ("lines", "reading\nreading b\nend\n")
])  # fmt: skip
def test_progress_is_silent_without_a_terminal_unless_lines_are_wanted(talk, said, capsys):
    heard = []
    hear = listening(lambda *now: heard.append(now))
    with talking(talk), hear, progress_bar("reading", 2) as bar:
        bar.advance()
        bar.advance(doing="reading b")
        bar.print("end")
    assert capsys.readouterr() == ("", said)
    assert heard == [("reading", 1, 2), ("reading b", 2, 2)]


def test_numbers_of_answers_are_short_and_never_coarser_than_milliseconds():
    given = {"a": 3600.123456789, "b": (1e-9 / 3, math.inf), "c": -0.0, "d": Path("x"), "e": 7}
    assert plain(given) == {"a": 3600.123, "b": [3.33333e-10, None], "c": 0.0, "d": "x", "e": 7}
