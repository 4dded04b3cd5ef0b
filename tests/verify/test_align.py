"""Fragments found in recordings, with what was done to them."""

import numpy as np
import pytest

from augment.chain import Chain
from augment.noise import ColouredNoise
from augment.tempo import Pitch, Speed, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from verify.align import (
    Peak,
    common,
    distinct,
    fitted,
    pieces_along,
    played_at,
    refine,
    sample,
    search,
    shifted,
)
from verify.features import Features
from verify.results import Line

SONG = make_music(5, duration_s=40.0)
WHOLE = Features.of(SONG)
START_S, END_S = 11.3, 23.3
CHAINS = {
    "nothing": Chain(()),
    "tempo": Chain((Tempo(1.23),)),
    "pitch": Chain((Pitch(-2.63),)),
    "both, noise": Chain((Tempo(0.87), Pitch(3.4), ColouredNoise(snr_db=5.0, seed=1))),
    "speed": Chain((Speed(1.06),)),
}


def altered(chain: Chain) -> Features:
    first, last = (round(second * SAMPLE_RATE) for second in (START_S, END_S))
    return Features.of(chain.apply(SONG[first:last], SAMPLE_RATE).samples)


@pytest.mark.parametrize(
    ("name", "tempo", "semitones"),
    [
        ("nothing", 1.0, 0.0),
        ("tempo", 1.23, 0.0),
        ("pitch", 1.0, -2.63),
        ("both, noise", 0.87, 3.4),
        ("speed", 1.06, 12 * np.log2(1.06)),
    ],
)
def test_place_tempo_and_pitch_are_found_exactly(name: str, tempo: float, semitones: float) -> None:
    fragment = altered(CHAINS[name])
    peak = search(fragment, WHOLE)[0]
    assert peak.line.tempo == pytest.approx(tempo, rel=0.02)
    found = refine(fragment, WHOLE, peak.line)
    assert found is not None
    assert found.line.tempo == pytest.approx(tempo, rel=1e-3)
    assert found.line.shift_semitones == pytest.approx(semitones, abs=0.05)
    assert found.line.to_b(0.0) == pytest.approx(START_S, abs=0.02)
    assert found.b_end_s == pytest.approx(END_S, abs=0.05)
    assert found.line.is_speed == (name == "speed")
    assert found.correlation > 0.5 and found.inliers > 0.9 and found.residual_s < 0.01


def test_other_music_agrees_far_less() -> None:
    fragment, other = altered(CHAINS["nothing"]), Features.of(make_music(6, duration_s=40.0))
    peak = search(fragment, other)[0]
    found = refine(fragment, other, peak.line)
    assert found is not None and found.correlation < 0.3
    assert peak.strength < 0.4 * search(fragment, WHOLE)[0].strength


def test_silence_agrees_with_nothing() -> None:
    silence = Features.of(np.zeros(10 * SAMPLE_RATE, np.float32))
    for a, b in ((silence, WHOLE), (WHOLE, silence), (silence, silence)):
        assert all(abs(peak.strength) < 1e-3 for peak in search(a, b))


def test_lines_are_on_the_clocks_of_the_whole_recordings() -> None:
    a, b = WHOLE.part(14.0, 20.0), WHOLE.part(10.0, 30.0)
    found = refine(a, b, search(a, b)[0].line)
    assert found is not None
    assert found.line.offset_s == pytest.approx(0.0, abs=0.01)
    assert common(a, b, found.line) == pytest.approx((14.0, 20.0), abs=0.1)


def test_too_little_in_common_is_no_alignment() -> None:
    assert refine(WHOLE, WHOLE, Line(1.0, 0.0, offset_s=39.5)) is None


def test_the_robust_line_ignores_pieces_that_lie_elsewhere() -> None:
    fragment = altered(CHAINS["tempo"])
    pieces = pieces_along(fragment, WHOLE, Line(1.23, 0.0, START_S), reach_s=0.3)
    assert pieces is not None
    moved = pieces.b_s.copy()
    moved[::4] += 0.2
    bent = type(pieces)(pieces.a_s, moved, pieces.correlation, pieces.along)
    line = fitted(Line(1.22, 0.0, START_S), bent)
    assert line.tempo == pytest.approx(1.23, rel=1e-3)
    assert line.offset_s == pytest.approx(START_S, abs=0.02)


def test_distinct_places_are_half_a_second_apart_at_the_least() -> None:
    peaks = [Peak(Line(1.0, 0.0, s), x, x) for s, x in ((5.0, 0.5), (5.3, 0.9), (9.0, 0.7))]
    kept = distinct(peaks, moment_s=2.0, count=3)
    assert [peak.line.offset_s for peak in kept] == [5.3, 9.0]


def test_sampling_between_frames_is_linear() -> None:
    rows = np.array([[0.0, 1.0, 3.0]], np.float32)
    np.testing.assert_allclose(sample(rows, np.array([0.5, 1.5, 9.0])), [[0.5, 2.0, 3.0]])
    assert played_at(rows, 2.0).shape == (1, 6)


def test_shifting_moves_bins_and_shares_fractions() -> None:
    rows = np.zeros((84, 1), np.float32)
    rows[10] = 1
    np.testing.assert_array_equal(np.flatnonzero(shifted(rows, 3.0)), [13])
    np.testing.assert_allclose(shifted(rows, -0.25)[[9, 10], 0], [0.25, 0.75])
    assert not shifted(rows, 80.0).any()
