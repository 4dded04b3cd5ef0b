"""Where a moment of sound lies in an archive: similar windows, votes, alignment, ratio.

Each hit, a window of the query and one of a recording that resemble each other, says where the
query would lie at each tempo. Where hits of several windows say the same, as exactly as the hop of
the index allows, is a candidate. There the recording is read again, aligned with the moment, and
weighed.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from verify import align
from verify.align import other_places
from verify.archive.index import Searchable
from verify.archive.proof import (
    LOOKED_AT,
    Looking,
    Place,
    Point,
    References,
    Sound,
    UnreadableError,
    prove,
    stretch_around,
)
from verify.archive.results import Entry, Hits, Match, Unproven, Vectors, recording_of, row_of
from verify.archive.store import Store
from verify.comparison import Comparer
from verify.features import Features, Floats
from verify.waveform import with_places
from verify.words import LEAST_RATIO, WEAK_RATIO

LEAST_LOG_LR = math.log(LEAST_RATIO)  # evidence of a match that is sure: "same recording"
PERHAPS_LOG_LR = math.log(WEAK_RATIO)  # evidence of any match of a short query: weak support
SMALL = 2_000  # windows up to which these two limits hold: two hours and three quarters
GROWTH = 0.6
"""In a larger archive more resembles by chance: for each factor of e in windows above `SMALL`, both
limits rise by so much."""
HITS = 50  # similar windows that are asked for, for each window of a query
MOMENT_HITS, PLACES = 100, 300
"""The same for a short query, and places that are glanced at for it: of 160,000 windows, those of
two hundred recordings may resemble noisy music more than those of the right one."""
FIRST = 5  # places glanced at in any case; others only while none agrees as much as `SURE`
WIDELY = 30  # places glanced at also at half and twice the tempo
UNKEPT = 12  # places glanced at where the archive keeps no sketch, so that recordings are read
LOOKED, BY_VOTES = 12, 4
"""Places that are looked at more closely: those that agree most at a glance, and the first by votes
among them in any case, for at a few tempi even the same may agree little."""
SURE = 1.0
"""Strength of an alignment from which it is the right one: different recordings reach 0.7."""
ALIGNED = 6
"""Places, of those looked at, that are read and where the alignment is made exact,"""
LEAST_PROMISE, SHARE_OF_BEST = 0.6, 0.5
"""if they agree at least so much at first sight, and by this share of the one that agrees most."""
AHEAD = 1.1
"""A place whose exact alignment is so many times as strong as another at first sight is stronger.
"""
PROVEN = 4
"""Places, of those made exact, of which the network is asked again."""
WHOLE_S = 120.0
"""Up to this length all of a recording is looked at, for what repeats itself does so often."""
LEAST_STRENGTH = 0.45
"""Strength below which no ratio makes a match: what it rests on may be chance."""
PIECE_S = 5.0
"""Besides as a whole, a moment is searched for by pieces of that length."""
TEMPI = np.exp(np.linspace(np.log(0.7), np.log(1.5), 9))
"""Tempi that are tried; of what lies between, half a minute is within the tolerance."""
VOTE_MARGIN_S = 1.0
"""How far, beyond half a hop, a window may lie from where it is expected."""
MOST_HITS = 64
"""Hits of one recording that vote, the best."""
PLACES_OF_ONE = 2
"""Places of one recording, at most: music repeats itself."""

Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """A place in a recording where the query may lie."""

    recording: int
    score: float  # sum over the query's windows of their squared cosines there
    points: tuple[Point, ...]  # one for each window that agrees, the most alike first


def vote(
    middles_s: Seconds, hits: Hits, window_middles_s: Callable[[int], Seconds], *, hop_s: float,
    count: int,
) -> list[Candidate]:  # fmt: skip
    """The places where a query's windows, of middles (n,), agree most; best first, up to `count`.

    `window_middles_s` gives the middles of all windows of a recording.
    """
    windows, ranks = np.nonzero((hits.ids >= 0) & (hits.cosines > 0))
    ids, cosines = hits.ids[windows, ranks], hits.cosines[windows, ranks].astype(np.float64)
    recordings = recording_of(ids)
    places: list[Candidate] = []
    for most, rows in _by_recording(recordings, windows, cosines):
        if len(places) >= count and most < places[count - 1].score:
            break
        best = rows[np.argsort(-cosines[rows], kind="stable")][:MOST_HITS]
        recording = int(recordings[best[0]])
        reference_s = window_middles_s(recording)[row_of(ids[best])]
        own = windows[best], cosines[best], middles_s[windows[best]], reference_s
        places += _best_places(recording, *own, reach_s=hop_s / 2 + VOTE_MARGIN_S)
        places.sort(key=lambda candidate: -candidate.score)
    return places[:count]


def _by_recording(
    recordings: NDArray[np.int64], windows: NDArray[np.int64], cosines: Seconds
) -> list[tuple[float, NDArray[np.int64]]]:
    """The rows of each recording's hits, those first of which most can be expected.

    No place has more than the sum over the windows of their highest squares.
    """
    if not len(recordings):
        return []
    order = np.lexsort((-cosines, windows, recordings))
    starts_recording = np.diff(recordings[order], prepend=-1) != 0
    starts_window = starts_recording | (np.diff(windows[order], prepend=-1) != 0)
    starts = np.flatnonzero(starts_recording)
    most = np.add.reduceat(np.where(starts_window, np.square(cosines[order]), 0.0), starts)
    groups = np.split(order, starts[1:])
    return [(float(most[i]), groups[i]) for i in np.argsort(-most, kind="stable")]


def _best_places(
    recording: int, window: NDArray[np.int64], cosine: Seconds, query_s: Seconds,
    reference_s: Seconds, *, reach_s: float,
) -> list[Candidate]:  # fmt: skip
    """The best places of one recording by its hits (m,), best first, apart from each other."""
    origin_s = float(np.median(query_s))
    places_s = reference_s - TEMPI[:, None] * (query_s - origin_s)  # (tempi, hits)
    near = np.abs(places_s[:, :, None] - places_s[:, None]) <= reach_s  # (tempi, places, hits)
    by_window = np.argsort(window)
    firsts = np.flatnonzero(np.diff(window[by_window], prepend=-1))
    agreeing = np.where(near[..., by_window], np.square(cosine[by_window]), 0.0)
    scores = np.maximum.reduceat(agreeing, firsts, axis=-1).sum(axis=-1)
    places: list[Candidate] = []
    while len(places) < PLACES_OF_ONE and scores.max() > 0:
        tempo, place = np.unravel_index(int(scores.argmax()), scores.shape)
        agrees = np.flatnonzero(near[tempo, place])
        best = agrees[np.sort(np.unique(window[agrees], return_index=True)[1])]  # of each window
        columns = (values[best].tolist() for values in (query_s, reference_s, cosine))
        points = tuple(map(Point, *columns))
        places.append(Candidate(recording, float(scores[tempo, place]), points))
        scores[np.abs(places_s - places_s[tempo, place]) <= 2 * reach_s] = 0
    return places


@dataclass
class Outcome:
    """What was found of a moment: matches, best first, and what could not be compared."""

    matches: list[Match] = field(default_factory=list)
    unproven: list[Unproven] = field(default_factory=list)
    renditions: list[Match] = field(default_factory=list)  # of the same work, but no copies
    nearest: Match | None = None  # of what was weighed and is neither, the likeliest


class Searcher:
    """An archive made ready to be searched."""

    def __init__(
        self, comparer: Comparer, store: Store, index: Searchable, *,
        min_log_lr: float | None = None,
    ) -> None:  # fmt: skip
        """`min_log_lr` is the least ratio of any match.

        Without it, that depends on the query's length and the archive's size.
        """
        self.comparer = comparer
        self.window_s, self.hop_s = store.manifest.window_s, store.manifest.hop_s
        self.references = References(store, comparer.embedder)
        self._store, self._index = store, index
        self._min_log_lr = min_log_lr
        self._more = GROWTH * max(0.0, math.log(max(store.n_windows, 1) / SMALL))

    def neighbours(self, vectors: Vectors, *, count: int = HITS) -> Hits:
        """The windows of the archive most similar to some of a query, (n, count)."""
        return self._index.search(vectors, count)

    def vote(self, middles_s: Seconds, hits: Hits, *, count: int) -> list[Candidate]:
        """The places where windows of a query agree most, best first."""
        return vote(middles_s, hits, self.middles_s, hop_s=self.hop_s, count=count)

    def locate(self, moment: Sound) -> Outcome:
        """All matches of a moment, the best place of each recording, best first."""
        lengths_s = (moment.duration_s, min(PIECE_S, moment.duration_s))
        middles_s, vectors = self.windows(moment, lengths_s, hop_s=PIECE_S / 4)
        hits = self.neighbours(vectors, count=MOMENT_HITS)
        candidates = self.vote(middles_s, hits, count=PLACES)
        return self.prove(moment, candidates, least_log_lr=PERHAPS_LOG_LR, wants_nearest=True)

    def prove(
        self, moment: Sound, candidates: Sequence[Candidate], *,
        least_log_lr: float = LEAST_LOG_LR, wants_nearest: bool = False, every: bool = True,
        least_promise: float = LEAST_PROMISE, looked_at: Sequence[Place] | None = None,
    ) -> Outcome:  # fmt: skip
        """Matches of a moment at some places, best first, one of each recording.

        What was `looked_at` already is not looked at again, nor are other places told. With
        `wants_nearest` at least one place is weighed, however little agrees there. Without
        `every`, what is weaker than a sure match is not looked into.
        """
        least = least_log_lr + self._more if self._min_log_lr is None else self._min_log_lr
        outcome = Outcome()
        places = self._looked_at(moment, candidates, outcome) if looked_at is None else looked_at
        matches: dict[int, tuple[Place, Match]] = {}
        read = self._read(places, outcome, least_promise, at_least_one=wants_nearest)
        for place in islice(read, PROVEN):
            is_weak = place.strength < LEAST_STRENGTH
            if is_weak and (matches or outcome.nearest or not wants_nearest):
                break
            entry = self._store.entry(place.recording)
            match = prove(self.comparer.calibration, place, entry)
            if match is None:
                continue
            if match.verdict == "rendition" and not is_weak:
                outcome.renditions.append(match)
            elif match.evidence >= least and not is_weak:
                is_sure = match.evidence >= LEAST_LOG_LR + self._more and match.verdict == "same"
                matches.setdefault(match.entry.id, (place, replace(match, is_sure=is_sure)))
                if is_sure and not every:
                    break
            elif outcome.nearest is None or match.evidence > outcome.nearest.evidence:
                outcome.nearest = match
        ranked = sorted(matches.values(), key=lambda found: -found[1].strength)
        if looked_at is None:
            ranked = [(place, with_other_places(place, match)) for place, match in ranked]
        outcome.matches = [match for _, match in ranked]
        return outcome

    def agree(self, recording: int, candidate: Candidate) -> list[align.Candidate]:
        """Where two recordings agree at a candidate for one of them, by what is kept of both."""
        point, half_s = candidate.points[0], self.window_s / 2
        own = self.references.sketch(recording, point.query_s - half_s, point.query_s + half_s)
        stretch_s = stretch_around(point, own.start_s, own.start_s + own.duration_s)
        other = self.references.sketch(candidate.recording, *stretch_s)
        return align.search(own, other, count=LOOKED_AT)

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
        has_content = np.concatenate([w.has_content for w in made])
        vectors = np.concatenate([w.vectors for w in made])
        return sound.start_s + middles_s[has_content], vectors[has_content]

    def no_windows(self) -> tuple[Seconds, Vectors]:
        """Middles and vectors of no windows at all."""
        return np.zeros(0), np.zeros((0, self._store.manifest.dimension), np.float32)

    def middles_s(self, recording: int) -> Seconds:
        """The middles of a recording's windows."""
        duration_s = self._store.entry(recording).duration_s
        return self._store.start_s(recording) + min(self.window_s, duration_s) / 2

    def _looked_at(
        self, moment: Sound, candidates: Sequence[Candidate], outcome: Outcome
    ) -> list[Place]:
        """The candidates that agree most, looked at, the best first."""
        looking = Looking(moment, self.references)
        if len(candidates) > LOOKED:
            candidates = self._glanced_at(looking, candidates)
        places: list[Place] = []
        for candidate in candidates[:LOOKED]:
            point = candidate.points[0]
            try:
                place = looking.look(candidate.recording, point)
                if not any(place.is_at(other) for other in places):
                    places.append(place)
            except UnreadableError as error:  # of an archive that keeps nothing of it
                self._note(outcome, candidate.recording, point, str(error))
        return sorted(places, key=lambda place: -place.promise)

    def _glanced_at(self, looking: Looking, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Candidates, after the first ones those that agree most at a glance."""
        strengths: list[float] = []
        for rank, candidate in enumerate(candidates):
            if rank >= FIRST and max(strengths) >= SURE:
                break
            strength = 0.0
            if rank < UNKEPT or self._store.entry(candidate.recording).n_sketches:
                with suppress(UnreadableError):
                    strength = looking.glance(
                        candidate.recording, candidate.points[0], widely=rank < WIDELY
                    )
            strengths.append(strength)
        first, others = candidates[:BY_VOTES], range(BY_VOTES, len(strengths))
        return [*first, *(candidates[i] for i in sorted(others, key=lambda i: -strengths[i]))]

    def _read(
        self, places: Sequence[Place], outcome: Outcome, least: float, *, at_least_one: bool
    ) -> Iterator[Place]:
        """The places that are worth reading, the strongest first; no more are read than are used.

        What is made exact agrees more than at first sight. So a place goes first as soon as it
        agrees more than any that was not read yet.
        """
        least = max(least, SHARE_OF_BEST * places[0].promise) if places else 0.0
        read: list[Place] = []
        for place in places[:ALIGNED]:
            if place.promise < least and (read or not at_least_one):
                break
            while read and read[0].strength >= AHEAD * place.promise:
                yield read.pop(0)
            try:
                read = sorted([*read, place], key=lambda one: -one.strength)
            except UnreadableError as error:
                if place.promise >= least:
                    self._note(outcome, place.recording, place.point, str(error))
        yield from read

    def _note(self, outcome: Outcome, recording: int, point: Point, reason: str) -> None:
        if all(known.entry.id != recording for known in outcome.unproven):
            times_s, entry = (point.query_s, point.reference_s), self._store.entry(recording)
            outcome.unproven.append(Unproven(entry, *times_s, point.cosine, reason))


# Where else in its recording a match fits: music repeats itself. What the archive keeps says where
# to look; only there the recording is read.


@dataclass(frozen=True)
class _Whole:
    """A recording of the archive in which other places are looked for: read only where they are."""

    references: References
    entry: Entry
    start_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.entry.duration_s

    @cached_property
    def coarse(self) -> Floats:
        """Its coarse changes, as the archive keeps them."""
        return self.references.sketch(self.entry.id, 0.0, self.duration_s).coarse

    def part(self, start_s: float, end_s: float) -> Features:
        """What alignment sees of a stretch."""
        return self._sound(start_s, end_s).features.part(start_s, end_s)

    def samples(self, start_s: float, end_s: float) -> Floats:
        """The samples of a stretch."""
        return self._sound(start_s, end_s).part(start_s, end_s).samples

    def _sound(self, start_s: float, end_s: float) -> Sound:
        """A stretch, or all of a short recording."""
        if self.duration_s <= WHOLE_S:
            start_s, end_s = 0.0, self.duration_s
        return self.references.excerpt(self.entry.id, start_s, end_s)


def with_other_places(place: Place, match: Match) -> Match:
    """The match with the other places of its recording where the moment fits as well."""
    best, entry = match.alignment, match.entry
    if best is None or not entry.n_sketches:
        return match
    whole, moment = _Whole(place.references, entry), place.moment
    try:
        others = other_places(moment.features, whole, best)
        if not others:
            return match
        best, _, places = with_places(
            lambda start_s, end_s: moment.part(start_s, end_s).samples, whole.samples, best, others
        )
    except UnreadableError:
        return match
    return replace(
        match, query_start_s=best.a_start_s, query_end_s=best.a_end_s, line=best.line,
        reference_start_s=best.b_start_s, reference_end_s=best.b_end_s, alignment=best,
        places=places,
    )  # fmt: skip
