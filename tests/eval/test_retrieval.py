import json
from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import InputError
from eval.bootstrap import Figure
from eval.retrieval import queries_of, retrieve
from eval.trials import Scores


def scores(queries: list[tuple[list[float], list[float]]], *, files: int = 100) -> Scores:
    """Each query's target scores and nontarget scores."""
    rows = [
        (f"r{j}", f"p{i}", label, f"R{i % files}", score)
        for i, classes in enumerate(queries)
        for j, (label, score) in enumerate(
            (label, score) for label, of in zip((True, False), classes, strict=True) for score in of
        )
    ]
    reference, probe, label, recording, score = (np.array(c) for c in zip(*rows, strict=True))
    condition = np.full(len(rows), "c")
    return Scores(Path("s.csv"), reference, probe, label, condition, recording, {}, score)


@pytest.mark.parametrize(
    ("target", "nontarget", "first", "precision"),
    [
        ([9], [8, 7], 1, 1),
        ([8], [9, 7], 2, 1 / 2),
        ([8], [9, 8, 8, 1], 4, 1 / 4),  # ties go against the system
        ([1], [1, 1, 1], 4, 1 / 4),  # constant scores find nothing
        ([9, 7], [8, 6], 1, (1 + 2 / 3) / 2),
        ([9, 9], [8], 1, 1),  # tied targets do not hurt each other
        ([9, 9], [9], 2, (1 / 2 + 2 / 3) / 2),
        ([5, 3, 1], [4, 2], 1, (1 + 2 / 3 + 3 / 5) / 3),
    ],
)
def test_hand_tables(target: list, nontarget: list, first: int, precision: float) -> None:
    found = queries_of(scores([(target, nontarget)]))
    assert found.first.tolist() == [first]
    assert found.average_precision == pytest.approx([precision])
    assert found.candidates.tolist() == [len(target) + len(nontarget)]


def test_figures_are_means_over_queries() -> None:
    others = [float(-i) for i in range(11)]
    found = retrieve(scores([([1], others), ([-0.5], others), ([-6.5], others), ([-20], others)]))
    assert found is not None
    values = {key: figure.value for key, figure in found.figures.items()}
    assert values == {
        "top1": 1 / 4,  # ranks 1, 2, 8, 12
        "top5": 2 / 4,
        "top10": 3 / 4,
        "mrr": pytest.approx((1 + 1 / 2 + 1 / 8 + 1 / 12) / 4),
        "mean_average_precision": pytest.approx((1 + 1 / 2 + 1 / 8 + 1 / 12) / 4),
    }
    assert (found.queries, found.recordings) == (4, 4)
    assert (found.fewest_candidates, found.median_candidates, found.most_candidates) == (12, 12, 12)


def test_a_query_is_a_probe_with_a_choice() -> None:
    # Without a target, and with nothing but targets, there is nothing to find or to get wrong.
    found = queries_of(scores([([], [1, 2]), ([3], [4, 5]), ([6, 7], []), ([8], [1])]))
    assert found.first.tolist() == [3, 1]
    assert found.candidates.tolist() == [3, 2]
    assert found.recording.tolist() == [0, 1]


def test_a_list_of_pairs_is_no_retrieval() -> None:
    assert retrieve(scores([([1], []), ([], [0]), ([2], [])])) is None


def test_a_depth_that_no_query_exceeds_says_nothing() -> None:
    found = retrieve(scores([([1], [0, 0])] * 10))
    assert found is not None
    assert found["top1"].value == 1
    assert found["top5"] == Figure(None, note="no query has more than 5 candidates")


def test_a_probe_in_two_conditions_is_two_queries() -> None:
    table = scores([([1], [0, 2])])
    names = ("reference", "probe", "label", "recording", "score")
    twice = {name: np.tile(getattr(table, name), 2) for name in names}
    condition = np.repeat(["a", "b"], 3)
    found = queries_of(Scores(Path("s"), condition=condition, **twice))
    assert found.first.tolist() == [2, 2]
    assert found.candidates.tolist() == [3, 3]


def test_the_order_of_rows_changes_nothing(rng: np.random.Generator) -> None:
    table = scores([(rng.normal(1, 1, 3).round(1), rng.normal(0, 1, 9).round(1))] * 5)
    mixed = table.where(rng.permutation(len(table)))
    assert sorted(queries_of(mixed).average_precision) == sorted(
        queries_of(table).average_precision
    )


def test_intervals_draw_recordings_not_queries() -> None:
    # Ten queries of each recording go the same way: ten recordings, not a hundred queries.
    found, missed = ([1.0], [0.0] * 3), ([0.0], [1.0] * 3)
    queries = [found if i % 10 < 5 else missed for i in range(100)]
    by_recording = retrieve(scores(queries, files=10))
    by_query = retrieve(scores(queries, files=100))
    assert by_recording is not None and by_query is not None
    wide, narrow = by_recording["top1"], by_query["top1"]
    # Half of ten: the middle 95 % of a binomial are 2 to 8, of a hundred 40 to 60.
    assert (wide.low, wide.high) == pytest.approx((0.2, 0.8), abs=0.05)
    assert (narrow.low, narrow.high) == pytest.approx((0.4, 0.6), abs=0.05)


def test_without_a_failure_the_rule_of_three_counts_recordings() -> None:
    found = retrieve(scores([([1], [0] * 11)] * 60, files=20))
    assert found is not None
    note = "none missed: misses < 3/20 (recordings)"
    assert found["top1"] == Figure(1, pytest.approx(1 - 3 / 20), 1, note, True)
    failed = retrieve(scores([([0], [1] * 11)] * 60, files=20))
    assert failed is not None
    note = "none found: hits < 3/20 (recordings)"
    assert failed["top1"] == Figure(0, 0, pytest.approx(3 / 20), note)


def test_few_recordings_have_no_interval_and_no_resamples_neither() -> None:
    few = retrieve(scores([([1], [0])] * 8, files=4))
    assert few is not None
    assert few["mrr"] == Figure(1, note="no interval: fewer than 5 recordings")
    none = retrieve(scores([([1], [0])] * 8), resamples=0)
    assert none is not None
    assert none["mrr"] == Figure(1)


def test_retrieval_is_plain_data() -> None:
    found = retrieve(scores([([1], [0, 2])] * 6))
    assert found is not None
    data = json.loads(json.dumps(found.to_dict()))
    assert data["queries"] == 6
    assert data["figures"]["mrr"]["value"] == 0.5
    assert [name for name, _ in found.rows()] == ["top-1", "top-5", "top-10", "MRR", "mAP"]


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match=r"s\.csv: scores must be finite"):
        retrieve(scores([([np.nan], [0])]))
