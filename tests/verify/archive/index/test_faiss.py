import faiss
import numpy as np
import pytest

from tests.verify.archive.index.drawn_store import DIMENSION, MANIFEST, DrawnStore, altered, by_hand
from verify.archive.index.cache import IndexCache, altered_queries, principal_components
from verify.archive.index.faiss import KINDS, FaissIndex, compared, empty, plan


@pytest.mark.parametrize(("n_windows", "dimension", "kind"), [
    (0, 2048, "exact"),
    (19_493, 2048, "exact"),  # 19,493 × (2 × 2,048 + 8) bytes are the last below 80 MB
    (19_494, 2048, "large"),
    (303_031, 2048, "compact"),
    (90_000, 512, "large"),
])  # fmt: skip
def test_the_most_faithful_kind_below_80_mb_is_chosen(n_windows, dimension, kind):
    assert plan(n_windows, dimension).kind == kind


def test_a_wanted_kind_is_taken_at_any_size_that_can_be_learnt_from_with_the_reason():
    for kind in KINDS:
        assert plan(1_000, 2048, wanted=kind).kind == plan(10**7, 2048, wanted=kind).kind == kind
    reason = plan(1_000_000, 2048).reason
    for part in ("4,104 MB as `exact`", "264 MB as `large`", "72 MB as `compact`", "80 MB"):
        assert part in reason
    made = plan(999, 2048, wanted="compact")
    assert made.kind == "exact" and "999 windows are too few to learn from" in made.reason


def test_lists_are_a_power_of_two_between_four_and_eight_roots():
    """Of 1,000 windows 1,000 / 40 = 25, of 20,000 500, of a million 8 √1,000,000 = 8,000."""
    sizes = (1_000, 20_000, 1_000_000)
    assert [plan(size, 2048, wanted="large").lists for size in sizes] == [16, 256, 4_096]


@pytest.mark.parametrize("kind", ["large", "compact"])
def test_every_dimension_has_a_code_that_faiss_accepts(kind):
    for dimension in (1, 2, 30, 64, 255, 256, 300):
        made = plan(5_000, dimension, wanted=kind)
        inverted = empty(made)
        assert inverted.code_size == made.code_bytes and isinstance(inverted, faiss.IndexIVF)


def test_the_shortlist_is_ranked_by_full_vectors(store, rng):
    built = IndexCache.built(store, wanted="compact")
    queries = altered(store.vectors(rng.choice(store.ids(), 100)), rng, cosine=0.6)
    expected, best = by_hand(store, queries)
    alone = FaissIndex(built.inner, full=None).search(queries, 1).ids[:, 0]
    ranked = built.search(queries, 1)
    assert np.mean(alone == expected) < 0.95  # of 16 bytes a window
    assert np.mean(ranked.ids[:, 0] == expected) >= 0.99
    assert np.median(np.abs(ranked.cosines[:, 0] - best)) < 1e-6


def test_comparing_leaves_out_what_is_missing_and_reads_each_window_once():
    full, asked = {5: [1.0, 0.0], 6: [0.0, 1.0], 7: [0.6, 0.8]}, []

    def vectors(ids):
        asked.extend(ids.tolist())
        return np.array([full[i] for i in ids.tolist()], np.float32)

    candidates = np.array([[6, 7, 5, -1], [7, -1, 5, -1]])
    hits = compared(np.eye(2, dtype=np.float32), candidates, 3, vectors)
    assert hits.ids.tolist() == [[5, 7, 6], [7, 5, -1]]
    assert hits.cosines == pytest.approx(np.array([[1, 0.6, 0], [0.8, 0, -np.inf]]))
    assert sorted(asked) == [5, 6, 7]


def test_recall_is_measured_at_the_build_and_falls_where_too_little_is_looked_into(
    store, monkeypatch
):
    for kind in KINDS:
        info = IndexCache.built(store, wanted=kind).info
        assert info.queries == 200 and info.recall >= 0.99
    monkeypatch.setattr("verify.archive.index.faiss.PROBES", 1)
    assert IndexCache.built(store, wanted="large").info.recall < 0.95


def test_recall_is_one_where_a_window_is_there_twice_or_alone_and_none_where_none_is(tmp_path):
    with DrawnStore.create(tmp_path / "twice", MANIFEST) as store:
        for _ in range(2):
            store.rng = np.random.default_rng(0)
            store.draw(30)
        assert IndexCache.built(store, wanted="exact").info.recall == 1.0
    store = DrawnStore.create(tmp_path / "few", MANIFEST)
    built = IndexCache.built(store)
    assert (len(built), built.info.recall, built.info.queries) == (0, None, 0)
    store.draw(1, n_windows=1)
    assert IndexCache.built(store).info.recall == 1.0


def test_altered_windows_have_the_stated_cosine_and_vary_as_the_windows_do(rng):
    plane = np.linalg.qr(rng.standard_normal((DIMENSION, 8)))[0].T  # windows in 8 dimensions of 64
    vectors = rng.standard_normal((300, 8)) @ plane
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    sources = np.random.default_rng(5).choice(300, 200, replace=False)
    queries = altered_queries(vectors, np.random.default_rng(5))
    assert queries.shape == (200, DIMENSION)
    assert np.linalg.norm(queries, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(queries @ plane.T, axis=1) == pytest.approx(1, abs=1e-5)
    assert (queries * vectors[sources]).sum(axis=1) == pytest.approx(0.75, abs=1e-5)


def test_components_are_those_of_another_implementation(rng):
    vectors = (rng.standard_normal((2000, 16)) * np.linspace(3, 1, 16) + 1).astype(np.float32)
    other = faiss.PCAMatrix(16, 5)
    other.train(vectors)
    a, b = principal_components(vectors, 5).apply(vectors), other.apply(vectors)
    assert np.abs(a) == pytest.approx(np.abs(b), abs=0.02)  # an axis may point either way


def test_the_same_archive_gives_the_same_index(store):
    first, second = (IndexCache.built(store, wanted="compact").inner for _ in range(2))
    assert (faiss.serialize_index(first) == faiss.serialize_index(second)).all()


@pytest.mark.parametrize("kind", ["large", "compact"])
def test_no_more_than_a_block_of_full_vectors_is_asked_for(store, monkeypatch, kind):
    monkeypatch.setattr("verify.archive.index.cache.BLOCK_WINDOWS", 100)
    sizes, batches = [], store.batches

    def watched(n_rows):
        for ids, vectors in batches(n_rows):
            sizes.append(len(ids))
            yield ids, vectors

    monkeypatch.setattr(store, "batches", watched)
    assert len(IndexCache.built(store, wanted=kind)) == 1200 and max(sizes) <= 100
    assert sum(sizes) == 3 * 1200
