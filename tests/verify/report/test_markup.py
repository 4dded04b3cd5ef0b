import pytest

from verify.report.markup import bullets, figure, number, paragraph, section, table, text
from verify.report.style import Picture


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#x27;"),
        ("two\nlines\x1b[0m", "two\\nlines\\x1b[0m"),
        ("gpj.\u202ewav", "gpj.\\u202ewav"),
        ("\udcff", "\\udcff"),
        ("Größe 音", "Größe 音"),
    ],
)
def test_text_shows_what_it_is_given_and_nothing_acts(given: str, shown: str) -> None:
    assert text(given) == shown


def test_what_is_empty_leaves_nothing_behind() -> None:
    assert section("Title", "", "") == ""
    assert paragraph("") == bullets([]) == table([]) == figure(None, "words") == ""


def test_a_table_heads_its_rows_and_escapes_its_cells() -> None:
    made = table([("<a>", "<b>")], head=("x", "y"))
    assert '<th scope="row">&lt;a&gt;</th><td>&lt;b&gt;</td>' in made
    assert '<th scope="col">x</th><th scope="col">y</th>' in made


def test_a_picture_tells_what_it_shows_to_those_who_do_not_see_it() -> None:
    assert 'alt="a &quot;b&quot;"' in figure(Picture("data:image/png;base64,", 'a "b"'), "words")


def test_numbers_have_a_true_minus_sign() -> None:
    assert number(-6.65, digits=2) == "\N{MINUS SIGN}6.65"
