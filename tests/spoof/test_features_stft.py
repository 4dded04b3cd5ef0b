import librosa
import numpy as np
import pytest

from spoof.features.spectra import power_spectrogram
from tests.spoof.sounds import noise, sine


@pytest.mark.parametrize(("n_fft", "hop"), [(2048, 512), (2048, 256), (1024, 512), (1024, 300)])
def test_power_is_the_square_of_librosas_stft(
    n_fft: int, hop: int, rng: np.random.Generator
) -> None:
    samples = noise(rng)
    expected = np.abs(librosa.stft(samples, n_fft=n_fft, hop_length=hop)) ** 2
    power = power_spectrogram(samples, n_fft=n_fft, hop=hop)
    assert power.shape == expected.shape
    assert np.allclose(power, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_a_sine_stands_in_its_bin_with_a_quarter_of_the_squared_amplitude_and_window() -> None:
    """1 kHz is bin 1000 / 16000 · 2048 = 128; a Hann window of 2048 sums to 1024."""
    power = power_spectrogram(sine(1000))[:, 50]
    assert power.argmax() == 128
    assert power[128] == pytest.approx((0.5 * 1024 / 2) ** 2, rel=1e-5)
