"""What an index of windows has to do, and what it is made from."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from cqtnet.errors import ArchiveError
from verify.archive.disk.manifest import Manifest
from verify.archive.results import Changes, Entry, Hits, Ids, Vectors, window_ids

BLOCK_WINDOWS = 4096
"""So many windows, of 8 KB each as float32, are in memory at a time."""
MAX_COUNT = 4096
"""Hits for each query: four times as many full vectors are compared, 270 MB."""


class Index(Protocol):
    """Windows that can be searched by their vectors, which are of length 1.

    Nothing but a cache: whatever it forgets can be had from the store again. The tests in
    `tests/verify/archive/backends/test_contract.py` run on every one; add yours to their list.
    """

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add windows, by numbers (n,) that it does not hold yet, and vectors (n, dimension)."""

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove all windows of some recordings; those that it does not hold do no harm."""

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The `count` most similar windows to each of some vectors, (n, count), best first.

        Where it holds fewer, the rest has the number -1 and the cosine -inf.
        """

    def __len__(self) -> int:
        """How many windows it holds."""


class Source(Protocol):
    """What an index needs of the archive that it is made from; `Store` has it."""

    folder: Path
    manifest: Manifest

    @property
    def generation(self) -> int:
        """How many changes there were."""

    @property
    def n_windows(self) -> int:
        """How many windows all recordings have."""

    def entry(self, recording: int) -> Entry:
        """A recording by its number."""

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors of windows, (n, dimension)."""

    def batches(self, n_rows: int) -> Iterator[tuple[Ids, Vectors]]:
        """All windows with their vectors, up to so many at a time."""

    def changes(self, generation: int) -> Changes:
        """What became of the recordings since a generation."""


def refuse_unfit(vectors: Vectors, *, dimension: int) -> Vectors:
    """The vectors as an index wants them, (n, dimension) float32; refused if they cannot be."""
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ArchiveError(
            f"vectors of shape {vectors.shape} do not fit an index of dimension {dimension}; "
            "embed with the archive's model"
        )
    if not np.isfinite(vectors).all():
        raise ArchiveError("a vector holds NaN or infinity; leave out windows without content")
    return np.ascontiguousarray(vectors, np.float32)


def refuse_count(count: int) -> None:
    """Raise unless so many hits can be asked for."""
    if not 1 <= count <= MAX_COUNT:
        raise ArchiveError(f"{count:,} hits for each window; ask for 1 to {MAX_COUNT:,}")


def catch_up(index: Index, source: Source, *, since: int) -> int:
    """How many windows came to an index that holds those of generation `since`; now it has all.

    Done again from the same generation after an interruption, it gives the same, if `add`
    replaces windows that are there.
    """
    changes = source.changes(since)
    if changes.removed:
        index.remove(changes.removed)
    added = 0
    for ids in _blocks(source, changes.added):
        index.add(ids, source.vectors(ids))
        added += len(ids)
    return added


def _blocks(source: Source, recordings: Sequence[int]) -> Iterator[Ids]:
    """The windows of some recordings, up to BLOCK_WINDOWS at a time."""
    held = np.zeros(0, np.int64)
    for recording in recordings:
        held = np.concatenate([held, window_ids(recording, source.entry(recording).n_windows)])
        while len(held) >= BLOCK_WINDOWS:
            yield held[:BLOCK_WINDOWS]
            held = held[BLOCK_WINDOWS:]
    if len(held):
        yield held
