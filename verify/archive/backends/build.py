"""An index made from all windows of an archive, and how well it finds them again.

All windows pass by three times, a block at a time: principal components are learnt from a
sample, the lists from a larger sample of reduced vectors, and at last all are added. Memory
stays below 1.5 GB and the index itself, whatever the number of windows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np

from verify.archive.backends.faiss_index import FaissIndex
from verify.archive.backends.interface import BLOCK_WINDOWS, Source
from verify.archive.backends.kinds import (
    WINDOWS_PER_CENTRE,
    Plan,
    empty_exact,
    empty_lists,
)
from verify.archive.results import Vectors

EXAMPLES = 1 << 14
"""Windows from which principal components are learnt: 8 for each of 2,048 dimensions."""
QUERIES = 200
QUERY_COSINE = 0.75
"""Of a query for the measured recall to the window that it was made from: a hard alteration."""
SAME_COSINE = 1e-4
"""Windows nearer than that in cosine count as equally good; loops repeat themselves."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """An index, and how often its best hit was as good as the best there is."""

    index: FaissIndex
    recall: float | None  # at 1, over `queries`; None without windows
    queries: int


def build(source: Source, made: Plan, *, tell: Tell = lambda _: None) -> Built:
    """The index of all windows that there are, by a plan, with its recall measured."""
    rng = np.random.default_rng(0)
    examples = _sample(source, EXAMPLES, rng, lambda vectors: vectors)
    queries = perturbed(examples, rng)
    inner = _trained(source, made, examples, rng, tell) if made.trained else empty_exact(made)
    del examples
    index = index_of(inner, source, trained=made.trained)
    tell(f"adding {source.n_windows:,} windows")
    best = np.full(len(queries), -np.inf, np.float32)
    for ids, vectors in source.batches(BLOCK_WINDOWS):
        index.add(ids, vectors)
        best = np.maximum(best, (queries @ vectors.T).max(axis=1))
    if not len(queries):
        return Built(index, None, 0)
    tell("measuring recall")
    found = index.search(queries, 1).cosines[:, 0]
    return Built(index, float(np.mean(found >= best - SAME_COSINE)), len(queries))


def index_of(inner: Any, source: Source, *, trained: bool) -> FaissIndex:
    """An index that compares its hits with the full vectors, unless it holds those itself."""
    return FaissIndex(inner, full=source.vectors if trained else None)


def perturbed(vectors: Vectors, rng: np.random.Generator) -> Vectors:
    """Up to QUERIES of the vectors, altered to a cosine of QUERY_COSINE, (n, dimension).

    What is added varies as the vectors do: a random mix of them, less what resembles the one
    that is altered. Noise in all dimensions would be easier, for components leave most of it out.
    """
    few = rng.choice(len(vectors), min(QUERIES, len(vectors)), replace=False)
    chosen = vectors[few]
    mix = rng.standard_normal((len(few), len(few)), dtype=np.float32) @ chosen
    mix -= (mix * chosen).sum(axis=1, keepdims=True) * chosen
    mix /= np.maximum(np.linalg.norm(mix, axis=1, keepdims=True), 1e-3)
    altered = QUERY_COSINE * chosen + (1 - QUERY_COSINE**2) ** 0.5 * mix
    return np.asarray(altered / np.linalg.norm(altered, axis=1, keepdims=True), np.float32)


def principal_components(vectors: Vectors, count: int) -> Any:
    """The map onto the components with the most variance, the mean taken off.

    What `faiss.PCAMatrix` learns, five times as fast, and without the 17 MB of all components
    that it would keep.
    """
    import scipy.linalg  # here, for opening an index does without

    dimension = vectors.shape[1]
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    most = (dimension - count, dimension - 1)
    _, axes = scipy.linalg.eigh(centred.T @ centred, subset_by_index=most)
    matrix = np.ascontiguousarray(axes.T[::-1], np.float32)  # (count, dimension)
    transform = faiss.LinearTransform(dimension, count, True)
    faiss.copy_array_to_vector(matrix.ravel(), transform.A)
    faiss.copy_array_to_vector(-matrix @ mean, transform.b)
    transform.is_trained = True
    return transform


def _trained(
    source: Source, made: Plan, examples: Vectors, rng: np.random.Generator, tell: Tell
) -> Any:
    """An empty index that has learnt its components and its lists."""
    tell(f"learning {made.components} components from {len(examples):,} windows")
    components = principal_components(examples, made.components)
    count = max(EXAMPLES, WINDOWS_PER_CENTRE * made.lists)
    reduced = _sample(source, count, rng, components.apply)
    tell(f"learning {made.lists:,} lists from {len(reduced):,} windows")
    inverted = empty_lists(made)
    inverted.train(reduced)
    return faiss.IndexPreTransform(components, inverted)


def _sample(
    source: Source, count: int, rng: np.random.Generator, reduce: Callable[[Vectors], Vectors]
) -> Vectors:
    """Up to `count` windows drawn at random, reduced block by block."""
    total = source.n_windows
    drawn = np.sort(rng.choice(total, min(count, total), replace=False)) if total else np.zeros(0)
    parts = [np.zeros((0, source.manifest.dimension), np.float32)] if not total else []
    passed = 0
    for _, vectors in source.batches(BLOCK_WINDOWS):
        begin, end = np.searchsorted(drawn, [passed, passed + len(vectors)])
        if end > begin:
            parts.append(reduce(vectors[drawn[begin:end] - passed]))
        passed += len(vectors)
    return np.concatenate(parts)
