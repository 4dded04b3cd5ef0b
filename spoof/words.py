"""Words for what a detector says of a voice."""

import math
from typing import Literal

from verify.wording import LEAST_RATIO, ratio, strength_in_words

Verdict = Literal["synthetic", "human", "insufficient"]

HEADLINES: dict[Verdict, str] = {
    "synthetic": "SYNTHETIC",
    "human": "HUMAN",
    "insufficient": "INSUFFICIENT EVIDENCE",
}
SYNTHETIC = "the voice was made or changed by a machine"
HUMAN = "the voice is a recording of a human being"
"""The two propositions."""


def verdict_of(log_lr: float) -> Verdict:
    """What a natural-log likelihood ratio alone allows to be said."""
    if abs(log_lr) < math.log(LEAST_RATIO):
        return "insufficient"
    return "synthetic" if log_lr > 0 else "human"


def support_in_words(log_lr: float) -> str:
    """What a ratio means, without any prior.

    >>> support_in_words(math.log(50))
    'moderate support for a synthetic voice rather than a human one'
    """
    word = strength_in_words(log_lr)
    if word == "no":
        return "no support for either proposition"
    sides = ("synthetic", "human") if log_lr > 0 else ("human", "synthetic")
    return f"{word} support for a {sides[0]} voice rather than a {sides[1]} one"


def ratio_in_words(log_lr: float) -> str:
    """How many times more probable the score is, with two digits.

    >>> ratio_in_words(math.log(50))
    'The score is 50 times more probable if the voice was made or changed by a machine than if not.'
    """
    if log_lr == 0:
        return f"The score is as probable if {SYNTHETIC} as if not."
    side = SYNTHETIC if log_lr > 0 else HUMAN
    return f"The score is {ratio(abs(log_lr))} times more probable if {side} than if not."
