"""What the pages say is there: links, commands, options, names; the tutorials run as they stand."""

import os
import re
import shlex
import subprocess
import sys
import warnings
from contextlib import chdir
from functools import cache
from math import isclose
from pathlib import Path
from unittest.mock import Mock

import click
import pytest
from click.testing import CliRunner
from soundfile import info

from cqtnet.cli import cqtnet
from tests.test_cli import COMMANDS, PACKAGES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
MADE = [ROOT / f"docs/reference/{name}.md" for name in ("cli", "json", "python")]
"""Pages that get their sections when the site is made, which checks links to them."""
RUN = [page for page in PAGES[1:] if "```console" in page.read_text(encoding="utf-8")]
"""Pages whose blocks `console` are run in a new folder: the tutorials, and others that can be."""
CODE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDERS = {*PACKAGES, "examples", "scripts", "tests"}
HOME = "/home/you"  # the folder in which the reader of a tutorial is said to be


def name_of(path):
    return str(path.relative_to(ROOT))


def texts(page):
    """The text of a page, and the same without its blocks of code."""
    text = page.read_text(encoding="utf-8")
    return text, CODE.sub("", text)


@cache
def anchors(page):
    """What `page.md#…` may name, by the rule of MkDocs."""
    headings = re.findall(r"^#+ (.*)$", texts(page)[1], re.MULTILINE)
    plain = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", h).strip().lower()) for h in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_no_section_and_no_file_that_does_not_exist(page):
    text, prose = texts(page)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    assert set(re.findall(r'"(\w[^"]*)"\s(?:below|above)', text)) <= set(headings)
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]*))?\)", prose):
        linked = (page.parent / target).resolve() if target else page
        assert linked.exists(), target
        assert not anchor or linked in MADE or anchor in anchors(linked), f"{target}#{anchor}"
    for named in re.findall(r"`((?:\w+/)+[\w.-]+\.(?:py|toml|html|json))`", prose):
        assert (ROOT / named).exists() or named.split("/")[0] not in FOLDERS, named


def test_code_names_no_page_that_does_not_exist():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    for source in map(ROOT.joinpath, tracked.stdout.splitlines()):
        if source.suffix in {"", ".json", ".py", ".j2", ".toml", ".yml"} and source.is_file():
            for page in re.findall(r"\bdocs/[\w/-]+\.md", source.read_text(encoding="utf-8")):
                assert (ROOT / page).exists(), f"{source}: {page}"


def command_lines(page):
    """Every line that calls cqtnet in a block of code, without comment and redirection."""
    for kind, block in CODE.findall(page.read_text(encoding="utf-8")):
        if kind in {"", "console"}:
            for line in block.replace("\\\n", " ").splitlines():
                if line.removeprefix("$ ").startswith("cqtnet "):
                    yield re.split(r"\s[<>|&#]|\s2>|>>", line.removeprefix("$ "))[0]


def parse(words):
    """Parse the words after cqtnet as click does, but look for no file."""
    command, context = cqtnet, click.Context(cqtnet, **cqtnet.context_settings)
    while isinstance(command, click.Group) and not words[0].startswith("-"):
        command = command.get_command(context, words.pop(0)) or pytest.fail("no such command")
        context = click.Context(command, parent=context)
    given, rest, _ = command.make_parser(context).parse_args(words)
    assert not rest
    for parameter in command.params:
        value = given.get(parameter.name)
        assert value or not parameter.required, parameter.name
        if value and not isinstance(parameter.type, click.Path):
            parameter.type_cast_value(context, value)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_click_knows_every_command_line_of_a_page(page):
    for line in command_lines(page):
        try:
            parse(shlex.split(line)[1:])
        except (click.ClickException, AssertionError) as error:
            pytest.fail(f"{line}: {error}")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_that_a_sentence_names_are_there(page):
    for code in re.findall(r"`([^`]+)`", texts(page)[1]):
        named, words = [*COMMANDS.values()], code.split()
        if words[0] == "cqtnet" and len(words) > 1 and not words[1].startswith(("-", "…")):
            longest = max(n for n in range(len(words)) if " ".join(words[1 : n + 1]) in COMMANDS)
            assert longest, f"no such command: {code}"
            named = [COMMANDS[" ".join(words[1 : longest + 1])]]
        if words[0] not in {"python", "torchrun"}:
            options = [[*p.opts, *p.secondary_opts] for command in named for p in command.params]
            known = {"--help"}.union(*options)
            assert set(re.findall(r"(?<!\S)--[a-z][a-z-]+", code)) <= known, code


def assert_as_shown(shown, printed, command):
    """The same words, and numbers within a tenth but for times; … stands for anything."""
    time = r"[\d.]+ s \([\d,]+ × real time\)"
    shown, printed = (re.sub(time, "some time", text) for text in (shown, printed))
    parts = re.split(r"(…\n?|\d+(?:,\d{3})*(?:\.\d+)?)", shown.strip())
    number = r"(?<!\d)(\d+(?:,\d{3})*(?:\.\d+)?)"
    pattern = "".join(
        ".*" if part.startswith("…") else number if part[:1].isdigit() else re.escape(part)
        for part in parts
    )
    found = re.fullmatch(pattern, printed.strip(), re.DOTALL)
    assert found, f"{command}\n{printed}"
    for one, other in zip((p for p in parts if p[:1].isdigit()), found.groups(), strict=True):
        near = (float(text.replace(",", "")) for text in (one, other))
        assert isclose(*near, rel_tol=0.1, abs_tol=0.05), f"{command}: {one}, now {other}"


def run(command):
    """What a command prints to stdout; cqtnet runs in this process, which is quicker."""
    if not command.startswith("cqtnet "):
        done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, check=True)
        return done.stdout
    with warnings.catch_warnings(action="ignore"):
        result = CliRunner().invoke(cqtnet, shlex.split(command)[1:], catch_exceptions=False)
    assert result.exit_code != 2, result.output
    return result.stdout.replace(os.getcwd(), HOME)


def follow(page):
    """Run the blocks `console` and `python` of a page in their order."""
    for kind, block in CODE.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            exec(block, {})
        elif kind == "console":
            for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = shown.partition("\n")
                assert_as_shown(output, run(command), command)


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_a_page_runs_as_it_stands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow(page)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Where `cqtnet demo` ran, and what it said and wrote; pages are tested in tests/verify."""
    folder, pages = tmp_path_factory.mktemp("home") / "cqtnet", Mock()
    folder.mkdir()
    with chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr("verify.report.page.write_report", pages)
        result = CliRunner().invoke(cqtnet, ["demo", "demo"])
    assert result.exit_code == 0, result.output
    return folder, result.output, [call.args[0].name for call in pages.call_args_list]


def test_the_demo_tells_the_pieces_apart_and_leaves_its_files(demo):
    folder, said, written = demo
    _, same, rendition, other, then = said.split("\n\n")
    assert "cqtnet serve --open" in then
    assert same.startswith("SAME RECORDING  LR ")
    assert "of A is 0:21.0" in same and "tempo × 1.100" in same and "2.00 semitones lower" in same
    assert not rendition.startswith("SAME") and other.startswith("DIFFERENT RECORDINGS")
    assert "where" not in rendition + other
    assert info(folder / "demo/fragment.flac").duration == pytest.approx(20 / 1.1, abs=0.01)
    assert written == ["original.html", "rendition.html", "another.html"]


def test_the_commands_of_the_readme_print_what_it_says(demo, monkeypatch):
    monkeypatch.chdir(demo[0])
    monkeypatch.setattr("tests.test_docs.HOME", f"{HOME}/cqtnet")
    follow(ROOT / "README.md")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; a warning of MkDocs is an error."""
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_loads_nothing_from_other_hosts(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|img|link|iframe)[^>]*>", page.read_text(encoding="utf-8"))
        outside = [tag for tag in loaded if re.search(r'(?:src|href)="(?:https?:)?//', tag)]
        assert not [tag for tag in outside if 'rel="canonical"' not in tag], page


def test_the_reference_has_every_command_and_option(site):
    text = (site / "reference/cli.html").read_text(encoding="utf-8")
    for words, command in COMMANDS.items():
        assert f"cqtnet {words}".strip() in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert all(name in text for name in parameter.opts), (words, parameter.opts)


@pytest.mark.parametrize("module", ["augment", "cqtnet", "eval.metrics", "verify"])
def test_the_reference_has_every_public_name(site, module):
    text = (site / "reference/python.html").read_text(encoding="utf-8")
    for name in __import__(module, fromlist=["__all__"]).__all__:
        assert re.search(rf'id="{module}(\.\w+)*\.{name}"', text), name
