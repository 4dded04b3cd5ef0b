"""Tempo, pitch and speed by both methods; WSOLA must be as right, and kept out of training."""

import inspect

import numpy as np
import pytest

from augment.effect import EFFECTS, RECIPES
from augment.errors import EffectError
from augment.tempo import Pitch, Speed, Tempo, WsolaPitch, WsolaTempo
from cqtnet import recipes, views
from tests.augment import signals as s

RATE = 22050
FACTORS = [0.5, 0.85, 1.1, 2.0]
PIECE_S = 1024 / RATE


@pytest.mark.parametrize("sample_rate", [8000, 44100])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", [Tempo, WsolaTempo, Speed])
def test_duration_is_divided_by_the_factor(kind, factor, sample_rate):
    samples = s.sine(440.0, sample_rate=sample_rate)
    altered = kind(factor).apply(samples, sample_rate)
    assert altered.samples.size == pytest.approx(samples.size / factor, abs=1)
    span = altered.time_map.spans[0]
    assert span.rate == pytest.approx(factor, abs=factor / altered.samples.size)


@pytest.mark.parametrize("frequency", [110.0, 440.0, 1760.0])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize(("kind", "within_cents"), [(Tempo, 1), (WsolaTempo, 5)])
def test_tempo_keeps_the_pitch(kind, within_cents, factor, frequency):
    altered = kind(factor).apply(s.sine(frequency, sample_rate=RATE), RATE).samples
    assert abs(s.cents(s.frequency_hz(altered, sample_rate=RATE), frequency)) < within_cents


@pytest.mark.parametrize("frequency", [110.0, 440.0, 1000.0])
@pytest.mark.parametrize("shift_semitones", [-12.0, -0.3, 0.5, 4.0, 12.0])
@pytest.mark.parametrize(("kind", "within_cents"), [(Pitch, 1), (WsolaPitch, 5)])
def test_pitch_moves_a_tone_by_its_semitones(kind, within_cents, shift_semitones, frequency):
    if kind is Pitch and frequency < 220:
        frequency *= 2  # the vocoder is this exact from 220 Hz on
    altered = kind(shift_semitones).apply(s.sine(frequency, sample_rate=RATE), RATE).samples
    expected = frequency * 2 ** (shift_semitones / 12)
    assert abs(s.cents(s.frequency_hz(altered, sample_rate=RATE), expected)) < within_cents


@pytest.mark.parametrize(
    "effect", [*map(Tempo, FACTORS), WsolaTempo(0.8), WsolaTempo(1.35), WsolaPitch(-4.0)]
)
def test_a_tone_keeps_its_level_within_1_db(effect):
    samples = s.sine(440.0, sample_rate=RATE, duration_s=4.0)
    altered = effect.apply(samples, RATE).samples
    stretches = [altered[1323:-1323]]  # the vocoder's window holds half of it in 60 ms at the ends
    if effect.name.startswith("wsola"):
        stretches = [altered, altered[: RATE // 10], altered[-RATE // 10 :]]
    for stretch in stretches:
        assert 10 * np.log10(s.power(stretch) / s.power(samples)) == pytest.approx(0, abs=1)


def test_speed_of_a_sine_is_the_sine_at_the_new_frequency_sample_by_sample():
    altered = Speed(0.8).apply(s.sine(500.0, sample_rate=RATE), RATE).samples
    expected = s.sine(400.0, sample_rate=RATE, duration_s=2.5)
    np.testing.assert_allclose(altered[200:-200], expected[200:-200], atol=1e-3)


def test_no_change_asked_for_gives_a_copy():
    samples = s.sine(440.0, sample_rate=RATE)
    for effect in (Tempo(1.0), Speed(1.0), Pitch(0.0), WsolaTempo(1.0), WsolaPitch(0.0)):
        output = effect.apply(samples, RATE).samples
        assert np.array_equal(output, samples) and not np.shares_memory(output, samples)


def test_very_slow_tempo_replays_bit_for_bit_too_and_one_that_leaves_no_sample_is_refused():
    # Beyond twice as long the library draws random phases.
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    first, second = (Tempo(0.3).apply(noise, RATE).samples for _ in range(2))
    assert np.array_equal(first, second)
    with pytest.raises(EffectError, match="leaves no sample of 1"):
        Tempo(4.0).apply(np.ones(1, dtype=np.float32), RATE)


def clicks(moments_s, *, duration_s):
    """Single samples of 1 over faint noise: in digital silence WSOLA has nothing to fit."""
    noise = np.random.default_rng(5).standard_normal(round(duration_s * RATE))
    samples = (1e-4 * noise).astype(np.float32)
    for moment_s in moments_s:
        samples += s.impulse(samples.size, round(moment_s * RATE))
    return samples


# Not 2.0: there every other piece is left out, and clicks with it.
@pytest.mark.parametrize("factor", [0.5, 0.85, 0.93, 1.35])
def test_wsola_has_the_planted_tempo_and_stays_near_the_map(factor):
    moments = np.arange(0.5, 59.5, 0.31)
    altered = WsolaTempo(factor).apply(clicks(moments, duration_s=60.0), RATE)
    expected = altered.time_map.to_output(moments)
    landed = np.array(
        [s.loudest_moment_s(altered.samples, time, sample_rate=RATE) for time in expected]
    )
    # Half a piece, and 3 ms for what the measurement itself is uncertain by.
    assert np.abs((landed - expected) * factor).max() < PIECE_S / 2 + 0.003
    slope = np.polyfit(landed, moments, 1)[0]
    assert slope == pytest.approx(factor, rel=2e-4)  # 12 ms a minute: no drift


def test_neither_training_nor_validation_draws_wsola():
    wsola = {"wsola_tempo", "wsola_pitch"}
    assert wsola <= set(EFFECTS)
    drawn = [*RECIPES.values(), *views.CONDITIONS.values()]
    assert not any(wsola & set(recipe) for recipe in drawn)
    for module in (recipes, views):
        assert "wsola" not in inspect.getsource(module).lower()
