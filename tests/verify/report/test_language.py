import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import nodes

from tests.verify.report import cases
from tests.verify.report.test_page import Seen, page_of
from verify.archive.results import ANSWERS
from verify.calibration import RANGES
from verify.commands.compare import tell
from verify.report.language import NO_BREAK, catalogue, language, say, speaking
from verify.report.page import environment
from verify.report.sections import CLAIMS
from verify.report.sureness import ENDS, OTHERS, PAIRS
from verify.words import IDENTITIES, PROPOSITIONS, SCALE

ROOT = Path(__file__).parents[3]
TEMPLATES = [
    path for path in sorted(ROOT.glob("verify/report/templates/*.j2"))
    if path.name != "validation.html.j2"  # a page of eval, in English
]  # fmt: skip
ENGINE = {
    "verify/words.py": {"headline", "strength_in_words"},
    "verify/edits.py": {"check_suffix", "_name", "described", "labels", "alteration"},
    "verify/alterations.py": {"find_alterations"},
    "verify/results.py": {"headline", "to_dict"},
    "verify/comparison.py": set(),
    "verify/recording.py": {"read", "_remembered"},
    "augment/audio/integrity.py": {"follow"},
}
"""Modules whose sentences a report may hold, and the functions whose sentences it does not."""
PARTS = {
    "7 7": "B: noise added, about 7 dB below the sound",
    "7: 7": "A: low-pass at 3.4 kHz",
    "7 at 7": "high-pass at 34 Hz",
    "7 7 (tempo × 7)": "7.00% slower (tempo × 0.9300)",
    "7 semitones 7": "played at another speed: 7.00% slower (tempo × 0.9300), 1.26 semitones lower",
    "7 dB 7": "1.00% faster (tempo × 1.0100), polarity reversed, 6.0 dB quieter",
    "7 s of B are missing7": "7.00 s of B are missing",
    " (silence)": "7.00 s of B are missing (silence)",
    "B begins 7 earlier": "B begins 7.00 s earlier",
    "B goes on 7 longer": "B goes on 7.00 s longer",
    "A plays 7 millionths (ppm) 7": "A plays 20 millionths (ppm) faster: another clock",
    "7: another clock": "A plays 20 millionths (ppm) slower: another clock",
    "7 to 7 dB below its level": "polarity reversed, else the same to 30 dB below its level",
    "else the same": "6.0 dB louder, else the same to 30 dB below its level",
    "the same": "the same to 30 dB below its level",
    " or ": "0:01.00 or 0:02.00 or 3 more",
    "lasts less than the 7 s that can be compared":
        "B lasts less than the 1 s that can be compared",
    "holds nothing but silence": "A holds nothing but silence",
    "holds no sound at all": "The query holds no sound at all",
    "truncated or damaged: 7, 7 s decoded":
        "truncated or damaged: the file has fewer bytes than its header says, 7.00 s decoded",
}  # fmt: skip
"""Text that is a part of sentences, or takes words and units: one of them."""


def of_templates() -> Iterator[str]:
    for path in TEMPLATES:
        source = path.read_text(encoding="utf-8")
        for _, _, message in environment().extract_translations(source):
            message = message[0] if isinstance(message, tuple) else message
            if message:
                yield re.sub(r"%\((\w+)\)s", r"{\1}", message).replace("%%", "%")
        for call in environment().parse(source).find_all(nodes.Call):
            if getattr(call.node, "name", "") in ("section", "frame") and call.args:
                yield from filter(None, constants(call.args[0]))


def constants(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    for child in node.iter_child_nodes():
        if not isinstance(child, nodes.Call | nodes.Filter):
            yield from constants(child)


def texts(tree: ast.AST) -> Iterator[str]:
    """Text in Python code, with 7 for what is filled in; not that of docstrings and errors."""
    if isinstance(tree, ast.Raise) or (
        isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant)
    ):
        return
    if isinstance(tree, ast.JoinedStr):
        yield "".join(v.value if isinstance(v, ast.Constant) else "7" for v in tree.values)
        filled = [v.value for v in tree.values if isinstance(v, ast.FormattedValue)]
        tree = ast.Tuple(filled)
    elif isinstance(tree, ast.Constant) and isinstance(tree.value, str):
        yield tree.value
    elif isinstance(tree, ast.Call) and "plural" in ast.unparse(tree.func):
        one, *several = (x.value for x in tree.args[1:])
        yield from (f"1 {one}", f"7 {several[0] if several else one + 's'}")
        return
    for child in ast.iter_child_nodes(tree):
        yield from texts(child)


def of_reports() -> Iterator[str]:
    """What is said in the code of reports."""
    for path in sorted(ROOT.glob("verify/report/*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "say":
                yield from texts(ast.Tuple(call.args))


def of_the_engine() -> Iterator[str]:
    """Sentences of those modules: text of several words."""
    for name, others in ENGINE.items():
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if getattr(node, "name", "") in (*others, "_brief", "_repr_html_"):
                node.body = []
        told = (text for text in texts(tree) if " " in text.strip())
        yield from (text for text in told if " | " not in text)  # which is a type


def of_tables() -> Iterator[str]:
    yield from (*IDENTITIES.values(), *ANSWERS.values())
    yield from (f"{word} support" for _, word in SCALE)
    yield from (*OTHERS.values(), *ENDS.values(), *RANGES)
    yield from (text for pair in (*CLAIMS.values(), *PAIRS.values()) for text in pair)
    for pair in PROPOSITIONS.values():
        for side in pair:
            yield from (side.claim, side.otherwise, f"weak support for {side.support}")


def english(text: str) -> set[str]:
    known = {"SHA", "Cllr", "dBFS", "RMS", "LR", "ln", "ppm", "ENFSI", "CQT", "EER", "UTC"}
    text = re.sub(
        r"[0-9a-f]{64}|\S+\.wav|wav, \w+|Guideline for Evaluative Reporting|\{\w+\}", "", text
    )
    return set(re.findall(r"[A-Za-z]{2,}", text)) - known


def test_every_sentence_of_a_template_has_a_translation():
    known = {"SHA-256"} | catalogue().keys()
    assert [text for text in of_templates() if text not in known] == []


@pytest.mark.parametrize("sentences", [of_reports, of_the_engine, of_tables])
def test_every_sentence_that_code_tells_has_a_translation(sentences):
    given = {text for text in sentences() if re.search("[a-z]{2}", text)}
    assert len(given) > 20
    with speaking("ru"):
        assert [text for text in given if english(say(PARTS.get(text, text)))] == []


def test_placeholders_and_forms_of_a_translation_are_those_of_its_sentence():
    for key, russian in catalogue().items():
        placeholders = {frozenset(re.findall(r"\{(\w+)\}", form)) for form in key.split("|")}
        for form in russian.split("|"):
            assert {frozenset(re.findall(r"\{(\w+)\}", form))} == placeholders, key
        assert russian.count("|") in (0, 2), key
        assert "{n}" in key or "|" not in russian, key
        assert set(re.findall("<.*?>", key)) == set(re.findall("<.*?>", russian)), key


@pytest.mark.parametrize(("english", "russian"), [
    ("1 stretch", "1 фрагмент"),
    ("22 stretches", "22 фрагмента"),
    ("11 stretches", "11 фрагментов"),
    ("1,234,567 bytes", f"1{NO_BREAK}234{NO_BREAK}567 байт"),
    ("B 0:12.00–0:17.00 is heard 3 times more", "B 0:12,00–0:17,00 звучит ещё 3 раза"),
    ("2026-11-30, 09:15", "30.11.2026, 09:15"),
    ("10.00% faster (tempo × 1.1000), 2.00 semitones lower",
     f"на 10,00{NO_BREAK}% быстрее (темп × 1,1000), на 2,00 полутона ниже"),
    ("reading stopped at 3.20 s: End of file", "чтение прервано на 3,20 с: End of file"),
    ("a name, 1.5.wav", "a name, 1.5.wav"),
    ("1/3 edits", "1/3 правок"),
])  # fmt: skip
def test_numbers_forms_and_lists_are_said_in_russian(english, russian):
    assert say(english) == english
    with speaking("ru"):
        assert say(english) == russian


@pytest.mark.parametrize(
    ("times", "words"), [("720", "раз"), ("3,600", "раз"), ("1.5", "раза"), ("22", "раза")]
)
def test_a_ratio_is_said_with_the_right_form_of_times(times, words):
    claim = PROPOSITIONS["rendition"][0].claim
    with speaking("ru"):
        said = say(f"The findings are {times} times more probable if {claim} than if not.")
    assert f" {words} более вероятны, если A и B содержат одну и ту же запись, чем" in said


COMPARED = (cases.same, cases.different, cases.rendition, cases.undecided, cases.unmeasured)


@pytest.mark.parametrize("compared", COMPARED)
def test_a_page_is_in_russian_to_the_last_word_and_the_answer_stays_english(a, b, compared):
    comparison = replace(compared(a, b), edits=cases.edit_map())
    with cases.unpainted(), speaking("ru"):
        content = page_of(comparison, a, b, cases.calibration(), command="-")
        plain, told = comparison.to_dict(), tell(comparison)
    words = re.sub("4 s <gone>|4 s come later", "", Seen(content.replace("<td>", "<td> ")).words)
    assert english(words.partition("Программное обеспечение")[0]) == set()
    assert '<html lang="ru">' in content and language() == "en"
    assert (plain, told) == (comparison.to_dict(), tell(comparison))
