import numpy as np
import pytest

from verify.archive.results import Hits, window_ids
from verify.archive.searcher import vote

STARTS_S = np.arange(0, 300, 5.0)  # middles of the windows of every recording here, one every 5 s


def hits_of(planted, *, count=8):
    """Hits (windows, count) from lists of (recording, row, cosine), the rest empty."""
    cosines = np.full((len(planted), count), -np.inf, np.float32)
    ids = np.full((len(planted), count), -1, np.int64)
    for window, some in enumerate(planted):
        for rank, (recording, row, cosine) in enumerate(some):
            cosines[window, rank] = cosine
            ids[window, rank] = window_ids(recording, row + 1)[row]
    return Hits(cosines, ids)


def vote_on(middles_s, planted, **options):
    return vote(
        np.array(middles_s, float), hits_of(planted), lambda _: STARTS_S,
        hop_s=5.0, **{"count": 5, **options},
    )  # fmt: skip


@pytest.mark.parametrize("tempo", [0.72, 1.0, 1.2, 1.48])
def test_windows_on_one_line_outvote_stronger_ones_that_are_not(tempo):
    middles_s = np.arange(5, 35, 5.0)
    on_line = np.rint((100 + tempo * middles_s) / 5).astype(int)
    planted = [
        [(2, row, 0.3), (3, 7 * window % 50, 0.35)] for window, row in enumerate(on_line.tolist())
    ]
    best = vote_on(middles_s, planted)[0]
    assert best.recording == 2
    assert best.score == pytest.approx(6 * 0.3**2, rel=1e-6)  # all six windows, one hit each
    for point in best.points:
        assert point.reference_s == pytest.approx(100 + tempo * point.query_s, abs=2.5)


def test_the_first_point_is_the_one_most_alike_and_a_window_counts_once():
    best = vote_on([5, 10, 15], [[(1, 20, 0.3)], [(1, 21, 0.5)], [(1, 22, 0.4)]])[0]
    assert [point.query_s for point in best.points] == [10, 15, 5]
    assert best.points[0].reference_s == 105
    assert best.points[0].cosine == pytest.approx(0.5)
    starts_s = np.array([100.0, 102.0, 104.0])  # as where a recording ends: less than a hop
    hits = hits_of([[(1, 1, 0.5), (1, 0, 0.4), (1, 2, 0.4)]])
    best = vote(np.array([5.0]), hits, lambda _: starts_s, hop_s=5.0, count=1)[0]
    assert best.score == pytest.approx(0.25) and len(best.points) == 1


def test_two_places_are_two_candidates_and_as_many_as_were_asked_for_come_best_first():
    planted = [[(1, 2, 0.5), (1, 40, 0.45)], [(1, 3, 0.5), (1, 41, 0.45)]]
    found = vote_on([5, 10], planted)
    assert [candidate.recording for candidate in found] == [1, 1]
    assert [candidate.points[0].reference_s for candidate in found] == [10, 200]
    assert len(vote_on([5, 10], planted, count=1)) == 1
    planted = [[(recording, 3, 0.1 * recording) for recording in range(1, 8)]]
    found = vote_on([5], planted, count=3)
    assert [candidate.recording for candidate in found] == [7, 6, 5]


@pytest.mark.parametrize("tempo", [0.5, 2.5])
def test_tempi_beyond_the_range_do_not_agree(tempo):
    planted = [[(1, 4, 0.4)], [(1, round(4 + tempo * 30 / 5), 0.4)]]
    assert vote_on([10, 40], planted)[0].score == pytest.approx(0.4**2)


def test_nothing_similar_gives_no_candidates():
    assert vote_on([5, 10], [[], []]) == [] and vote_on([5], [[(1, 3, -0.2)]]) == []
