"""A page as a whole: its head, its looks, its sections."""

from collections.abc import Iterable
from importlib.resources import files

from verify.report.markup import text

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
media-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
"""


def document(title: str, sections: Iterable[str]) -> str:
    """The page as HTML: nothing from elsewhere, no scripts."""
    style = (files("verify.report") / "style.css").read_text(encoding="utf-8")
    body = "\n".join(section for section in sections if section)
    return HEAD.format(title=text(title), style=style) + body + "\n</body>\n</html>\n"
