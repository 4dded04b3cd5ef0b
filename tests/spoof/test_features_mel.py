import librosa
import numpy as np
import pytest

from spoof.features import log_mel
from spoof.features.spectra import librosa_mel_filters, linear_filters, mel_filters
from tests.spoof.sounds import RATE_HZ, noise, sine


def test_188_frames_of_3_s_take_a_hop_of_256_not_the_512_that_s2_states() -> None:
    samples = sine(440)
    assert log_mel(samples, RATE_HZ).shape == (64, 188)
    assert log_mel(samples, RATE_HZ, hop=512).shape == (64, 94)


def test_by_librosa_it_is_librosas(rng: np.random.Generator) -> None:
    samples = noise(rng)
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=2048, hop_length=256, n_mels=64
    )
    assert log_mel(samples, RATE_HZ) == pytest.approx(librosa.power_to_db(power), abs=1e-3)


def test_the_definition_is_ln_of_textbook_bands_plus_a_millionth(rng: np.random.Generator) -> None:
    samples = noise(rng)
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=2048, hop_length=256, n_mels=64, htk=True, norm=None
    )
    expected = np.log(power + 1e-6)
    assert log_mel(samples, RATE_HZ, by="definition") == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 44_100])
@pytest.mark.parametrize("n_filters", [64, 128])
def test_the_definitions_filters_are_librosas_with_htk_and_no_norm(
    rate_hz: int, n_filters: int
) -> None:
    expected = librosa.filters.mel(sr=rate_hz, n_fft=2048, n_mels=n_filters, htk=True, norm=None)
    assert np.allclose(mel_filters(rate_hz, 2048, n_filters), expected, rtol=0, atol=1e-5)


def test_three_linear_filters_by_hand() -> None:
    """Bins at 0, 1 … 8 Hz; edges at 0, 2, 4, 6, 8 Hz."""
    expected = [
        [0, 0.5, 1, 0.5, 0, 0, 0, 0, 0],
        [0, 0, 0, 0.5, 1, 0.5, 0, 0, 0],
        [0, 0, 0, 0, 0, 0.5, 1, 0.5, 0],
    ]
    assert linear_filters(16, 16, 3).tolist() == expected


@pytest.mark.parametrize("bank", [mel_filters, linear_filters, librosa_mel_filters])
def test_a_bank_is_made_once_and_nobody_can_change_it(bank: object) -> None:
    assert bank(RATE_HZ, 2048, 64) is bank(RATE_HZ, 2048, 64)  # type: ignore[operator]
    with pytest.raises(ValueError, match="read-only"):
        bank(RATE_HZ, 2048, 64)[0, 0] = 1  # type: ignore[operator]


@pytest.mark.parametrize("by", ["librosa", "definition"])
def test_a_sine_is_loudest_in_the_band_around_it(by: str) -> None:
    """HTK: 1 kHz is 1000 mel, the top 2840 mel; of 64 bands, centre 1000 / 2840 · 65 = 22.9."""
    band = log_mel(sine(1000), RATE_HZ, by=by)[:, 90].argmax()
    centres_hz = librosa.mel_frequencies(66, fmax=8000, htk=by == "definition")[1:-1]
    assert band == np.abs(centres_hz - 1000).argmin()
    assert by == "librosa" or band == 22
