"""Stretches read as what was done: cut, inserted, replaced, repeated, looped, moved.

Of the stretches, the longest chain that keeps the order of B is taken as what stayed in place;
the others were moved, or taken a second time. What no stretch covers was inserted, of A, or cut,
of B; both at one join are a replacement.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from cqtnet.cqt import FRAMES_PER_SECOND, SILENCE_LEVEL
from verify.edits import Edit
from verify.features import Features
from verify.results import Stretch
from verify.wording import clock

LEAST_FOREIGN_S = 0.08
LEAST_GONE_S = 0.03
"""Of B, where two stretches join in A: there the gap is exact."""
LEAST_GONE_ELSEWHERE_S = 0.15
"""Of B, where ends of stretches that do not join leave it: each is known to some 20 ms."""
LEAST_TRIMMED_S = 0.15
SAME_PLACE_S = 0.1
TAKEN_AGAIN = 0.5
"""Share of a stretch that other stretches hold, too, for it to be a repetition."""

Span = tuple[float, float]


def read_edits(stretches: Sequence[Stretch], a: Features, b: Features) -> tuple[Edit, ...]:
    """What was done to B to make A of it, in the order of A; nothing where nothing is common."""
    if not stretches:
        return ()
    whole_a = (a.start_s, a.start_s + a.duration_s)
    whole_b = (b.start_s, b.start_s + b.duration_s)
    chain = _chain(stretches)
    edits = list(_out_of_order(stretches, chain))
    edits += _overlaps([stretches[i] for i in chain])
    foreign = _left(whole_a, [(s.a_start_s, s.a_end_s) for s in stretches], LEAST_FOREIGN_S)
    gone = _left(whole_b, [(s.b_start_s, s.b_end_s) for s in stretches], LEAST_GONE_S)
    edits += _at_joins([stretches[i] for i in chain], stretches, foreign, gone, whole_b, a, b)
    return tuple(sorted(_looped(edits), key=lambda e: (e.a_start_s, e.a_end_s, e.b_start_s)))


def _span(start_s: float, end_s: float) -> str:
    return f"{clock(start_s)}–{clock(end_s)}"


def _chain(stretches: Sequence[Stretch]) -> list[int]:
    """Indices of the longest chain of stretches, by their seconds, that goes forward in B."""
    total = [s.duration_s for s in stretches]
    came_from = [-1] * len(stretches)
    for i, stretch in enumerate(stretches):
        for j in range(i):
            before = stretches[j]
            forward = (
                before.b_start_s <= stretch.b_start_s + SAME_PLACE_S
                and before.b_end_s < stretch.b_end_s
                # What is heard again in between must not be all there is of it.
                and stretch.b_end_s - before.b_end_s > before.b_end_s - stretch.b_start_s
            )
            if forward and total[j] + stretch.duration_s > total[i]:
                total[i], came_from[i] = total[j] + stretch.duration_s, j
    index = int(np.argmax(total))
    chain = []
    while index >= 0:
        chain.append(index)
        index = came_from[index]
    return chain[::-1]


def _out_of_order(stretches: Sequence[Stretch], chain: Sequence[int]) -> Iterator[Edit]:
    """The stretches outside the chain, as moved or repeated."""
    counted = [stretches[i] for i in chain]
    for i, stretch in enumerate(stretches):
        if i in chain:
            continue
        span = (stretch.b_start_s, stretch.b_end_s)
        left = _left(span, [(s.b_start_s, s.b_end_s) for s in counted], 0.0)
        is_new = sum(end - start for start, end in left) > (1 - TAKEN_AGAIN) * (span[1] - span[0])
        counted.append(stretch)
        times = (stretch.a_start_s, stretch.a_end_s, *span)
        if is_new:
            yield Edit(
                "moved", *times, f"{stretch.duration_s:.2f} s moved here from B {_span(*span)}"
            )
        else:
            yield Edit("repeated", *times, f"B {_span(*span)} is heard again")


def _overlaps(chain: Sequence[Stretch]) -> Iterator[Edit]:
    """What a stretch of the chain plays again of the one before it."""
    for before, after in pairwise(chain):
        again_s = before.b_end_s - after.b_start_s
        joined = after.a_start_s - before.a_end_s < LEAST_FOREIGN_S
        if again_s > (LEAST_GONE_S if joined else LEAST_GONE_ELSEWHERE_S):
            span = (after.b_start_s, before.b_end_s)
            end_s = min(after.a_end_s, after.line.to_a(before.b_end_s))
            yield Edit(
                "repeated", after.a_start_s, end_s, *span, f"B {_span(*span)} is heard again"
            )


def _left(whole: Span, taken: Sequence[Span], least_s: float) -> list[Span]:
    """What is left of a span when others are taken, in order; nothing shorter than `least_s`."""
    left = []
    position_s = whole[0]
    for start_s, end_s in [*sorted(taken), (whole[1], whole[1])]:
        start_s = min(start_s, whole[1])
        if start_s - position_s > least_s:
            left.append((position_s, start_s))
        position_s = max(position_s, end_s)
    return left


@dataclass(frozen=True)
class _Join:
    """What lies between two stretches of the chain, in both recordings."""

    a: Span
    b: Span
    meets: bool  # the two stretches meet in A

    @property
    def least_gone_s(self) -> float:
        return LEAST_GONE_S if self.meets else LEAST_GONE_ELSEWHERE_S


def _joins(chain: Sequence[Stretch]) -> Iterator[_Join]:
    for before, after in pairwise(chain):
        a_span, b_span = (before.a_end_s, after.a_start_s), (before.b_end_s, after.b_start_s)
        yield _Join(a_span, b_span, a_span[1] - a_span[0] < LEAST_FOREIGN_S)


def _at_joins(
    chain: Sequence[Stretch],
    stretches: Sequence[Stretch],
    foreign: Sequence[Span],
    gone: Sequence[Span],
    whole_b: Span,
    a: Features,
    b: Features,
) -> Iterator[Edit]:
    """What was put in, what is missing, and both at once, join by join."""
    rest_a, rest_b = list(foreign), list(gone)
    for join in _joins(chain):
        here_a = [span for span in rest_a if join.a[0] <= _middle(span) <= join.a[1]]
        here_b = [span for span in rest_b if join.b[0] <= _middle(span) <= join.b[1]]
        rest_a = [span for span in rest_a if span not in here_a]
        rest_b = [span for span in rest_b if span not in here_b]
        here_b = [span for span in here_b if span[1] - span[0] > join.least_gone_s]
        if len(here_a) == 1 and len(here_b) == 1:
            yield _replaced(here_a[0], here_b[0], a)
            continue
        at_b_s = join.b[0]
        yield from (_inserted(span, at_b_s, a) for span in here_a)
        yield from (_cut(span, join.a[0], b) for span in here_b)
    first, last = chain[0], chain[-1]
    for span in rest_a:
        yield _inserted(span, first.b_start_s if span[0] < first.a_start_s else last.b_end_s, a)
    for span in rest_b:
        at_start = _middle(span) < first.b_start_s
        if span[1] - span[0] > LEAST_TRIMMED_S:
            yield _trimmed(span, first.a_start_s if at_start else last.a_end_s, at_start, whole_b)


def _middle(span: Span) -> float:
    return (span[0] + span[1]) / 2


def _is_silent(features: Features, span: Span) -> bool:
    first, end = (round((second - features.start_s) * FRAMES_PER_SECOND) for second in span)
    level = features.level[first : max(end, first + 1)]
    return bool(level.size) and float(np.median(level)) < SILENCE_LEVEL


def _replaced(a_span: Span, b_span: Span, a: Features) -> Edit:
    what = "silence" if _is_silent(a, a_span) else "something else"
    words = (
        f"{b_span[1] - b_span[0]:.2f} s of B replaced by {a_span[1] - a_span[0]:.2f} s of {what}"
    )
    return Edit("replaced", *a_span, *b_span, words)


def _inserted(span: Span, at_b_s: float, a: Features) -> Edit:
    what = "silence" if _is_silent(a, span) else "sound"
    words = f"{span[1] - span[0]:.2f} s of {what} that is not from B"
    return Edit("inserted", *span, at_b_s, at_b_s, words)


def _cut(span: Span, at_a_s: float, b: Features) -> Edit:
    what = " (silence)" if _is_silent(b, span) else ""
    return Edit("cut", at_a_s, at_a_s, *span, f"{span[1] - span[0]:.2f} s of B are missing{what}")


def _trimmed(span: Span, at_a_s: float, at_start: bool, whole_b: Span) -> Edit:
    where = "begins" if at_start else "goes on"
    return Edit(
        "trimmed", at_a_s, at_a_s, *span,
        f"B {where} {span[1] - span[0]:.2f} s {'earlier' if at_start else 'longer'}",
    )  # fmt: skip


def _looped(edits: Sequence[Edit]) -> list[Edit]:
    """The edits, where repetitions of one stretch of B that follow each other are one loop."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda e: e.a_start_s):
        before = kept[-1] if kept else None
        if (
            before is not None
            and edit.kind == "repeated"
            and before.kind in ("repeated", "looped")
            and abs(edit.a_start_s - before.a_end_s) < SAME_PLACE_S
            and abs(edit.b_start_s - before.b_start_s) < SAME_PLACE_S
            and abs(edit.b_end_s - before.b_end_s) < SAME_PLACE_S
        ):
            length_s = edit.a_end_s - before.a_start_s
            times = round(length_s / (edit.a_end_s - edit.a_start_s))
            words = f"B {_span(before.b_start_s, before.b_end_s)} is heard {times} times more"
            kept[-1] = replace(before, kind="looped", a_end_s=edit.a_end_s, words=words)
        else:
            kept.append(edit)
    return kept
