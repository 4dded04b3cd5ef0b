"""Changes that were made are named, with their figures; what was not made is not."""

from functools import cache

import numpy as np
import pytest
import soundfile

from augment.codec import Codec
from augment.noise import ColouredNoise, scaled_to_level
from augment.room import Room
from augment.tempo import Speed, resample
from augment.tone import Compressor, Equaliser, Gain, HardClip, HighPass, Invert, LowPass, Telephone
from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from verify.alterations import find_alterations
from verify.commands.compare import tell
from verify.comparison import Comparer
from verify.features import held
from verify.report.page import part_of
from verify.results import Alignment, Line
from verify.waveform import Waveform, compare_waveforms

START = 2 * SAMPLE_RATE


def coloured(seed, duration_s):
    """A piece that has something to hear in all bands, as records do, with pauses."""
    piece = make_music(seed, duration_s=duration_s)
    rng = np.random.default_rng(seed)
    envelope = np.abs(piece) / np.abs(piece).max()
    return (piece + 0.15 * envelope * rng.standard_normal(piece.size)).astype(np.float32)


@cache
def song():
    return coloured(31, 24.0)


def fragment():
    return song()[START : START + 18 * SAMPLE_RATE]


LINE = Line(1.0, 0.0, START / SAMPLE_RATE)


def found(samples, *, is_swapped=False):
    """What is found of samples that were made of the fragment."""
    a, b = held(np.asarray(samples, np.float32)), held(song())
    alignment = Alignment(0.0, len(samples) / SAMPLE_RATE, LINE, 0.9, 0.9, 0.001, 1.0)
    if is_swapped:
        a, b, alignment = b, a, alignment.swapped
    waveform = compare_waveforms(a, b, alignment)
    return {one.kind: one for one in find_alterations(a, b, alignment, waveform)}


def changed(effect):
    return effect.apply(fragment(), SAMPLE_RATE).samples


@pytest.mark.parametrize("is_swapped", [False, True])
@pytest.mark.parametrize(("effect", "kind", "value", "within"), [
    (LowPass(2500.0), "low_pass", 2500.0, 300.0),
    (HighPass(400.0), "high_pass", 400.0, 60.0),
    (ColouredNoise(15.0, seed=3, colour="pink"), "noise", 15.0, 4.0),
    (Room(1.0, 0.0, seed=4), "reverberation", 1.0, 0.4),
    (HardClip(12.0), "clipped", 0.05, 0.05),
    (Compressor(-35.0, 8.0), "compressed", 2.0, 2.0),
    (Equaliser(low_hz=300.0, low_gain_db=9.0), "equalised", 9.0, 1.5),
])  # fmt: skip
def test_a_change_is_named_with_its_figure_and_its_side(effect, kind, value, within, is_swapped):
    one = found(changed(effect), is_swapped=is_swapped)
    assert set(one) == {kind}
    side = "B" if is_swapped else "A"
    assert one[kind].side == (None if kind == "equalised" else side)
    assert one[kind].value == pytest.approx(value, abs=within)


@pytest.mark.parametrize("make", [
    fragment, lambda: changed(Gain(-9.0)), lambda: changed(Invert()),
    lambda: resample(resample(fragment(), SAMPLE_RATE, 44100), 44100, SAMPLE_RATE),
], ids=["unaltered", "quieter", "reversed", "resampled"])  # fmt: skip
def test_nothing_is_claimed_of_a_copy(make):
    for is_swapped in (False, True):
        assert found(make(), is_swapped=is_swapped) == {}


def test_a_clock_is_measured_in_millionths():
    faster = changed(Speed(1 + 120e-6))
    both = [found(faster, is_swapped=is_swapped)["clock"].value for is_swapped in (False, True)]
    assert both == pytest.approx([120, -120], abs=3)


def test_another_sound_is_no_noise():
    other = scaled_to_level(coloured(77, 18.0), fragment(), level_db=-8.0)
    one = found(fragment() + other[: fragment().size])
    assert set(one) == {"added_sound"}
    assert one["added_sound"].value == pytest.approx(8, abs=4)


def test_a_codec_of_low_rate_is_named():
    one = found(changed(Codec("amr_nb", 5.9)))
    assert "coded" in one and one["coded"].side == "A"
    assert set(one) <= {"coded", "low_pass", "high_pass"}


@pytest.mark.parametrize("effect", [
    HighPass(300.0), Telephone(), Codec("amr_nb", 12.2), Codec("g711_alaw", 64.0),
    Codec("g723_1", 6.3), Codec("opus_voip", 8.0),
], ids=str)  # fmt: skip
def test_filters_and_telephone_codecs_do_not_reverse_the_polarity(effect):
    alignment = Alignment(0.0, 18.0, LINE, 0.9, 0.9, 0.001, 1.0)
    waveform = compare_waveforms(held(changed(effect)), held(song()), alignment)
    assert waveform is None or not waveform.inverted
    reversed_too = compare_waveforms(held(changed(Invert())), held(song()), alignment)
    assert reversed_too is not None and reversed_too.inverted


def test_a_comparison_tells_them_in_text_and_json(tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path, samples in zip(paths, (changed(Telephone()), song()), strict=True):
        soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")
    comparer = Comparer.named("default")
    a, b = map(comparer.read, paths)
    comparison = comparer.compare(a, b)
    kinds = {one["kind"]: one["value"] for one in comparison.to_dict()["alterations"]}
    assert kinds == {"low_pass": pytest.approx(3400, abs=200),
                     "high_pass": pytest.approx(300, abs=60)}  # fmt: skip
    assert "           A: low-pass at 3.4 kHz" in tell(comparison)
    row = "Altered</th><td>A: low-pass at 3.4 kHz"
    assert row in part_of(comparison, a, b, comparer.calibration).body


@pytest.mark.parametrize(("gain_db", "correlation", "is_proved"), [
    (-6.0, 1.0, True), (-6.0, 0.9, True), (-1.0, 0.9, False), (1.0, 0.9, True), (0.3, 1.0, False),
])  # fmt: skip
def test_a_level_that_noise_in_b_explains_is_not_stated(gain_db, correlation, is_proved):
    assert Waveform(correlation, False, gain_db, 0.0).is_level_proved == is_proved
