"""Pages from templates: the page of a comparison for a case file, and what a notebook shows."""

import shlex
from functools import cache
from pathlib import Path
from typing import Any, TypedDict, Unpack

from jinja2 import Environment, PackageLoader, StrictUndefined

from cqtnet.audio import shown
from cqtnet.files import written_whole
from cqtnet.versions import versions
from verify import words
from verify.align import FASTEST, MOST_SHIFT, SLOWEST
from verify.calibration import Calibration
from verify.recording import Recording
from verify.report import sections
from verify.results import Comparison


class Options(TypedDict, total=False):
    """What a page may hold besides."""

    command: str  # what reproduces it
    made: str  # when and by whom, where that is to be said
    audio: bool  # ten seconds of the longest stretch of A and of B, to listen to


def write_report(
    path: Path,
    comparison: Comparison,
    a: Recording,
    b: Recording,
    calibration: Calibration,
    **options: Unpack[Options],
) -> None:
    """Write the page, whole or not at all; the same comparison gives the same bytes.

    >>> write_report(Path("case-17.html"), comparison, a, b, comparer.calibration)
    """
    write(path, page(comparison, a, b, calibration, **options))


def page(
    comparison: Comparison,
    a: Recording,
    b: Recording,
    calibration: Calibration,
    *,
    command: str = "",
    made: str = "",
    audio: bool = False,
) -> str:
    """The page as HTML: pictures and sounds within, nothing from elsewhere, no scripts."""
    return render(
        "comparison.html.j2",
        title=f"Comparison: {a.path.name} and {b.path.name}",
        comparison=comparison,
        command=command or shlex.join(["cqtnet", "compare", comparison.a.path, comparison.b.path]),
        made=made,
        **sections.opening(comparison),
        **sections.recordings(a, b),
        **sections.findings(comparison, a, b, audio=audio),
        **sections.sureness(comparison, calibration),
        **sections.learning(calibration),
    )


def notebook_html(comparison: Comparison) -> str:
    """The verdict with its ratio on the scale, as a piece of HTML."""
    return render("verdict.html.j2", comparison=comparison, **sections.opening(comparison))


def write(path: Path, content: str) -> None:
    """Write a page, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def render(template: str, **data: Any) -> str:
    """A template of this package filled with data, every value escaped; a missing one raises."""
    return _environment().get_template(template).render(data)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("verify.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for filter_ in (words.clock, words.number, words.ratio, shown):
        environment.filters[filter_.__name__] = filter_
    for function in (words.changes_in_words, words.clock_span, words.plural):
        environment.globals[function.__name__] = function
    environment.globals |= {
        "propositions": (words.SAME, words.RENDITION, words.UNRELATED),
        "least_ratio": f"{words.LEAST_RATIO:g}",
        "scale_words": words.scale_rows(),
        "tempi": (SLOWEST, FASTEST),
        "most_shift": MOST_SHIFT,
        "versions": versions(),
    }
    return environment


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
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
