"""What every index has to do. Another backend is another name in BACKENDS and `index`."""

import importlib.util

import numpy as np
import pytest

from cqtnet.errors import ArchiveError
from tests.verify.archive.index.drawn_store import DIMENSION, altered, by_hand
from verify.archive.index.cache import IndexCache
from verify.archive.index.faiss import KINDS
from verify.archive.index.milvus import open_milvus
from verify.archive.results import recording_of

HAS_MILVUS = all(importlib.util.find_spec(name) for name in ("pymilvus", "milvus_lite"))
needs_milvus = pytest.mark.skipif(not HAS_MILVUS, reason="pymilvus or milvus-lite is missing")
BACKENDS = [*KINDS, pytest.param("milvus", marks=needs_milvus)]


@pytest.fixture(params=BACKENDS)
def index(request, store):
    if request.param == "milvus":
        with open_milvus(store, str(store.folder / "milvus.db")) as index:
            yield index
    else:
        yield IndexCache.built(store, wanted=request.param)


def test_every_window_is_found_by_its_own_vector_which_stays_as_it_is(index, store):
    ids = store.ids()
    vectors = store.vectors(ids)
    hits = index.search(vectors, 2)
    assert hits.ids[:, 0].tolist() == ids.tolist()
    assert hits.cosines[:, 0] == pytest.approx(1, abs=1e-3)  # float16 of unit length
    index.add(ids + (99 << 20), vectors)
    assert (vectors == store.vectors(ids)).all()


def test_cosines_are_those_of_the_vectors_and_fall(index, store, rng):
    queries = altered(store.vectors(store.ids()[:10]), rng)
    hits = index.search(queries, 7)
    assert hits.ids.shape == hits.cosines.shape == (10, 7)
    assert hits.ids.dtype == np.int64 and hits.cosines.dtype == np.float32
    for query, ids, cosines in zip(queries, hits.ids, hits.cosines, strict=True):
        assert len(set(ids.tolist())) == 7
        assert cosines == pytest.approx(store.vectors(ids) @ query, abs=1e-5)
        assert (np.diff(cosines) <= 0).all()


def test_altered_windows_find_what_an_exact_search_finds(index, store, rng):
    queries = altered(store.vectors(rng.choice(store.ids(), 200)), rng)
    expected, _ = by_hand(store, queries)
    assert np.mean(index.search(queries, 1).ids[:, 0] == expected) >= 0.99


def test_added_windows_are_found_beside_the_old_ones(index, store):
    number = store.draw(1, number=2**40)[0]  # numbers beyond 32 bits, and beyond float64's 53
    ids = store.ids([number])
    index.add(ids, store.vectors(ids))
    assert len(index) == store.n_windows == 61 * 20
    some = np.concatenate([ids, store.ids()[:5]])
    assert index.search(store.vectors(some), 1).ids[:, 0].tolist() == some.tolist()


def test_removed_recordings_are_gone_the_others_stay_and_they_may_come_back(index, store):
    vectors = store.vectors(store.ids([3, 4, 60]))
    index.remove([])
    index.remove([3, 60, 0, 61, 2**40])  # of which some are not there
    assert len(index) == 58 * 20
    hits = index.search(vectors, 50)
    assert not np.isin(recording_of(hits.ids), [3, 60]).any()
    assert hits.ids[20:40, 0].tolist() == store.ids([4]).tolist()
    index.add(store.ids([3]), vectors[:20])
    assert len(index) == 59 * 20
    assert index.search(vectors[:20], 1).ids[:, 0].tolist() == store.ids([3]).tolist()


def test_hits_that_are_missing_are_minus_one_and_minus_infinity(index, store):
    index.remove(range(1, 60))
    hits = index.search(store.vectors(store.ids([60])[:2]), 30)
    assert sorted(hits.ids[0, :20].tolist()) == store.ids([60]).tolist()
    assert (hits.ids[:, 20:] == -1).all() and (hits.cosines[:, 20:] == -np.inf).all()
    index.remove([60])
    assert len(index) == 0
    assert (index.search(store.vectors(store.ids()[:1]), 3).ids == -1).all()
    assert index.search(np.zeros((0, DIMENSION), np.float32), 3).ids.shape == (0, 3)


@pytest.mark.parametrize(("vectors", "count", "match"), [
    (np.zeros((1, DIMENSION - 1), np.float32), 1, "do not fit an index of dimension 64"),
    (np.full((1, DIMENSION), np.nan, np.float32), 1, "NaN"),
    (np.zeros((1, DIMENSION), np.float32), 0, "ask for 1 to 4,096"),
    (np.zeros((1, DIMENSION), np.float32), 4_097, "4,097 hits"),
])  # fmt: skip
def test_queries_that_cannot_be_are_refused(index, vectors, count, match):
    with pytest.raises(ArchiveError, match=match):
        index.search(vectors, count)
    with pytest.raises(ArchiveError, match="do not fit"):
        index.add(np.array([1]), np.zeros((1, 3), np.float32))
