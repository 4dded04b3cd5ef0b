import numpy as np
import pytest

from augment.errors import EffectError
from augment.tempo import Pitch, Speed, Tempo
from tests.augment.signals import (
    bursts,
    cents,
    frequency_hz,
    impulse,
    lag_samples,
    loudest_moment_s,
    power,
    sine,
)

RATE = 22050
FACTORS = [0.5, 0.8, 0.93, 1.1, 1.35, 2.0]


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100])
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", [Tempo, Speed])
def test_duration_is_divided_by_the_factor(
    kind: type[Tempo] | type[Speed], factor: float, sample_rate: int
) -> None:
    samples = sine(440.0, sample_rate=sample_rate)
    altered = kind(factor).apply(samples, sample_rate)
    assert altered.samples.size == pytest.approx(samples.size / factor, abs=1)
    span = altered.time_map.spans[0]
    assert span.rate == pytest.approx(factor, abs=factor / altered.samples.size)


@pytest.mark.parametrize("frequency", [110.0, 440.0, 1760.0])
@pytest.mark.parametrize("factor", FACTORS)
def test_tempo_keeps_the_pitch_within_1_cent(factor: float, frequency: float) -> None:
    altered = Tempo(factor).apply(sine(frequency, sample_rate=RATE), RATE).samples
    assert abs(cents(frequency_hz(altered, sample_rate=RATE), frequency)) < 1


@pytest.mark.parametrize("factor", FACTORS)
def test_tempo_keeps_the_level_of_a_tone_within_1_db(factor: float) -> None:
    samples = sine(440.0, sample_rate=RATE, duration_s=4.0)
    altered = Tempo(factor).apply(samples, RATE).samples
    # Without the first and last 60 ms, where the window of the vocoder holds half of it.
    inside = altered[1323:-1323]
    assert 10 * np.log10(power(inside) / power(samples)) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("kind", [Tempo, Speed])
@pytest.mark.parametrize("factor", [0.8, 0.93, 1.1, 1.2, 1.35])
def test_single_sample_clicks_land_where_the_map_says(
    kind: type[Tempo] | type[Speed], factor: float
) -> None:
    moments = [0.4, 2.0, 3.5, 5.6]
    samples = sum(impulse(6 * RATE, round(moment * RATE)) for moment in moments)
    altered = kind(factor).apply(np.asarray(samples, dtype=np.float32), RATE)
    for moment in moments:
        expected = altered.time_map.to_output(moment)
        found = loudest_moment_s(altered.samples, expected, sample_rate=RATE)
        assert found == pytest.approx(expected, abs=0.003)


def test_there_is_no_constant_delay_at_the_beginning_or_the_end() -> None:
    moments = [0.05, 9.95]
    samples = bursts(moments, sample_rate=RATE, duration_s=10.0)
    for effect in (Tempo(0.9), Tempo(1.2), Pitch(3.0), Pitch(-3.0)):
        altered = effect.apply(samples, RATE)
        for moment in moments:
            expected = altered.time_map.to_output(moment)
            found = loudest_moment_s(altered.samples, expected, sample_rate=RATE)
            assert found == pytest.approx(expected, abs=0.010), effect


@pytest.mark.parametrize("frequency", [220.0, 440.0, 1000.0])
@pytest.mark.parametrize("shift_semitones", [-12.0, -4.0, -0.3, 0.5, 1.0, 4.0, 12.0])
def test_pitch_moves_a_tone_by_its_semitones_within_1_cent(
    shift_semitones: float, frequency: float
) -> None:
    altered = Pitch(shift_semitones).apply(sine(frequency, sample_rate=RATE), RATE).samples
    expected = frequency * 2 ** (shift_semitones / 12)
    assert abs(cents(frequency_hz(altered, sample_rate=RATE), expected)) < 1


def test_pitch_moves_every_tone_of_a_chord() -> None:
    chord = [220.0, 277.18, 329.63]
    samples = sum(sine(tone, sample_rate=RATE) for tone in chord)
    altered = Pitch(2.0).apply(np.asarray(samples, dtype=np.float32) / 3, RATE).samples
    spectrum = np.abs(np.fft.rfft(altered[:RATE] * np.blackman(RATE)))
    strongest = sorted(int(bin_) for bin_ in np.argsort(spectrum)[::-1][:60])
    for tone in chord:
        assert any(abs(cents(bin_, tone * 2 ** (2 / 12))) < 8 for bin_ in strongest if bin_ > 0)


def test_speed_turns_440_hz_into_484_hz() -> None:
    altered = Speed(1.1).apply(sine(440.0, sample_rate=RATE), RATE)
    assert frequency_hz(altered.samples, sample_rate=RATE) == pytest.approx(484, abs=0.01)
    assert altered.samples.size == pytest.approx(2 * RATE / 1.1, abs=1)


def test_speed_of_a_sine_is_the_sine_at_the_new_frequency_sample_by_sample() -> None:
    altered = Speed(0.8).apply(sine(500.0, sample_rate=RATE), RATE).samples
    expected = sine(400.0, sample_rate=RATE, duration_s=2.5)
    np.testing.assert_allclose(altered[200:-200], expected[200:-200], atol=1e-3)


def test_no_change_asked_for_is_no_change_made() -> None:
    samples = sine(440.0, sample_rate=RATE)
    for effect in (Tempo(1.0), Speed(1.0), Pitch(0.0)):
        assert np.array_equal(effect.apply(samples, RATE).samples, samples)


def test_very_slow_tempo_replays_bit_for_bit_too() -> None:
    # Beyond twice as long the library draws random phases.
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    first, second = (Tempo(0.3).apply(noise, RATE).samples for _ in range(2))
    assert np.array_equal(first, second)


def test_pitch_delays_nothing() -> None:
    samples = bursts([0.3, 0.8, 1.4], sample_rate=RATE, duration_s=2.0)
    envelope = np.abs(samples)
    shifted = np.abs(Pitch(2.0).apply(samples, RATE).samples)
    assert abs(lag_samples(envelope, shifted)) / RATE < 0.002


@pytest.mark.parametrize("kind", [Tempo, Speed])
@pytest.mark.parametrize("factor", [0.0, 0.2, 4.1, -1.0])
def test_factors_outside_their_limits_are_refused(
    kind: type[Tempo] | type[Speed], factor: float
) -> None:
    with pytest.raises(EffectError, match=r"factor .* is not within 0.25 to 4"):
        kind(factor)


def test_a_tempo_that_leaves_no_sample_is_refused() -> None:
    with pytest.raises(EffectError, match="leaves no sample of 1"):
        Tempo(4.0).apply(np.ones(1, dtype=np.float32), RATE)
