import audiomentations
import numpy as np
import pytest
import soundfile
from scipy.signal import welch

from augment.errors import EffectError
from augment.noise import COLOUR_SLOPES_DB, Background, ColouredNoise, GaussianNoise
from tests.augment.signals import power, sine

RATE = 22050


@pytest.fixture
def ramp_file(tmp_path):
    """One second whose samples say their place, from -1 to 1, at the rate of the test."""
    path = tmp_path / "ramp.wav"
    soundfile.write(path, np.linspace(-1, 1, RATE, dtype=np.float32), RATE, subtype="FLOAT")
    return str(path)


def added(effect, samples):
    return effect.apply(samples, RATE).samples - samples


def test_gaussian_noise_has_the_amplitude_of_audiomentations_and_depends_on_the_seed():
    samples = sine(440.0, sample_rate=RATE, duration_s=10.0)
    ours = added(GaussianNoise(0.01, seed=5), samples)
    theirs = audiomentations.AddGaussianNoise(0.01, 0.01, p=1.0)(samples, RATE) - samples
    # The standard deviation of 220,500 values is known to 0.15 %; four times that.
    assert ours.std() == pytest.approx(theirs.std(), rel=0.006)
    assert ours.std() == pytest.approx(0.01, rel=0.006)
    quantiles = [0.001, 0.025, 0.5, 0.975, 0.999]
    assert np.quantile(ours, quantiles) == pytest.approx(np.quantile(theirs, quantiles), abs=0.001)
    samples = sine(440.0, sample_rate=RATE)
    first, second = (added(GaussianNoise(0.01, seed), samples) for seed in (1, 2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


@pytest.mark.parametrize("colour", COLOUR_SLOPES_DB)
@pytest.mark.parametrize("snr_db", [-5.0, 20.0])
def test_the_ratio_of_coloured_noise_is_the_one_asked_for(colour, snr_db):
    samples = sine(440.0, sample_rate=RATE)
    noise = added(ColouredNoise(snr_db, 3, colour), samples)
    assert 10 * np.log10(power(samples) / power(noise)) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize(("colour", "slope_db"), COLOUR_SLOPES_DB.items())
def test_spectrum_has_the_slope_of_its_colour(colour, slope_db):
    samples = sine(440.0, sample_rate=RATE, duration_s=20.0)
    frequencies, density = welch(added(ColouredNoise(0.0, 3, colour), samples), RATE, nperseg=4096)
    within = (frequencies > 100) & (frequencies < 8000)
    octaves = np.log2(frequencies[within])
    measured_db, _ = np.polyfit(octaves, 10 * np.log10(density[within]), 1)
    # 3 and 6 dB are the field's names for 3.01 and 6.02.
    assert measured_db == pytest.approx(slope_db, abs=0.15)


def test_silence_stays_silent_at_any_ratio_and_an_unknown_colour_lists_the_known():
    assert not ColouredNoise(10.0, 1).apply(np.zeros(1000, np.float32), RATE).samples.any()
    with pytest.raises(EffectError, match=r"'green' is unknown; choose from brown, pink, white"):
        ColouredNoise(10.0, 1, "green")


@pytest.mark.parametrize("snr_db", [-5.0, 12.5, 30.0])
def test_the_ratio_of_a_background_is_the_one_asked_for(other_recording, snr_db):
    samples = sine(300.0, sample_rate=RATE, duration_s=5.0)
    noise = added(Background(str(other_recording), 1.0, snr_db), samples)
    assert 10 * np.log10(power(samples) / power(noise)) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize("offset_s", [0.25, 3.25])
def test_a_background_begins_at_its_offset_and_loops(ramp_file, offset_s):
    noise = added(
        Background(ramp_file, offset_s, 0.0), sine(300.0, sample_rate=RATE, duration_s=3.0)
    )
    ramp, start = np.linspace(-1, 1, RATE), round(0.25 * RATE)
    looped = np.concatenate([ramp[start:], ramp, ramp, ramp[:start]])
    assert np.corrcoef(noise, looped)[0, 1] > 0.99999


def test_a_silent_background_is_refused(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(EffectError, match="is silent there"):
        Background(str(tmp_path / "silent.wav"), 0.0, 10.0).apply(sine(300, sample_rate=RATE), RATE)
