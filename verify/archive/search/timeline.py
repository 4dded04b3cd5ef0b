"""All that a query holds of an archive, in one pass and constant memory.

The query goes by in chunks. Matches that are known are followed along their lines, without
asking the index. What no match explains is looked for: its windows vote together with those
before, and where that is promising, a moment is aligned and proved.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.embed import Embedder
from verify.archive.results import Hits, Vectors
from verify.archive.search.matches import Match, Unproven
from verify.archive.search.references import UnreadableError
from verify.archive.search.searcher import Searcher
from verify.archive.search.sound import Sound
from verify.archive.search.tracks import Track
from verify.archive.search.votes import Candidate, Seconds
from verify.features import Floats

CHUNK_S, STEP_S = 20.0, 15.0
MOMENT_S, MOMENT_HOP_S = 10.0, 5.0
"""Windows of a chunk that are looked for."""
VOTED = 24
"""Places that are considered for each chunk."""
REMEMBERED = 3
"""Chunks whose windows vote together."""
KEPT = 8
"""Chunks in which a match is followed back: two minutes."""
COVERED, WHOLLY = 0.5, 0.9
"""Shares in a known match from which a window, or a chunk, is not looked for."""
LEAST_MATCH_S = 2.0
LATENCY_S = 40.0
"""A match is told of so long after it began or ended, at the latest."""
USUAL_COSINE = 0.18
"""What windows of different recordings often have: only what is above it counts."""
RISE = 1.25
"""A place that came to nothing is looked at again if so many times more speaks for it,"""
PATIENCE_S = 60.0
"""or after so long."""


@dataclass(frozen=True)
class Care:
    """How closely a query is looked at."""

    least_excess: float  # of candidates: sum over windows of squared cosines above the usual
    least_cosine: float  # or of one window
    count: int  # candidates of a chunk


BRISK = Care(0.15, 0.34, 2)
"""Of foreign music one chunk in ten has as much; of music altered in all ways at once, nine."""
THOROUGH = Care(0.03, 0.3, 6)


@dataclass(frozen=True)
class News:
    """What became of a match."""

    kind: Literal["began", "ended"]
    match: Match
    at_s: float  # how far the query had gone by then


Piece = tuple[float, float]


class Timeline:
    """A query that is going by."""

    def __init__(self, searcher: Searcher, *, care: Care = BRISK) -> None:
        self.unproven: dict[int, Unproven] = {}  # by recording
        self.has_content = False
        self._searcher, self._care = searcher, care
        self._tracks: list[Track] = []
        self._chunks: deque[tuple[Sound, Piece]] = deque(maxlen=KEPT)  # the latest first
        self._windows: deque[tuple[Seconds, Hits]] = deque(maxlen=REMEMBERED)
        self._refused: dict[int, tuple[float, float]] = {}  # when, and with how much

    @property
    def lack(self) -> str:
        """Why nothing could be sought so far; empty where something could."""
        return "" if self.has_content else "holds nothing but silence"

    def hear(self, chunk: Sound, *, first: bool, last: bool) -> list[News]:
        """What becomes of matches with the next chunk, which begins STEP_S after the one before."""
        edge_s = (CHUNK_S - STEP_S) / 2  # chunks overlap; each has what is far from its ends
        piece = (
            chunk.start_s if first else chunk.start_s + edge_s,
            chunk.end_s if last else chunk.end_s - edge_s,
        )
        self._chunks.appendleft((chunk, piece))
        self._refused = {
            recording: (at_s, excess)
            for recording, (at_s, excess) in self._refused.items()
            if chunk.start_s - at_s < PATIENCE_S
        }
        for track in self._tracks:
            self._follow(track)
        for candidates in self._promising(chunk):
            self._look(chunk, candidates)
        return self._news(chunk.end_s, last=last)

    def _promising(self, chunk: Sound) -> list[list[Candidate]]:
        """Candidates for moments of a chunk that no match explains, the best moments first."""
        self._windows = deque(map(self._still_unexplained, self._windows), maxlen=REMEMBERED)
        middles_s, vectors = self._unexplained(chunk)
        self._windows.append((middles_s, self._searcher.neighbours(vectors)))
        together = self._searcher.vote(
            np.concatenate([middles for middles, _ in self._windows]),
            _joined([hits for _, hits in self._windows]),
            count=VOTED,
        )
        by_moment: dict[float, list[Candidate]] = {}
        left = self._care.count
        for candidate in filter(self._is_promising, together):
            own = tuple(point for point in candidate.points if point.query_s in middles_s)
            if own and left:
                left -= 1
                by_moment.setdefault(own[0].query_s, []).append(replace(candidate, points=own))
        return list(by_moment.values())

    def _is_promising(self, candidate: Candidate) -> bool:
        """Whether enough speaks for a place, and more than when it came to nothing."""
        squares = [point.cosine**2 - USUAL_COSINE**2 for point in candidate.points]
        excess = sum(square for square in squares if square > 0)
        alike = candidate.points[0].cosine
        enough = excess >= self._care.least_excess or alike >= self._care.least_cosine
        _, refused = self._refused.get(candidate.recording, (0.0, 0.0))
        return enough and candidate.score >= RISE * refused

    def _still_unexplained(self, windows: tuple[Seconds, Hits]) -> tuple[Seconds, Hits]:
        """The windows of a chunk that no match explains by now, and what they resemble."""
        middles_s, hits = windows
        left = self._left(middles_s, MOMENT_S)
        return middles_s[left], Hits(hits.cosines[left], hits.ids[left])

    def _left(self, middles_s: Seconds, length_s: float) -> NDArray[np.bool_]:
        """Which windows no match explains, (n,)."""
        explained = [
            self._is_explained(middle_s - length_s / 2, middle_s + length_s / 2, share=COVERED)
            for middle_s in middles_s.tolist()
        ]
        return ~np.array(explained, bool)

    def _unexplained(self, chunk: Sound) -> tuple[Seconds, Vectors]:
        """Middles (n,) and vectors (n, d) of windows of a chunk that no match explains."""
        if self._is_explained(chunk.start_s, chunk.end_s, share=WHOLLY):
            return self._searcher.no_windows()
        middles_s, vectors = self._searcher.windows(chunk, (MOMENT_S,), hop_s=MOMENT_HOP_S)
        self.has_content |= len(middles_s) > 0
        left = self._left(middles_s, min(MOMENT_S, chunk.duration_s))
        return middles_s[left], vectors[left]

    def _is_explained(self, start_s: float, end_s: float, *, share: float) -> bool:
        """Whether that share of a stretch of the query lies in one known match."""
        shared_s = [
            min(end_s, track.reaches_s) - max(start_s, track.start_s) for track in self._tracks
        ]
        return max(shared_s, default=0.0) >= share * (end_s - start_s)

    def _look(self, chunk: Sound, candidates: Sequence[Candidate]) -> None:
        """Follow the best match of a moment, where there is one."""
        middle_s = candidates[0].points[0].query_s
        start_s, end_s = middle_s - MOMENT_S / 2, middle_s + MOMENT_S / 2
        if self._is_explained(start_s, end_s, share=COVERED):
            return
        outcome = self._searcher.proven(chunk.part(start_s, end_s), candidates)
        for unproven in outcome.unproven:
            self.unproven.setdefault(unproven.entry.id, unproven)
        if outcome.matches:
            self._enter(outcome.matches[0])
        else:
            self._refused |= {c.recording: (chunk.start_s, c.score) for c in candidates}

    def _enter(self, match: Match) -> None:
        """Follow a match from now on; of two for the same stretch only the stronger."""
        for track in self._tracks:
            if track.goes_on_in(match):
                track.take_up(match)
                self._follow(track)
                return
        new = Track(match, self._searcher.references)
        self._follow(new)
        with suppress(UnreadableError):
            new.trace_back(chunk.features.part(*piece) for chunk, piece in self._chunks)
        for track in self._tracks:
            if overlap(track.found(), new.found()) > COVERED:
                if track.weight >= new.weight:
                    return
                track.is_dropped = True
        self._tracks = [track for track in self._tracks if not track.is_dropped]
        self._tracks.append(new)

    def _follow(self, track: Track) -> None:
        chunk, piece = self._chunks[0]
        try:
            track.go_on(chunk.features.part(*piece))
        except UnreadableError:
            track.is_lost = True

    def _news(self, at_s: float, *, last: bool) -> list[News]:
        news = []
        for track in self._tracks:
            match = track.found()
            if match.duration_s >= LEAST_MATCH_S and not track.is_told:
                track.is_told = True
                news.append(News("began", match, at_s))
            if track.is_told and (last or track.is_over):
                news.append(News("ended", match, at_s))
        self._tracks = [track for track in self._tracks if not track.is_over]
        return news


def follow(searcher: Searcher, blocks: Iterable[Floats], *, care: Care = BRISK) -> Iterator[News]:
    """What becomes of matches as a query of any length goes by, in blocks of any size.

    >>> with audio.stream("broadcast.mp3") as blocks:
    ...     [news.match.path for news in follow(searcher, blocks) if news.kind == "ended"]
    """
    timeline = Timeline(searcher, care=care)
    for chunk, first, last in chunks(blocks, searcher.comparer.embedder):
        yield from timeline.hear(chunk, first=first, last=last)


def chunks(blocks: Iterable[Floats], embedder: Embedder) -> Iterator[tuple[Sound, bool, bool]]:
    """The chunks of a query, and whether each is the first and the last one.

    One begins every STEP_S and lasts CHUNK_S; what is left at the end belongs to the last one.
    """
    size, step = round(CHUNK_S * SAMPLE_RATE), round(STEP_S * SAMPLE_RATE)
    held: list[Floats] = []
    n_held = begin = 0
    for block in blocks:
        held.append(block)
        n_held += block.size
        while n_held >= size:
            samples = np.concatenate(held)
            yield Sound(begin / SAMPLE_RATE, samples[:size], embedder), begin == 0, False
            held, n_held, begin = [samples[step:]], n_held - step, begin + step
    if n_held:  # at least what the last chunk shares with this one
        yield Sound(begin / SAMPLE_RATE, np.concatenate(held), embedder), begin == 0, True


def overlap(one: Match, other: Match) -> float:
    """The share of the shorter of two stretches of a query that lies in the other."""
    end_s = min(one.query_end_s, other.query_end_s)
    shared_s = end_s - max(one.query_start_s, other.query_start_s)
    return max(0.0, shared_s) / max(1e-9, min(one.duration_s, other.duration_s))


def _joined(hits: Sequence[Hits]) -> Hits:
    """The hits of several searches, one below the other."""
    return Hits(
        np.concatenate([each.cosines for each in hits]), np.concatenate([each.ids for each in hits])
    )
