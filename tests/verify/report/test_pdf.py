"""The page of a comparison as PDF."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from markupsafe import Markup

from cqtnet.errors import InputError
from verify.commands.compare import compare
from verify.report.page import Part, check_pdf, write_pdf

try:
    check_pdf()
except InputError as error:
    pytest.skip(f"no PDF here: {error}", allow_module_level=True)


def part(anchor, first, second):
    items = SimpleNamespace(
        a=SimpleNamespace(sha256=first * 64), b=SimpleNamespace(sha256=second * 64)
    )
    return Part(Markup(), Markup(), "", anchor, items)


def test_each_page_has_the_hashes_of_its_pair(tmp_path):
    from pypdf import PdfReader

    parts = [part("pair-1", "a", "b"), part("pair-2", "c", "d")]
    breaks = '<p style="break-after: page">more</p>'
    pages = "".join(f'<article id="{one.anchor}">{breaks}end</article>' for one in parts)
    content = f"<style>article {{ break-before: page }}</style><body>{pages}</body>"
    write_pdf(tmp_path / "x.pdf", content, parts)
    texts = [page.extract_text() for page in PdfReader(tmp_path / "x.pdf").pages]
    texts = [text for text in texts if "more" in text or "end" in text]
    for text, first, second in zip(texts, "aacc", "bbdd", strict=True):
        assert f"A  SHA-256 {first * 64}" in text and f"B  SHA-256 {second * 64}" in text


def test_a_page_loads_nothing_from_elsewhere(tmp_path, recwarn, caplog):
    secret = tmp_path / "secret.css"
    secret.write_text("body::before { content: 'secret' }")
    link = f'<link rel="stylesheet" href="{secret.as_uri()}"><body id="pair-1">x</body>'
    write_pdf(tmp_path / "x.pdf", link, [part("pair-1", "a", "b")])
    from pypdf import PdfReader

    assert "secret" not in PdfReader(tmp_path / "x.pdf").pages[0].extract_text()


def test_pdf_is_of_a_report():
    result = CliRunner().invoke(compare, ["a.wav", "b.wav", "--pdf"])
    assert result.exit_code == 2 and "without --report" in result.output
