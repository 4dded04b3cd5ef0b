"""How recording A was made from recording B: all they have in common, and what lies between.

A tempo and a pitch are sought with pieces of A that nothing explains yet; once they are known,
every place of that kind is found at once (`verify.follow`). Which line each moment follows is
decided over the whole of A (`verify.follow`), the lines are made exact (`verify.editmap`), and
it is decided again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cqtnet.cqt import FRAMES_PER_SECOND
from verify.align import refine, search
from verify.edits import EditMap
from verify.editwords import read_edits
from verify.features import Features, Floats
from verify.follow import Candidate, Passage, agreement, candidates, passages, pieces_between
from verify.results import Alignment, Line, Stretch

# Passages of A made exact: their tempo, pitch and place, and how well they agree with B.

LEAST_CORRELATION = 0.3
LEAST_STRENGTH = 0.55
"""What a stretch must have at least; where nothing is the same, 3 s have 0.3 to 0.5."""
SAME_TEMPO = 0.004
SAME_SHIFT = 0.35
"""Semitones. Nearer than that in both is one way of playing B."""
NEAR_TEMPO = 0.02
OWN_TEMPO_S = 8.0
"""A stretch of that length has a tempo and pitch of its own; a shorter one may borrow them."""
AS_GOOD = 0.02
"""Correlation that is given up for a tempo and pitch that were measured on more."""
SAME_PLACE_S = 0.01
EDGE_S = 0.25
MARGIN_S = 0.5
BESIDE_REACH_S = 0.3
LEAST_STEP_S = 0.03
"""Pieces that lie so far from their line, three in a row, are on another: after a small cut."""
IN_A_ROW = 3


def same_way(one: Line, other: Line, *, tempo: float = SAME_TEMPO) -> bool:
    """Whether two lines have the same tempo and pitch."""
    near = abs(one.tempo / other.tempo - 1) < tempo
    return near and abs(one.shift_semitones - other.shift_semitones) < SAME_SHIFT


def same_place(one: Line, other: Line, moment_s: float) -> bool:
    """Whether two lines are the same around a moment of A."""
    near = abs(one.to_b(moment_s) - other.to_b(moment_s)) < SAME_PLACE_S
    return near and same_way(one, other)


def anywhere(line: Line) -> Candidate:
    """The line as a candidate for all of A."""
    return Candidate(line, -math.inf, math.inf)


def exact_lines(
    a: Features, b: Features, found: Sequence[Passage], ways: Sequence[Line]
) -> list[Candidate]:
    """The exact lines of passages, and those near them that some of their pieces lie on.

    A short passage borrows the tempo and pitch of a longer one, or of `ways`, where that agrees
    as well.
    """
    made: list[Line] = []
    measured: list[Line] = []
    for passage in sorted(found, key=lambda p: -p.duration_s):
        start_s, end_s = passage.start_s, passage.end_s
        aligned = _aligned(a, b, passage.line, start_s, end_s)
        line = passage.line if aligned is None else aligned.line
        if end_s - start_s >= OWN_TEMPO_S:
            measured.append(line)
        else:
            line = _borrowed(a, b, line, start_s, end_s, [*measured, *ways])
        near = _beside(a, b, line, start_s, end_s)
        for each in (line, *near):
            if not any(same_place(each, other, (start_s + end_s) / 2) for other in made):
                made.append(each)
    return [anywhere(line) for line in made]


def measured_stretches(a: Features, b: Features, found: Sequence[Passage]) -> list[Stretch]:
    """The passages that agree well enough, as stretches."""
    stretches = []
    for passage in found:
        line, start_s, end_s = passage.line, passage.start_s, passage.end_s
        aligned = _aligned(a, b, line, start_s, end_s)
        if aligned is None:
            continue
        along = correlation(a, b, line, start_s, end_s)
        stretch = Stretch(start_s, end_s, line, along, aligned.coherence)
        if stretch.strength >= LEAST_STRENGTH and along >= LEAST_CORRELATION:
            stretches.append(stretch)
    return stretches


def correlation(a: Features, b: Features, line: Line, start_s: float, end_s: float) -> float:
    """How well a stretch of A agrees with B along a line; 0 where it is too short to say."""
    pieces = pieces_between(a, b, line, start_s, end_s, reach_s=0.05)
    return 0.0 if pieces is None else pieces.along


def _aligned(
    a: Features, b: Features, line: Line, start_s: float, end_s: float
) -> Alignment | None:
    """The alignment of a stretch, its ends left out, for they hold some of what is beside."""
    edge_s = min(EDGE_S, (end_s - start_s) / 8)
    part_b = b.part(line.to_b(start_s) - MARGIN_S, line.to_b(end_s) + MARGIN_S)
    return refine(a.part(start_s + edge_s, end_s - edge_s), part_b, line)


def _borrowed(
    a: Features, b: Features, line: Line, start_s: float, end_s: float, ways: Sequence[Line]
) -> Line:
    """The line through the middle of a stretch at the tempo and pitch of the first way as good."""
    own = correlation(a, b, line, start_s, end_s)
    middle_s = (start_s + end_s) / 2
    for way in ways:
        if same_way(way, line, tempo=NEAR_TEMPO):
            given = replace(way, offset_s=line.to_b(middle_s) - way.tempo * middle_s)
            if correlation(a, b, given, start_s, end_s) > own - AS_GOOD:
                return given
    return line


def _beside(a: Features, b: Features, line: Line, start_s: float, end_s: float) -> list[Line]:
    """Lines near this one on which several pieces in a row lie."""
    pieces = pieces_between(a, b, line, start_s, end_s, reach_s=BESIDE_REACH_S)
    if pieces is None:
        return []
    sure = pieces.correlation > LEAST_CORRELATION
    away_s = np.where(sure, pieces.b_s - line.to_b(pieces.a_s), 0.0)
    found: list[float] = []
    for first in range(len(away_s) - IN_A_ROW + 1):
        row = away_s[first : first + IN_A_ROW]
        place_s = float(row.mean())
        together = np.ptp(row) < LEAST_STEP_S / 2 and abs(place_s) > LEAST_STEP_S
        if together and all(abs(place_s - other) > LEAST_STEP_S / 2 for other in found):
            found.append(place_s)
    return [replace(line, offset_s=line.offset_s + place_s) for place_s in found]


# Where stretches meet: the simplest story among those that the sound tells equally well.
# Beside something loud the beginning of a stretch cannot be heard, and music that repeats itself is
# the same in several places. Then a stretch goes on where the one before it left off: who puts
# something into a recording plays on from the same place.

SNAP_S = 0.6
"""Less of B than that, missing or heard twice around an insertion, is an end that is not heard."""
JOINS_SAME_PLACE_S = 0.1
QUIET_END_S = 3.0
QUIET = 0.3
"""Share of B's usual level under which its beginning or end drowns in any noise."""
JOINS_AS_GOOD = 0.97
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
        if float(row.sum()) >= JOINS_AS_GOOD * own:
            along = correlation(a, b, rival.line, stretch.a_start_s, stretch.a_end_s)
            return replace(rival, correlation=along)
    return stretch


def _joins(stretches: Sequence[Stretch], i: int, stretch: Stretch) -> int:
    """On how many sides a stretch goes on, in B, from its neighbours."""
    before = i > 0 and abs(stretch.b_start_s - stretches[i - 1].b_end_s) < JOINS_SAME_PLACE_S
    following = stretches[i + 1 : i + 2]
    after = any(abs(stretch.b_end_s - other.b_start_s) < JOINS_SAME_PLACE_S for other in following)
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


# How recording A was made from recording B: all they have in common, and what lies between.

LEAST_S = 3.0
"""Shorter recordings hold too little to be found by."""
LOOK_S = 8.0
"""Length of a piece of A that is sought in all of B at every tempo and pitch."""
LOOKED_S = 5.0
"""What of it counts as looked at, in its middle."""
LEAST_LEFT_S = 2.5
"""What is left of A in one piece and shorter is not looked at."""
MOST_LOOKS = 60
EDITMAP_LEAST_STRENGTH = 0.8
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
EDITMAP_SAME_PLACE_S = 0.1


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
            if found and found.strength >= EDITMAP_LEAST_STRENGTH:
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
            near = abs(other.line.to_b(middle_s) - line.to_b(middle_s)) < EDITMAP_SAME_PLACE_S
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
