import librosa
import numpy as np
import pytest

from spoof.features import COLUMNS, second_rows
from tests.spoof.sounds import RATE_HZ, noise, sine


def test_columns_are_those_of_the_csv_in_its_order() -> None:
    assert COLUMNS[:6] == (
        "chroma_stft",
        "rms",
        "spectral_centroid",
        "spectral_bandwidth",
        "rolloff",
        "zero_crossing_rate",
    )
    assert COLUMNS[6:] == tuple(f"mfcc{i}" for i in range(1, 21))


@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_each_number_is_the_mean_of_librosas_feature_of_that_second(
    rate_hz: int, rng: np.random.Generator
) -> None:
    samples = noise(rng, seconds=2, rate_hz=rate_hz)
    second, feature = samples[rate_hz:], librosa.feature
    expected = [
        feature.chroma_stft(y=second, sr=rate_hz).mean(),
        feature.rms(y=second).mean(),
        feature.spectral_centroid(y=second, sr=rate_hz).mean(),
        feature.spectral_bandwidth(y=second, sr=rate_hz).mean(),
        feature.spectral_rolloff(y=second, sr=rate_hz).mean(),
        feature.zero_crossing_rate(second).mean(),
        *feature.mfcc(y=second, sr=rate_hz, n_mfcc=20).mean(axis=1),
    ]
    assert second_rows(samples, rate_hz)[1] == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_a_sine_has_the_centroid_level_and_crossings_that_it_must_have() -> None:
    """1 kHz of amplitude 0.5: level 0.5 / √2, 2,000 crossings of 16,000 samples."""
    rows = dict(zip(COLUMNS, second_rows(sine(1000, seconds=1), RATE_HZ)[0], strict=True))
    assert rows["spectral_centroid"] == pytest.approx(1000, rel=0.05)
    assert rows["rolloff"] == pytest.approx(1000, rel=0.05)
    # Frames at both ends reach into the silence outside: 2 of 32, by half and a quarter.
    assert rows["rms"] == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert rows["zero_crossing_rate"] == pytest.approx(2000 / 16_000, rel=0.05)


def test_there_is_a_row_a_whole_second_and_each_knows_its_own_only() -> None:
    samples = np.concatenate([sine(500, seconds=1), sine(3000, seconds=1.5)])
    rows = second_rows(samples, RATE_HZ)
    assert rows.shape == (2, 26)
    assert np.array_equal(rows[0], second_rows(samples[:RATE_HZ], RATE_HZ)[0])
    assert rows[:, COLUMNS.index("rolloff")] == pytest.approx([500, 3000], rel=0.05)
