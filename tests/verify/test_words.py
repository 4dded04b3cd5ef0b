import math

import pytest

from verify import words as w
from verify.results import Line


@pytest.mark.parametrize(("ratio", "word"), [
    (1, "no"), (2, "weak"), (10, "moderate"), (100, "moderately strong"), (10_000, "very strong"),
    (1_000_000, "extremely strong"),
])  # fmt: skip
def test_the_scale_is_that_of_enfsi_in_both_directions(ratio, word):
    assert w.strength_in_words(math.log(ratio)) == w.strength_in_words(-math.log(ratio)) == word


@pytest.mark.parametrize(("against", "ratio", "support"), [
    ("rendition", 50, "moderate support for the same recording rather than another rendition"),
    ("rendition", 0.02, "moderate support for another rendition rather than the same recording"),
    ("unrelated", 50, "moderate support for the same recording rather than unrelated ones"),
    ("unrelated", 0.02, "moderate support for unrelated recordings rather than the same one"),
])  # fmt: skip
def test_support_names_the_side_it_is_on(against, ratio, support):
    assert w.support_in_words(math.log(ratio), *w.PROPOSITIONS[against]) == support


def test_a_sentence_speaks_of_the_findings_also_of_other_propositions():
    assert w.ratio_in_words(math.log(3_612), *w.PROPOSITIONS["rendition"]) == (
        "The findings are 3,600 times more probable if A and B hold the same recording than if "
        "they hold two renditions of one work."
    )
    assert "20 times more probable if A and B hold unrelated recordings than if they hold the " in (
        w.ratio_in_words(-math.log(20), *w.PROPOSITIONS["unrelated"])
    )
    wet, dry = w.Proposition("it rains", "rain"), w.Proposition("the sun shines", "sun")
    assert w.support_in_words(-math.log(50), wet, dry) == "moderate support for sun"
    assert w.ratio_in_words(math.log(50), wet, dry).endswith("if it rains than if not.")


def test_a_ratio_within_ten_is_no_verdict():
    assert [w.decision(math.log(x)) for x in (0.05, 0.2, 5, 20)] == [-1, 0, 0, 1]


@pytest.mark.parametrize(("told", "text"), [
    (w.ratio(math.log(3612)), "3,600"), (w.ratio(-math.log(250)), "1/250"),
    (w.clock(83.456), "1:23.46"), (w.clock(59.996), "1:00.00"), (w.clock(0), "0:00.00"),
    (w.clock(3661.5), "1:01:01.50"),
    (w.clock_span(12.0, 17.0), "0:12.00–0:17.00"), (w.clock_span(12.0, 12.001), "0:12.00"),
    (w.plural(0, "stretch", "stretches"), "0 stretches"),
    (w.plural(1, "stretch", "stretches"), "1 stretch"),
    (w.plural(2, "stretch", "stretches"), "2 stretches"),
    (w.plural(1000, "recording"), "1,000 recordings"),
    (w.number(-6.65, 2), "\N{MINUS SIGN}6.65"), (w.number(-0.00002, 4), "0.0000"),
    (w.number(-0.0, 2), "0.00"), (w.changes_in_words(Line(1.0001, -0.02, 0.0)), []),
])  # fmt: skip
def test_numbers_times_and_counts_are_as_people_write_them_and_small_changes_none(told, text):
    assert told == text
