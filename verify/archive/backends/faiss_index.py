"""An index in memory, by faiss, with the best hits compared by their full vectors."""

from collections.abc import Callable, Sequence
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from verify.archive.backends.interface import refuse_count, refuse_unfit
from verify.archive.results import Hits, Ids, Vectors, recording_of

FullVectors = Callable[[Ids], Vectors]

SHORTLIST = 100
"""Windows at least that are compared by their full vectors for each query; or 4 for each hit."""
PAIRS_AT_ONCE = 1600
"""Of a query and a full vector, in memory: 26 MB."""


class FaissIndex:
    """An index of any kind. `full` gives the vectors of windows; without, faiss has the last word.

    >>> index = FaissIndex(inner, full=store.vectors)
    >>> index.search(vectors, 10).ids
    """

    def __init__(self, inner: Any, *, full: FullVectors | None) -> None:
        self.inner = inner
        self._full = full
        self._components = _matrix(inner)

    def __len__(self) -> int:
        return int(self.inner.ntotal)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add windows that it does not hold yet."""
        self.inner.add_with_ids(refuse_unfit(vectors, dimension=self.inner.d), ids)

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove all windows of some recordings, in one pass over the numbers."""
        held = self.ids()
        gone = held[np.isin(recording_of(held), np.asarray(recordings, np.int64))]
        if len(gone):
            self.inner.remove_ids(faiss.IDSelectorBatch(gone))

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The most similar windows to each vector, (n, count)."""
        queries = refuse_unfit(vectors, dimension=self.inner.d)
        refuse_count(count)
        if self._full is None:
            cosines, ids = self.inner.search(queries, count)
            return Hits(np.where(ids < 0, -np.inf, cosines).astype(np.float32), ids)
        at_once = max(1, PAIRS_AT_ONCE // _shortlist(count))
        blocks = [
            self._searched(queries[begin : begin + at_once], count, self._full)
            for begin in range(0, max(1, len(queries)), at_once)
        ]
        return Hits(
            np.concatenate([block.cosines for block in blocks]),
            np.concatenate([block.ids for block in blocks]),
        )

    def ids(self) -> Ids:
        """The numbers of all windows, in no order."""
        lists = self._lists()
        if lists is None:
            return np.array(faiss.vector_to_array(self.inner.id_map), np.int64)
        held = [
            np.array(faiss.rev_swig_ptr(lists.get_ids(i), lists.list_size(i)), np.int64)
            for i in range(lists.nlist)
            if lists.list_size(i)
        ]
        return np.concatenate(held) if held else np.zeros(0, np.int64)

    def imbalance(self) -> float:
        """How many times longer a search takes than with lists of one length, ≥ 1."""
        lists = self._lists()
        return 1.0 if lists is None or not len(self) else float(lists.imbalance_factor())

    def _lists(self) -> Any:
        inverted = faiss.try_extract_index_ivf(self.inner)
        return inverted.invlists if inverted else None

    def _searched(self, queries: Vectors, count: int, full: FullVectors) -> Hits:
        inner = self.inner
        reduced = queries
        if self._components:
            matrix, offset = self._components
            inner, reduced = faiss.downcast_index(inner.index), _product(queries, matrix) + offset
        _, candidates = inner.search(reduced, _shortlist(count))
        return compared(queries, candidates, count, full)


def compared(queries: Vectors, candidates: Ids, count: int, full: FullVectors) -> Hits:
    """The best `count` of the candidates of each query, (n, shortlist), by their full vectors."""
    known: NDArray[np.bool_] = candidates >= 0
    ids, place = np.unique(candidates[known], return_inverse=True)
    cosines = np.full(candidates.shape, -np.inf, np.float32)
    if len(ids):
        query = np.nonzero(known)[0]
        cosines[known] = np.einsum("ij,ij->i", queries[query], full(ids)[place])
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return Hits(
        np.take_along_axis(cosines, best, axis=1), np.take_along_axis(candidates, best, axis=1)
    )


def _shortlist(count: int) -> int:
    return max(SHORTLIST, 4 * count)


def _matrix(inner: Any) -> tuple[Vectors, Vectors] | None:
    """What an index reduces vectors with, (components, dimension) and (components,), if it does."""
    if not isinstance(inner, faiss.IndexPreTransform):
        return None
    chain: Any = inner.chain
    step: Any = faiss.downcast_VectorTransform(chain.at(0))
    matrix = faiss.vector_to_array(step.A).reshape(step.d_out, step.d_in)
    return matrix, faiss.vector_to_array(step.b)


def _product(queries: Vectors, matrix: Vectors) -> Vectors:
    """Products (n, m) in 0.1 ms a query, by one thread.

    `@`, and faiss too, share them among threads, which wait for each other: 0.02 ms when nothing
    else runs, 8 ms when other processes keep all processors busy.
    """
    return np.asarray(np.einsum("ij,kj->ik", queries, matrix), np.float32)
