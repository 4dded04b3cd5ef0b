import re
from pathlib import Path

import pytest

from cqtnet.errors import InputError
from tests.verify.report import cases
from tests.verify.report.test_page import Seen, page_of
from verify.report.language import speaking
from verify.report.page import Case, Event, read_case


def test_the_example_says_all_that_a_case_can(tmp_path):
    case = read_case(Path(__file__).parents[3] / "examples/case.toml")
    assert all(vars(case).values()) and case.received == "2026-11-12"
    assert case.custody[0].when == "2026-11-12, 10:30"
    (tmp_path / "case.toml").touch()
    assert read_case(tmp_path / "case.toml") == Case()


@pytest.mark.parametrize(("text", "message"), [
    (b"examinr = 'x'", "unknown examinr; known are number, organisation, examiner, received, "),
    (b"number = 7", "number is 7, and not text"),
    (b"[[custody]]\nwhen = 'then'", r"custody\[0\] lacks who, what"),
    (b"[[custody]]\nwhen=''\nwho=''\nwhat=''\nwhy=''", "unknown why; known are when, who, what"),
    (b"number = ", "does not describe a case: Invalid value"),
    (b"number = '\xff'", "does not describe a case: 'utf-8' codec"),
])  # fmt: skip
def test_what_is_wrong_with_a_case_is_said_in_plain_words(tmp_path, text, message):
    (tmp_path / "case.toml").write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_case(tmp_path / "case.toml")


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
        with speaking("ru"):
            russian = Seen(page_of(cases.same(a, b), a, b, cases.calibration(), case=case)).words
    seen = Seen(content)
    assert "script" not in seen.tags and content.count("<style>") == content.count("</style>") == 1
    assert "color: red" not in re.sub("<body>.*", "", content, flags=re.DOTALL)
    first = seen.words.partition("Comparison of two recordings")[0]
    hashes = (a.item.sha256, b.item.sha256)
    for words in ("E\\u202eX", "2026-11-12, 10:30", *hashes, "torch", "Signature"):
        assert words in first, words
    assert first.count(evil) == 4 and "Moderate support for the same recording" in first
    assert "12.11.2026, 10:30" in russian and "Подпись" in russian
