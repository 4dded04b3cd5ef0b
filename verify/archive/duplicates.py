"""Recordings of an archive that are versions of each other, hold each other, or share stretches.

The stored windows of each recording are searched for in the index. Only where they, and the kept
sketches, agree with another recording, the files are read, aligned and weighed, as in a search:
never each with each.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cqtnet.device import one_thread
from cqtnet.errors import InputError
from verify import align
from verify.archive.archive import Archive
from verify.archive.index import Searchable
from verify.archive.listing import entry_line, match_line
from verify.archive.proof import Place, stretch_around
from verify.archive.results import Entry, Hits, Match, Vectors, recording_of, window_ids
from verify.archive.search import search_blocks
from verify.archive.searcher import Candidate, Outcome, Searcher
from verify.archive.timeline import THOROUGH
from verify.notebook import Brief

WHOLE = 0.9
"""Share of a recording that counts as all of it."""
CANDIDATES = 3
"""Other recordings that each is compared with."""
LEAST_PROMISE = 0.5
"""What agrees less at first sight is not read: copies reach 0.66, renditions mostly 0.54."""
BLOCK_WINDOWS = 512
"""Windows that are searched for at once."""

Relation = Literal["the same", "A within B", "B within A", "shared", "another rendition"]
OnProgress = Callable[[Entry], None]
"""Called with each recording that is done."""


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

    candidate: Candidate
    lines: list[align.Candidate] | None = None  # None: of one of them no sketches are kept

    @property
    def strength(self) -> float:
        """How much they agree there."""
        return self.lines[0].strength if self.lines else 0.0


class OtherRecordings:
    """An index without the windows of one recording."""

    def __init__(self, index: Searchable, recording: int, *, n_windows: int) -> None:
        self.index, self.recording, self.n_windows = index, recording, n_windows

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The most similar windows of other recordings, best first."""
        hits = self.index.search(vectors, count + min(count, self.n_windows))
        own = recording_of(hits.ids) == self.recording
        order = np.argsort(own, axis=1, kind="stable")[:, :count]  # others first, as they were
        cosines = np.take_along_axis(np.where(own, -np.inf, hits.cosines), order, axis=1)
        ids = np.take_along_axis(np.where(own, -1, hits.ids), order, axis=1)
        return Hits(cosines.astype(np.float32), ids)


def duplicates(
    archive: Archive, *, min_log_lr: float | None = None, on_progress: OnProgress = lambda _: None
) -> Iterator[Pair | InputError]:
    """Each pair with something in common, once; or why a recording could not be looked into.

    >>> with Archive.open(folder) as archive:
    ...     groups = grouped([pair for pair in duplicates(archive) if isinstance(pair, Pair)])
    """
    index = archive.index  # first: it may open the store again
    seen: set[frozenset[int]] = set()
    entries = archive.store.entries()
    references = archive.searcher().references
    searchers = {
        entry.id: archive.searcher(
            min_log_lr=min_log_lr,
            index=OtherRecordings(index, entry.id, n_windows=entry.n_windows),
            references=references,
        )
        for entry in entries
    }

    with one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool, ExitStack() as stack:
        stack.callback(pool.shutdown, cancel_futures=True)
        looked = list(
            pool.map(lambda entry: _promising(archive, searchers[entry.id], entry), entries)
        )
        of_pair: dict[frozenset[int], list[tuple[Entry, Looked]]] = {}
        for entry, own in zip(entries, looked, strict=True):
            for one in own if isinstance(own, list) else ():
                of_pair.setdefault(_key(entry, one), []).append((entry, one))
        proofs = {key: pool.submit(_of_pair, searchers, looks) for key, looks in of_pair.items()}
        for entry, own in zip(entries, looked, strict=True):
            try:
                if isinstance(own, InputError):
                    yield own
                    continue
                keys = [key for one in own if (key := _key(entry, one)) not in seen]
                of_entry = [proofs[key] for key in dict.fromkeys(keys)]
                yield from _pairs(archive, searchers[entry.id], entry, of_entry, seen)
            except InputError as error:
                yield error
            finally:
                on_progress(entry)


def _pairs(
    archive: Archive,
    searcher: Searcher,
    entry: Entry,
    proofs: list[Future[tuple[Entry, Outcome]]],
    seen: set[frozenset[int]],
) -> Iterator[Pair]:
    """The pairs of a recording that were not yet found."""
    for proof in proofs:
        query, outcome = proof.result()
        for match in outcome.renditions:
            key = frozenset((query.id, match.entry.id))
            if key not in seen:
                seen.add(key)
                yield Pair(query, match.entry, (match,))
        if outcome.matches:
            break
    else:
        return
    by_other: dict[int, list[Match]] = {}
    for match in search_blocks(searcher, searcher.references.blocks(entry.id)).matches:
        by_other.setdefault(match.entry.id, []).append(match)
    for number, matches in by_other.items():
        key = frozenset((entry.id, number))
        if key not in seen:
            seen.add(key)
            yield Pair(entry, archive.store.entry(number), tuple(matches))


def _key(entry: Entry, looked: Looked) -> frozenset[int]:
    return frozenset((entry.id, looked.candidate.recording))


def _promising(archive: Archive, searcher: Searcher, entry: Entry) -> list[Looked] | InputError:
    """The places in other recordings that agree with this one by what the archive keeps of both."""
    try:
        return list(_looked(archive, searcher, entry))
    except InputError as error:
        return error


def _looked(archive: Archive, searcher: Searcher, entry: Entry) -> Iterator[Looked]:
    middles_s = archive.store.start_s(entry.id) + searcher.window_s / 2
    ids = window_ids(entry.id, entry.n_windows)
    for first in range(0, len(ids), BLOCK_WINDOWS):
        rows = slice(first, first + BLOCK_WINDOWS)
        hits = searcher.neighbours(archive.store.vectors(ids[rows]))
        voted = searcher.vote(middles_s[rows], hits, count=CANDIDATES)
        for candidate in filter(THOROUGH.is_met_by, voted):
            other = archive.store.entry(candidate.recording)
            if not entry.n_sketches or not other.n_sketches:
                yield Looked(candidate)
                continue
            one = Looked(candidate, searcher.agree(entry.id, candidate))
            if one.strength >= LEAST_PROMISE:
                yield one


def _of_pair(
    searchers: dict[int, Searcher], looks: list[tuple[Entry, Looked]]
) -> tuple[Entry, Outcome]:
    """What two recordings come to: the most alike places first, until one shows something."""
    for entry, one in sorted(looks, key=lambda look: -look[1].strength):
        outcome = _proven(searchers[entry.id], entry, one)
        if outcome.matches or outcome.renditions:
            break
    return entry, outcome


def _proven(searcher: Searcher, entry: Entry, looked: Looked) -> Outcome:
    """What a candidate comes to when the files are read."""
    candidate, half_s = looked.candidate, searcher.window_s / 2
    point, references = candidate.points[0], searcher.references
    begin_s, end_s = point.query_s - half_s, point.query_s + half_s
    moment = references.excerpt(entry.id, begin_s, end_s).sound
    looked_at = None
    if looked.lines is not None:
        stretch_s = stretch_around(point, moment.start_s, moment.end_s)
        looked_at = [Place(moment, references, candidate.recording, point, stretch_s, looked.lines)]
    return searcher.prove(moment, [candidate], looked_at=looked_at, least_promise=LEAST_PROMISE)


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
