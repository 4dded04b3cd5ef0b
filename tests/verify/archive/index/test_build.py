import faiss
import numpy as np
import pytest

from tests.verify.archive.index.memory_store import DIMENSION, MemoryStore
from verify.archive.index.cache import altered_queries, build, principal_components
from verify.archive.index.faiss import KINDS, plan


def made(store, kind):
    return build(store, plan(store.n_windows, DIMENSION, wanted=kind))


@pytest.mark.parametrize("kind", KINDS)
def test_recall_is_measured_at_the_build(store, kind):
    built = made(store, kind)
    assert built.queries == 200 and built.recall >= 0.99


def test_measured_recall_falls_when_an_index_looks_into_too_little(store, monkeypatch):
    monkeypatch.setattr("verify.archive.index.faiss.PROBES", 1)
    assert made(store, "large").recall < 0.95


def test_recall_is_one_where_a_window_is_there_twice_or_alone_and_none_where_none_is(tmp_path):
    store = MemoryStore(tmp_path)
    store.add(60)
    for number in range(1, 60, 2):
        store._held[number + 1] = store._held[number]
    assert made(store, "exact").recall == 1.0
    store = MemoryStore(tmp_path)
    built = build(store, plan(0, DIMENSION))
    assert (len(built.index), built.recall, built.queries) == (0, None, 0)
    store.add(1, n_windows=1)
    assert build(store, plan(1, DIMENSION)).recall == 1.0


def test_altered_windows_have_the_stated_cosine_and_vary_as_the_windows_do(rng):
    plane = np.linalg.qr(rng.standard_normal((DIMENSION, 8)))[0].T  # windows in 8 dimensions of 64
    vectors = rng.standard_normal((300, 8)) @ plane
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    queries = altered_queries(vectors, rng)
    assert queries.shape == (200, DIMENSION)
    assert np.linalg.norm(queries, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(queries @ plane.T, axis=1) == pytest.approx(1, abs=1e-5)
    sources = np.random.default_rng(5).choice(300, 200, replace=False)
    queries = altered_queries(vectors, np.random.default_rng(5))
    assert (queries * vectors[sources]).sum(axis=1) == pytest.approx(0.75, abs=1e-5)


def test_components_are_those_of_another_implementation(rng):
    vectors = (rng.standard_normal((2000, 16)) * np.linspace(3, 1, 16) + 1).astype(np.float32)
    other = faiss.PCAMatrix(16, 5)
    other.train(vectors)
    a, b = principal_components(vectors, 5).apply(vectors), other.apply(vectors)
    assert np.abs(a) == pytest.approx(np.abs(b), abs=0.02)  # an axis may point either way


def test_the_same_archive_gives_the_same_index(store):
    first, second = (faiss.serialize_index(made(store, "compact").index.inner) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("kind", ["large", "compact"])
def test_no_more_than_a_block_of_full_vectors_is_asked_for(store, monkeypatch, kind):
    monkeypatch.setattr("verify.archive.index.cache.BLOCK_WINDOWS", 100)
    sizes = []
    batches = store.batches

    def watched(n_rows):
        for ids, vectors in batches(n_rows):
            sizes.append(len(ids))
            yield ids, vectors

    monkeypatch.setattr(store, "batches", watched)
    assert len(made(store, kind).index) == 1200 and max(sizes) <= 100
    assert sum(sizes) == 3 * 1200
