import numpy as np
import pytest

from augment.errors import EffectError
from augment.tone import Equaliser, HighPass, LowPass, Telephone
from tests.augment.signals import gain_db_at, impulse, sine


@pytest.mark.parametrize("sample_rate", [16000, 22050, 44100, 192000])
def test_telephone_keeps_speech_and_kills_the_rest(sample_rate: int) -> None:
    assert gain_db_at(Telephone(), 1000.0, sample_rate=sample_rate) == pytest.approx(0, abs=1)
    assert gain_db_at(Telephone(), 100.0, sample_rate=sample_rate) < -30
    assert gain_db_at(Telephone(), 6000.0, sample_rate=sample_rate) < -30


def test_telephone_works_where_its_upper_edge_is_beyond_the_recording() -> None:
    assert gain_db_at(Telephone(), 1000.0, sample_rate=4000) == pytest.approx(0, abs=1)
    assert gain_db_at(Telephone(), 100.0, sample_rate=4000) < -30


def test_low_pass_is_3_db_down_at_its_cutoff_and_48_an_octave_above() -> None:
    effect = LowPass(1000.0)
    assert gain_db_at(effect, 500.0, sample_rate=44100) == pytest.approx(0, abs=0.1)
    assert gain_db_at(effect, 1000.0, sample_rate=44100) == pytest.approx(-3.01, abs=0.05)
    assert gain_db_at(effect, 2000.0, sample_rate=44100) == pytest.approx(-48.2, abs=1)


def test_high_pass_is_3_db_down_at_its_cutoff_and_24_an_octave_below() -> None:
    effect = HighPass(1000.0)
    assert gain_db_at(effect, 4000.0, sample_rate=44100) == pytest.approx(0, abs=0.1)
    assert gain_db_at(effect, 1000.0, sample_rate=44100) == pytest.approx(-3.01, abs=0.05)
    assert gain_db_at(effect, 500.0, sample_rate=44100) == pytest.approx(-24.1, abs=0.2)


def test_low_pass_beyond_the_recording_changes_nothing() -> None:
    samples = sine(1000.0, sample_rate=8000)
    assert np.array_equal(LowPass(4000.0).apply(samples, 8000).samples, samples)


def test_high_pass_beyond_the_recording_is_refused() -> None:
    with pytest.raises(EffectError, match=r"cutoff of 5000 Hz leaves nothing .* ends at 4000 Hz"):
        HighPass(5000.0).apply(sine(1000.0, sample_rate=8000), 8000)


@pytest.mark.parametrize("effect", [Telephone(), LowPass(3400.0), HighPass(300.0)])
def test_filters_delay_a_tone_in_their_band_by_less_than_a_millisecond(
    effect: Telephone | LowPass | HighPass,
) -> None:
    response = np.fft.rfft(effect.apply(impulse(44100), 44100).samples)  # 1 Hz per bin
    phase = np.unwrap(np.angle(response[800:2000]))
    group_delay_s = -np.diff(phase) / (2 * np.pi)
    assert np.abs(group_delay_s).max() < 0.001


def _response_db(effect: Equaliser, sample_rate: int = 44100) -> np.ndarray:
    """Gain in dB per 1 Hz, from the impulse response."""
    response = effect.apply(impulse(sample_rate), sample_rate).samples
    return 20 * np.log10(np.abs(np.fft.rfft(response.astype(np.float64))))


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_each_band_has_its_gain_and_leaves_the_others(gain_db: float) -> None:
    low = _response_db(Equaliser(low_gain_db=gain_db))
    assert low[[1, 200, 10000]] == pytest.approx([gain_db, gain_db / 2, 0], abs=0.05)
    mid = _response_db(Equaliser(mid_gain_db=gain_db))
    assert mid[[1, 1000, 22000]] == pytest.approx([0, gain_db, 0], abs=0.05)
    high = _response_db(Equaliser(high_gain_db=gain_db))
    assert high[[1, 4000, 22050]] == pytest.approx([0, gain_db / 2, gain_db], abs=0.05)


def test_the_peak_is_as_wide_as_its_q_says() -> None:
    # A cookbook peak has half its dB at the edges of its bandwidth, frequency / q. The bilinear
    # transform narrows it a little; at 1 kHz of 192 kHz by nothing to speak of.
    measured = _response_db(Equaliser(mid_hz=1000.0, mid_gain_db=12.0, mid_q=2.0), 192000)
    inside = np.flatnonzero(measured > 6.0)
    assert inside.max() - inside.min() == pytest.approx(500, rel=0.02)


def test_a_band_beyond_the_recording_does_nothing() -> None:
    samples = sine(440.0, sample_rate=8000)
    equal = Equaliser(low_hz=5000, mid_hz=6000, high_hz=7000, high_gain_db=12, mid_gain_db=9)
    assert np.array_equal(equal.apply(samples, 8000).samples, samples)


@pytest.mark.parametrize("field", ["low_gain_db", "mid_q", "high_hz"])
def test_equaliser_parameters_have_limits(field: str) -> None:
    with pytest.raises(EffectError, match=f"equaliser: {field} 1000000.0 is not within"):
        Equaliser(**{field: 1e6})
