"""One self-contained page on two recordings, that an expert can put into a case file."""

from pathlib import Path
from typing import TypedDict, Unpack

from cqtnet.files import written_whole
from verify.calibration import Calibration
from verify.comparison import Comparison
from verify.recording import Recording
from verify.report.document import document
from verify.report.editing import edit_section
from verify.report.findings import findings
from verify.report.items import items
from verify.report.method import again, limits, method
from verify.report.opening import opening, question
from verify.report.pictures import pictures
from verify.report.sureness import sureness
from verify.report.view import view_of


class Options(TypedDict, total=False):
    """What a page may hold besides."""

    command: str  # what reproduces it
    made: str  # when and by whom, where that is to be said
    audio: bool  # ten seconds of the longest stretch in common beside each other, to be heard


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
    content = page(comparison, a, b, calibration, **options)
    with written_whole(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


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
    view = view_of(comparison, a, b)
    sections = (
        opening(comparison),
        question(comparison),
        items(a, b),
        findings(comparison, view, audio=audio),
        pictures(view),
        edit_section(view, comparison.edits),
        sureness(comparison, calibration),
        method(comparison),
        limits(comparison.edits),
        again(comparison, calibration, command=command, made=made),
    )
    return document(f"Comparison: {a.path.name} and {b.path.name}", sections)
