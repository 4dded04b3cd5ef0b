"""A match followed along the query: where it begins, how long it goes on, where it ends.

Every frame counts for or against the match; see `verify.follow`. Its ends are where the sum of
these counts is highest. The line is made exact anew for each piece, so that slow changes of tempo
are followed.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from cqtnet.cqt import FRAMES_PER_SECOND
from verify.align import REACHES_S, Candidate, common, refine
from verify.archive.proof import References
from verify.archive.results import Match
from verify.features import Features, Values
from verify.follow import agreement, same_way
from verify.results import Line

LEAVE_S = 8.0  # a match ends where it does not go on for so long
FALTERS_S = 2.0  # where a match does not go on for so long, the query may hold something else
COUNTS = 0.6  # what a frame counts for or against a match, as a share of the usual correlation
MARGIN_S = 1.0  # how much more of the recording than of the query is looked at, on both sides
LEAST_KEPT = 0.6  # share of the usual correlation that a piece must have to move the line
MOST_STEP_S = 0.2  # how far a line may move from piece to piece
LEAST_ALIGNED_S = 4.0  # of a piece so much must lie in the recording to move the line
LEAST_LONG_S = 15.0  # of longer matches the ends say the tempo more exactly than one moment
JOIN_S = 30.0  # a match that goes on at most so much later in a recording is still the same one


@dataclass
class Side:
    """One end of a match: how far it was followed, and where the sum of counts was highest."""

    line: Line  # where it was followed to
    best_line: Line  # at its end
    best_s: float
    total: float = 0.0
    best: float = 0.0

    def count(self, seconds: Values, counts: Values) -> None:
        """Go on over frames, in the order in which they are met."""
        if not len(counts):
            return
        sums = self.total + np.cumsum(counts)
        highest = int(sums.argmax())
        if sums[highest] > self.best:
            self.best, self.best_s = float(sums[highest]), float(seconds[highest])
            self.best_line = self.line
        self.total = float(sums[-1])


class Track:
    """A match that is being followed."""

    def __init__(self, match: Match, references: References) -> None:
        self.match = match
        self.usual = match.correlation
        self._references = references
        self.middle_s = (match.query_start_s + match.query_end_s) / 2
        self.settle()
        self.is_early = False  # followed only over what a probe saw
        self.is_reported = False
        self.is_dropped = False  # for a stronger one
        self.is_lost = False  # its file cannot be read any more

    def settle(self) -> None:
        """Begin to follow it, or begin again, now over whole chunks."""
        self._back_from_s = self._on_from_s = self.middle_s
        line = self.match.line
        self.before, self.after = (Side(line, line, self.middle_s) for _ in range(2))
        self.is_early = False

    @property
    def start_s(self) -> float:
        """Where it begins in the query."""
        return self.before.best_s

    @property
    def end_s(self) -> float:
        """Where it ends, as far as it was followed."""
        return self.after.best_s

    @property
    def reaches_s(self) -> float:
        """Up to where it explains the query; endless while it goes on."""
        return self.after.best_s if self._absent_s(self.after) > FALTERS_S else math.inf

    @property
    def weight(self) -> float:
        """What speaks for it on the whole."""
        return self.before.best + self.after.best

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.is_lost or self._absent_s(self.after) > LEAVE_S

    def _absent_s(self, side: Side) -> float:
        """For about how long it has not gone on on one side, up to where it was followed."""
        return (side.best - side.total) / (FRAMES_PER_SECOND * COUNTS * self.usual)

    def as_match(self) -> Match:
        """The match, with its ends as far as it was followed, and the tempo from end to end."""
        start_s, end_s = self.start_s, self.end_s
        first_s, last_s = self.before.best_line.to_b(start_s), self.after.best_line.to_b(end_s)
        line = self.match.line
        if end_s - start_s > LEAST_LONG_S:
            tempo = (last_s - first_s) / (end_s - start_s)
            whole = replace(line, tempo=tempo, offset_s=first_s - tempo * start_s)
            line = whole if same_way(whole, line) else line
        return replace(
            self.match, query_start_s=start_s, query_end_s=end_s, line=line,
            reference_start_s=float(first_s), reference_end_s=float(last_s),
        )  # fmt: skip

    def follow_back(self, pieces: Iterable[Features]) -> None:
        """Follow it back over pieces of the query, the latest first, from its middle."""
        for piece in pieces:
            if self._absent_s(self.before) > LEAVE_S:
                return
            seconds, counts = self._counts(piece, self.before)
            earlier = seconds <= self._back_from_s
            self.before.count(seconds[earlier][::-1], counts[earlier][::-1])

    def follow(self, piece: Features) -> None:
        """Follow it over the next piece of the query."""
        seconds, counts = self._counts(piece, self.after)
        later = seconds > self._on_from_s
        self.after.count(seconds[later], counts[later])

    def continues_in(self, match: Match) -> bool:
        """Whether a match found later is this one, further ahead."""
        if match.entry.id != self.match.entry.id or not same_way(match.line, self.after.best_line):
            return False
        line = self.after.best_line
        gap_s = match.query_start_s - self.end_s
        ahead_s = match.reference_start_s - line.to_b(self.end_s)
        same_line = abs(ahead_s - line.tempo * gap_s) <= MARGIN_S
        return gap_s <= JOIN_S and (same_line or -LEAST_ALIGNED_S <= ahead_s <= JOIN_S)

    def resume(self, match: Match) -> None:
        """Go on with a match that continues this one."""
        if match.log_lr > self.match.log_lr:
            self.match = replace(match, line=self.match.line)
        self.after.line = match.line
        self.after.total = self.after.best
        self._on_from_s = max(self.end_s, match.query_start_s)

    def _counts(self, piece: Features, side: Side) -> tuple[Values, Values]:
        """The seconds of a piece's frames, and what each counts; moves the line of that side."""
        n = piece.fine.shape[1]
        seconds = piece.start_s + np.arange(n) / FRAMES_PER_SECOND
        against = np.full(n, -COUNTS * self.usual)
        reference = self.reference(side.line, piece.start_s, piece.end_s)
        if reference is None:
            return seconds, against
        side.line = self._moved(piece, reference, side.line)
        counts = agreement(piece, reference, [Candidate(side.line)], usual=self.usual)[0]
        return seconds, np.where(np.isfinite(counts), counts, against)

    def reference(self, line: Line, start_s: float, end_s: float) -> Features | None:
        """What lies by a line around a stretch of the query; None where the recording does not."""
        entry, begin_s, last_s = self.match.entry, line.to_b(start_s), line.to_b(end_s)
        if last_s <= MARGIN_S or begin_s >= entry.duration_s - MARGIN_S:
            return None
        around_s = begin_s - MARGIN_S, last_s + MARGIN_S
        return self._references.excerpt(entry.id, *around_s).features

    def _moved(self, piece: Features, reference: Features, line: Line) -> Line:
        """The line as it is in a piece; as it was where that cannot be said."""
        begin_s, end_s = common(piece, reference, line)
        if end_s - begin_s < LEAST_ALIGNED_S:
            return line
        found = refine(piece, reference, line, reaches_s=REACHES_S[1:])
        if found is None or found.correlation < LEAST_KEPT * self.usual:
            return line
        middle_s = (begin_s + end_s) / 2
        near = abs(found.line.to_b(middle_s) - line.to_b(middle_s)) <= MOST_STEP_S
        return found.line if near and same_way(found.line, line) else line
