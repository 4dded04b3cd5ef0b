"""Pages from templates: of one comparison or several for a case file, of edits; for notebooks.

A page may be written as PDF too, and have a first page on its case, read from a TOML file whose
keys docs/howto/report.md lists.
"""

import datetime
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cqtnet.audio import shown, told
from cqtnet.device import machine, versions
from cqtnet.errors import InputError
from cqtnet.files import written_whole
from cqtnet.schema import MOST_BYTES, checked
from verify import words
from verify.align import FASTEST, MOST_SHIFT, SLOWEST
from verify.calibration import Calibration
from verify.edits import EditMap
from verify.recording import Item, Recording, item_of
from verify.report import sections
from verify.report.language import IN_NUMBER, NO_BREAK, language, say
from verify.results import Comparison

FOOT = """
@page {{
  margin: 14mm 14mm 20mm;
  @bottom-left {{
    content: string(items); white-space: pre; text-align: left; width: 60%;
    font: 6.5pt "DejaVu Sans Mono", monospace; color: #444;
  }}
}}
{items}
"""
"""What CSS writes below each page of a PDF."""


@dataclass(frozen=True)
class Event:
    """One line of a chain of custody."""

    when: str
    who: str
    what: str


@dataclass(frozen=True)
class Case:
    """What is known of a case besides its recordings; all may be left out."""

    number: str = ""
    organisation: str = ""
    examiner: str = ""
    received: str = ""
    items: dict[str, str] = field(default_factory=dict)  # their numbers by the names of files
    custody: tuple[Event, ...] = ()
    remarks: str = ""

    def require(self, names: Iterable[str]) -> None:
        """Raise where an item is none of the compared files, for then a name is wrong."""
        known = set(names)
        if wrong := self.items.keys() - known:
            raise InputError(
                f"the case has a number for {told(', '.join(sorted(wrong)))}, but no file of that "
                f"name is compared; there are {told(', '.join(sorted(known)))}"
            )


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
    kicker = say("Comparison of two recordings")
    if number:
        kicker = f"{say(f'Pair {number}')}: {opened['title']}"
    body = render(
        "pair.html.j2", comparison=comparison, prefix=f"{anchor}-" if anchor else "",
        **sections.recordings(a, b), **sections.findings(comparison, a, b, audio=audio),
        **sections.sureness(comparison, calibration),
    )  # fmt: skip
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
        "comparison.html.j2", title=f"{say('Comparison')}: {title}", parts=parts, problems=problems,
        only=compared[0] if count == 1 else None, has_maps=all(one.edits for one in compared),
        summaries=[sections.summary(one) for one in compared], command=command, made=made,
        **cover(case, results, [(one.a, one.b) for one in compared]),
        **sections.learning(calibration),
    )  # fmt: skip


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
        "diff.html.j2", title=f"{say('Edits')}: {', '.join(map(sections.name_of, items))}",
        command=command or shlex.join(["cqtnet", "diff", *(item.path for item in items)]),
        result=result, files=sections.files(*items, (a, b)), **cover(case, [result], [items]),
        **sections.edit_list(edits),
    )  # fmt: skip
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
        loader=ChoiceLoader(loaders), extensions=["jinja2.ext.i18n"], autoescape=True,
        undefined=StrictUndefined, finalize=printable, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    made.policies["ext.i18n.trimmed"] = True
    made.newstyle_gettext = True  # type: ignore[attr-defined]
    made.filters |= {
        "say": say, "shown": shown, "date": date, "clock": _said(words.clock),
        "number": _said(words.number), "ratio": _said(words.ratio),
        "percent": _said(lambda share, digits: f"{share:.{digits}%}"),
        "count": _said(lambda number: f"{number:,}"),
    }  # fmt: skip
    made.globals |= {
        "_": gettext, "gettext": gettext, "language": language, "page_number": page_number,
        "changes_in_words": _said(words.changes_in_words), "plural": _said(words.plural),
        "clock_span": _said(words.clock_span), "scale_words": words.scale_rows(),
        "propositions": (words.SAME, words.RENDITION, words.UNRELATED), "claims": sections.CLAIMS,
        "least_ratio": f"{words.LEAST_RATIO:g}", "tempi": (SLOWEST, FASTEST),
        "most_shift": MOST_SHIFT, "case": None, "versions": versions() | machine(),
    }  # fmt: skip
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


def write_pdf(path: Path, content: str, parts: Sequence[Part]) -> None:
    """Write a page that `page` made of these parts as PDF, whole or not at all.

    >>> write_pdf(Path("case-17.pdf"), page(parts, calibration), parts)
    """
    html, css, fetcher = check_pdf()
    rules = []
    for part in parts:  # the hashes of its files stand below its pages
        a, b = part.comparison.a.sha256, part.comparison.b.sha256
        element = f"#{part.anchor}" if part.anchor else "body"
        rules.append(f'{element} {{ string-set: items "A  SHA-256 {a}\\A B  SHA-256 {b}" }}')
    foot = css(string=FOOT.format(items="\n".join(rules)))
    document = html(string=content, url_fetcher=fetcher(allowed_protocols=["data"]))
    with written_whole(path) as temporary:
        document.write_pdf(temporary, stylesheets=[foot])


def check_pdf() -> tuple[Any, Any, Any]:
    """WeasyPrint's classes, or an error that says how to install it."""
    try:
        from weasyprint import CSS, HTML
        from weasyprint.urls import URLFetcher
    except ImportError as error:
        raise InputError("PDF needs one more package; pip install 'cqtnet[pdf]'") from error
    except OSError as error:  # it loads Pango
        raise InputError(
            f"PDF needs the library Pango ({error}); on Debian: apt-get install libpangoft2-1.0-0"
        ) from error
    return HTML, CSS, URLFetcher


def read_case(path: Path) -> Case:
    """The case in a file; an InputError names what it does not know.

    >>> read_case(Path("examples/case.toml")).number
    '2026/117'
    """
    try:
        with path.open("rb") as file:
            plain = tomllib.loads(file.read(MOST_BYTES).decode())
        return checked(Case, _texts(plain), "it")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        cure = "; put each text in quotes" if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise InputError(f"{path} does not describe a case: {told(error)}{cure}") from error


def _texts(value: Any) -> Any:
    """The value, its dates as text: 2026-11-30, 09:15."""
    if isinstance(value, dict):
        return {key: _texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_texts(one) for one in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ", "minutes").replace(" ", ", ")
    return value.isoformat() if isinstance(value, datetime.date) else value
