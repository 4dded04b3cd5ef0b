import faiss
import numpy as np
import pytest
from verify.archive.backends.build import build, perturbed, principal_components
from verify.archive.backends.faiss_index import FaissIndex, compared
from verify.archive.backends.kinds import KINDS, plan

from tests.verify.archive.backends.source import DIMENSION, MemoryStore, altered, by_hand


def made(store, kind):
    return build(store, plan(store.n_windows, DIMENSION, wanted=kind))


@pytest.mark.parametrize("kind", KINDS)
def test_recall_is_measured_at_the_build(store, kind):
    built = made(store, kind)
    assert built.queries == 200
    assert built.recall >= 0.99


def test_measured_recall_falls_when_an_index_looks_into_too_little(store, monkeypatch):
    monkeypatch.setattr("verify.archive.backends.kinds.PROBES", 1)
    assert made(store, "large").recall < 0.95


def test_recall_is_one_where_the_same_window_is_there_twice(tmp_path):
    store = MemoryStore(tmp_path)
    store.add(60)
    for number in range(1, 60, 2):
        store._held[number + 1] = store._held[number]
    assert made(store, "exact").recall == 1.0


def test_an_empty_archive_has_an_index_without_recall(tmp_path):
    built = build(MemoryStore(tmp_path), plan(0, DIMENSION))
    assert (len(built.index), built.recall, built.queries) == (0, None, 0)


def test_a_single_window_has_an_index(tmp_path):
    store = MemoryStore(tmp_path)
    store.add(1, n_windows=1)
    assert build(store, plan(1, DIMENSION)).recall == 1.0


def test_altered_windows_have_the_stated_cosine_and_vary_as_the_windows_do(rng):
    plane = np.linalg.qr(rng.standard_normal((DIMENSION, 8)))[0].T  # windows in 8 dimensions of 64
    vectors = rng.standard_normal((300, 8)) @ plane
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    queries = perturbed(vectors, rng)
    assert queries.shape == (200, DIMENSION)
    assert np.linalg.norm(queries, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(queries @ plane.T, axis=1) == pytest.approx(1, abs=1e-5)
    sources = np.random.default_rng(5).choice(300, 200, replace=False)
    queries = perturbed(vectors, np.random.default_rng(5))
    assert (queries * vectors[sources]).sum(axis=1) == pytest.approx(0.75, abs=1e-5)


def test_components_are_those_of_another_implementation(rng):
    vectors = (rng.standard_normal((2000, 16)) * np.linspace(3, 1, 16) + 1).astype(np.float32)
    other = faiss.PCAMatrix(16, 5)
    other.train(vectors)
    a, b = principal_components(vectors, 5).apply(vectors), other.apply(vectors)
    assert np.abs(a) == pytest.approx(np.abs(b), abs=0.02)  # an axis may point either way


def test_the_shortlist_is_ranked_by_full_vectors(store, rng):
    built = made(store, "compact").index
    queries = altered(store.vectors(rng.choice(store.ids(), 100)), rng, cosine=0.6)
    expected, best = by_hand(store, queries)
    alone = FaissIndex(built.inner, full=None).search(queries, 1).ids[:, 0]
    ranked = built.search(queries, 1)
    assert np.mean(alone == expected) < 0.95  # of 16 bytes a window
    assert np.mean(ranked.ids[:, 0] == expected) >= 0.99
    assert np.median(np.abs(ranked.cosines[:, 0] - best)) < 1e-6


def test_comparing_leaves_out_what_is_missing_and_reads_each_window_once():
    full = {5: [1.0, 0.0], 6: [0.0, 1.0], 7: [0.6, 0.8]}
    asked = []

    def vectors(ids):
        asked.extend(ids.tolist())
        return np.array([full[i] for i in ids.tolist()], np.float32)

    queries = np.array([[1, 0], [0, 1]], np.float32)
    hits = compared(queries, np.array([[6, 7, 5, -1], [7, -1, 5, -1]]), 3, vectors)
    assert hits.ids.tolist() == [[5, 7, 6], [7, 5, -1]]
    assert hits.cosines == pytest.approx(np.array([[1, 0.6, 0], [0.8, 0, -np.inf]]))
    assert sorted(asked) == [5, 6, 7]


def test_the_same_archive_gives_the_same_index(store):
    first, second = (faiss.serialize_index(made(store, "compact").index.inner) for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("kind", ["large", "compact"])
def test_no_more_than_a_block_of_full_vectors_is_asked_for(store, monkeypatch, kind):
    monkeypatch.setattr("verify.archive.backends.build.BLOCK_WINDOWS", 100)
    sizes = []
    batches = store.batches

    def watched(n_rows):
        for ids, vectors in batches(n_rows):
            sizes.append(len(ids))
            yield ids, vectors

    monkeypatch.setattr(store, "batches", watched)
    assert len(made(store, kind).index) == 1200
    assert max(sizes) <= 100
    assert sum(sizes) == 3 * 1200
