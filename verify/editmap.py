"""How A was made from B: all stretches that they have in common, and what lies between.

A window of A that nothing explains yet is sought in all of B at every tempo and pitch
(`verify.align.search`). Once a tempo and pitch are known, all candidates of that kind are found
(`verify.follow`), and it is decided over the whole of A which one each moment follows. The lines
of what is followed are made exact, and it is decided again, until nothing changes. At the end,
stretches are joined where they meet: of stories that the sound supports equally, the simplest.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np

from cqtnet.cqt import FRAMES_PER_SECOND
from verify.align import Candidate, refine, search
from verify.edits import EditMap
from verify.editwords import read_edits
from verify.features import Features, Floats
from verify.follow import agreement, find_candidates, follow, hits_within, same_way
from verify.results import Alignment, Line, Stretch

LEAST_S = 3.0
"""Recordings that are shorter hold too little to be found by."""
LOOK_S = 8.0
"""Length of the window of A that is sought in all of B at every tempo and pitch."""
LOOKED_S = 5.0
"""So much in the middle of that window then counts as looked at."""
LEAST_GAP_S = 2.5
"""A shorter gap between stretches of A is not looked at."""
MOST_LOOKS = 60
"""Windows that are sought at most, in gaps and again in doubtful stretches."""
PROMISING_STRENGTH = 0.65
"""Strength of the coarse search from which a candidate is made exact."""
FOUND_STRENGTH = 0.8
"""Strength of the exact alignment from which a window is found. The strongest one of 8 to 10 s of
different recordings has 0.4 to 0.7."""
SAME_LINE_S = 0.1
"""A window that is found closer to a known line of its tempo and pitch brings nothing new."""
DOUBTFUL_S, LOOKED_NEAR_S = 7.0, 1.5
"""A shorter stretch is looked at, too, unless a look was that close to its middle."""
NEW_WAY_S = 4.0
"""A stretch of that length may show a tempo and pitch that are then looked for everywhere."""
ROUNDS = 4
"""Rounds of deciding which candidates A follows and making them exact, at most."""
SETTLED_S = 0.05
"""Stretches whose times change by less from round to round are settled."""

LEAST_CORRELATION = 0.3
"""Correlation that a stretch has at least."""
LEAST_STRENGTH = 0.55
"""Strength that a stretch has at least; of different recordings, 3 s have 0.3 to 0.5."""
OWN_WAY_S = 8.0
"""A stretch of that length has its own tempo and pitch; a shorter one may take those of another."""
NEAR_TEMPO = 0.02
"""Share by which the tempo that a stretch takes may differ from its own."""
GIVEN_UP_CORRELATION = 0.02
"""Correlation that is given up for a tempo and pitch that were measured on more."""
SAME_EXACT_LINE_S = 0.01
"""Exact lines of one tempo and pitch that are closer are one line."""
EDGE_S, MARGIN_S = 0.25, 0.5
"""What an exact alignment leaves out at both ends of A's part, and adds at those of B's."""
CORRELATION_REACH_S, BESIDE_REACH_S = 0.05, 0.3
"""How far hits may be from the line: for the correlation along it, and to find lines beside it."""
BESIDE_S, HITS_IN_A_ROW = 0.03, 3
"""So many hits in a row that are farther from their line are on another: after a small cut."""

SNAP_S = 0.6
"""Ends of stretches in B that are that close, beside an insertion, meet: they were not heard."""
GOES_ON_S = 0.1
"""A stretch goes on from its neighbour if their ends in B are closer."""
AS_GOOD = 0.97
"""Another place is as good if it counts that share of what the stretch counts."""
QUIET_END_S, QUIET = 3.0, 0.3
"""An end may be missed by so much, not by SNAP_S, where B has less than that share of its level."""


def edit_map(a: Features, b: Features, *, lines: Sequence[Line] = ()) -> EditMap:
    """All that A and B have in common, and how A was made from B.

    `lines` on which they are known to agree save looking for them.

    >>> [edit.kind for edit in edit_map(Features.of(edited), Features.of(original)).edits]
    ['cut', 'moved']
    """
    known = _Known(a, b).learned_from(lines)
    for next_moment in (known.middle_of_longest_gap, known.middle_of_doubtful):
        for _ in range(MOST_LOOKS):
            middle_s = next_moment()
            if middle_s is None:
                break
            if known.learn(known.look(middle_s)):
                known.settle()
    stretches = tuple(tidied(a, b, known.stretches, known.candidates, usual=known.usual))
    return EditMap(a.duration_s, b.duration_s, stretches, read_edits(stretches, a, b))


class _Known:
    """What is known so far of how A was made from B."""

    def __init__(self, a: Features, b: Features) -> None:
        self.a, self.b = a, b
        self.ways: list[Line] = []  # one line for each tempo and pitch
        self.candidates: list[Candidate] = []
        self.stretches: list[Stretch] = []
        self.looked_at: list[tuple[float, float]] = []
        self.usual = 0.0  # correlation of A and B where they are the same

    def learned_from(self, lines: Sequence[Line]) -> Self:
        """The same, knowing these lines."""
        if any([self.learn(refine(self.a, self.b, line)) for line in lines]):
            self.settle()
        return self

    def middle_of_longest_gap(self) -> float | None:
        """The middle of the longest part of A without stretch or look; None if it is short."""
        taken = sorted([(s.a_start_s, s.a_end_s) for s in self.stretches] + self.looked_at)
        gaps = []
        position_s = self.a.start_s
        for begin_s, end_s in [*taken, (self.a.end_s, math.inf)]:
            gaps.append((position_s, begin_s))
            position_s = max(position_s, end_s)
        begin_s, end_s = max(gaps, key=lambda gap: gap[1] - gap[0])
        return (begin_s + end_s) / 2 if end_s - begin_s >= LEAST_GAP_S else None

    def middle_of_doubtful(self) -> float | None:
        """The middle of a short stretch that was not looked at; None if there is none.

        A window with a small cut in it may be found at a wrong tempo, at which much of A then
        follows short lines one after another.
        """
        looks_s = [(begin_s + end_s) / 2 for begin_s, end_s in self.looked_at]
        for stretch in self.stretches:
            middle_s = (stretch.a_start_s + stretch.a_end_s) / 2
            near = any(abs(look_s - middle_s) < LOOKED_NEAR_S for look_s in looks_s)
            if stretch.duration_s < DOUBTFUL_S and not near:
                return middle_s
        return None

    def look(self, middle_s: float) -> Alignment | None:
        """Where the window of A around a moment is in B; None where it is nowhere."""
        self.looked_at.append((middle_s - LOOKED_S / 2, middle_s + LOOKED_S / 2))
        window = self.a.part(middle_s - LOOK_S / 2, middle_s + LOOK_S / 2)
        for candidate in search(window, self.b, count=1):
            if candidate.strength >= PROMISING_STRENGTH:
                found = refine(window, self.b, candidate.line)
                if found and found.strength >= FOUND_STRENGTH:
                    return found
        return None

    def learn(self, found: Alignment | None) -> bool:
        """Note where a window was found; False where that brings nothing new."""
        if found is None:
            return False
        self.usual = self.usual or found.correlation
        line, middle_s = found.line, (found.a_start_s + found.a_end_s) / 2
        if not self._learn_way(line):
            for other in self.candidates:
                covers = other.a_start_s <= middle_s <= other.a_end_s
                if covers and _same_line(other.line, line, middle_s, within_s=SAME_LINE_S):
                    return False
        self.candidates.append(Candidate(line))
        return True

    def _learn_way(self, line: Line) -> bool:
        """Note all candidates at a line's tempo and pitch; False where these are known."""
        if any(same_way(way, line) for way in self.ways):
            return False
        self.ways.append(line)
        self.candidates += find_candidates(self.a, self.b, line)
        return True

    def settle(self) -> None:
        """Decide which candidates A follows, make them exact, and decide again.

        Where that shows a tempo and pitch that were not known, all is done once more with them.
        """
        a, b = self.a, self.b
        for _ in range(ROUNDS):
            before = [Candidate(s.line) for s in self.stretches]
            followed = follow(a, b, [*before, *self.candidates], usual=self.usual)
            exact = exact_candidates(a, b, followed, self.ways)
            last = self.stretches
            self.stretches = measured(a, b, follow(a, b, exact, usual=self.usual))
            if self.stretches:
                correlations = [s.correlation for s in self.stretches]
                lengths = [s.duration_s for s in self.stretches]
                self.usual = float(np.average(correlations, weights=lengths))
            long = [s.line for s in self.stretches if s.duration_s >= NEW_WAY_S]
            learned = [self._learn_way(line) for line in long]  # each, not up to the first new one
            if not any(learned) and _are_settled(last, self.stretches):
                return


def _are_settled(before: Sequence[Stretch], after: Sequence[Stretch]) -> bool:
    """Whether the stretches are as before, but for what does not matter."""
    return len(before) == len(after) and all(
        abs(s.a_start_s - o.a_start_s) + abs(s.a_end_s - o.a_end_s) < SETTLED_S
        and abs(s.b_start_s - o.b_start_s) < SETTLED_S
        for s, o in zip(before, after, strict=True)
    )


def _same_line(one: Line, other: Line, moment_s: float, *, within_s: float) -> bool:
    """Whether two lines of one tempo and pitch put a moment of A at one place of B."""
    return abs(one.to_b(moment_s) - other.to_b(moment_s)) < within_s and same_way(one, other)


def exact_candidates(
    a: Features, b: Features, followed: Sequence[Candidate], ways: Sequence[Line]
) -> list[Candidate]:
    """Candidates on the exact lines of what A follows, and on lines near these with some hits.

    What is short takes the tempo and pitch of something longer, or of `ways`, where that agrees
    as well.
    """
    lines: list[Line] = []
    measured_ways: list[Line] = []
    for part in sorted(followed, key=lambda c: -c.duration_s):
        aligned = _aligned(a, b, part)
        part = part if aligned is None else replace(part, line=aligned.line)
        if part.duration_s >= OWN_WAY_S:
            measured_ways.append(part.line)
        else:
            part = _in_a_known_way(a, b, part, [*measured_ways, *ways])
        for line in (part.line, *_lines_beside(a, b, part)):
            at = {"moment_s": part.middle_s, "within_s": SAME_EXACT_LINE_S}
            if not any(_same_line(line, other, **at) for other in lines):
                lines.append(line)
    return [Candidate(line) for line in lines]


def measured(a: Features, b: Features, followed: Sequence[Candidate]) -> list[Stretch]:
    """The stretches of what A follows, as far as they agree well enough."""
    stretches = []
    for part in followed:
        aligned = _aligned(a, b, part)
        if aligned is None:
            continue
        along = _correlation(a, b, part)
        stretch = Stretch(part.a_start_s, part.a_end_s, part.line, along, aligned.coherence)
        if stretch.strength >= LEAST_STRENGTH and along >= LEAST_CORRELATION:
            stretches.append(stretch)
    return stretches


def _aligned(a: Features, b: Features, part: Candidate) -> Alignment | None:
    """The exact alignment of a part of A without its ends, which hold some of what is beside."""
    line, start_s, end_s = part.line, part.a_start_s, part.a_end_s
    edge_s = min(EDGE_S, (end_s - start_s) / 8)
    part_b = b.part(line.to_b(start_s) - MARGIN_S, line.to_b(end_s) + MARGIN_S)
    return refine(a.part(start_s + edge_s, end_s - edge_s), part_b, line)


def _correlation(a: Features, b: Features, part: Candidate) -> float:
    """How well a part of A agrees with B along its line; 0 where it is too short to say."""
    hits = hits_within(a, b, part, reach_s=CORRELATION_REACH_S)
    return 0.0 if hits is None else hits.along


def _in_a_known_way(a: Features, b: Features, part: Candidate, ways: Sequence[Line]) -> Candidate:
    """A part of A at the tempo and pitch of the first of `ways` that is as good; else as it is."""
    own = _correlation(a, b, part)
    middle_b_s = part.line.to_b(part.middle_s)
    for way in ways:
        if same_way(way, part.line, tempo=NEAR_TEMPO):
            line = replace(way, offset_s=middle_b_s - way.tempo * part.middle_s)
            other = replace(part, line=line)
            if _correlation(a, b, other) > own - GIVEN_UP_CORRELATION:
                return other
    return part


def _lines_beside(a: Features, b: Features, part: Candidate) -> list[Line]:
    """Lines near that of a part of A on which several hits in a row lie."""
    hits = hits_within(a, b, part, reach_s=BESIDE_REACH_S)
    if hits is None:
        return []
    sure = hits.correlation > LEAST_CORRELATION
    distance_s = np.where(sure, hits.distance_s(part.line), 0.0)
    found: list[float] = []
    for first in range(len(distance_s) - HITS_IN_A_ROW + 1):
        row = distance_s[first : first + HITS_IN_A_ROW]
        mean_s = float(row.mean())
        together = np.ptp(row) < BESIDE_S / 2 and abs(mean_s) > BESIDE_S
        if together and all(abs(mean_s - other) > BESIDE_S / 2 for other in found):
            found.append(mean_s)
    return [replace(part.line, offset_s=part.line.offset_s + mean_s) for mean_s in found]


def tidied(
    a: Features,
    b: Features,
    stretches: Sequence[Stretch],
    candidates: Sequence[Candidate],
    *,
    usual: float,
) -> list[Stretch]:
    """The stretches, at those of equally good places that go on, with ends that meet.

    Beside something loud the beginning of a stretch cannot be heard, and music that repeats
    itself is the same in several places. Then a stretch goes on where the one before it left
    off: whoever puts something into a recording plays on from the same place.
    """
    kept = list(stretches)
    candidates = [*candidates, *(Candidate(stretch.line) for stretch in stretches)]
    for i in range(len(kept)):
        kept[i] = _going_on(a, b, kept, i, candidates, usual=usual)
    for i in range(len(kept) - 1):
        kept[i], kept[i + 1] = _snapped(a, b, kept[i], kept[i + 1], usual=usual)
    return _to_the_ends(a, b, kept)


def _going_on(
    a: Features,
    b: Features,
    stretches: Sequence[Stretch],
    i: int,
    candidates: Sequence[Candidate],
    *,
    usual: float,
) -> Stretch:
    """The stretch, at another place of B if that is as good and goes on from more neighbours."""
    stretch = stretches[i]
    rivals = [
        moved
        for candidate in candidates
        if candidate.a_start_s <= stretch.a_start_s
        and stretch.a_end_s <= candidate.a_end_s
        and same_way(candidate.line, stretch.line)
        and _joins(stretches, i, moved := replace(stretch, line=candidate.line))
        > _joins(stretches, i, stretch)
    ]
    if not rivals:
        return stretch
    parts = [Candidate(s.line, s.a_start_s, s.a_end_s) for s in (stretch, *rivals)]
    scores = agreement(a, b, parts, usual=usual)
    inside = np.isfinite(scores[0])
    own = float(scores[0, inside].sum())
    for rival, part, row in zip(rivals, parts[1:], scores[1:, inside], strict=True):
        if float(row.sum()) >= AS_GOOD * own:
            return replace(rival, correlation=_correlation(a, b, part))
    return stretch


def _joins(stretches: Sequence[Stretch], i: int, stretch: Stretch) -> int:
    """On how many sides a stretch, in place of number `i`, goes on in B from its neighbours."""
    before = i > 0 and abs(stretch.b_start_s - stretches[i - 1].b_end_s) < GOES_ON_S
    following = stretches[i + 1 : i + 2]
    after = any(abs(stretch.b_end_s - other.b_start_s) < GOES_ON_S for other in following)
    return before + after


def _snapped(
    a: Features, b: Features, before: Stretch, after: Stretch, *, usual: float
) -> tuple[Stretch, Stretch]:
    """Two stretches beside an insertion, with ends that meet in B where they nearly did."""
    gap_b_s = after.b_start_s - before.b_end_s
    gap_a_s = after.a_start_s - before.a_end_s
    if not same_way(before.line, after.line) or not 0 < abs(gap_b_s) <= SNAP_S < gap_a_s:
        return before, after
    move_s = gap_b_s / before.line.tempo
    steps = np.linspace(0, move_s, 1 + round(abs(move_s) * FRAMES_PER_SECOND))
    parts = [
        Candidate(s.line, s.a_start_s - SNAP_S * 2, s.a_end_s + SNAP_S * 2) for s in (before, after)
    ]
    one, other = np.cumsum(np.nan_to_num(agreement(a, b, parts, usual=usual), neginf=0), axis=1)
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


def _to_the_ends(a: Features, b: Features, stretches: list[Stretch]) -> list[Stretch]:
    """The stretches, the first from the beginning and the last to the end if they nearly are."""
    if not stretches:
        return []
    kept = list(stretches)
    first = kept[0]
    missing_s = max(first.a_start_s - a.start_s, first.b_start_s - b.start_s)
    if _may_be_missed(b, missing_s, b.start_s, first.b_start_s):
        kept[0] = replace(first, a_start_s=max(a.start_s, first.line.to_a(b.start_s)))
    last = kept[-1]
    missing_s = max(a.end_s - last.a_end_s, b.end_s - last.b_end_s)
    if _may_be_missed(b, missing_s, last.b_end_s, b.end_s):
        kept[-1] = replace(last, a_end_s=min(a.end_s, last.line.to_a(b.end_s)))
    return kept


def _may_be_missed(b: Features, missing_s: float, start_s: float, end_s: float) -> bool:
    """Whether what is missing at an end of both is too short, or too quiet in B, to be heard."""
    level = b.part(start_s, end_s).level
    quiet = level.size > 0 and float(np.median(level)) < QUIET * float(np.median(b.level))
    return missing_s <= (QUIET_END_S if quiet else SNAP_S)
