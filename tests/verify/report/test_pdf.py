"""The page of a comparison as PDF."""

from types import SimpleNamespace

import pytest
from markupsafe import Markup

from cqtnet.errors import InputError
from verify.report.language import speaking
from verify.report.page import Case, Part, check_pdf, page_number, write_pdf

try:
    check_pdf()
except InputError as error:
    pytest.skip(f"no PDF here: {error}", allow_module_level=True)


@pytest.fixture
def printed(tmp_path):
    """Writes a page of pairs as PDF, and gives the text of each of its pages."""
    from pypdf import PdfReader

    def texts(content, *parts):
        write_pdf(tmp_path / "x.pdf", content, parts)
        return [page.extract_text() for page in PdfReader(tmp_path / "x.pdf").pages]

    return texts


def part(anchor, first, second):
    a, b = (SimpleNamespace(sha256=letter * 64) for letter in (first, second))
    return Part(Markup(), Markup(), "", anchor, SimpleNamespace(a=a, b=b))


def test_each_page_has_the_hashes_of_its_pair(printed):
    parts = [part("pair-1", "a", "b"), part("pair-2", "c", "d")]
    breaks = '<p style="break-after: page">more</p>'
    pages = "".join(f'<article id="{one.anchor}">{breaks}end</article>' for one in parts)
    texts = printed(f"<style>article {{ break-before: page }}</style><body>{pages}</body>", *parts)
    texts = [text for text in texts if "more" in text or "end" in text]
    for text, first, second in zip(texts, "aacc", "bbdd", strict=True):
        assert f"A  SHA-256 {first * 64}" in text and f"B  SHA-256 {second * 64}" in text


def test_a_page_loads_nothing_from_elsewhere(printed, tmp_path, recwarn, caplog):
    secret = tmp_path / "secret.css"
    secret.write_text("body::before { content: 'secret' }")
    link = f'<link rel="stylesheet" href="{secret.as_uri()}"><body id="pair-1">x</body>'
    assert "secret" not in printed(link, part("pair-1", "a", "b"))[0]


def test_each_printed_page_has_the_number_of_the_case(printed):
    with speaking("ru"):
        number = page_number(Case(number='2026/"1"'))
    style = f"@page {{ @bottom-right {{ content: {number} }} }} p {{ break-after: page }}"
    texts = printed(f"<style>{style}</style><body><p>x</p>y</body>")
    for page, text in enumerate(texts, start=1):
        assert f'2026/"1" · стр. {page} из 2' in " ".join(text.split())
