"""Words for ratios."""

import math

import pytest

from verify.wording import ratio_in_words, strength_in_words, support_in_words, verdict_of


@pytest.mark.parametrize(
    ("ratio", "word"),
    [
        (1, "no"),
        (1.9, "no"),
        (2, "weak"),
        (10, "moderate"),
        (100, "moderately strong"),
        (1_000, "strong"),
        (10_000, "very strong"),
        (1_000_000, "extremely strong"),
    ],
)
def test_the_scale_is_that_of_enfsi_in_both_directions(ratio: float, word: str) -> None:
    assert strength_in_words(math.log(ratio)) == word
    assert strength_in_words(-math.log(ratio)) == word


def test_support_names_the_side_it_is_on() -> None:
    assert support_in_words(math.log(50)) == (
        "moderate support for the same recording rather than different ones"
    )
    assert support_in_words(-math.log(50)) == (
        "moderate support for different recordings rather than the same one"
    )
    assert support_in_words(0.0) == "no support for either proposition"


def test_a_sentence_speaks_of_the_findings_not_of_the_propositions() -> None:
    assert "3,600 times more probable" in ratio_in_words(math.log(3_612))
    assert ratio_in_words(-math.log(20)).startswith("The findings are 20 times more probable if")


def test_a_ratio_within_ten_is_no_verdict() -> None:
    assert [verdict_of(math.log(x)) for x in (0.05, 0.2, 5, 20)] == [
        "different", "insufficient", "insufficient", "same",
    ]  # fmt: skip
