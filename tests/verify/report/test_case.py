import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cqtnet.errors import InputError
from tests.verify.report import cases
from tests.verify.report.test_page import Seen, page_of
from verify.commands.compare import compare
from verify.report.language import speaking
from verify.report.page import Case, Event, check_pdf, page_number, read_case, write_pdf

EXAMPLE = Path(__file__).parents[3] / "examples/case.toml"


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "case.toml"
        path.write_bytes(text)
        return path

    return write


def test_the_example_says_all_that_a_case_can(file):
    case = read_case(EXAMPLE)
    assert all(vars(case).values()) and case.received == "2026-11-12"
    assert case.custody[0].when == "2026-11-12, 10:30"
    assert read_case(file(b"")) == Case()


@pytest.mark.parametrize(("text", "message"), [
    (b"examinr = 'x'", "unknown examinr; known are number, organisation, examiner, received, "),
    (b"number = 7", "number is 7, and not text"),
    (b"[[custody]]\nwhen = 'then'", r"custody\[0\] lacks who, what"),
    (b"[[custody]]\nwhen=''\nwho=''\nwhat=''\nwhy=''", "unknown why; known are when, who, what"),
    (b"number = ", "does not describe a case: Invalid value"),
    (b"number = '\xff'", "does not describe a case: 'utf-8' codec"),
])  # fmt: skip
def test_what_is_wrong_with_a_case_is_said_in_plain_words(file, text, message):
    with pytest.raises(InputError, match=message):
        read_case(file(text))


def test_a_case_that_is_away_and_an_item_that_is_not_compared_are_errors(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_case(tmp_path / "away.toml")
    with pytest.raises(InputError, match=r"number for c\.wav, but no file of .* a\.wav, b\.wav"):
        Case(items={"a.wav": "1", "c.wav": "2"}).require(["a.wav", "b.wav"])


def test_the_first_page_has_all_of_the_case_and_escapes_it(a, b):
    evil = "<script>alert(1)</script>"
    case = Case(
        number="17\"; } body { color: red } </style>", organisation=evil, examiner="E\u202eX",
        received="2026-11-12", items={"questioned.wav": evil},
        custody=(Event("2026-11-12, 10:30", "who", evil),), remarks=f"one\n{evil}",
    )  # fmt: skip
    with cases.unpainted():
        content = page_of(cases.same(a, b), a, b, cases.calibration(), case=case)
        seen = Seen(content)
        with speaking("ru"):
            russian = Seen(page_of(cases.same(a, b), a, b, cases.calibration(), case=case)).words
    assert "script" not in seen.tags and content.count("<style>") == content.count("</style>") == 1
    assert "color: red" not in re.sub("<body>.*", "", content, flags=re.DOTALL)
    first = seen.words.partition("Comparison of two recordings")[0]
    for words in (
        "E\\u202eX",
        "2026-11-12, 10:30",
        a.item.sha256,
        b.item.sha256,
        "torch",
        "Signature",
    ):
        assert words in first, words
    assert first.count(evil) == 4 and "Moderate support for the same recording" in first
    assert "12.11.2026, 10:30" in russian and "Подпись" in russian


@pytest.mark.parametrize(("option", "value"), [("--language", "ru"), ("--case", "x.toml")])
def test_options_of_a_report_need_one(option, value):
    result = CliRunner().invoke(compare, ["a.wav", "b.wav", option, value])
    assert result.exit_code == 2 and f"{option} does nothing without --report" in result.output


def test_each_printed_page_has_the_number_of_the_case(tmp_path):
    try:
        check_pdf()
    except InputError as error:
        pytest.skip(str(error))
    from pypdf import PdfReader

    with speaking("ru"):
        number = page_number(Case(number='2026/"1"'))
    style = f"@page {{ @bottom-right {{ content: {number} }} }} p {{ break-after: page }}"
    write_pdf(tmp_path / "x.pdf", f"<style>{style}</style><body><p>x</p>y</body>", [])
    texts = [" ".join(page.extract_text().split()) for page in PdfReader(tmp_path / "x.pdf").pages]
    assert ['2026/"1" · стр. 1 из 2' in texts[0], '2026/"1" · стр. 2 из 2' in texts[1]] == [
        True
    ] * 2
