"""Words for likelihood ratios, on the ENFSI scale of 2015, and for times, tempo and pitch."""

import math
from typing import Literal

from verify.results import Line

Verdict = Literal["same", "different", "insufficient"]

SAME = "A and B hold the same recording"
DIFFERENT = "A and B hold different recordings"
"""The two propositions. The same recording: the same sounds, whatever was done to them since."""

WEAK_RATIO = 2.0
"""Ratios nearer to 1 than that support nothing."""
SCALE = (
    (WEAK_RATIO, "no"),
    (10.0, "weak"),
    (100.0, "moderate"),
    (1_000.0, "moderately strong"),
    (10_000.0, "strong"),
    (1_000_000.0, "very strong"),
    (math.inf, "extremely strong"),
)
"""Words for ratios below each limit: European Network of Forensic Science Institutes, 2015."""
LEAST_RATIO = 10.0
"""Ratios nearer to 1 than that are no verdict."""
NO_CHANGE_TEMPO, NO_CHANGE_SEMITONES = 5e-4, 0.03
"""Changes smaller than that are not told: 0.05 % and 3 cents."""


def strength_in_words(log_lr: float) -> str:
    """The word for a natural-log likelihood ratio, whichever proposition it supports.

    >>> strength_in_words(math.log(500))
    'moderately strong'
    """
    times = math.exp(abs(log_lr)) * (1 + 1e-9)
    return next(word for limit, word in SCALE if times < limit)


def support_in_words(log_lr: float) -> str:
    """What a ratio means, without any prior.

    >>> support_in_words(math.log(500))
    'moderately strong support for the same recording rather than different ones'
    """
    word = strength_in_words(log_lr)
    if word == "no":
        return "no support for either proposition"
    sides = ("the same recording", "different ones") if log_lr > 0 else (
        "different recordings", "the same one")  # fmt: skip
    return f"{word} support for {sides[0]} rather than {sides[1]}"


def ratio_in_words(log_lr: float) -> str:
    """How many times more probable the findings are, with two digits.

    >>> ratio_in_words(math.log(500))
    'The findings are 500 times more probable if A and B hold the same recording than if not.'
    """
    digits = ratio(abs(log_lr))
    if log_lr == 0:
        return "The findings are as probable if A and B hold the same recording as if not."
    if log_lr > 0:
        return f"The findings are {digits} times more probable if {SAME} than if not."
    return f"The findings are {digits} times more probable if {DIFFERENT} than if the same one."


def ratio(log_lr: float) -> str:
    """A likelihood ratio with two digits: 3,600, or 1/250."""
    digits = f"{float(f'{math.exp(abs(log_lr)):.2g}'):,.10g}"
    return digits if log_lr >= 0 or digits == "1" else f"1/{digits}"


def verdict_of(log_lr: float) -> Verdict:
    """What a ratio alone allows to be said."""
    if abs(log_lr) < math.log(LEAST_RATIO):
        return "insufficient"
    return "same" if log_lr > 0 else "different"


def clock(seconds: float) -> str:
    """A time as minutes and seconds, with hours where there are any.

    >>> clock(83.456)
    '1:23.46'
    """
    hundredths = round(100 * max(0.0, seconds))
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 100:02}.{rest % 100:02}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def warped(line: Line) -> list[str]:
    """Changes of tempo and pitch in words; none where there are none."""
    faster = "faster" if line.tempo > 1 else "slower"
    tempo = f"{abs(line.tempo - 1):.2%} {faster} (tempo × {line.tempo:.4f})"
    sharp = "higher" if line.shift_semitones > 0 else "lower"
    pitch = f"{abs(line.shift_semitones):.2f} semitones {sharp}"
    if line.is_speed:
        return [f"played at another speed: {tempo}, {pitch} with it"]
    parts = []
    if abs(line.tempo - 1) >= NO_CHANGE_TEMPO:
        parts.append(tempo)
    if abs(line.shift_semitones) >= NO_CHANGE_SEMITONES:
        parts.append(pitch)
    return parts
