import audiomentations
import numpy as np
import pytest
from scipy.signal import welch

from augment.errors import EffectError
from augment.noise import COLOUR_SLOPES_DB, ColouredNoise, GaussianNoise
from tests.augment.signals import power, sine

RATE = 22050


def test_gaussian_noise_has_the_amplitude_of_audiomentations() -> None:
    samples = sine(440.0, sample_rate=RATE, duration_s=10.0)
    ours = GaussianNoise(0.01, seed=5).apply(samples, RATE).samples - samples
    theirs_effect = audiomentations.AddGaussianNoise(0.01, 0.01, p=1.0)
    theirs = theirs_effect(samples, RATE) - samples
    # The standard deviation of 220,500 values is known to 0.15 %; four times that.
    assert ours.std() == pytest.approx(theirs.std(), rel=0.006)
    assert ours.std() == pytest.approx(0.01, rel=0.006)
    quantiles = [0.001, 0.025, 0.5, 0.975, 0.999]
    assert np.quantile(ours, quantiles) == pytest.approx(np.quantile(theirs, quantiles), abs=0.001)


def test_default_amplitudes_are_the_papers(rng: np.random.Generator) -> None:
    drawn = [GaussianNoise.draw(rng).amplitude for _ in range(2000)]
    assert 0.001 <= min(drawn) < 0.0011
    assert 0.0149 < max(drawn) <= 0.015
    assert np.mean(drawn) == pytest.approx(0.008, abs=0.0004)


def test_another_seed_is_another_noise() -> None:
    samples = sine(440.0, sample_rate=RATE)
    first, second = (
        GaussianNoise(0.01, seed).apply(samples, RATE).samples - samples for seed in (1, 2)
    )
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


@pytest.mark.parametrize("colour", COLOUR_SLOPES_DB)
@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_measured_ratio_is_the_one_asked_for(colour: str, snr_db: float) -> None:
    samples = sine(440.0, sample_rate=RATE)
    noisy = ColouredNoise(snr_db, 3, colour).apply(samples, RATE).samples
    assert 10 * np.log10(power(samples) / power(noisy - samples)) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize(("colour", "slope_db"), COLOUR_SLOPES_DB.items())
def test_spectrum_has_the_slope_of_its_colour(colour: str, slope_db: float) -> None:
    samples = sine(440.0, sample_rate=RATE, duration_s=20.0)
    noise = ColouredNoise(0.0, 3, colour).apply(samples, RATE).samples - samples
    frequencies, density = welch(noise, RATE, nperseg=4096)
    within = (frequencies > 100) & (frequencies < 8000)
    octaves = np.log2(frequencies[within])
    measured_db, _ = np.polyfit(octaves, 10 * np.log10(density[within]), 1)
    # 3 and 6 dB are the field's names for 3.01 and 6.02.
    assert measured_db == pytest.approx(slope_db, abs=0.15)


def test_silence_stays_silent_at_any_ratio() -> None:
    silence = np.zeros(1000, dtype=np.float32)
    assert not ColouredNoise(10.0, 1).apply(silence, RATE).samples.any()


def test_an_unknown_colour_lists_the_known() -> None:
    with pytest.raises(EffectError, match=r"'green' is unknown; choose from brown, pink, white"):
        ColouredNoise(10.0, 1, "green")


@pytest.mark.parametrize("amplitude", [-0.1, 1.1])
def test_an_amplitude_outside_its_limits_is_refused(amplitude: float) -> None:
    with pytest.raises(EffectError, match=r"amplitude .* is not within 0 to 1"):
        GaussianNoise(amplitude, 0)
