"""Pages from templates: of one comparison or several for a case file, of edits; for notebooks."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cqtnet.audio import shown
from cqtnet.device import machine, versions
from cqtnet.files import written_whole
from verify import words
from verify.align import FASTEST, MOST_SHIFT, SLOWEST
from verify.calibration import Calibration
from verify.recording import Recording, item_of
from verify.report import sections
from verify.results import Comparison, EditMap


@dataclass(frozen=True)
class Part:
    """What a page says of one pair: `head` is the verdict, `body` all that it rests on."""

    head: Markup
    body: Markup
    title: str
    anchor: str
    comparison: Comparison


def write_report(
    path: Path, comparison: Comparison, a: Recording, b: Recording, calibration: Calibration, *,
    command: str = "", made: str = "", audio: bool = False,
) -> None:  # fmt: skip
    """Write the page of one pair, whole or not at all; the same comparison gives the same bytes.

    `command` and `made` as for `page`. `audio` adds ten seconds of the longest stretch.

    >>> write_report(Path("case-17.html"), comparison, a, b, comparer.calibration)
    """
    part = part_of(comparison, a, b, calibration, audio=audio)
    write(path, page([part], calibration, command=command, made=made))


def part_of(
    comparison: Comparison, a: Recording, b: Recording, calibration: Calibration, *,
    audio: bool = False, number: int = 0,
) -> Part:  # fmt: skip
    """What a page says of one pair; with a number, it is one of several."""
    anchor = f"pair-{number}" if number else ""
    opened = sections.opening(comparison)
    kicker = f"Pair {number}: {opened['title']}" if number else "Comparison of two recordings"
    body = render(
        "pair.html.j2",
        comparison=comparison,
        prefix=f"{anchor}-" if anchor else "",
        **sections.recordings(a, b),
        **sections.findings(comparison, a, b, audio=audio),
        **sections.sureness(comparison, calibration),
    )
    head = render("verdict.html.j2", comparison=comparison, kicker=kicker, **opened)
    return Part(Markup(head), Markup(body), opened["title"], anchor, comparison)


def page(
    parts: Sequence[Part], calibration: Calibration, *, command: str = "", made: str = "",
    problems: Sequence[str] = (),
) -> str:  # fmt: skip
    """The page of one pair or of several, as HTML: all within, nothing from elsewhere, no scripts.

    `command` reproduces it, by default the plain one of the only pair. `made` says when and by
    whom it was made. `problems` say which pairs could not be compared, and why.
    """
    count = len(parts) + len(problems)
    if not command:
        (only,) = (part.comparison for part in parts)
        command = shlex.join(["cqtnet", "compare", only.a.path, only.b.path])
    title = parts[0].title if count == 1 else words.plural(count, "pair")
    return render(
        "comparison.html.j2",
        title=f"Comparison: {title}",
        parts=parts,
        only=parts[0].comparison if count == 1 else None,
        summaries=[sections.summary(part.comparison) for part in parts],
        problems=problems,
        has_maps=all(part.comparison.edits for part in parts),
        command=command,
        made=made,
        **sections.learning(calibration),
    )


def write_diff(path: Path, edits: EditMap, a: Path, b: Path, *, command: str = "") -> None:
    """Write the page of an edit map, whole or not at all."""
    items = item_of(a), item_of(b)
    names = [sections.name_of(item) for item in items]
    content = render(
        "diff.html.j2",
        title=f"Edits: {names[0]} and {names[1]}",
        files=sections.files(*items, (a, b)),
        command=command or shlex.join(["cqtnet", "diff", *(item.path for item in items)]),
        **sections.edit_list(edits),
    )
    write(path, content)


def notebook_html(comparison: Comparison) -> str:
    """The verdict with its ratio on the scale, as a piece of HTML."""
    opened = sections.opening(comparison)
    kicker = "Comparison of two recordings"
    return render("verdict.html.j2", comparison=comparison, kicker=kicker, **opened)


def write(path: Path, content: str) -> None:
    """Write a page, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def render(template: str, **data: Any) -> str:
    """A template of this package filled with data, every value escaped; a missing one raises."""
    return environment().get_template(template).render(data)


@cache
def environment(*packages: str) -> Environment:
    """The templates of this package and of others, whose own come first, with all their words."""
    loaders = [PackageLoader(package) for package in (*packages, "verify.report")]
    made = Environment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for filter_ in (words.clock, words.number, words.ratio, shown):
        made.filters[filter_.__name__] = filter_
    for function in (
        words.changes_in_words, words.clock_span, words.level_in_words, words.pitch_in_words,
        words.plural, words.tempo_in_words,
    ):  # fmt: skip
        made.globals[function.__name__] = function
    made.globals |= {
        "propositions": (words.SAME, words.RENDITION, words.UNRELATED),
        "least_ratio": f"{words.LEAST_RATIO:g}",
        "scale_words": words.scale_rows(),
        "tempi": (SLOWEST, FASTEST),
        "most_shift": MOST_SHIFT,
        "versions": versions() | machine(),
    }
    return made


def printable(value: object) -> object:
    r"""A value as text that shows all it holds, before it is escaped; HTML of a template as it is.

    Line breaks, marks that turn the direction of writing and bytes that are no text become
    escapes, for a name must look like what it is.

    >>> printable("a\u202e")
    'a\\u202e'
    """
    if hasattr(value, "__html__"):
        return value
    text = str(value)
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )
