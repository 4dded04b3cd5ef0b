"""Where stretches meet: the simplest story among those that the sound tells equally well.

Beside something loud the beginning of a stretch cannot be heard, and music that repeats itself is
the same in several places. Then a stretch goes on where the one before it left off: who puts
something into a recording plays on from the same place.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cqtnet.cqt import FRAMES_PER_SECOND
from verify.agreement import agreement
from verify.features import Features, Floats
from verify.places import Candidate
from verify.results import Stretch
from verify.stretches import anywhere, correlation, same_way

SNAP_S = 0.6
"""Less of B than that, missing or heard twice around an insertion, is an end that is not heard."""
SAME_PLACE_S = 0.1
QUIET_END_S = 3.0
QUIET = 0.3
"""Share of B's usual level under which its beginning or end drowns in any noise."""
AS_GOOD = 0.97
"""Share of what a stretch counts that another place must count to be as good."""


def tidied(
    a: Features,
    b: Features,
    stretches: Sequence[Stretch],
    lines: Sequence[Candidate],
    *,
    usual: float,
) -> list[Stretch]:
    """The stretches at those of equally good places that go on, and their ends put together."""
    kept = list(stretches)
    lines = [*lines, *(anywhere(stretch.line) for stretch in stretches)]
    for i in range(len(kept)):
        kept[i] = _going_on(a, b, kept, i, lines, usual=usual)
    for i in range(len(kept) - 1):
        kept[i], kept[i + 1] = _snapped(a, b, kept[i], kept[i + 1], usual=usual)
    return _to_the_ends(a, b, kept)


def _to_the_ends(a: Features, b: Features, stretches: list[Stretch]) -> list[Stretch]:
    """The stretches, the first from the beginning and the last to the end if they nearly are."""
    if not stretches:
        return []
    kept = list(stretches)
    first = kept[0]
    begin_s = max(a.start_s, first.line.to_a(b.start_s))
    left_s = max(first.a_start_s - a.start_s, first.b_start_s - b.start_s)
    if _is_unheard(b, left_s, b.start_s, first.b_start_s):
        kept[0] = replace(first, a_start_s=begin_s)
    last = kept[-1]
    a_end_s, b_end_s = a.start_s + a.duration_s, b.start_s + b.duration_s
    left_s = max(a_end_s - last.a_end_s, b_end_s - last.b_end_s)
    if _is_unheard(b, left_s, last.b_end_s, b_end_s):
        kept[-1] = replace(last, a_end_s=min(a_end_s, last.line.to_a(b_end_s)))
    return kept


def _is_unheard(b: Features, left_s: float, start_s: float, end_s: float) -> bool:
    """Whether what is left at an end of both is too short, or too quiet in B, to be told."""
    level = b.part(start_s, end_s).level
    quiet = level.size > 0 and float(np.median(level)) < QUIET * float(np.median(b.level))
    return left_s <= (QUIET_END_S if quiet else SNAP_S)


def _going_on(
    a: Features,
    b: Features,
    stretches: Sequence[Stretch],
    i: int,
    lines: Sequence[Candidate],
    *,
    usual: float,
) -> Stretch:
    """The stretch, at another place of B if that is as good and goes on from its neighbours."""
    stretch = stretches[i]
    joins = _joins(stretches, i, stretch)
    rivals = []
    for line in lines:
        covers = line.a_start_s <= stretch.a_start_s and stretch.a_end_s <= line.a_end_s
        moved = replace(stretch, line=line.line)
        if covers and same_way(line.line, stretch.line) and _joins(stretches, i, moved) > joins:
            rivals.append(moved)
    if not rivals:
        return stretch
    held = [Candidate(s.line, s.a_start_s, s.a_end_s) for s in (stretch, *rivals)]
    scores = agreement(a, b, held, usual=usual)
    inside = np.isfinite(scores[0])
    own = float(scores[0, inside].sum())
    for rival, row in zip(rivals, scores[1:, inside], strict=True):
        if float(row.sum()) >= AS_GOOD * own:
            along = correlation(a, b, rival.line, stretch.a_start_s, stretch.a_end_s)
            return replace(rival, correlation=along)
    return stretch


def _joins(stretches: Sequence[Stretch], i: int, stretch: Stretch) -> int:
    """On how many sides a stretch goes on, in B, from its neighbours."""
    before = i > 0 and abs(stretch.b_start_s - stretches[i - 1].b_end_s) < SAME_PLACE_S
    following = stretches[i + 1 : i + 2]
    after = any(abs(stretch.b_end_s - other.b_start_s) < SAME_PLACE_S for other in following)
    return before + after


def _snapped(
    a: Features, b: Features, before: Stretch, after: Stretch, *, usual: float
) -> tuple[Stretch, Stretch]:
    """Two stretches around an insertion with ends that meet in B, where they nearly did."""
    gap_b_s = after.b_start_s - before.b_end_s
    gap_a_s = after.a_start_s - before.a_end_s
    if not same_way(before.line, after.line) or not 0 < abs(gap_b_s) <= SNAP_S < gap_a_s:
        return before, after
    move_s = gap_b_s / before.line.tempo
    steps = np.linspace(0, move_s, 1 + round(abs(move_s) * FRAMES_PER_SECOND))
    spans = [
        Candidate(s.line, s.a_start_s - SNAP_S * 2, s.a_end_s + SNAP_S * 2) for s in (before, after)
    ]
    one, other = np.cumsum(np.nan_to_num(agreement(a, b, spans, usual=usual), neginf=0), axis=1)
    ends = [_at(a, one, before.a_end_s + step) for step in steps]
    starts = [_at(a, other, after.a_start_s - (move_s - step)) for step in steps]
    best = int(np.argmax(np.array(ends) - np.array(starts)))
    return (
        replace(before, a_end_s=before.a_end_s + float(steps[best])),
        replace(after, a_start_s=after.a_start_s - float(move_s - steps[best])),
    )


def _at(a: Features, sums: Floats, second: float) -> float:
    """Cumulated counts (n,) up to a second of A."""
    frame = round((second - a.start_s) * FRAMES_PER_SECOND) - 1
    return float(sums[frame]) if frame >= 0 else 0.0
