"""The words for verdicts, likelihood ratios, times, tempo and pitch: numbers in, words out."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from verify.results import Line

Verdict = Literal["same", "rendition", "different", "insufficient"]
Against = Literal["rendition", "unrelated"]
"""What the same recording is weighed against: both others, or only unrelated recordings."""

HEADLINES: dict[Verdict, str] = {
    "same": "SAME RECORDING",
    "rendition": "ANOTHER RENDITION",
    "different": "DIFFERENT RECORDINGS",
    "insufficient": "INSUFFICIENT EVIDENCE",
}
IDENTITIES = {
    "files": "identical files: the same SHA-256",
    "sound": "identical sound: every decoded sample is the same",
}
WEAK_RATIO = 2.0  # a ratio nearer to 1 than this supports neither proposition
LEAST_RATIO = 10.0  # a ratio nearer to 1 than this is no verdict
SCALE = (
    (WEAK_RATIO, "no"), (10.0, "weak"), (100.0, "moderate"), (1_000.0, "moderately strong"),
    (10_000.0, "strong"), (1_000_000.0, "very strong"), (math.inf, "extremely strong"),
)  # fmt: skip
"""The word for ratios below each limit: European Network of Forensic Science Institutes, 2015."""
NO_CHANGE_TEMPO, NO_CHANGE_SEMITONES = 5e-4, 0.03  # smaller changes are not told: 0.05 %, 3 cents
NO_CHANGE_DB = 0.5  # a smaller change of level is not reported


@dataclass(frozen=True)
class Proposition:
    """One of two propositions that a likelihood ratio weighs."""

    claim: str  # a sentence without its full stop
    support: str  # what follows "strong support for"
    otherwise: str = "if not"  # what the other one is called beside it


SAME = "A and B hold the same recording"
RENDITION = "A and B hold two renditions of one work"
UNRELATED = "A and B hold unrelated recordings"
"""The three propositions. The same recording: one capture, whatever was done to it since. Two
renditions of one work: another performance, take, arrangement, synthesis or reading of it, or
another mix of one stem."""
PROPOSITIONS: dict[Against, tuple[Proposition, Proposition]] = {
    "rendition": (
        Proposition(SAME, "the same recording rather than another rendition",
                    "if they hold two renditions of one work"),
        Proposition(RENDITION, "another rendition rather than the same recording",
                    "if they hold the same one"),
    ),
    "unrelated": (
        Proposition(SAME, "the same recording rather than unrelated ones",
                    "if they hold unrelated ones"),
        Proposition(UNRELATED, "unrelated recordings rather than the same one",
                    "if they hold the same one"),
    ),
}  # fmt: skip
"""What a ratio weighs the same recording against, as two propositions."""


def strength_in_words(log_lr: float) -> str:
    """The word for a natural-log likelihood ratio, whichever proposition it supports."""
    times = math.exp(abs(log_lr)) * (1 + 1e-9)
    return next(word for limit, word in SCALE if times < limit)


def support_in_words(log_lr: float, first: Proposition, second: Proposition) -> str:
    """What a ratio means, without any prior: 'moderately strong support for the same …'."""
    word = strength_in_words(log_lr)
    if word == "no":
        return "no support for either proposition"
    return f"{word} support for {(first if log_lr > 0 else second).support}"


def ratio_in_words(log_lr: float, first: Proposition, second: Proposition) -> str:
    """The ratio as a sentence about the findings, with two digits."""
    if log_lr == 0:
        return f"The findings are as probable if {first.claim} as if not."
    side, times = first if log_lr > 0 else second, ratio(abs(log_lr))
    return f"The findings are {times} times more probable if {side.claim} than {side.otherwise}."


def ratio(log_lr: float) -> str:
    """A likelihood ratio with two digits: 3,600, or 1/250."""
    digits = f"{float(f'{math.exp(abs(log_lr)):.2g}'):,.10g}"
    return digits if log_lr >= 0 or digits == "1" else f"1/{digits}"


def headline(head: str, log_lr: float, support: str, *, is_bounded: bool) -> str:
    """A verdict with its ratio: 'SAME RECORDING  LR 3,600 (ln 8.2): strong support for …'."""
    text = f"{head}  LR {ratio(log_lr)} (ln {log_lr:.1f}): {support}"
    return f"{text}; the bound of what the calibration supports" if is_bounded else text


def decision(log_lr: float) -> int:
    """1 for the first proposition, -1 for the second, 0 where the ratio is too near to 1."""
    if abs(log_lr) < math.log(LEAST_RATIO):
        return 0
    return 1 if log_lr > 0 else -1


def clock(seconds: float) -> str:
    """A time as minutes and seconds, 1:23.46, with hours where there are any."""
    hundredths = round(100 * max(0.0, seconds))
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 100:02}.{rest % 100:02}"
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def clock_span(start_s: float, end_s: float) -> str:
    """Two times with a dash between, 0:12.00–0:17.00, or one where they are the same to 10 ms."""
    start, end = clock(start_s), clock(end_s)
    return start if start == end else f"{start}–{end}"


def number(value: float, digits: int) -> str:
    """A number with a true minus sign, −6.7, and no sign where it rounds to zero."""
    return f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}")


def plural(count: int, one: str, several: str = "") -> str:
    """A count with its noun: 1 stretch, 2 stretches."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def hz_in_words(hz: float) -> str:
    """A frequency with two or three digits: 3.4 kHz."""
    return f"{hz / 1000:.1f} kHz" if hz >= 1000 else f"{float(f'{hz:.2g}'):.0f} Hz"


def changes_in_words(line: "Line") -> list[str]:
    """Changes of tempo and pitch in words; none where there are none."""
    faster = "faster" if line.tempo > 1 else "slower"
    tempo = f"{abs(line.tempo - 1):.2%} {faster} (tempo × {line.tempo:.4f})"
    higher = "higher" if line.shift_semitones > 0 else "lower"
    pitch = f"{abs(line.shift_semitones):.2f} semitones {higher}"
    if line.is_speed:
        return [f"played at another speed: {tempo}, {pitch} with it"]
    parts = [tempo] if abs(line.tempo - 1) >= NO_CHANGE_TEMPO else []
    return parts + ([pitch] if abs(line.shift_semitones) >= NO_CHANGE_SEMITONES else [])


def scale_rows() -> list[tuple[str, str]]:
    """The verbal scale as a table: ratios, and the words for them."""
    rows, low = [], 1.0
    for high, word in SCALE:
        limits = f"{low:,.0f} to {high:,.0f}" if high < math.inf else f"{low:,.0f} and more"
        rows.append((limits, f"{word} support"))
        low = high
    return rows
