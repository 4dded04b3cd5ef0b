from functools import cache

import numpy as np
import pytest

from augment.effect import Chain
from augment.noise import ColouredNoise
from augment.tempo import Pitch, Speed, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from tests.verify import planted
from verify import align as al
from verify.features import Features
from verify.results import Line

START_S, END_S = 11.3, 23.3


@cache
def song():
    return make_music(5, duration_s=40.0)


@cache
def whole():
    return Features.of(song())


def altered(*effects):
    first, last = (round(second * SAMPLE_RATE) for second in (START_S, END_S))
    return Features.of(Chain(effects).apply(song()[first:last], SAMPLE_RATE).samples)


@pytest.mark.parametrize(("effects", "tempo", "semitones"), [
    ((), 1.0, 0.0),
    ((Tempo(1.23),), 1.23, 0.0),
    ((Pitch(-2.63),), 1.0, -2.63),
    ((Tempo(0.87), Pitch(3.4), ColouredNoise(snr_db=5.0, seed=1)), 0.87, 3.4),
    ((Speed(1.06),), 1.06, 12 * np.log2(1.06)),
], ids=["nothing", "tempo", "pitch", "both, noise", "speed"])  # fmt: skip
def test_place_tempo_and_pitch_are_found_exactly(effects, tempo, semitones):
    fragment = altered(*effects)
    candidate = al.search(fragment, whole())[0]
    assert candidate.line.tempo == pytest.approx(tempo, rel=0.02)
    found = al.refine(fragment, whole(), candidate.line)
    assert found.line.tempo == pytest.approx(tempo, rel=1e-3)
    assert found.line.shift_semitones == pytest.approx(semitones, abs=0.05)
    assert found.line.to_b(0.0) == pytest.approx(START_S, abs=0.02)
    assert found.b_end_s == pytest.approx(END_S, abs=0.05)
    assert found.line.is_speed == (tempo == 1.06)
    assert found.correlation > 0.5 and found.inliers > 0.9 and found.residual_s < 0.01


def test_other_music_agrees_far_less_and_silence_with_nothing():
    fragment, other = altered(), Features.of(make_music(6, duration_s=40.0))
    candidate = al.search(fragment, other)[0]
    found = al.refine(fragment, other, candidate.line)
    assert found.correlation < 0.3
    assert candidate.strength < 0.4 * al.search(fragment, whole())[0].strength
    silence = Features.of(np.zeros(10 * SAMPLE_RATE, np.float32))
    for a, b in ((silence, whole()), (whole(), silence), (silence, silence)):
        assert all(abs(found.strength) < 1e-3 for found in al.search(a, b))


def test_what_is_looked_for_at_many_places_is_found_where_it_lies_wholly_in_the_stretch():
    fragment = altered(Tempo(1.1), Pitch(-2.0))
    sought = al.Sought(fragment, al.all_tempi(fragment.duration_s), room_s=20.0)
    searched = al.search(fragment, whole().part(8.0, 28.0))[0]
    for start_s, end_s in ((8.0, 28.0), (9.0, 25.0)):
        (found,) = sought.search(
            whole().part(start_s, end_s), start_s=start_s, end_s=end_s, count=1
        )
        assert found.line.tempo == searched.line.tempo
        assert found.line.shift_semitones == searched.line.shift_semitones
        assert found.line.offset_s == pytest.approx(searched.line.offset_s, abs=0.1)
        assert found.strength == pytest.approx(searched.strength, rel=0.05)
    for start_s, end_s in ((2.0, 22.0), (13.0, 33.0)):  # it begins or ends outside
        part = whole().part(start_s, end_s)
        found = sought.search(part, start_s=start_s, end_s=end_s)
        assert all(one.strength < 0.5 * searched.strength for one in found)
    end = whole().part(START_S + 4.0, END_S)  # a recording that begins later than the fragment
    (found,) = sought.search(end, start_s=START_S - 1.0, end_s=END_S + 1.0, count=1)
    assert found.line.to_b(0.0) == pytest.approx(START_S, abs=0.2)


def test_lines_are_on_the_clocks_of_the_whole_and_too_little_in_common_is_none():
    a, b = whole().part(14.0, 20.0), whole().part(10.0, 30.0)
    found = al.refine(a, b, al.search(a, b)[0].line)
    assert found.line.offset_s == pytest.approx(0.0, abs=0.01)
    assert al.common(a, b, found.line) == pytest.approx((14.0, 20.0), abs=0.1)
    assert al.refine(whole(), whole(), Line(1.0, 0.0, offset_s=39.5)) is None


# What follows is on planted features, which no front end has touched.

B = planted.noise(1, 30.0)
NEAR = Line(1.0, 0.0, 7.0)


def test_hits_are_where_windows_lie_also_at_the_ends_and_only_within_reach():
    a = planted.made_from(B, Line(1.0, 0.0, 7.13), 12.0)
    hits = al.hits_along(a, B, NEAR, reach_s=0.3)
    np.testing.assert_allclose(hits.b_s - hits.a_s, 7.13, atol=0.003)
    np.testing.assert_allclose(np.diff(hits.a_s), 0.5, atol=0.02)  # windows of 2 s overlap
    assert hits.correlation.min() > 0.9 and abs(hits.along) < 0.1
    assert hits.mean_distance_s(NEAR) == pytest.approx(0.13, abs=0.003)
    a = planted.made_from(B, Line(1.0, 0.0, 7.5), 12.0)
    assert al.hits_along(a, B, NEAR, reach_s=0.3).correlation.max() < 0.5
    a = planted.made_from(B, Line(1.0, 0.0, 0.05), 4.0)
    hits = al.hits_along(a, B, Line(1.0, 0.0, 0.0), reach_s=0.3)
    np.testing.assert_allclose(hits.b_s - hits.a_s, 0.05, atol=0.003)


def hits_on(line, n):
    a_s = np.arange(n) / 2
    return al.Hits(a_s, line.to_b(a_s), np.full(n, 0.9), 0.9)


def test_the_robust_line_ignores_odd_hits_and_is_moved_by_two_but_not_by_other_tempi():
    hits = hits_on(Line(1.02, 0.0, 7.0), 21)
    hits.b_s[::4] += 0.2
    line = al.fitted(Line(1.0, -2.5, 7.1), hits)
    assert line.tempo == pytest.approx(1.02, abs=5e-4)
    assert line.to_b(5.0) == pytest.approx(12.1, abs=0.003)
    assert line.shift_semitones == -2.5
    line = al.fitted(Line(1.1, 0.0, 7.0), hits_on(Line(1.1, 0.0, 7.2), 2))
    assert (line.tempo, line.offset_s) == (1.1, pytest.approx(7.2))
    line = Line(1.0, 0.0, 7.0)
    assert al.fitted(line, hits_on(Line(1.05, 0.0, 7.0), 21)) == line


def test_sampling_is_linear_and_shifting_moves_bins_and_shares_fractions():
    rows = np.array([[0.0, 1.0, 3.0]], np.float32)
    np.testing.assert_allclose(al.sample(rows, np.array([0.5, 1.5, 9.0])), [[0.5, 2.0, 3.0]])
    rows = np.eye(84, 1, -10, np.float32)
    np.testing.assert_array_equal(np.flatnonzero(al.shifted(rows, 3.0)), [13])
    np.testing.assert_allclose(al.shifted(rows, -0.25)[[9, 10], 0], [0.25, 0.75])
    assert not al.shifted(rows, 80.0).any()
