"""Gain, clipping and compression: effects on the level alone."""

import numpy as np
import pytest

from augment.errors import EffectError
from augment.noise import mean_square, scaled_to_level
from augment.tone import Compressor, Gain, HardClip, Invert, SoftClip
from tests.augment.signals import gain_db_at, sine

RATE = 22050


def _one(samples: list[float]) -> np.ndarray:
    return np.array(samples, dtype=np.float32)


def test_minus_6_db_is_half() -> None:
    output = Gain(-6.0206).apply(_one([1.0, -0.5]), RATE).samples
    assert output == pytest.approx([0.5, -0.25], abs=1e-6)


def test_gain_does_not_clip() -> None:
    assert Gain(20.0).apply(_one([0.5]), RATE).samples == pytest.approx([5.0])


def test_gain_beyond_float32_is_refused() -> None:
    with pytest.raises(EffectError, match="beyond what float32 holds"), np.errstate(over="ignore"):
        Gain(60.0).apply(_one([3e38]), RATE)


def test_invert_turns_the_wave_upside_down() -> None:
    assert Invert().apply(_one([0.5, -0.25, 0.0]), RATE).samples.tolist() == [-0.5, 0.25, 0.0]


def test_hard_clip_cuts_at_so_many_db_under_the_peak() -> None:
    output = HardClip(6.0206).apply(_one([0.8, 0.3, -0.5, -0.8]), RATE).samples
    assert output == pytest.approx([0.4, 0.3, -0.4, -0.4], abs=1e-5)


def test_hard_clip_of_0_db_changes_nothing() -> None:
    samples = sine(440.0, sample_rate=RATE)
    assert np.array_equal(HardClip(0.0).apply(samples, RATE).samples, samples)


def test_soft_clip_passes_small_samples_and_stays_under_its_ceiling() -> None:
    # Ceiling 1 / 10 = 0.1: tanh(0.001 / 0.1) = 0.0099997, tanh(10) = 1.
    output = SoftClip(20.0).apply(_one([1.0, 0.001]), RATE).samples
    assert output[1] == pytest.approx(0.00099997, rel=1e-4)
    assert output[0] == pytest.approx(0.1, rel=1e-6)


def test_clipping_depends_on_the_shape_and_not_on_the_level() -> None:
    samples = sine(440.0, sample_rate=RATE)
    for effect in (HardClip(6.0), SoftClip(6.0)):
        loud, quiet = (effect.apply(samples * gain, RATE).samples for gain in (1.0, 0.01))
        np.testing.assert_allclose(loud, quiet * 100, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("ratio", "reduction_db"), [(2.0, 10.0), (4.0, 15.0), (100.0, 19.8)])
def test_a_steady_tone_is_reduced_by_its_excess_and_the_ratio(
    ratio: float, reduction_db: float
) -> None:
    # 20 dB over the threshold; of those, 20 / ratio remain.
    effect = Compressor(-20.0, ratio, attack_s=0.002, release_s=0.5)
    measured = gain_db_at(effect, 2000.0, sample_rate=RATE)
    assert measured == pytest.approx(-reduction_db, abs=0.2)


def test_what_is_under_the_threshold_passes() -> None:
    loud = sine(2000.0, sample_rate=RATE)
    samples = np.concatenate([loud * np.float32(0.05), loud])
    effect = Compressor(-20.0, 4.0, attack_s=0.002, release_s=0.1)
    output = effect.apply(samples, RATE).samples
    half = loud.size // 2  # the loud part begins after both
    np.testing.assert_allclose(output[:half], samples[:half], rtol=1e-5)


def test_makeup_is_added_everywhere() -> None:
    effect = Compressor(0.0, 4.0, makeup_db=6.0)
    assert gain_db_at(effect, 1000.0, sample_rate=RATE) == pytest.approx(6.0, abs=0.01)


@pytest.mark.parametrize(("attack_s", "release_s"), [(0.05, 0.2), (0.2, 0.05)])
def test_attack_and_release_are_time_constants(attack_s: float, release_s: float) -> None:
    # A loud second between quiet ones: 20 dB over the threshold, halved to 10 dB.
    quiet, loud = np.full(RATE, 0.001, np.float32), np.full(RATE, 1.0, np.float32)
    samples = np.concatenate([quiet, loud, quiet])
    effect = Compressor(-20.0, 2.0, attack_s=attack_s, release_s=release_s)
    reduction_db = -20 * np.log10(effect.apply(samples, RATE).samples / samples)
    after_attack = reduction_db[RATE + round(attack_s * RATE)]
    after_release = reduction_db[2 * RATE + round(release_s * RATE)]
    assert after_attack == pytest.approx(10 * (1 - np.exp(-1)), abs=0.2)
    assert after_release == pytest.approx(10 * np.exp(-1), abs=0.2)


def test_a_sound_is_set_to_a_level_relative_to_another() -> None:
    tone = sine(440.0, sample_rate=RATE)
    scaled = scaled_to_level(tone * 3, tone, level_db=-20.0)
    assert mean_square(scaled) == pytest.approx(mean_square(tone) / 100, rel=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gain(61.0), "gain_db 61.0 is not within -120 to 60"),
        (lambda: HardClip(-1.0), "over_db -1.0 is not within 0 to 60"),
        (lambda: SoftClip(70.0), "over_db 70.0 is not within 0 to 60"),
        (lambda: Compressor(1.0, 2.0), "threshold_db 1.0 is not within -80 to 0"),
        (lambda: Compressor(-1.0, 0.5), "ratio 0.5 is not within 1 to 100"),
        (lambda: Compressor(-1.0, 2.0, 0.0), "attack_s 0.0 is not within 0.0005 to 5"),
    ],
)
def test_parameters_outside_their_limits_are_refused(make, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EffectError, match=message):
        make()
