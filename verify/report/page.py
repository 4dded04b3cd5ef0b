"""Pages from templates: of one comparison or several for a case file, of edits; for notebooks."""

import re
import shlex
from collections.abc import Callable, Sequence
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
from verify.report.case import Case
from verify.report.language import IN_NUMBER, NO_BREAK, language, say
from verify.results import Comparison, EditMap, Item

TWO = "Comparison of two recordings"


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
    kicker = say(f"Pair {number}") + f": {opened['title']}" if number else say(TWO)
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
    problems: Sequence[str] = (), case: Case | None = None,
) -> str:  # fmt: skip
    """The page of one pair or of several, as HTML: all within, nothing from elsewhere, no scripts.

    `command` reproduces it, by default the plain one of the only pair. `made` says when and by
    whom it was made. `problems` say which pairs could not be compared, and why. A `case` gets
    a first page of its own.
    """
    count, compared = len(parts) + len(problems), [part.comparison for part in parts]
    if not command:
        (only,) = compared
        command = shlex.join(["cqtnet", "compare", only.a.path, only.b.path])
    title = parts[0].title if count == 1 else say(words.plural(count, "pair"))
    results = [sections.result(one, is_named=count > 1) for one in compared]
    return render(
        "comparison.html.j2",
        title=f"{say('Comparison')}: {title}",
        **cover(case, results, [(one.a, one.b) for one in compared]),
        parts=parts,
        only=compared[0] if count == 1 else None,
        summaries=[sections.summary(one) for one in compared],
        problems=problems,
        has_maps=all(one.edits for one in compared),
        command=command,
        made=made,
        **sections.learning(calibration),
    )


def cover(
    case: Case | None, results: Sequence[str], pairs: Sequence[tuple[Item, Item]]
) -> dict[str, Any]:
    """What the first page of a report on a case says, by name."""
    sides = say("A, questioned"), say("B, reference")
    items = dict.fromkeys(one for pair in pairs for one in zip(sides, pair, strict=True))
    listed = [(side, sections.name_of(item), item) for side, item in items]
    return {"case": case, "results": results, "items": listed}


def write_diff(
    path: Path, edits: EditMap, a: Path, b: Path, *, command: str = "", case: Case | None = None
) -> None:
    """Write the page of an edit map, whole or not at all."""
    items = item_of(a), item_of(b)
    result = "A holds parts of B" if edits.stretches else "Nothing in common was found"
    result = say("A is B from beginning to end" if edits.is_identical else result)
    content = render(
        "diff.html.j2",
        title=f"{say('Edits')}: {', '.join(map(sections.name_of, items))}",
        result=result,
        **cover(case, [result], [items]),
        files=sections.files(*items, (a, b)),
        command=command or shlex.join(["cqtnet", "diff", *(item.path for item in items)]),
        **sections.edit_list(edits),
    )
    write(path, content)


def table_html(rows: Sequence[Sequence[object]], head: Sequence[str] = ()) -> str:
    """A table as a piece of HTML, for notebooks; each row is headed by its first cell."""
    macros: Any = environment().get_template("macros.html.j2").module
    return str(macros.table(rows, head))


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
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.policies["ext.i18n.trimmed"] = True
    made.newstyle_gettext = True  # type: ignore[attr-defined]
    for spoken in (words.clock, words.number, words.ratio, percent, count):
        made.filters[spoken.__name__] = _said(spoken)
    made.filters |= {"say": say, "shown": shown, "date": date}
    for function in (words.changes_in_words, words.clock_span, words.plural):
        made.globals[function.__name__] = _said(function)
    made.globals |= {
        "_": gettext,
        "gettext": gettext,
        "case": None,
        "language": language,
        "page_number": page_number,
        "propositions": (words.SAME, words.RENDITION, words.UNRELATED),
        "least_ratio": f"{words.LEAST_RATIO:g}",
        "scale_words": words.scale_rows(),
        "tempi": (SLOWEST, FASTEST),
        "most_shift": MOST_SHIFT,
        "versions": versions() | machine(),
    }
    return made


def gettext(message: str, **values: object) -> Markup:
    """A sentence of a template in the language of now, filled with values, which are escaped."""
    message = re.sub(r"%\((\w+)\)s", r"{\1}", message).replace("%%", "%")  # as Jinja writes it
    filled = {name: printable(value) for name, value in values.items()}
    return Markup(say(message)).format(**filled)


def _said(function: Callable[..., str | list[str]]) -> Callable[..., str]:
    """The function, whose text is said in the language of now; a list as one text."""

    def saying(*values: Any) -> str:
        text = function(*values)
        return say(text if isinstance(text, str) else ", ".join(text))

    return saying


def date(text: str) -> str:
    """A date as a case has it, in the language of now; other words stay as they are."""
    return say(text) if re.fullmatch(r"[\d-]+(, [\d:]+)?", text) else text


def page_number(case: Case | None) -> Markup:
    """What CSS writes below each page: the case and the number of the page."""
    parts = re.split(r"\{(\w+)\}", say("page {page} of {pages}"))
    parts[::2] = map(_quoted, parts[::2])
    parts[1::2] = [f"counter({name})" for name in parts[1::2]]
    number = case.number if case else ""
    return Markup(" ".join([_quoted(f"{number} · ") if number else "", *parts]))


def _quoted(text: str) -> str:
    """Text as a string of CSS, which ends at none of its characters."""
    return '"' + "".join(c if c.isalnum() else f"\\{ord(c):x} " for c in str(printable(text))) + '"'


def percent(share: float, digits: int) -> str:
    """A share in per cent."""
    return f"{share:.{digits}%}"


def count(number: int) -> str:
    """A whole number, its thousands apart."""
    return f"{number:,}"


def printable(value: object) -> object:
    r"""A value as text that shows all it holds, before it is escaped; HTML of a template as it is.

    Line breaks, marks that turn the direction of writing and bytes that are no text become
    escapes, for a name must look like what it is. Spaces within numbers stay.

    >>> printable("a\u202e")
    'a\\u202e'
    """
    if hasattr(value, "__html__"):
        return value
    return NO_BREAK.join(map(shown, re.split(IN_NUMBER, str(value))))
