import faiss
import numpy as np
import pytest

from tests.verify.archive.index.memory_store import DIMENSION, altered, by_hand
from verify.archive.index.cache import build
from verify.archive.index.faiss import KINDS, FaissIndex, compared, empty_lists, list_count, plan


@pytest.mark.parametrize(("n_windows", "dimension", "kind"), [
    (0, 2048, "exact"),
    (19_493, 2048, "exact"),  # 19,493 × (2 × 2,048 + 8) bytes are the last below 80 MB
    (19_494, 2048, "large"),
    (303_031, 2048, "compact"),
    (70_000, 512, "exact"),
    (90_000, 512, "large"),
])  # fmt: skip
def test_the_most_faithful_kind_below_80_mb_is_chosen(n_windows, dimension, kind):
    assert plan(n_windows, dimension).kind == kind


def test_the_reason_has_the_size_of_every_kind():
    reason = plan(1_000_000, 2048).reason
    for part in ("4,104 MB as `exact`", "264 MB as `large`", "72 MB as `compact`", "80 MB"):
        assert part in reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_wanted_kind_is_taken_at_any_size_that_can_be_learnt_from(kind):
    assert plan(1_000, 2048, wanted=kind).kind == kind
    assert plan(10_000_000, 2048, wanted=kind).kind == kind


def test_too_few_windows_to_learn_from_are_searched_exactly_with_the_reason():
    made = plan(999, 2048, wanted="compact")
    assert made.kind == "exact"
    assert "999 windows are too few to learn from" in made.reason


@pytest.mark.parametrize(("n_windows", "lists"), [
    (1_000, 16),  # 1,000 / 40 = 25
    (20_000, 256),  # 20,000 / 40 = 500
    (1_000_000, 4_096),  # 8 √1,000,000 = 8,000
    (1_100_000, 8_192),  # 8 √1,100,000 = 8,390
])  # fmt: skip
def test_lists_are_a_power_of_two_between_four_and_eight_roots(n_windows, lists):
    assert list_count(n_windows) == lists


@pytest.mark.parametrize("dimension", [1, 2, 30, 64, 255, 256, 300])
@pytest.mark.parametrize("kind", ["large", "compact"])
def test_every_dimension_has_a_code_that_faiss_accepts(dimension, kind):
    made = plan(5_000, dimension, wanted=kind)
    inverted = empty_lists(made)
    assert inverted.code_size == made.code_bytes
    assert isinstance(inverted, faiss.IndexIVF)


def test_the_shortlist_is_ranked_by_full_vectors(store, rng):
    built = build(store, plan(store.n_windows, DIMENSION, wanted="compact")).index
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
