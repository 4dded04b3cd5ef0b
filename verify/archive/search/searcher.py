"""Where a moment of sound lies in an archive: windows, votes, alignment, ratio."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from verify.archive.backends.choice import Searchable
from verify.archive.results import Hits, Vectors
from verify.archive.search.matches import Match, Unproven
from verify.archive.search.proof import Place, look, prove
from verify.archive.search.references import Entries, Excerpt, References, UnreadableError
from verify.archive.search.sound import Sound
from verify.archive.search.votes import Candidate, Point, Seconds, vote
from verify.comparison import Comparer
from verify.words import LEAST_RATIO, WEAK_RATIO

LEAST_LOG_LR = math.log(LEAST_RATIO)
"""Least evidence of a match, that from which a comparison would say "same recording","""
PERHAPS_LOG_LR = math.log(WEAK_RATIO)
"""and, of a short query, of what is told as what may be: weak support."""
SMALL, GROWTH = 2_000, 0.6
"""Both are so in an archive of so many windows, two hours and a half. In a larger one more of what
is there resembles by chance: for each factor of e in windows the evidence must be so much more."""
HITS = 50
"""Similar windows that are asked for, for each window of a query."""
PLACES = 12
"""Places that are aligned for one moment."""
FIRST, SURE = 5, 1.0
"""After so many no more are, if one agrees so strongly: different recordings do with 0.7."""
ALIGNED = 6
"""Of those, so many are aligned exactly,"""
PROVEN = 4
"""and of the strongest of these the network is asked again,"""
LEAST_STRENGTH = 0.45
"""if they agree so strongly: with less, what the ratio rests on may be chance."""
PIECE_S = 5.0
"""Besides as a whole, a moment is looked for by pieces of that length."""
TEMPO_ROOM = 1.55
SLACK_S = 4.0
"""How much more of a recording is read around a place: for other tempi, and for the hop."""


@dataclass
class Outcome:
    """What was found of a moment: matches, best first, and what could not be looked into."""

    matches: list[Match] = field(default_factory=list)
    unproven: list[Unproven] = field(default_factory=list)
    nearest: Match | None = None  # of what was weighed and is no match, the likeliest
    reasons: list[str] = field(default_factory=list)  # why no ratio could be stated


class Searcher:
    """An archive made ready to be searched."""

    def __init__(
        self,
        comparer: Comparer,
        entries: Entries,
        index: Searchable,
        *,
        window_s: float,
        hop_s: float,
        n_windows: int,
        min_log_lr: float | None = None,
    ) -> None:
        """`window_s` and `hop_s` are those of the archive's windows, `n_windows` their number.

        `min_log_lr` is the least ratio of any match; else that depends on the query's length and
        the archive's size.
        """
        self.comparer = comparer
        self.window_s, self.hop_s = window_s, hop_s
        self._min_log_lr = min_log_lr
        self._more = GROWTH * max(0.0, math.log(max(n_windows, 1) / SMALL))
        self.references = References(entries, comparer.embedder)
        self._entries, self._index = entries, index

    def neighbours(self, vectors: Vectors) -> Hits:
        """The windows of the archive most similar to some of a query, (n, HITS)."""
        if not len(vectors):
            return Hits(np.zeros((0, HITS), np.float32), np.zeros((0, HITS), np.int64))
        return self._index.search(vectors, HITS)

    def vote(self, middles_s: Seconds, hits: Hits, *, count: int) -> list[Candidate]:
        """The places where windows of a query agree most, best first."""
        return vote(middles_s, hits, self._middles_s, hop_s=self.hop_s, count=count)

    def locate(self, moment: Sound) -> Outcome:
        """All matches of a moment, the best place of each recording, best first."""
        lengths_s = (moment.duration_s, min(PIECE_S, moment.duration_s))
        middles_s, vectors = self.windows(moment, lengths_s, hop_s=PIECE_S / 4)
        candidates = self.vote(middles_s, self.neighbours(vectors), count=PLACES)
        return self.proven(moment, candidates, least_log_lr=PERHAPS_LOG_LR, always_weighs=True)

    def proven(
        self,
        moment: Sound,
        candidates: Sequence[Candidate],
        *,
        least_log_lr: float = LEAST_LOG_LR,
        always_weighs: bool = False,
    ) -> Outcome:
        """Matches of a moment at some places, best first, one of each recording.

        With `always_weighs` at least one place is weighed, to be told as the nearest.
        """
        least = least_log_lr + self._more if self._min_log_lr is None else self._min_log_lr
        outcome = Outcome()
        places: list[Place] = []
        for rank, candidate in enumerate(candidates):
            if rank >= FIRST and max((p.promise for p in places), default=0.0) >= SURE:
                break
            try:
                places.append(look(moment, self._around(moment, candidate)))
            except UnreadableError as error:
                self._note(outcome, candidate, str(error))
        best = sorted(places, key=lambda place: -place.promise)[:ALIGNED]
        found: dict[int, Match] = {}
        for place in sorted(best, key=lambda place: -place.strength)[:PROVEN]:
            is_weak = place.strength < LEAST_STRENGTH
            if is_weak and (found or outcome.nearest or not always_weighs):
                break
            match = prove(self.comparer.calibration, place)
            if isinstance(match, str):
                outcome.reasons.append(match)
            elif match.evidence >= least and not is_weak:
                is_sure = match.evidence >= LEAST_LOG_LR + self._more
                found.setdefault(match.entry.id, replace(match, is_sure=is_sure))
            elif outcome.nearest is None or match.evidence > outcome.nearest.evidence:
                outcome.nearest = match
        outcome.matches = sorted(found.values(), key=lambda match: -match.strength)
        return outcome

    def windows(
        self, sound: Sound, lengths_s: Sequence[float], *, hop_s: float
    ) -> tuple[Seconds, Vectors]:
        """Middles (n,) and vectors (n, d) of windows of some lengths that hold no silence."""
        embedder, trace = self.comparer.embedder, sound.trace
        if trace is None:
            return self.no_windows()
        made = [
            embedder.windows(trace, window_s=min(length_s, sound.duration_s), hop_s=hop_s)
            for length_s in lengths_s
        ]
        middles_s = np.concatenate([(w.start_s + w.end_s) / 2 for w in made])
        heard = np.concatenate([w.has_content for w in made])
        vectors = np.concatenate([w.vectors for w in made])
        return sound.start_s + middles_s[heard], vectors[heard]

    def no_windows(self) -> tuple[Seconds, Vectors]:
        """Middles and vectors of no windows at all."""
        size = self.comparer.embedder.preset.embedding_size
        return np.zeros(0), np.zeros((0, size), np.float32)

    def _middles_s(self, recording: int) -> Seconds:
        """The middles of a recording's windows."""
        duration_s = self._entries.entry(recording).duration_s
        return self._entries.start_s(recording) + min(self.window_s, duration_s) / 2

    def _around(self, moment: Sound, candidate: Candidate) -> Excerpt:
        """What of a recording a moment may lie in."""
        point = candidate.points[0]
        before_s, after_s = point.query_s - moment.start_s, moment.end_s - point.query_s
        return self.references.excerpt(
            candidate.recording,
            point.reference_s - TEMPO_ROOM * before_s - SLACK_S,
            point.reference_s + TEMPO_ROOM * after_s + SLACK_S,
        )

    def _note(self, outcome: Outcome, candidate: Candidate, reason: str) -> None:
        point: Point = candidate.points[0]
        if any(known.entry.id == candidate.recording for known in outcome.unproven):
            return
        entry = self._entries.entry(candidate.recording)
        outcome.unproven.append(
            Unproven(entry, point.query_s, point.reference_s, point.cosine, reason)
        )
