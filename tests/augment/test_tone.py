import random

import numpy as np
import pytest

from augment import tone
from augment.errors import EffectError
from augment.tone import TRANSFORMS, Audiomentation, Compressor, Equaliser, Gain, HighPass, LowPass
from tests.augment.signals import gain_db_at, impulse, sine

RATE = 22050


@pytest.mark.parametrize("sample_rate", [4000, 16000, 22050, 192000])
def test_telephone_keeps_speech_and_removes_the_rest(sample_rate):
    assert gain_db_at(tone.Telephone(), 1000.0, sample_rate=sample_rate) == pytest.approx(0, abs=1)
    assert gain_db_at(tone.Telephone(), 100.0, sample_rate=sample_rate) < -30
    if sample_rate > 12000:
        assert gain_db_at(tone.Telephone(), 6000.0, sample_rate=sample_rate) < -30


@pytest.mark.parametrize(("effect", "gains_db"), [
    (LowPass(1000.0), {500: 0, 1000: -3.01, 2000: -48.2}),
    (HighPass(1000.0), {4000: 0, 1000: -3.01, 500: -24.1}),
])  # fmt: skip
def test_a_filter_is_3_db_down_at_its_cutoff_and_then_as_steep_as_its_order(effect, gains_db):
    for hz, gain_db in gains_db.items():
        tolerance = 0.02 * abs(gain_db) + 0.05
        assert gain_db_at(effect, hz, sample_rate=44100) == pytest.approx(gain_db, abs=tolerance)


def test_a_cutoff_beyond_the_recording_changes_nothing_or_is_refused():
    samples = sine(1000.0, sample_rate=8000)
    output = LowPass(4000.0).apply(samples, 8000).samples
    assert np.array_equal(output, samples) and not np.shares_memory(output, samples)
    with pytest.raises(EffectError, match=r"cutoff of 5000 Hz leaves nothing .* ends at 4000 Hz"):
        HighPass(5000.0).apply(samples, 8000)


def response_db(effect, sample_rate=44100):
    """Gain in dB per 1 Hz, from the impulse response."""
    response = effect.apply(impulse(sample_rate), sample_rate).samples
    return 20 * np.log10(np.abs(np.fft.rfft(response.astype(np.float64))))


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_each_band_has_its_gain_and_leaves_the_others(gain_db):
    low = response_db(Equaliser(low_gain_db=gain_db))
    assert low[[1, 200, 10000]] == pytest.approx([gain_db, gain_db / 2, 0], abs=0.05)
    mid = response_db(Equaliser(mid_gain_db=gain_db))
    assert mid[[1, 1000, 22000]] == pytest.approx([0, gain_db, 0], abs=0.05)
    high = response_db(Equaliser(high_gain_db=gain_db))
    assert high[[1, 4000, 22050]] == pytest.approx([0, gain_db / 2, gain_db], abs=0.05)


def test_the_peak_is_as_wide_as_its_q_says_and_a_band_beyond_the_recording_does_nothing():
    # A cookbook peak has half its dB at the edges of its bandwidth, frequency / q. The bilinear
    # transform narrows it a little; at 1 kHz of 192 kHz by nothing to speak of.
    measured = response_db(Equaliser(mid_hz=1000.0, mid_gain_db=12.0, mid_q=2.0), 192000)
    inside = np.flatnonzero(measured > 6.0)
    assert inside.max() - inside.min() == pytest.approx(500, rel=0.02)
    samples = sine(440.0, sample_rate=8000)
    equal = Equaliser(low_hz=5000, mid_hz=6000, high_hz=7000, high_gain_db=12, mid_gain_db=9)
    assert np.array_equal(equal.apply(samples, 8000).samples, samples)


# A ceiling of 20 dB under a peak of 1 is 0.1: tanh(0.001 / 0.1) = 0.0099997, tanh(10) = 1.
@pytest.mark.parametrize(("effect", "samples", "expected"), [
    (Gain(-6.0206), [1.0, -0.5], [0.5, -0.25]),
    (Gain(20.0), [0.5], [5.0]),
    (tone.Invert(), [0.5, -0.25, 0.0], [-0.5, 0.25, 0.0]),
    (tone.HardClip(6.0206), [0.8, 0.3, -0.5, -0.8], [0.4, 0.3, -0.4, -0.4]),
    (tone.HardClip(0.0), [0.8, 0.3, -0.8], [0.8, 0.3, -0.8]),
    (tone.SoftClip(20.0), [1.0, 0.001], [0.1, 0.00099997]),
])  # fmt: skip
def test_level_effects_by_hand(effect, samples, expected):
    output = effect.apply(np.array(samples, dtype=np.float32), RATE).samples
    assert output == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_gain_beyond_float32_is_refused():
    with pytest.raises(EffectError, match="beyond what float32 holds"), np.errstate(over="ignore"):
        Gain(60.0).apply(np.array([3e38], dtype=np.float32), RATE)


@pytest.mark.parametrize(("ratio", "reduction_db"), [(2.0, 10.0), (4.0, 15.0), (100.0, 19.8)])
def test_a_steady_tone_is_reduced_by_its_excess_and_the_ratio(ratio, reduction_db):
    # 20 dB over the threshold; of those, 20 / ratio remain.
    effect = Compressor(-20.0, ratio, attack_s=0.002, release_s=0.5)
    assert gain_db_at(effect, 2000.0, sample_rate=RATE) == pytest.approx(-reduction_db, abs=0.2)


@pytest.mark.parametrize(("attack_s", "release_s"), [(0.05, 0.2), (0.2, 0.05)])
def test_attack_and_release_are_time_constants(attack_s, release_s):
    # A loud second between quiet ones: 20 dB over the threshold, halved to 10 dB.
    quiet, loud = np.full(RATE, 0.001, np.float32), np.full(RATE, 1.0, np.float32)
    samples = np.concatenate([quiet, loud, quiet])
    effect = Compressor(-20.0, 2.0, attack_s=attack_s, release_s=release_s)
    reduction_db = -20 * np.log10(effect.apply(samples, RATE).samples / samples)
    after_attack = reduction_db[RATE + round(attack_s * RATE)]
    after_release = reduction_db[2 * RATE + round(release_s * RATE)]
    assert after_attack == pytest.approx(10 * (1 - np.exp(-1)), abs=0.2)
    assert after_release == pytest.approx(10 * np.exp(-1), abs=0.2)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform_replays_and_keeps_the_length(transform, sweep):
    effect = Audiomentation(transform, seed=5)
    first, second = (effect.apply(sweep, RATE).samples for _ in range(2))
    assert first.tobytes() == second.tobytes() and first.shape == sweep.shape


def test_options_and_the_seed_go_to_the_library_and_the_global_generators_stay(sweep):
    options = {"min_gain_db": -6.0206, "max_gain_db": -6.0206}
    altered = Audiomentation("Gain", seed=0, options=options).apply(sweep, RATE)
    np.testing.assert_allclose(altered.samples, 0.5 * sweep, rtol=1e-4, atol=1e-7)
    noisy = [Audiomentation("AddGaussianNoise", seed).apply(sweep, RATE) for seed in (1, 2)]
    assert not np.array_equal(noisy[0].samples, noisy[1].samples)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = (random.random(), np.random.random())  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    Audiomentation("TimeMask", seed=9).apply(sweep, RATE)
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


def test_what_moves_time_or_does_not_exist_is_refused(sweep):
    with pytest.raises(EffectError, match="transform 'TimeStretch' is unknown; choose from Add"):
        Audiomentation("TimeStretch", seed=0)
    wrong = Audiomentation("Gain", seed=0, options={"volume": 11})
    with pytest.raises(EffectError, match=r"Gain refuses .*volume"):
        wrong.apply(sweep, RATE)
