"""How A was made from B: all stretches that they have in common, and what lies between.

A window of A that nothing explains yet is sought in all of B at every tempo and pitch
(`verify.align.search`). Once a tempo and pitch are known, all candidates of that kind are found
(`verify.follow`), and it is decided over the whole of A which one each moment follows. The lines
of what is followed are made exact, and it is decided again, until nothing changes. At the end,
stretches are joined where they meet: of stories that the sound supports equally, the simplest.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cqtnet.cqt import FRAMES_PER_SECOND
from verify.align import Candidate, hits_within, other_places, refine, search
from verify.edits import LEAST_FOREIGN_S, LEAST_TRIMMED_S, EditMap, read_edits, uncovered
from verify.features import Features
from verify.follow import Known, agreement, find_candidates, follow, joined, same_line, same_way
from verify.results import Alignment, Line, Stretch
from verify.waveform import DEEPER_DB

LEAST_S = 3.0  # recordings that are shorter hold too little to be found by
LOOK_S = 8.0  # length of the window of A that is sought in all of B at every tempo and pitch
LOOKED_S = 5.0  # so much in the middle of that window then counts as looked at
LEAST_GAP_S = 2.5  # a shorter gap between stretches of A is not looked at
MOST_LOOKS = 60  # at gaps, and as many at doubtful stretches
PROMISING_STRENGTH = 0.65  # of the coarse search, from which a candidate is made exact
FOUND_STRENGTH = 0.8
"""Strength of the exact alignment from which a window is found. The strongest one of 8 to 10 s of
different recordings has 0.4 to 0.7."""
SAME_LINE_S = 0.1  # a window found closer to a known line of its tempo and pitch is not new
DOUBTFUL_S, LOOKED_NEAR_S = 7.0, 1.5
"""A shorter stretch is looked at, too, unless a look was that close to its middle."""
NEW_WAY_S = 4.0  # a stretch of that length may show a tempo and pitch to look for everywhere
ROUNDS = 4  # of deciding which candidates A follows and making them exact, at most
SETTLED_S = 0.05  # stretches whose times change by less from round to round are settled

LEAST_CORRELATION = 0.3  # of a stretch
LEAST_STRENGTH = 0.55  # of a stretch; of different recordings, 3 s have 0.3 to 0.5
OWN_WAY_S = 8.0  # long enough for a tempo and pitch of its own; what is shorter may take others'
NEAR_TEMPO = 0.02  # share by which the tempo that it takes may differ from its own
GIVEN_UP_CORRELATION = 0.02  # for a tempo and pitch that were measured on more
SAME_EXACT_LINE_S = 0.01  # exact lines of one tempo and pitch that are closer are one line
EDGE_S, MARGIN_S = 0.25, 0.5
"""What an exact alignment leaves out at both ends of A's part, and adds at those of B's."""
CORRELATION_REACH_S, BESIDE_REACH_S = 0.05, 0.3
"""How far hits may be from the line: for the correlation along it, and to find lines beside it."""
BESIDE_S, HITS_IN_A_ROW = 0.03, 3
"""So many hits in a row that are farther from their line are on another: after a small cut."""

SNAP_S = 0.6  # ends in B that are that close, beside an insertion, meet: they were not heard
GOES_ON_S = 0.1  # a stretch goes on from its neighbour if their ends in B are closer
TIE = 1e-3  # of an edit, for each second of B that is left out or played again
QUIET_END_S, QUIET = 3.0, 0.3
"""An end may be missed by so much, not by SNAP_S, where B has less than that share of its level."""

LeftDb = Callable[[Stretch], float]
"""What is left of a stretch of A, in dB, when its place in B is taken from it; 0 if unknown."""


def edit_map(
    a: Features, b: Features, *, line: Line | None = None, left_db: LeftDb | None = None
) -> EditMap:
    """All that A and B have in common, and how A was made from B.

    A `line` on which they are known to agree saves looking for it. `left_db` tells places apart
    that agree equally well.
    """
    mapper = Mapper(a, b, left_db)
    if line is not None and mapper.learn(refine(a, b, line)):
        mapper.settle()
    for next_moment in (mapper.middle_of_longest_gap, mapper.middle_of_doubtful):
        for middle_s in islice(iter(next_moment, None), MOST_LOOKS):
            if mapper.learn(mapper.look(middle_s)):
                mapper.settle()
    stretches = tuple(mapper.tidied())
    return EditMap(a.duration_s, b.duration_s, stretches, read_edits(stretches, a, b))


class Mapper:
    """What is known so far of how A was made from B, and the steps that add to it."""

    def __init__(self, a: Features, b: Features, left_db: LeftDb | None = None) -> None:
        self.a, self.b, self.left_db = a, b, left_db
        self.ways: list[Line] = []  # one line for each tempo and pitch
        self.candidates: list[Candidate] = []
        self.stretches: list[Stretch] = []
        self.looks_s: list[float] = []  # middles of the windows that were sought
        self.usual = 0.0  # correlation of A and B where they are the same
        self.aligned: dict[Candidate, Alignment | None] = {}  # what was made exact before
        self.known: Known = {}

    def middle_of_longest_gap(self) -> float | None:
        """The middle of the longest part of A without stretch or look; None if it is short."""
        taken = [(s.a_start_s, s.a_end_s) for s in self.stretches]
        taken += [(look_s - LOOKED_S / 2, look_s + LOOKED_S / 2) for look_s in self.looks_s]
        gaps = uncovered((self.a.start_s, self.a.end_s), taken, 0.0)
        begin_s, end_s = max(gaps, key=lambda gap: gap[1] - gap[0], default=(0.0, 0.0))
        return (begin_s + end_s) / 2 if end_s - begin_s >= LEAST_GAP_S else None

    def middle_of_doubtful(self) -> float | None:
        """The middle of a short stretch that was not looked at; None if there is none.

        A window with a small cut in it may be found at a wrong tempo, at which much of A then
        follows short lines one after another.
        """
        for stretch in self.stretches:
            middle_s = (stretch.a_start_s + stretch.a_end_s) / 2
            near = any(abs(look_s - middle_s) < LOOKED_NEAR_S for look_s in self.looks_s)
            if stretch.duration_s < DOUBTFUL_S and not near:
                return middle_s
        return None

    def look(self, middle_s: float) -> Alignment | None:
        """Where the window of A around a moment is in B; None where it is nowhere."""
        self.looks_s.append(middle_s)
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
                if covers and same_line(other.line, line, middle_s, within_s=SAME_LINE_S):
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
        for _ in range(ROUNDS):
            before = self.stretches
            followed = self._followed([Candidate(s.line) for s in before] + self.candidates)
            self.stretches = self.measured(self._followed(self.exact(followed)))
            if self.stretches:
                correlations = [s.correlation for s in self.stretches]
                lengths = [s.duration_s for s in self.stretches]
                self.usual = float(np.average(correlations, weights=lengths))
            long = [s.line for s in self.stretches if s.duration_s >= NEW_WAY_S]
            learned = [self._learn_way(line) for line in long]  # each, not up to the first new one
            if not any(learned) and _are_settled(before, self.stretches):
                return

    def _followed(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        return follow(self.a, self.b, candidates, usual=self.usual, known=self.known)

    def exact(self, followed: Sequence[Candidate]) -> list[Candidate]:
        """Candidates on the exact lines of what A follows, and on lines near these with some hits.

        What is short takes the tempo and pitch of something longer where that agrees as well.
        """
        lines, ways = list[Line](), list[Line]()
        for part in sorted(followed, key=lambda c: -c.duration_s):
            if aligned := self._aligned(part):
                part = replace(part, line=aligned.line)
            if part.duration_s >= OWN_WAY_S:
                ways.append(part.line)
            else:
                part = self._in_a_known_way(part, [*ways, *self.ways])
            for line in (part.line, *self._lines_beside(part)):
                at = {"moment_s": part.middle_s, "within_s": SAME_EXACT_LINE_S}
                if not any(same_line(line, other, **at) for other in lines):
                    lines.append(line)
        return [Candidate(line) for line in lines]

    def measured(self, followed: Sequence[Candidate]) -> list[Stretch]:
        """The stretches of what A follows, as far as they agree well enough."""
        found = [
            Stretch(p.a_start_s, p.a_end_s, p.line, self._correlation(p), aligned.coherence)
            for p in followed
            if (aligned := self._aligned(p))
        ]
        sure = [s for s in found if s.correlation >= LEAST_CORRELATION]
        return [s for s in sure if s.strength >= LEAST_STRENGTH]

    def _aligned(self, part: Candidate) -> Alignment | None:
        """The exact alignment of a part of A without its ends, which hold some of what is next."""
        if part in self.aligned:
            return self.aligned[part]
        line, start_s, end_s = part.line, part.a_start_s, part.a_end_s
        edge_s = min(EDGE_S, (end_s - start_s) / 8)
        part_b = self.b.part(line.to_b(start_s) - MARGIN_S, line.to_b(end_s) + MARGIN_S)
        found = refine(self.a.part(start_s + edge_s, end_s - edge_s), part_b, line)
        self.aligned[part] = found
        return found

    def _correlation(self, part: Candidate) -> float:
        """How well a part of A agrees with B along its line; 0 where it is too short to say."""
        hits = hits_within(self.a, self.b, part, reach_s=CORRELATION_REACH_S)
        return 0.0 if hits is None else hits.along

    def _in_a_known_way(self, part: Candidate, ways: Sequence[Line]) -> Candidate:
        """A part of A at the tempo and pitch of the first of `ways` that is as good, if any."""
        own = self._correlation(part)
        middle_b_s = part.line.to_b(part.middle_s)
        for way in ways:
            if same_way(way, part.line, tempo=NEAR_TEMPO):
                line = replace(way, offset_s=middle_b_s - way.tempo * part.middle_s)
                other = replace(part, line=line)
                if self._correlation(other) > own - GIVEN_UP_CORRELATION:
                    return other
        return part

    def _lines_beside(self, part: Candidate) -> list[Line]:
        """Lines near that of a part of A on which several hits in a row lie."""
        hits = hits_within(self.a, self.b, part, reach_s=BESIDE_REACH_S)
        if hits is None or len(hits.a_s) < HITS_IN_A_ROW:
            return []
        sure = hits.correlation > LEAST_CORRELATION
        distance_s = np.where(sure, hits.distance_s(part.line), 0.0)
        beside: list[float] = []
        for row in sliding_window_view(distance_s, HITS_IN_A_ROW):
            mean_s = float(row.mean())
            together = np.ptp(row) < BESIDE_S / 2 and abs(mean_s) > BESIDE_S
            if together and all(abs(mean_s - other) > BESIDE_S / 2 for other in beside):
                beside.append(mean_s)
        return [replace(part.line, offset_s=part.line.offset_s + mean_s) for mean_s in beside]

    def tidied(self) -> list[Stretch]:
        """The stretches, at those of equally good places that go on, with ends that meet.

        Beside something loud the beginning of a stretch cannot be heard, and music that repeats
        itself is the same in several places. Of all places that agree equally well, those are
        taken that need the fewest edits.
        """
        if not self.stretches:
            return []
        kept = self._simplest(self.stretches)
        for i in range(len(kept) - 1):
            kept[i], kept[i + 1] = self._snapped(kept[i], kept[i + 1])
        return self._to_the_ends(kept)

    def _simplest(self, stretches: Sequence[Stretch]) -> list[Stretch]:
        """The stretches, each at one of its places that are as good, so that edits are fewest."""
        choices = [self._as_good(stretch) for stretch in stretches]
        places: list[Sequence[Stretch | None]] = [[None], *choices, [None]]
        costs, came_from = np.zeros(1), []
        for before, after in pairwise(places):
            joins = [[self._join_cost(one, other) for one in before] for other in after]
            steps = costs + np.array(joins)
            came_from.append(steps.argmin(axis=1))
            costs = steps.min(axis=1)
        taken = [0]
        for back in reversed(came_from):
            taken.append(int(back[taken[-1]]))
        chosen = [some[i] for some, i in zip(choices, taken[-2:0:-1], strict=True)]
        ends = [None, *chosen, None]
        kept = []
        for last, one, following, own in zip(ends, chosen, ends[2:], choices, strict=False):
            cost = {p: self._join_cost(last, p) + self._join_cost(p, following) for p in own}
            others = [p.b_start_s for p in own if p is not one and cost[p] < cost[one] + 0.5]
            kept.append(replace(one, also_b_s=tuple(sorted(others))))  # without another edit
        return joined(kept, least_gap_s=LEAST_FOREIGN_S)

    def _join_cost(self, before: Stretch | None, after: Stretch | None) -> float:
        """The edits that it takes to go from one stretch to the next; None stands for an end."""
        if before is None or after is None:
            start_s = before.b_end_s if before else self.b.start_s
            gone_s = (after.b_start_s if after else self.b.end_s) - start_s
            return (gone_s > LEAST_TRIMMED_S) + TIE * abs(gone_s)
        gap_b_s = after.b_start_s - before.b_end_s
        inserted = after.a_start_s - before.a_end_s > LEAST_FOREIGN_S
        if abs(gap_b_s) < GOES_ON_S:
            return float(inserted)
        return (1 if gap_b_s > 0 else 1 + inserted) + TIE * abs(gap_b_s)

    def _as_good(self, stretch: Stretch) -> list[Stretch]:
        """The stretch, and the same at every place of B that agrees as well."""
        part = Candidate(stretch.line, stretch.a_start_s, stretch.a_end_s)
        aligned = self._aligned(part)
        found = [stretch]
        for other in other_places(self.a, self.b, aligned) if aligned else []:
            offset_s = other.line.to_b(part.middle_s) - stretch.line.tempo * part.middle_s
            line = replace(stretch.line, offset_s=offset_s)
            along = self._correlation(replace(part, line=line))
            start_s = max(stretch.a_start_s, line.to_a(self.b.start_s))
            end_s = min(stretch.a_end_s, line.to_a(self.b.end_s))
            found.append(Stretch(start_s, end_s, line, along, stretch.coherence))
        if self.left_db is None or len(found) == 1:
            return found
        left_db = [self.left_db(place) for place in found]  # the waveform may exclude some
        least_db = min(left_db) + DEEPER_DB
        return [place for place, left in zip(found, left_db, strict=True) if left < least_db]

    def _snapped(self, before: Stretch, after: Stretch) -> tuple[Stretch, Stretch]:
        """Two stretches beside an insertion, with ends that meet in B where they nearly did."""
        gap_b_s = after.b_start_s - before.b_end_s
        gap_a_s = after.a_start_s - before.a_end_s
        if not same_way(before.line, after.line) or not 0 < abs(gap_b_s) <= SNAP_S < gap_a_s:
            return before, after
        move_s = gap_b_s / before.line.tempo
        steps = np.linspace(0, move_s, 1 + round(abs(move_s) * FRAMES_PER_SECOND))
        spans = [(s, s.a_start_s - 2 * SNAP_S, s.a_end_s + 2 * SNAP_S) for s in (before, after)]
        parts = [Candidate(s.line, start_s, end_s) for s, start_s, end_s in spans]
        counts = agreement(self.a, self.b, parts, usual=self.usual, known=self.known)
        so_far = np.cumsum(np.nan_to_num(counts, neginf=0), axis=1)
        so_far = np.pad(so_far, ((0, 0), (1, 0))).astype(np.float64)
        ends_s, starts_s = before.a_end_s + steps, after.a_start_s - (move_s - steps)
        one, other = (
            row[np.maximum(0, np.rint((s - self.a.start_s) * FRAMES_PER_SECOND).astype(int))]
            for row, s in zip(so_far, (ends_s, starts_s), strict=True)
        )
        best = int(np.argmax(one - other))
        end_s, start_s = float(ends_s[best]), float(starts_s[best])
        return replace(before, a_end_s=end_s), replace(after, a_start_s=start_s)

    def _to_the_ends(self, stretches: Sequence[Stretch]) -> list[Stretch]:
        """The stretches; the first begins and the last ends with A or B if it nearly does."""
        kept, a, b = list(stretches), self.a, self.b
        first = kept[0]
        missing_s = max(first.a_start_s - a.start_s, first.b_start_s - b.start_s)
        if _may_be_missed(b, missing_s, b.start_s, first.b_start_s):
            kept[0] = replace(first, a_start_s=max(a.start_s, first.line.to_a(b.start_s)))
        last = kept[-1]
        missing_s = max(a.end_s - last.a_end_s, b.end_s - last.b_end_s)
        if _may_be_missed(b, missing_s, last.b_end_s, b.end_s):
            kept[-1] = replace(last, a_end_s=min(a.end_s, last.line.to_a(b.end_s)))
        return kept


def _are_settled(before: Sequence[Stretch], after: Sequence[Stretch]) -> bool:
    """Whether the stretches are as before, but for what does not matter."""
    return len(before) == len(after) and all(
        abs(s.a_start_s - o.a_start_s) + abs(s.a_end_s - o.a_end_s) < SETTLED_S
        and abs(s.b_start_s - o.b_start_s) < SETTLED_S
        for s, o in zip(before, after, strict=True)
    )


def _may_be_missed(b: Features, missing_s: float, start_s: float, end_s: float) -> bool:
    """Whether what is missing at an end of both is too short, or too quiet in B, to be heard."""
    level = b.part(start_s, end_s).level
    quiet = level.size > 0 and float(np.median(level)) < QUIET * float(np.median(b.level))
    return missing_s <= (QUIET_END_S if quiet else SNAP_S)
