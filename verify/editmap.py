"""How recording A was made from recording B: all they have in common, and what lies between.

A tempo and a pitch are sought with pieces of A that nothing explains yet; once they are known,
every place of that kind is found at once (`verify.places`). Which line each moment follows is
decided over the whole of A (`verify.paths`), the lines are made exact (`verify.stretches`), and
it is decided again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from verify.align import search
from verify.edits import read_edits
from verify.features import Features
from verify.joins import tidied
from verify.paths import passages
from verify.places import Candidate, candidates
from verify.results import Alignment, EditMap, Line, Stretch
from verify.stretches import anywhere, exact_lines, measured_stretches, same_way
from verify.warp import refine

LEAST_S = 3.0
"""Shorter recordings hold too little to be found by."""
LOOK_S = 8.0
"""Length of a piece of A that is sought in all of B at every tempo and pitch."""
LOOKED_S = 5.0
"""What of it counts as looked at, in its middle."""
LEAST_LEFT_S = 2.5
"""What is left of A in one piece and shorter is not looked at."""
MOST_LOOKS = 60
LEAST_STRENGTH = 0.8
"""Correlation times the root of seconds that makes a piece found. Of 8 to 10 s of different
recordings the strongest place has 0.4 to 0.7."""
PROMISING_STRENGTH = 0.65
"""The same before it is made exact."""
WAY_S = 4.0
"""A stretch of that length may show a tempo and pitch that are sought everywhere."""
ROUNDS = 4
SETTLED_S = 0.05
"""Stretches whose times change by less are taken as settled."""
DOUBTFUL_S = 7.0
"""A shorter stretch is looked at, too, unless a look was within NEAR_S of its middle."""
NEAR_S = 1.5
SAME_PLACE_S = 0.1


@dataclass
class _Known:
    """What is known so far of how A was made from B."""

    a: Features
    b: Features
    ways: list[Line] = field(default_factory=list)
    lines: list[Candidate] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    looked: list[tuple[float, float]] = field(default_factory=list)
    usual: float = 0.0  # correlation of A and B where they are the same


def edit_map(a: Features, b: Features, *, lines: Sequence[Line] = ()) -> EditMap:
    """All that A and B have in common, and how A was made from B.

    `lines` on which they are known to agree save looking for them.

    >>> [edit.kind for edit in edit_map(Features.of(edited), Features.of(original)).edits]
    ['cut', 'moved']
    """
    known = _Known(a, b)
    given = [_learn(known, refine(a, b, line)) for line in lines]
    if any(given):
        _settle(known)
    for next_moment in (_middle_of_longest_gap, _middle_of_doubtful):
        for _ in range(MOST_LOOKS):
            middle_s = next_moment(known)
            if middle_s is None:
                break
            if _learn(known, _look(known, middle_s)):
                _settle(known)
    stretches = tuple(tidied(a, b, known.stretches, known.lines, usual=known.usual))
    return EditMap(a.duration_s, b.duration_s, stretches, read_edits(stretches, a, b))


def _middle_of_longest_gap(known: _Known) -> float | None:
    """The middle of what is longest of A without a line and not looked at; None if it is short."""
    a = known.a
    taken = sorted([(s.a_start_s, s.a_end_s) for s in known.stretches] + known.looked)
    gaps = []
    position_s = a.start_s
    for begin_s, end_s in [*taken, (a.start_s + a.duration_s, math.inf)]:
        gaps.append((position_s, begin_s))
        position_s = max(position_s, end_s)
    begin_s, end_s = max(gaps, key=lambda gap: gap[1] - gap[0])
    return (begin_s + end_s) / 2 if end_s - begin_s >= LEAST_LEFT_S else None


def _middle_of_doubtful(known: _Known) -> float | None:
    """The middle of a short stretch that was not looked at; None if there is none.

    A piece with a small cut in it may be found at a wrong tempo, at which much of A then follows
    short lines one after another.
    """
    for stretch in known.stretches:
        middle_s = (stretch.a_start_s + stretch.a_end_s) / 2
        near = (abs((begin_s + end_s) / 2 - middle_s) < NEAR_S for begin_s, end_s in known.looked)
        if stretch.duration_s < DOUBTFUL_S and not any(near):
            return middle_s
    return None


def _look(known: _Known, middle_s: float) -> Alignment | None:
    """Where the piece of A around a moment is in B; None where it is nowhere."""
    known.looked.append((middle_s - LOOKED_S / 2, middle_s + LOOKED_S / 2))
    piece = known.a.part(middle_s - LOOK_S / 2, middle_s + LOOK_S / 2)
    for peak in search(piece, known.b, count=1):
        if peak.strength >= PROMISING_STRENGTH:
            found = refine(piece, known.b, peak.line)
            if found and found.strength >= LEAST_STRENGTH:
                return found
    return None


def _learn(known: _Known, found: Alignment | None) -> bool:
    """Note where a piece was found; False where that brings nothing new."""
    if found is None:
        return False
    known.usual = known.usual or found.correlation
    line, middle_s = found.line, (found.a_start_s + found.a_end_s) / 2
    if not _learn_way(known, line):
        for other in known.lines:
            near = abs(other.line.to_b(middle_s) - line.to_b(middle_s)) < SAME_PLACE_S
            if near and same_way(other.line, line) and other.a_start_s <= middle_s <= other.a_end_s:
                return False
    known.lines.append(anywhere(line))
    return True


def _learn_way(known: _Known, line: Line) -> bool:
    """Note all places of a line's tempo and pitch; False where they are known."""
    if any(same_way(way, line) for way in known.ways):
        return False
    known.ways.append(line)
    known.lines += candidates(known.a, known.b, line)
    return True


def _settle(known: _Known) -> None:
    """Decide what follows which line, make the lines exact, and decide again.

    Where that shows a tempo and pitch that were not known, all is done once more with them.
    """
    a, b = known.a, known.b
    for _ in range(ROUNDS):
        before = [anywhere(s.line) for s in known.stretches]
        found = passages(a, b, [*before, *known.lines], usual=known.usual)
        exact = exact_lines(a, b, found, known.ways)
        found = passages(a, b, exact, usual=known.usual)
        last = known.stretches
        known.stretches = measured_stretches(a, b, found)
        if known.stretches:
            lengths = [s.duration_s for s in known.stretches]
            correlations = [s.correlation for s in known.stretches]
            known.usual = float(np.average(correlations, weights=lengths))
        long = [s.line for s in known.stretches if s.duration_s >= WAY_S]
        learned = [_learn_way(known, line) for line in long]  # each of them, not the first new one
        if not any(learned) and _same_stretches(last, known.stretches):
            return


def _same_stretches(one: Sequence[Stretch], other: Sequence[Stretch]) -> bool:
    """Whether the stretches are the same, to what does not matter."""
    return len(one) == len(other) and all(
        abs(s.a_start_s - o.a_start_s) + abs(s.a_end_s - o.a_end_s) < SETTLED_S
        and abs(s.b_start_s - o.b_start_s) < SETTLED_S
        for s, o in zip(one, other, strict=True)
    )
