import audiomentations
import numpy as np
import pytest
import soundfile
from scipy.signal import welch

from augment.errors import EffectError
from augment.noise import COLOUR_SLOPES_DB, Background, ColouredNoise, GaussianNoise
from tests.augment.signals import power, sine

RATE = 22050


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


@pytest.mark.parametrize("kind", [*COLOUR_SLOPES_DB, "background"])
@pytest.mark.parametrize("snr_db", [-5.0, 20.0])
def test_the_ratio_of_noise_is_the_one_asked_for(kind, snr_db, other_recording):
    samples = sine(440.0, sample_rate=RATE, duration_s=5.0)
    background = Background(str(other_recording), 1.0, snr_db)
    noise = added(background if kind == "background" else ColouredNoise(snr_db, 3, kind), samples)
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


def test_a_background_begins_at_its_offset_and_loops_and_a_silent_one_is_refused(tmp_path):
    path, ramp, start = tmp_path / "ramp.wav", np.linspace(-1, 1, RATE), round(0.25 * RATE)
    soundfile.write(path, ramp, RATE, subtype="FLOAT")  # its samples say their place
    looped = np.concatenate([ramp[start:], ramp, ramp, ramp[:start]])
    samples = sine(300.0, sample_rate=RATE, duration_s=3.0)
    for offset_s in (0.25, 3.25):
        noise = added(Background(str(path), offset_s, 0.0), samples)
        assert np.corrcoef(noise, looped)[0, 1] > 0.99999
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(EffectError, match="is silent there"):
        Background(str(path), 0.0, 10.0).apply(samples, RATE)


def test_a_background_that_ends_before_its_header_says_begins_again(tmp_path, monkeypatch):
    path, samples = tmp_path / "ramp.wav", sine(300.0, sample_rate=RATE, duration_s=2.0)
    soundfile.write(path, np.linspace(-1, 1, RATE), RATE, subtype="FLOAT")
    from_start = added(Background(str(path), 0.0, 0.0), samples)
    monkeypatch.setattr("augment.noise.duration_s", lambda path: 3.0)
    assert added(Background(str(path), 2.5, 0.0), samples) == pytest.approx(from_start, abs=1e-6)
