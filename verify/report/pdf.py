"""A page of comparisons as PDF: numbered pages, and the hashes of both files on each."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cqtnet.errors import InputError
from cqtnet.files import written_whole
from verify.report.page import Part

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


def write_pdf(path: Path, content: str, parts: Sequence[Part]) -> None:
    """Write a page that `page` made of these parts as PDF, whole or not at all.

    >>> write_pdf(Path("case-17.pdf"), page(parts, calibration), parts)
    """
    html, css, fetcher = _library()
    rules = "\n".join(_items(part) for part in parts)
    document = html(string=content, url_fetcher=fetcher(allowed_protocols=["data"]))
    with written_whole(path) as temporary:
        document.write_pdf(temporary, stylesheets=[css(string=FOOT.format(items=rules))])


def check_pdf() -> None:
    """Raise unless PDF can be written here."""
    _library()


def _library() -> tuple[Any, Any, Any]:
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


def _items(part: Part) -> str:
    """The rule that writes the hashes of a part's files below its pages."""
    a, b = part.comparison.a.sha256, part.comparison.b.sha256
    element = f"#{part.anchor}" if part.anchor else "body"
    return f'{element} {{ string-set: items "A  SHA-256 {a}\\A B  SHA-256 {b}" }}'
