"""All that a query holds of an archive, in one pass and constant memory.

The query goes by in chunks. Matches that are known are followed along their lines, without
asking the index. What no match explains is searched for: its windows vote together with those
before, and where that is promising, a moment is aligned and weighed.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.audio.stream import cut
from cqtnet.embed import Embedder
from verify.archive.proof import Sound, UnreadableError
from verify.archive.results import Hits, Match, Unproven, Vectors
from verify.archive.searcher import Candidate, Searcher, Seconds
from verify.archive.track import Track
from verify.features import Floats

CHUNK_S = 20.0
STEP_S = 15.0  # from the beginning of one chunk to that of the next
EDGE_S = (CHUNK_S - STEP_S) / 2  # chunks overlap; each has for itself what is farther from its ends
MOMENT_S, MOMENT_HOP_S = 10.0, 5.0  # windows of a chunk that are searched for
VOTED = 24  # places that are considered for each chunk
VOTING_CHUNKS = 3  # chunks whose windows vote together
KEPT_CHUNKS = 8  # chunks in which a match is followed back: two minutes
COVERED = 0.5  # share of a window in a known match from which the window is not searched for
WHOLLY_COVERED = 0.9  # share of a chunk in a known match from which the chunk is not searched for
LEAST_MATCH_S = 2.0
LATENCY_S = 40.0  # an event is reported at most so long after a match began or ended
USUAL_COSINE = 0.18  # what windows of different recordings often have: only what is above it counts
RISE = 1.25  # a place without a match is looked at again if its score is so many times higher
PATIENCE_S = 60.0  # a place without a match is looked at again after so long in any case
PROBE_S, PROBE_STEP_S = 5.0, 2.0
"""Of sound that arrives, the latest seconds are searched for so often, for an early report."""
PROBE_PROMISE = 0.8
"""Where a probe agrees less at first sight, nothing is read: the chunk will show more."""
PROBE_PATIENCE_S = 10.0  # a place without a match is looked at again by a probe after so long


@dataclass(frozen=True)
class Care:
    """How closely a query is looked at."""

    least_excess: float  # of candidates: sum over windows of squared cosines above the usual
    least_cosine: float  # or of one window
    count: int  # candidates of a chunk
    every: bool = False  # of several matches of one stretch all are followed, not the strongest
    again: bool = False  # others are looked for also where a match is known from its start

    def is_met_by(self, candidate: Candidate) -> bool:
        """Whether enough speaks for a candidate to look at it."""
        squares = [point.cosine**2 - USUAL_COSINE**2 for point in candidate.points]
        excess = sum(square for square in squares if square > 0)
        return excess >= self.least_excess or candidate.points[0].cosine >= self.least_cosine


BRISK = Care(0.15, 0.34, 2)
"""Of foreign music one chunk in ten has as much; of music altered in all ways at once, nine."""
THOROUGH = Care(0.03, 0.3, 6, every=True, again=True)  # for queries of up to two minutes
EVERY = Care(0.15, 0.34, 6, every=True)  # for sound that arrives: every recording is told


@dataclass(frozen=True)
class Event:
    """A match that began or ended."""

    kind: Literal["began", "ended"]
    match: Match
    at_s: float  # how far the query had gone by then


Piece = tuple[float, float]  # start and end of what a chunk has for itself
Chunk = tuple[Sound, bool, bool]  # and whether it is the first and the last one


class Timeline:
    """A query that is going by."""

    def __init__(self, searcher: Searcher, *, care: Care = BRISK) -> None:
        self.unproven: dict[int, Unproven] = {}  # by recording
        self.has_content = False  # whether a window so far held more than silence
        self._searcher, self._care = searcher, care
        self._tracks: list[Track] = []
        self._chunks: deque[tuple[Sound, Piece]] = deque(maxlen=KEPT_CHUNKS)  # the latest first
        self._windows: deque[tuple[Seconds, Hits]] = deque(maxlen=VOTING_CHUNKS)
        self._made: dict[float, tuple[Seconds, Vectors]] = {}  # windows of chunks, made ahead
        self._refused: dict[int, tuple[float, float]] = {}  # when, and with which score
        self._probed: dict[int, float] = {}  # when a probe looked at a recording in vain

    def advance(self, chunk: Sound, *, first: bool, last: bool) -> list[Event]:
        """What becomes of matches with the next chunk, which begins STEP_S after the one before."""
        begin_s = chunk.start_s if first else chunk.start_s + EDGE_S
        piece = begin_s, chunk.end_s if last else chunk.end_s - EDGE_S
        self._chunks.appendleft((chunk, piece))
        refused = self._refused.items()
        self._refused = {n: one for n, one in refused if chunk.start_s - one[0] < PATIENCE_S}
        for track in self._tracks:
            if track.is_early and track.middle_s < piece[1]:
                track.settle()
                self._follow_back(track)
            self._follow(track)
        for candidates in self._promising(chunk):
            self._look(chunk, candidates)
        self._made.pop(chunk.start_s, None)
        return self._events(chunk.end_s, last=last)

    def prepared(self, chunk: Sound) -> Sound:
        """The chunk, with what `advance` is likely to ask for; on another thread, it saves time."""
        tracks = [track for track in self._tracks if not track.is_over]
        if tracks:
            _ = chunk.features
        else:
            self._made[chunk.start_s] = self._windows_of(chunk)
        for track in tracks:
            with suppress(UnreadableError):
                track.reference(track.after.line, chunk.start_s + EDGE_S, chunk.end_s - EDGE_S)
        return chunk

    def probe(self, moment: Sound, around: Sound) -> list[Event]:
        """Matches that a moment shows before its chunk is complete; `around` holds more before."""
        middles_s, vectors = self._searcher.windows(moment, (PROBE_S,), hop_s=PROBE_S)
        hits = self._searcher.neighbours(vectors)
        known = {track.match.entry.id for track in self._tracks}
        known |= {n for n, at_s in self._probed.items() if moment.end_s - at_s < PROBE_PATIENCE_S}
        candidates = [
            candidate
            for candidate in self._searcher.vote(middles_s, hits, count=self._care.count)
            if candidate.recording not in known and self._is_promising(candidate)
        ]
        if not candidates:
            return []
        self._probed |= {candidate.recording: moment.end_s for candidate in candidates}
        found = self._searcher.prove(moment, candidates, least_promise=PROBE_PROMISE)
        for match in found.matches:
            track = Track(match, self._searcher.references)
            track.is_early = True
            track.follow(around.features)
            track.follow_back([around.features])
            self._tracks.append(track)
        return self._events(moment.end_s, last=False)

    def _promising(self, chunk: Sound) -> list[list[Candidate]]:
        """Candidates for moments of a chunk that no match explains, the best moments first."""
        self._windows = deque(map(self._still_unexplained, self._windows), maxlen=VOTING_CHUNKS)
        middles_s, vectors = self._unexplained(chunk)
        self._windows.append((middles_s, self._searcher.neighbours(vectors)))
        all_middles_s = np.concatenate([middles for middles, _ in self._windows])
        all_hits = Hits.joined([hits for _, hits in self._windows])
        together = self._searcher.vote(all_middles_s, all_hits, count=VOTED)
        by_moment: dict[float, list[Candidate]] = {}
        left = self._care.count
        for candidate in filter(self._is_promising, together):
            own = tuple(point for point in candidate.points if point.query_s in middles_s)
            if own and left:
                left -= 1
                by_moment.setdefault(own[0].query_s, []).append(replace(candidate, points=own))
        return list(by_moment.values())

    def _is_promising(self, candidate: Candidate) -> bool:
        """Whether enough speaks for a place, and more than when it was refused."""
        _, refused = self._refused.get(candidate.recording, (0.0, 0.0))
        return self._care.is_met_by(candidate) and candidate.score >= RISE * refused

    def _still_unexplained(self, windows: tuple[Seconds, Hits]) -> tuple[Seconds, Hits]:
        """The windows of a chunk that no match explains by now, and what they resemble."""
        middles_s, hits = windows
        left = self._left(middles_s, MOMENT_S)
        return middles_s[left], Hits(hits.cosines[left], hits.ids[left])

    def _left(self, middles_s: Seconds, length_s: float) -> NDArray[np.bool_]:
        """Which windows no match explains, (n,)."""
        spans = ((s - length_s / 2, s + length_s / 2) for s in middles_s.tolist())
        return ~np.array([self._is_explained(*span, share=COVERED) for span in spans], bool)

    def _unexplained(self, chunk: Sound) -> tuple[Seconds, Vectors]:
        """Middles (n,) and vectors (n, d) of windows of a chunk that no match explains."""
        if self._is_explained(chunk.start_s, chunk.end_s, share=WHOLLY_COVERED):
            return self._searcher.no_windows()
        made = self._made.get(chunk.start_s)
        middles_s, vectors = self._windows_of(chunk) if made is None else made
        self.has_content |= len(middles_s) > 0
        left = self._left(middles_s, min(MOMENT_S, chunk.duration_s))
        return middles_s[left], vectors[left]

    def _windows_of(self, chunk: Sound) -> tuple[Seconds, Vectors]:
        return self._searcher.windows(chunk, (MOMENT_S,), hop_s=MOMENT_HOP_S)

    def _is_explained(self, start_s: float, end_s: float, *, share: float) -> bool:
        """Whether that share of a stretch lies in a known match, and no other one is looked for."""
        if self._care.again:
            return False
        shared_s = [_shared_s(track, start_s, end_s) for track in self._tracks]
        return max(shared_s, default=0.0) >= share * (end_s - start_s)

    def _look(self, chunk: Sound, candidates: Sequence[Candidate]) -> None:
        """Follow the best match of a moment, where there is one."""
        middle_s = candidates[0].points[0].query_s
        start_s, end_s = middle_s - MOMENT_S / 2, middle_s + MOMENT_S / 2
        known = {
            track.match.entry.id
            for track in self._tracks
            if _shared_s(track, start_s, end_s) >= COVERED * MOMENT_S
        }
        if self._care.every:
            candidates = [one for one in candidates if one.recording not in known]
        if not candidates or (known and not self._care.every):
            return
        moment = chunk.part(start_s, end_s)
        outcome = self._searcher.prove(moment, candidates, every=self._care.every)
        for unproven in outcome.unproven:
            self.unproven.setdefault(unproven.entry.id, unproven)
        if outcome.matches:
            for match in outcome.matches if self._care.every else outcome.matches[:1]:
                self._enter(match)
        else:
            self._refused |= {c.recording: (chunk.start_s, c.score) for c in candidates}

    def _enter(self, match: Match) -> None:
        """Follow a match from now on; of two for the same stretch only the stronger, or every."""
        for track in self._tracks:
            if track.continues_in(match):
                track.resume(match)
                self._follow(track)
                return
        new = Track(match, self._searcher.references)
        self._follow(new)
        self._follow_back(new)
        for track in self._tracks:
            is_rival = not self._care.every or track.match.entry.id == match.entry.id
            if is_rival and overlap(track.as_match(), new.as_match()) > COVERED:
                if track.weight >= new.weight:
                    return
                track.is_dropped = True
        self._tracks = [track for track in self._tracks if not track.is_dropped]
        self._tracks.append(new)

    def _follow_back(self, track: Track) -> None:
        with suppress(UnreadableError):
            track.follow_back(chunk.features.part(*piece) for chunk, piece in self._chunks)

    def _follow(self, track: Track) -> None:
        chunk, piece = self._chunks[0]
        try:
            track.follow(chunk.features.part(*piece))
        except UnreadableError:
            track.is_lost = True

    def _events(self, at_s: float, *, last: bool) -> list[Event]:
        events = []
        for track in self._tracks:
            match = track.as_match()
            if match.duration_s >= LEAST_MATCH_S and not track.is_reported:
                track.is_reported = True
                events.append(Event("began", match, at_s))
            if track.is_reported and (last or track.is_over):
                events.append(Event("ended", match, at_s))
        self._tracks = [track for track in self._tracks if not track.is_over]
        return events


def _shared_s(track: Track, start_s: float, end_s: float) -> float:
    """How much of a stretch of the query a match explains."""
    return min(end_s, track.reaches_s) - max(start_s, track.start_s)


class Chunker:
    """Blocks put together to chunks of CHUNK_S, one every STEP_S; the last one has what is left."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._held: list[Floats] = []
        self._n_held = self._begin = 0

    def take(self, block: Floats) -> None:
        """Go on with a block."""
        self._held.append(block)
        self._n_held += block.size

    def chunks(self, *, ends: bool = False) -> Iterator[Chunk]:
        """The chunks that are complete by now, and whether each is the first and the last one."""
        size, step = round(CHUNK_S * SAMPLE_RATE), round(STEP_S * SAMPLE_RATE)
        while self._n_held >= size:
            samples = np.concatenate(self._held)
            yield self._sound(samples[:size]), self._begin == 0, False
            self._held, self._n_held = [samples[step:]], self._n_held - step
            self._begin += step
        if ends and self._n_held:
            yield self._sound(np.concatenate(self._held)), self._begin == 0, True

    def latest(self, length_s: float) -> Sound:
        """The latest seconds, or what there is of them."""
        samples = np.concatenate(self._held)
        first = max(0, samples.size - round(length_s * SAMPLE_RATE))
        return self._sound(samples[first:], first)

    def _sound(self, samples: Floats, first: int = 0) -> Sound:
        return Sound((self._begin + first) / SAMPLE_RATE, samples, self._embedder)


def chunks(blocks: Iterable[Floats], embedder: Embedder) -> Iterator[Chunk]:
    """The chunks of a query."""
    chunker = Chunker(embedder)
    for block in blocks:
        chunker.take(block)
        yield from chunker.chunks()
    yield from chunker.chunks(ends=True)


def events(searcher: Searcher, blocks: Iterable[Floats]) -> Iterator[Event]:
    """What becomes of matches in sound that arrives, each as soon as `PROBE_S` of it have come."""
    timeline, chunker = Timeline(searcher, care=EVERY), Chunker(searcher.comparer.embedder)
    for block in cut(blocks, round(PROBE_STEP_S * SAMPLE_RATE)):
        chunker.take(block)
        yield from timeline.probe(chunker.latest(PROBE_S), chunker.latest(CHUNK_S))
        for chunk, first, last in chunker.chunks():
            yield from timeline.advance(chunk, first=first, last=last)
    for chunk, first, last in chunker.chunks(ends=True):
        yield from timeline.advance(chunk, first=first, last=last)


def overlap(one: Match, other: Match) -> float:
    """The share of the shorter of two stretches of a query that lies in the other."""
    end_s = min(one.query_end_s, other.query_end_s)
    shared_s = end_s - max(one.query_start_s, other.query_start_s)
    return max(0.0, shared_s) / max(1e-9, min(one.duration_s, other.duration_s))
