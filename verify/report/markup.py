"""Pieces of HTML. Whatever comes from outside goes through `text`: file names are hostile."""

import html
from collections.abc import Iterable, Sequence

from verify.report.style import Picture

Row = tuple[str, ...]


def text(content: object) -> str:
    r"""Content as HTML that shows it and does nothing else.

    Line breaks, marks that turn the direction of writing and bytes that are no text are shown as
    escapes, for a name must look like what it is.

    >>> text("a<b\u202e")
    'a&lt;b\\u202e'
    """
    plain = "".join(c if c.isprintable() else _escaped(c) for c in str(content))
    return html.escape(plain, quote=True)


def section(title: str, *parts: str, name: str = "") -> str:
    """A section with its heading; without parts, nothing."""
    inner = "\n".join(part for part in parts if part)
    mark = f' id="{text(name)}"' if name else ""
    return f"<section{mark}>\n<h2>{text(title)}</h2>\n{inner}\n</section>" if inner else ""


def paragraph(content: str, *, kind: str = "") -> str:
    """A paragraph of plain words; without any, nothing."""
    return f"<p{_class(kind)}>{text(content)}</p>" if content else ""


def bullets(items: Iterable[str]) -> str:
    """A list of plain sentences; without any, nothing."""
    inner = "".join(f"<li>{text(item)}</li>\n" for item in items)
    return f"<ul>\n{inner}</ul>" if inner else ""


def table(rows: Sequence[Row], *, head: Row = (), kind: str = "") -> str:
    """A table of plain words, each row headed by its first cell; without rows, nothing."""
    if not rows:
        return ""
    cells = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    top = f"<thead><tr>{cells}</tr></thead>\n" if head else ""
    body = "\n".join(
        f'<tr><th scope="row">{text(first)}</th>'
        + "".join(f"<td>{text(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f'<div class="wide"><table{_class(kind)}>\n{top}<tbody>\n{body}\n</tbody></table></div>'


def figure(picture: Picture | None, caption: str) -> str:
    """A picture on a light card, with words below; without a picture, nothing."""
    if picture is None:
        return ""
    image = f'<img src="{picture.uri}" alt="{text(picture.alt)}">'
    return (
        f'<figure><div class="card">{image}</div>\n'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def player(uri: str, caption: str) -> str:
    """Sound with its controls."""
    return (
        f'<figure class="player"><figcaption>{text(caption)}</figcaption>'
        f'<audio controls preload="metadata" src="{uri}"></audio></figure>'
    )


def code(content: str) -> str:
    """What is typed or compared letter by letter."""
    return f"<pre><code>{text(content)}</code></pre>"


def number(value: float, *, digits: int) -> str:
    """A number with its true minus sign.

    >>> number(-6.65, digits=1)
    '−6.7'
    """
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _class(kind: str) -> str:
    return f' class="{text(kind)}"' if kind else ""


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
