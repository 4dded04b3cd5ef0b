"""Recordings of an archive that are versions of each other, hold each other, or share stretches.

The stored windows of each recording are searched for in the index. Only where they, and the kept
sketches, agree with another recording, the files are read, aligned and weighed, as in a search:
never each with each.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np

from cqtnet.device import one_thread
from cqtnet.errors import InputError
from verify import align
from verify.archive.archive import Archive
from verify.archive.listing import entry_line, match_line
from verify.archive.proof import Place, stretch_around
from verify.archive.results import Entry, Hits, Ids, Match, recording_of, window_ids
from verify.archive.search import strongest
from verify.archive.searcher import HITS, Candidate, Outcome, Seconds
from verify.archive.timeline import BRISK, EDGE_S, STEP_S, THOROUGH
from verify.archive.track import Track
from verify.features import Features
from verify.notebook import Brief

WHOLE = 0.9  # share of a recording that counts as all of it
CANDIDATES = 3  # other recordings that each is compared with
LEAST_PROMISE = 0.5  # at first sight, to be read: copies reach 0.66, renditions mostly 0.54
BLOCK_WINDOWS = 512  # windows that are searched for at once
MOST_STRETCHES = 20  # that are looked for in two recordings

Relation = Literal[
    "the same", "A within B", "B within A", "shared", "perhaps a copy", "another rendition"
]


@dataclass(frozen=True, repr=False)
class Pair(Brief):
    """Two recordings with something in common, and where; `Archive.duplicates` finds them."""

    a: Entry
    b: Entry
    matches: tuple[Match, ...]  # of A, each a stretch of B

    @property
    def _brief(self) -> str:
        return f"A {self.a.id}, B {self.b.id}: {self.relation}; {self.matches[0]._brief}"

    @property
    def relation(self) -> Relation:
        """Which of the two holds the other, if one does; whether they are no copies at all."""
        if all(match.verdict == "rendition" for match in self.matches):
            return "another rendition"
        if all(match.verdict != "same" for match in self.matches):
            return "perhaps a copy"
        in_a = sum(match.duration_s for match in self.matches) / max(self.a.duration_s, 1e-9)
        spans = (match.reference_end_s - match.reference_start_s for match in self.matches)
        in_b = sum(spans) / max(self.b.duration_s, 1e-9)
        if in_a >= WHOLE and in_b >= WHOLE:
            return "the same"
        if in_a >= WHOLE:
            return "A within B"
        return "B within A" if in_b >= WHOLE else "shared"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "a": {"id": self.a.id, "paths": list(self.a.paths)},
            "b": {"id": self.b.id, "paths": list(self.b.paths)},
            "relation": self.relation,
            "matches": [match.to_dict() for match in self.matches],
        }


@dataclass(frozen=True)
class Looked:
    """A place of another recording, and where by the kept sketches both agree there."""

    entry: Entry
    candidate: Candidate
    lines: list[align.Candidate] | None = None  # None: of one of them no sketches are kept

    @property
    def strength(self) -> float:
        """How much they agree there."""
        return self.lines[0].strength if self.lines else 0.0


Part = tuple[Entry, slice]  # some windows of a recording


def duplicates(
    archive: Archive, *, min_log_lr: float | None = None,
    on_progress: Callable[[Entry], None] = lambda _: None,
) -> Iterator[Pair | InputError]:  # fmt: skip
    """Each pair with something in common, once; or why a recording could not be looked into.

    `on_progress` is called with each recording that is done.

    >>> with Archive.open(folder) as archive:
    ...     groups = grouped([pair for pair in duplicates(archive) if isinstance(pair, Pair)])
    """
    finder = _Finder(archive, min_log_lr)
    entries = finder.store.entries()
    looks: dict[frozenset[int], list[Looked]] = {}
    told: set[str] = set()
    with one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool, ExitStack() as stack:
        stack.callback(pool.shutdown, cancel_futures=True)
        for look in chain.from_iterable(pool.map(finder.looked, _blocks(entries))):
            if isinstance(look, InputError):
                yield look
            else:
                both = frozenset((look.entry.id, look.candidate.recording))
                looks.setdefault(both, []).append(look)
        pairs: dict[int, list[Future[Pair | None]]] = {}
        for own in looks.values():
            pairs.setdefault(own[0].entry.id, []).append(pool.submit(finder.proven, own))
        for entry in entries:
            for found in pairs.pop(entry.id, ()):
                try:
                    if (pair := found.result()) is not None:
                        yield pair
                except InputError as error:
                    if str(error) not in told:
                        yield error
                    told.add(str(error))
            on_progress(entry)


def _blocks(entries: Sequence[Entry]) -> Iterator[list[Part]]:
    """The windows of all recordings, so many together as are searched for at once."""
    block: list[Part] = []
    n_windows = 0
    for entry in entries:
        for first in range(0, entry.n_windows, BLOCK_WINDOWS):
            count = min(BLOCK_WINDOWS, entry.n_windows - first)
            if block and n_windows + count > BLOCK_WINDOWS:
                yield block
                block, n_windows = [], 0
            block.append((entry, slice(first, first + count)))
            n_windows += count
    if block:
        yield block


class _Finder:
    """What finds and proves pairs of an archive."""

    def __init__(self, archive: Archive, min_log_lr: float | None) -> None:
        self.index = archive.index  # first: it may open the store again
        self.store, self.searcher = archive.store, archive.searcher(min_log_lr=min_log_lr)

    def looked(self, block: Sequence[Part]) -> list[Looked | InputError]:
        """Places in other recordings that agree by what is kept; or why that cannot be read."""
        ids = np.concatenate([window_ids(entry.id, entry.n_windows)[rows] for entry, rows in block])
        hits = self._of_others(ids, most=max(entry.n_windows for entry, _ in block))
        found: list[Looked | InputError] = []
        end = 0
        for entry, rows in block:
            first, end = end, end + rows.stop - rows.start
            own = Hits(hits.cosines[first:end], hits.ids[first:end])
            middles_s = self.searcher.middles_s(entry.id)[rows]
            voted = self.searcher.vote(middles_s, own, count=CANDIDATES)
            try:
                looks = [self._look(entry, one) for one in voted if THOROUGH.is_met_by(one)]
                found += [one for one in looks if not one.lines or one.strength >= LEAST_PROMISE]
            except InputError as error:
                found.append(error)
        return found

    def _of_others(self, ids: Ids, *, most: int) -> Hits:
        """The windows of other recordings most similar to each, of which one has `most` windows."""
        hits = self.index.search(self.store.vectors(ids), HITS + min(HITS, most))
        own = recording_of(hits.ids) == recording_of(ids)[:, None]
        order = np.argsort(own, axis=1, kind="stable")[:, :HITS]  # others first, as they were
        cosines = np.take_along_axis(np.where(own, -np.inf, hits.cosines), order, axis=1)
        others = np.take_along_axis(np.where(own, -1, hits.ids), order, axis=1)
        return Hits(cosines.astype(np.float32), others)

    def _look(self, entry: Entry, candidate: Candidate) -> Looked:
        other = self.store.entry(candidate.recording)
        if not entry.n_sketches or not other.n_sketches:
            return Looked(entry, candidate)
        return Looked(entry, candidate, self.searcher.agree(entry.id, candidate))

    def proven(self, looks: Sequence[Looked]) -> Pair | None:
        """What two recordings come to: the most alike places first, until one shows something."""
        for look in sorted(looks, key=lambda one: (one.entry.id, -one.strength)):
            outcome = self._outcome(look)
            for match in outcome.matches:
                return Pair(look.entry, match.entry, tuple(self._shared(look.entry, match)))
            for match in outcome.renditions:
                return Pair(look.entry, match.entry, (match,))
        return None

    def _outcome(self, look: Looked) -> Outcome:
        """What a place comes to when the files are read."""
        half_s, references = self.searcher.window_s / 2, self.searcher.references
        point, other = look.candidate.points[0], look.candidate.recording
        begin_s, end_s = point.query_s - half_s, point.query_s + half_s
        moment = references.excerpt(look.entry.id, begin_s, end_s)
        places = None
        if look.lines is not None:
            stretch_s = stretch_around(point, moment.start_s, moment.end_s)
            places = [Place(moment, references, other, point, stretch_s, look.lines)]
        return self.searcher.prove(
            moment, [look.candidate], looked_at=places, least_promise=LEAST_PROMISE
        )

    def _shared(self, entry: Entry, match: Match) -> list[Match]:
        """All stretches that a recording shares with another one, of which one was found."""
        found, middles_s = [self._followed(entry, match)], self.searcher.middles_s(entry.id)
        hits: Hits | None = None
        is_left = np.ones(len(middles_s), bool)
        while len(found) < MOST_STRETCHES:
            begin_s, end_s = found[-1].query_start_s, found[-1].query_end_s
            explained = is_left & (middles_s >= begin_s) & (middles_s <= end_s)
            is_left = is_left & ~explained
            if not is_left.any() or not explained.any():
                break
            hits = hits or self._between(entry, match.entry)
            left = Hits(hits.cosines[is_left], hits.ids[is_left])
            another = self._another(entry, middles_s[is_left], left)
            if another is None:
                break
            found.append(self._followed(entry, another))
        return strongest(found)

    def _between(self, entry: Entry, other: Entry) -> Hits:
        """The windows of another recording that are most similar to each of one."""
        ids = window_ids(other.id, other.n_windows)
        own = window_ids(entry.id, entry.n_windows)
        cosines = self.store.vectors(own) @ self.store.vectors(ids).T
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :HITS]
        return Hits(np.take_along_axis(cosines, best, axis=1), ids[best])

    def _another(self, entry: Entry, middles_s: Seconds, hits: Hits) -> Match | None:
        """A stretch that holds one of these windows."""
        for candidate in self.searcher.vote(middles_s, hits, count=CANDIDATES):
            look = self._look(entry, candidate) if BRISK.is_met_by(candidate) else None
            if look and (not look.lines or look.strength >= LEAST_PROMISE):
                for match in self._outcome(look).matches:
                    return match
        return None

    def _followed(self, entry: Entry, match: Match) -> Match:
        """A match with its ends, as far as it goes on in both directions."""
        track = Track(match, self.searcher.references)
        middle, count = int(track.middle_s / STEP_S), math.ceil(entry.duration_s / STEP_S)
        track.follow_back(self._piece(entry, number) for number in range(middle, -1, -1))
        for number in range(middle, count):
            if track.is_over:
                break
            track.follow(self._piece(entry, number))
        return track.as_match()

    def _piece(self, entry: Entry, number: int) -> Features:
        """A piece of a recording, which was heard with its surroundings."""
        begin_s, end_s = number * STEP_S, (number + 1) * STEP_S
        heard = self.searcher.references.excerpt(entry.id, begin_s - EDGE_S, end_s + EDGE_S)
        return heard.features.part(begin_s, end_s)


def grouped(pairs: Sequence[Pair]) -> list[list[Entry]]:
    """The recordings that hang together, the largest groups first, each by its numbers."""
    group_of: dict[int, dict[int, Entry]] = {}
    for pair in pairs:
        one = group_of.setdefault(pair.a.id, {pair.a.id: pair.a})
        other = group_of.setdefault(pair.b.id, {pair.b.id: pair.b})
        if one is not other:
            one.update(other)
            for number in other:
                group_of[number] = one
    groups = list({id(group): group for group in group_of.values()}.values())
    ordered = [[group[number] for number in sorted(group)] for group in groups]
    return sorted(ordered, key=lambda group: (-len(group), group[0].id))


def group_lines(groups: Sequence[Sequence[Entry]], pairs: Sequence[Pair]) -> list[str]:
    """Groups of recordings with something in common, and what each two of them have."""
    if not groups:
        return ["no two recordings have anything in common"]
    lines = []
    for number, group in enumerate(groups, start=1):
        lines.append(f"group {number}: {len(group)} recordings")
        lines += [entry_line(entry) for entry in group]
        own = {entry.id for entry in group}
        for pair in pairs:
            if pair.a.id in own:
                lines.append(f"  A {pair.a.id}, B {pair.b.id}: {pair.relation}")
                lines += [f"    A {match_line(match)}" for match in pair.matches]
    return lines
