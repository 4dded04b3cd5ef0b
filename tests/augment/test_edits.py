"""Cuts, crops, repeats, insertions and mixes: exact to the sample, in sound and map."""

import numpy as np
import pytest
import soundfile

import augment
from augment.edits import Crop, Cut, InsertSilence, Mix, Repeat, edits_by_source_time
from augment.errors import EffectError
from augment.timemap import Span, TimeMap
from tests.augment.signals import frequency_hz, power, sine

RATE = 4000
RAMP = np.arange(10 * RATE, dtype=np.float32) / (10 * RATE)
"""Ten seconds in which every sample says its own place."""


@pytest.mark.parametrize(("effect", "pieces", "spans"), [
    (Cut(5, 6), [(0, 5), (6, 10)], [(0, 5, 0, 5), (5, 9, 6, 10)]),
    (Cut(0, 2), [(2, 10)], [(0, 8, 2, 10)]),
    (Cut(8, 10), [(0, 8)], [(0, 8, 0, 8)]),
    (Crop(2.5, 4), [(2.5, 4)], [(0, 1.5, 2.5, 4)]),
    (Repeat(3, 4, 4), [(0, 4), (3, 10)], [(0, 4, 0, 4), (4, 11, 3, 10)]),
    (Repeat(1, 2, 5), [(0, 5), (1, 2), (5, 10)], [(0, 5, 0, 5), (5, 6, 1, 2), (6, 11, 5, 10)]),
    (InsertSilence(5, 2), [(0, 5), 2, (5, 10)], [(0, 5, 0, 5), (7, 12, 5, 10)]),
    (InsertSilence(0, 2), [2, (0, 10)], [(2, 12, 0, 10)]),
    (InsertSilence(10, 2), [(0, 10), 2], [(0, 10, 0, 10)]),
])  # fmt: skip
def test_an_edit_is_exact(effect, pieces, spans):
    """`pieces` are stretches of the source, or seconds of silence."""
    altered = effect.apply(RAMP, RATE)
    expected = [
        np.zeros(p * RATE) if p == 2 else RAMP[round(p[0] * RATE) : round(p[1] * RATE)]
        for p in pieces
    ]
    assert np.array_equal(altered.samples, np.concatenate(expected))
    assert altered.time_map == TimeMap(tuple(Span(*span) for span in spans))


@pytest.mark.parametrize(("effect", "message"), [
    (Cut(9.0, 10.5), r"10.5 s is after the end .* at 10 s"),
    (InsertSilence(11.0, 1.0), "11 s is after the end"),
    (Cut(0.0, 10.0), "whole recording"),
    (Cut(1.0, 1.00001), "holds no sample"),
])  # fmt: skip
def test_times_that_the_recording_does_not_have_are_refused(effect, message):
    with pytest.raises(EffectError, match=message):
        effect.apply(RAMP, RATE)
    with pytest.raises(EffectError, match="end_s 2 is not after start_s 3"):
        Crop(3.0, 2.0)


def test_another_recording_is_put_in_at_its_level(other_recording):
    samples = sine(200.0, sample_rate=22050, duration_s=4.0)
    effect = augment.InsertRecording(str(other_recording), 1.0, 2.0, 1.5, level_db=-6.0)
    altered = effect.apply(samples, 22050)
    piece = altered.samples[44100 : 44100 + 33075]
    assert altered.samples.size == samples.size + 33075
    assert frequency_hz(piece, sample_rate=22050) == pytest.approx(700, abs=0.5)
    assert 10 * np.log10(power(piece) / power(samples)) == pytest.approx(-6.0, abs=0.01)
    assert altered.time_map == TimeMap((Span(0, 2, 0, 2), Span(3.5, 5.5, 2, 4)))


def test_a_piece_is_no_longer_than_its_file(tmp_path, rng):
    path = str(tmp_path / "short.wav")
    soundfile.write(path, sine(500.0, sample_rate=RATE, duration_s=0.3), RATE)
    for _ in range(20):
        augment.InsertRecording.draw(rng, duration_s=10.0, paths=[path]).apply(RAMP, RATE)
    with pytest.raises(EffectError, match=r"has 0.2 s after 0.1 s, not 1.5 s"):
        augment.InsertRecording(path, 0.1, 2.0, 1.5).apply(RAMP, RATE)


def test_a_mix_has_its_level_and_its_place_and_ends_with_recording_or_file(other_recording):
    rate, path = 22050, str(other_recording)
    samples = sine(200.0, sample_rate=rate, duration_s=4.0)
    effect = Mix(path, 1.0, at_s=1.0, length_s=2.0, level_db=-12.0)
    added = effect.apply(samples, rate).samples - samples
    assert not added[:rate].any() and not added[3 * rate :].any()
    during = added[rate : 3 * rate]
    assert frequency_hz(during, sample_rate=rate) == pytest.approx(700, abs=0.5)
    ratio_db = 10 * np.log10(power(during) / power(samples[rate : 3 * rate]))
    assert ratio_db == pytest.approx(-12.0, abs=0.01)
    late = Mix(path, 0.0, at_s=3.5, length_s=9.0, level_db=0.0)
    assert late.apply(samples, rate).samples.size == samples.size
    last_second = Mix(path, 6.0, at_s=0.0, length_s=4.0, level_db=0.0)
    added = last_second.apply(samples, rate).samples - samples
    assert added[: rate - 10].any() and not added[rate + 10 :].any()
    with pytest.raises(EffectError, match="no sample to mix at 4 s"):
        Mix(path, 0.0, at_s=4.0, length_s=1.0, level_db=0.0).apply(samples, rate)


@pytest.mark.parametrize(("edits", "effects"), [
    ({}, []),
    ({"crop": (1, 9), "cuts": [(2, 3)]}, [Crop(1, 9), Cut(1, 2)]),
    ({"cuts": [(2, 3), (3, 4)], "silences": [(4, 1)]}, [InsertSilence(4, 1), Cut(3, 4), Cut(2, 3)]),
    ({"cuts": [(2, 3)], "silences": [(2, 1)]}, [Cut(2, 3), InsertSilence(2, 1)]),
], ids=["none", "within a crop", "neighbours", "silence where a cut begins"])  # fmt: skip
def test_edits_by_source_time_run_from_the_last_to_the_first(edits, effects):
    assert list(edits_by_source_time(**edits)) == effects


@pytest.mark.parametrize(("edits", "message"), [
    ({"cuts": [(2, 4), (3, 5)]}, "edit at 2 s reaches into the one at 3 s"),
    ({"cuts": [(2, 4)], "silences": [(3, 1)]}, "edit at 2 s reaches into the one at 3 s"),
    ({"crop": (1, 9), "cuts": [(0.5, 2)]}, r"edit at 0.5 s is outside the crop of 1 s to 9 s"),
])  # fmt: skip
def test_edits_that_overlap_or_leave_the_crop_are_refused(edits, message):
    with pytest.raises(EffectError, match=message):
        list(edits_by_source_time(**edits))
