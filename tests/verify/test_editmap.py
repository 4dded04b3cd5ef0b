import re
from functools import cache
from itertools import product

import numpy as np
import pytest

from augment.effect import Chain
from augment.noise import ColouredNoise
from augment.tempo import Pitch, Speed, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.music import make_music
from tests.verify import planted
from verify.align import Candidate
from verify.editmap import Mapper, edit_map
from verify.edits import described, read_edits
from verify.features import Features, held
from verify.results import Line
from verify.waveform import left_db_of

NEAR_S = 0.15  # low notes are seen for half a second, and two places may sound the same
DURATION_S = 28.0


@cache
def piece(seed):
    return make_music(seed, duration_s=DURATION_S)


@cache
def original():
    return Features.of(piece(3))


def own(start_s, end_s, seed=3):
    return piece(seed)[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


def mapped(*pieces):
    return edit_map(Features.of(np.concatenate(pieces)), original())


SILENCE = np.zeros(3 * SAMPLE_RATE, np.float32)


@pytest.mark.parametrize(("kind", "pieces", "times", "words"), [
    ("cut", lambda: [own(0, 13), own(17, 28)], (13, 13, 13, 17), "missing"),
    ("inserted", lambda: [own(0, 13), own(4, 9, seed=8), own(13, 28)], (13, 18, 13, 13), "sound"),
    ("inserted", lambda: [own(0, 13), SILENCE, own(13, 28)], (13, 16, 13, 13), "3.0.*silence"),
    ("replaced", lambda: [own(0, 13), own(4, 9, seed=8), own(18, 28)], (13, 18, 13, 18), "else"),
    ("moved", lambda: [own(0, 6), own(18, 23), own(6, 18), own(23, 28)], (6, 11, 18, 23), "moved"),
    ("repeated", lambda: [own(0, 15), own(8, 13), own(15, 28)], (15, 20, 8, 13), "again"),
    ("looped", lambda: [own(0, 12), *3 * [own(8, 12)], own(12, 28)], (12, 24, 8, 12), "3 times"),
    ("trimmed", lambda: [own(6.5, 28)], (0, 0, 0, 6.5), "earlier"),
])  # fmt: skip
def test_a_planted_edit_is_the_only_one_told_with_its_times(kind, pieces, times, words):
    (edit,) = mapped(*pieces()).edits
    assert edit.kind == kind and re.search(words, edit.words)
    told = (edit.a_start_s, edit.a_end_s, edit.b_start_s, edit.b_end_s)
    assert told == pytest.approx(times, abs=NEAR_S)


@pytest.mark.parametrize("cut_ms", [100, 400])
def test_a_small_cut_is_found_to_the_length(cut_ms):
    cut_s = cut_ms / 1000
    # In the middle, where A is looked at first: a piece with a cut in it fits a wrong tempo.
    a, b = np.concatenate([own(0, 14), own(14 + cut_s, 28)]), own(0, 28)
    (edit,) = edit_map(Features.of(a), Features.of(b)).edits
    assert edit.a_start_s == pytest.approx(14, abs=0.1)
    assert edit.b_end_s - edit.b_start_s == pytest.approx(cut_s, abs=0.015)


def test_edits_are_found_through_tempo_pitch_and_noise():
    chain = Chain((Tempo(1.06), Pitch(-1.5), ColouredNoise(snr_db=20.0, seed=3)))
    edited = np.concatenate([own(0, 6), own(18, 23), own(6, 18), own(23, 28)])
    altered = chain.apply(edited, SAMPLE_RATE)
    found = edit_map(Features.of(altered.samples), original())
    truth = [(0, 6, 0, 6), (6, 11, 18, 23), (11, 23, 6, 18), (23, 28, 23, 28)]
    for stretch, (a_start, a_end, *in_b) in zip(found.stretches, truth, strict=True):
        ends = [altered.time_map.to_output(s) for s in (a_start + 1e-4, a_end - 1e-4)]
        times = [stretch.a_start_s, stretch.a_end_s, stretch.b_start_s, stretch.b_end_s]
        assert times == pytest.approx([*ends, *in_b], abs=0.1)
        assert stretch.line.tempo == pytest.approx(1.06, abs=0.001)
        assert stretch.line.shift_semitones == pytest.approx(-1.5, abs=0.05)


def test_each_stretch_has_its_own_tempo_and_pitch_also_where_the_pitch_alone_changes():
    higher = Chain((Tempo(1.1), Pitch(2.0))).apply(own(9, 18), SAMPLE_RATE).samples
    faster = Chain((Speed(0.94),)).apply(own(18, 28), SAMPLE_RATE).samples
    stretches = mapped(own(0, 9), higher, faster).stretches
    assert [s.line.tempo for s in stretches] == pytest.approx([1, 1.1, 0.94], abs=0.002)
    shifts = [s.line.shift_semitones for s in stretches]
    assert shifts == pytest.approx([0, 2, 12 * np.log2(0.94)], abs=0.05)
    assert [s.line.is_speed for s in stretches] == [False, False, True]
    higher = Pitch(1.0).apply(own(14, 28), SAMPLE_RATE).samples
    before, after = mapped(own(0, 14), higher).stretches
    assert (before.a_end_s, after.a_start_s) == pytest.approx((14, 14), abs=NEAR_S)
    assert after.line.shift_semitones == pytest.approx(1, abs=0.05)


def test_a_recording_is_itself_from_beginning_to_end_and_not_at_another_tempo():
    found = edit_map(original(), original())
    assert found.is_identical
    (stretch,) = found.stretches
    assert (stretch.a_start_s, stretch.b_start_s) == pytest.approx((0, 0), abs=0.02)
    assert stretch.duration_s == pytest.approx(DURATION_S, abs=0.05)
    faster = Tempo(1.05).apply(piece(3), SAMPLE_RATE).samples
    found = edit_map(Features.of(faster), original())
    assert not found.edits and found.is_altered and not found.is_identical


def test_different_recordings_silence_and_noise_match_nothing_not_even_silence(rng):
    found = edit_map(Features.of(piece(8)), original())
    assert (found.stretches, found.edits, found.common_s) == ((), (), 0)
    silence = Features.of(np.zeros(12 * SAMPLE_RATE, np.float32))
    noise = Features.of(rng.normal(0, 0.1, 12 * SAMPLE_RATE).astype(np.float32))
    for a, b in product((silence, noise), (silence, original())):
        assert edit_map(a, b).stretches == ()


def test_a_stretch_goes_on_through_silence_that_both_have_and_what_drowns_in_noise(rng):
    def with_silence():
        three = rng.normal(0, 1e-5, (3, 4 * SAMPLE_RATE)).astype(np.float32)  # never quite 0
        return np.concatenate([three[0], own(0, 10), three[1], own(10, 20), three[2]])

    silences = with_silence(), with_silence()
    sound = np.concatenate([own(0, 8) * np.float32(0.002), own(8, 20)])
    noisy = sound + rng.normal(0, 0.02, sound.size).astype(np.float32)
    for a, b in (silences, (noisy, sound)):
        (stretch,) = edit_map(Features.of(a), Features.of(b)).stretches
        ends = (stretch.a_start_s, stretch.a_end_s)
        assert ends == pytest.approx((0, a.size / SAMPLE_RATE), abs=0.05)


def test_a_beginning_that_drowns_goes_on_where_b_was_left(rng):
    quiet = own(13, 14) * np.float32(0.003)
    b = Features.of(np.concatenate([own(0, 13), quiet, own(14, 24)]))
    loud = own(4, 9, seed=11)
    rest = np.concatenate([quiet, own(14, 24)])
    rest += rng.normal(0, 0.01, rest.size).astype(np.float32)
    found = edit_map(Features.of(np.concatenate([own(0, 13), loud, rest])), b)
    before, after = found.stretches
    assert after.b_start_s == pytest.approx(before.b_end_s, abs=0.001)
    assert [edit.kind for edit in found.edits] == ["inserted"]


@pytest.mark.parametrize(("start_s", "line"), [(4, None), (0, Line(1, 0, 4))])
def test_features_that_begin_later_and_a_known_line_lead_to_the_same_map(start_s, line):
    edited = Features.of(np.concatenate([own(0, 13), own(17, 28)]))
    found = edit_map(edited.part(start_s, 24), original(), line=line)
    (edit,) = [edit for edit in found.edits if edit.kind != "trimmed"]
    assert edit.kind == "cut"
    assert (edit.a_start_s, edit.b_start_s, edit.b_end_s) == pytest.approx((13, 13, 17), abs=NEAR_S)


# How stretches are joined, on planted features: what A follows is known, and how well.

X = planted.noise(1, 6.0)
B = planted.joined(planted.noise(2, 8.0), X, planted.noise(3, 6.0), X, planted.noise(4, 8.0))


def tidied(a, *stretches, elsewhere=0.0):
    """Stretches of A after tidying; `elsewhere` in B is another place where A may go on."""
    mapper = Mapper(a, B)
    mapper.stretches, mapper.usual = list(stretches), 1.0
    mapper.candidates = [Candidate(Line(1.0, 0.0, elsewhere))]
    return mapper.tidied()


def test_a_stretch_is_where_its_neighbour_left_off_unless_it_agrees_better_elsewhere():
    found = tidied(B.part(0, 14), planted.stretch(0, 0, 8), planted.stretch(20, 8, 14))
    assert [(s.b_start_s, s.b_end_s) for s in found] == [pytest.approx((0, 14))]
    a = planted.joined(B.part(0, 8), B.part(15, 20))
    found = tidied(a, planted.stretch(0, 0, 8), planted.stretch(15, 8, 13))
    assert [s.b_start_s for s in found] == pytest.approx([0, 15], abs=0.01)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_loop_has_the_fewest_edits_and_open_places_are_told(noise):
    bar = make_music(11, duration_s=16.0)
    loop = np.tile(bar, 4)
    loop += noise * np.random.default_rng(0).standard_normal(loop.size).astype(np.float32)
    b, sound = Features.of(loop), held(loop)
    cut = np.concatenate([loop[: 21 * SAMPLE_RATE], loop[29 * SAMPLE_RATE :]])
    (edit,) = edit_map(Features.of(cut), b).edits
    assert edit.kind == "cut" and (edit.b_start_s, edit.b_end_s) == pytest.approx((21, 29), abs=0.1)
    part = loop[21 * SAMPLE_RATE : 29 * SAMPLE_RATE]
    (stretch,) = edit_map(Features.of(part), b, left_db=left_db_of(held(part), sound)).stretches
    starts_s = sorted([stretch.b_start_s, *stretch.also_b_s])
    assert starts_s == pytest.approx([21] if noise else [5, 21, 37, 53], abs=0.05)
    assert ("or" in described(stretch)) == (not noise)


@pytest.mark.parametrize(("end_s", "start_s"), [(10, 14.3), (10, 13.7), (9.7, 14), (10.3, 14)])
def test_ends_beside_an_insertion_meet_where_the_sound_says(end_s, start_s):
    a = planted.joined(B.part(0, 10), planted.noise(5, 4.0), B.part(10, 20))
    before, after = planted.stretch(0, 0, end_s), planted.stretch(start_s - 4, start_s, 24)
    one, other = tidied(a, before, after, elsewhere=-4.0)
    assert one.b_end_s == pytest.approx(other.b_start_s, abs=1e-6)
    assert (one.a_end_s, other.a_start_s) == pytest.approx((10, 14), abs=0.1)


@pytest.mark.parametrize(
    ("missing_s", "level", "first_s"), [(0.5, 0.3, 0), (1.0, 0.3, 1), (2.0, 0.01, 0), (4, 0.01, 4)]
)
def test_a_first_stretch_begins_with_both_if_nothing_audible_is_missing(missing_s, level, first_s):
    a = B.part(0, 20)
    quiet = planted.joined(B)
    quiet.level[: planted.frames(missing_s)] = level
    mapper = Mapper(a, quiet)
    mapper.stretches, mapper.usual = [planted.stretch(missing_s, missing_s, 20)], 1.0
    (found,) = mapper.tidied()
    assert (found.a_start_s, found.b_start_s) == pytest.approx((first_s, first_s))


def planned(duration_s):
    """Features that say nothing but how long and how loud a recording is."""
    n = round(duration_s * FRAMES_PER_SECOND)
    loud = np.ones(n, np.float32)
    return Features(np.zeros((84, n), np.float32), np.zeros((1, 1), np.float32), loud, loud)


def read(a_duration_s, b_duration_s, *stretches):
    """Edits read from stretches (start in A, end in A, start in B) at B's tempo."""
    made = [planted.stretch(b_s, start_s, end_s) for start_s, end_s, b_s in stretches]
    found = read_edits(made, planned(a_duration_s), planned(b_duration_s))
    times_s = [(e.a_start_s, e.a_end_s, e.b_start_s, e.b_end_s) for e in found]
    return [(e.kind, *np.round(times, 1)) for e, times in zip(found, times_s, strict=True)]


MOVED = ((0, 10, 0), (10, 14, 20), (14, 24, 10))


@pytest.mark.parametrize(("lengths_s", "stretches", "edits"), [
    ((30, 30), [(0, 10, 0), (10, 14, 26), (14, 30, 10)], [("moved", 10, 14, 26, 30)]),
    ((26, 30), [(0, 10, 0), (10, 14, 20), (14, 20, 14), (20, 26, 24)],
     [("cut", 10, 10, 10, 14), ("moved", 10, 14, 20, 24)]),
    ((30, 30), [*MOVED, (24, 30, 24.04)], [("moved", 10, 14, 20, 24)]),
    ((30, 30), [(0, 10, 0), (10, 29.9, 10.1)], [("cut", 10, 10, 10, 10.1)]),
    ((34, 30), [(0, 14, 0), (14, 34, 10)], [("repeated", 14, 18, 10, 14)]),
    ((25, 30), [(5, 25, 0)], [("inserted", 0, 5, 0, 0), ("trimmed", 25, 25, 20, 30)]),
    ((30, 30), [(0.02, 12, 0.02), (12, 16, 20.02), (16.01, 24, 12.07), (24, 30, 24)],
     [("moved", 12, 16, 20, 24)]),
], ids=[
    "of two that changed places the shorter one was moved",
    "what is moved is neither inserted nor cut",
    "a gap beside what was moved is known less exactly", "a gap at a join is known exactly",
    "what the next stretch begins with again is repeated",
    "foreign beginning and missing end are told apart",
    "ends that are uncertain by a frame are no edits",
])  # fmt: skip
def test_edits_are_read_from_stretches(lengths_s, stretches, edits):
    assert read(*lengths_s, *stretches) == edits
