from itertools import pairwise, product

import numpy as np
import pytest

from tests.verify.planted import at, joined, made_from, noise
from verify import follow as f
from verify.align import Candidate
from verify.results import Line

X = noise(1, 6.0)
B = joined(noise(2, 8.0), X, noise(3, 6.0), X, noise(4, 8.0))  # X is at 8 s and at 20 s
SAME = Line(1.0, 0.0, 0.0)


def test_all_places_of_a_repeated_part_are_candidates():
    found = f.find_candidates(joined(noise(5, 4.0), X, noise(6, 4.0)), B, SAME)
    first, second = sorted(candidate.line.offset_s for candidate in found[:2])
    assert (first, second) == pytest.approx((8 - 4, 20 - 4), abs=0.02)
    for candidate in found[:2]:
        assert candidate.a_start_s < 4.5 and candidate.a_end_s > 9.5


def test_candidates_have_the_tempo_and_pitch_that_they_were_sought_at():
    line = Line(1.1, -2.0, 3.0)
    a = made_from(B, line, 15.0)
    best = f.find_candidates(a, B, Line(1.1, -2.0, 99.0))[0]
    assert (best.line.tempo, best.line.shift_semitones) == (1.1, -2.0)
    assert best.line.offset_s == pytest.approx(3.0, abs=0.02)
    assert best.duration_s > 20  # 15 s of hits, and 4 s of room on both sides
    assert all(c.duration_s < 12 for c in f.find_candidates(a, B, Line(0.9, 2.0, 99.0)))


def test_a_line_that_is_interrupted_for_long_is_two_candidates():
    a = joined(B.part(0, 8), noise(5, 10.0), B.part(18, 26))
    spans = sorted((c.a_start_s, c.a_end_s) for c in f.find_candidates(a, B, SAME)[:2])
    assert spans[0][1] < spans[1][1] - 8  # each ends 4 s after its last hit


def test_frames_count_for_the_line_they_follow_against_others_and_not_outside():
    a = B.part(0, 12)
    lines = [at(0, 0, 12), at(3, 0, 12), at(4, 4, 8), at(B.duration_s - 6, 0, 12)]
    true, false, within, beyond = f.agreement(a, B, lines, usual=1.0)
    assert true.mean() == pytest.approx(0.6 + 0.5 * 0.6, abs=0.15)  # 1 - EVEN, and spectra
    assert false.mean() < -0.3
    seconds = np.linspace(0, a.duration_s, len(within))
    np.testing.assert_array_equal(np.isfinite(within), (seconds >= 4) & (seconds <= 8))
    np.testing.assert_array_equal(np.isfinite(beyond), seconds <= 6)


def test_silence_of_both_speaks_against_no_line():
    a, b = joined(B.part(0, 6)), joined(B.part(10, 22))
    against = f.agreement(a, b, [at(3, 0, 6)], usual=1.0)
    a.level[:] = b.level[:] = 0.001
    neither = f.agreement(a, b, [at(3, 0, 6)], usual=1.0)
    assert against.mean() < -0.3 and neither.min() == 0


def test_each_moment_follows_its_place_and_foreign_ones_follow_nothing():
    a = joined(B.part(15, 20), noise(7, 4.0), B.part(2, 7))
    lines = [Candidate(Line(1.0, 0.0, offset_s)) for offset_s in (15, 2 - 9, 6)]
    first, second = f.follow(a, B, lines, usual=1.0)
    assert (first.line.offset_s, second.line.offset_s) == (15, -7)
    ends_s = (first.a_start_s, first.a_end_s, second.a_start_s, second.a_end_s)
    assert ends_s == pytest.approx((0, 5, 9, 14), abs=0.12)


def test_a_line_goes_on_where_another_agrees_as_well():
    lines = [Candidate(Line(1.0, 0.0, 4.0)), Candidate(Line(1.0, 0.0, 16.0))]
    a = joined(B.part(4, 22))  # from 4 s on it holds X, which is at 8 s and at 20 s of B
    (one,) = f.follow(a, B, lines, usual=1.0)
    assert f.follow(a, B, [], usual=1.0) == [], "there is nothing to follow"
    assert one.line.offset_s == 4
    assert (one.a_start_s, one.a_end_s) == pytest.approx((0, 18), abs=0.12)


@pytest.mark.parametrize("seed", range(16))
def test_the_best_path_is_the_best_of_all_paths(seed):
    scores = np.random.default_rng(seed).normal(0, 1, (2, 6)).astype(np.float32)
    scores[1, 2] = -np.inf
    with_nothing = np.vstack([scores, np.zeros(6)])

    def worth(path):
        # A path begins with nothing: to begin with a line is a change, too.
        changes = sum(one != other for one, other in pairwise((2, *path)))
        return float(sum(with_nothing[row, i] for i, row in enumerate(path)) - 0.7 * changes)

    best = max(product(range(3), repeat=6), key=worth)
    found = f.best_path(scores, cost=0.7)
    assert found.tolist() == [f.NOTHING if row == 2 else row for row in best]


def test_lines_are_the_same_at_one_tempo_pitch_and_place():
    line, faster, higher = Line(1.0, 0.0, 2.0), Line(1.01, 0.0, 1.9), Line(1.0, 0.5, 2.0)
    later = Line(1.001, 0.1, 2.0)
    assert f.same_way(line, later) and not f.same_way(line, faster) and not f.same_way(line, higher)
    assert f.same_way(line, faster, tempo=0.02)
    assert f.same_line(line, later, 10.0, within_s=0.02)
    assert not f.same_line(line, later, 30.0, within_s=0.02)  # 1 ms a second apart
    assert not f.same_line(line, faster, 10.0, within_s=0.02)
