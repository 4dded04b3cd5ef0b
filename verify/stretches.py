"""Passages of A made exact: their tempo, pitch and place, and how well they agree with B."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verify.features import Features
from verify.paths import Passage
from verify.places import Candidate, pieces_between
from verify.results import Alignment, Line, Stretch
from verify.warp import refine

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
