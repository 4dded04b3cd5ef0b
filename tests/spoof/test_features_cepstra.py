import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from cqtnet.errors import InputError
from spoof.features import lfcc, mfcc, mfcc_means
from tests.spoof.sounds import RATE_HZ, noise, sine

DB_PER_NEPER = 10 / np.log(10)
"""What is 1 in ln(power) is 4.34 in decibels."""


def cosine_transform(bands: NDArray) -> NDArray:
    """DCT-II written out: c_k = s_k Σ x_n cos(π k (2n + 1) / 2N), s_0 = √(1/N), s_k = √(2/N)."""
    n = len(bands)
    k, i = np.arange(n)[:, None], np.arange(n)
    basis = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    basis[0] /= np.sqrt(2)
    return basis @ bands


def textbook_mel(samples: NDArray) -> NDArray:
    """librosa's mel spectrogram with the definition's filters: HTK's scale, peaks of 1."""
    return librosa.feature.melspectrogram(y=samples, sr=RATE_HZ, htk=True, norm=None)


@pytest.mark.parametrize("n", [13, 40])
def test_mfcc_by_librosa_is_librosas(n: int, rng: np.random.Generator) -> None:
    samples = noise(rng)
    expected = librosa.feature.mfcc(y=samples, sr=RATE_HZ, n_mfcc=n)
    assert mfcc(samples, RATE_HZ, n_coefficients=n) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("n", [13, 40])
def test_mfcc_from_the_definition_is_filters_then_log_then_cosines(
    n: int, rng: np.random.Generator
) -> None:
    samples = noise(rng)
    expected = cosine_transform(np.log(textbook_mel(samples) + 1e-6))[:n]
    got = mfcc(samples, RATE_HZ, n_coefficients=n, by="definition")
    assert got == pytest.approx(expected, abs=2e-3)


def test_far_from_silence_the_definition_times_4_34_is_librosa_with_the_same_filters(
    rng: np.random.Generator,
) -> None:
    """What is left is the floor: 1e-6 added here, none that matters in librosa's decibels."""
    samples = noise(rng)
    decibels = librosa.power_to_db(textbook_mel(samples))
    by_librosa = librosa.feature.mfcc(S=decibels, n_mfcc=40)
    defined = mfcc(samples, RATE_HZ, by="definition")
    assert DB_PER_NEPER * defined == pytest.approx(by_librosa, abs=1e-2)


def test_in_silence_only_the_floors_are_left_and_they_differ() -> None:
    """All 128 bands alike leave the first cosine only, of weight √128."""
    silence = np.zeros(RATE_HZ, np.float32)
    first = {"librosa": -100 * np.sqrt(128), "definition": np.log(1e-6) * np.sqrt(128)}
    for feature in (mfcc, lfcc):
        for by, value in first.items():
            coefficients = feature(silence, RATE_HZ, by=by)
            assert coefficients[0] == pytest.approx(value, rel=1e-5)
            assert coefficients[1:] == pytest.approx(0, abs=1e-3)


def test_librosas_decibels_end_80_under_the_loudest_and_the_definitions_do_not() -> None:
    """A tone, then silence: librosa lifts the silence to its loudest band less 80 dB."""
    samples = np.concatenate([sine(1000, seconds=1), np.zeros(RATE_HZ, np.float32)])
    loudest = librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=RATE_HZ)).max()
    by_librosa, defined = mfcc(samples, RATE_HZ), mfcc(samples, RATE_HZ, by="definition")
    assert by_librosa[0, -1] == pytest.approx((loudest - 80) * np.sqrt(128), rel=1e-4)
    assert defined[0, -1] == pytest.approx(np.log(1e-6) * np.sqrt(128), rel=1e-5)


def test_lfcc_has_bands_even_in_hertz(rng: np.random.Generator) -> None:
    """Filters written out: the k-th rises from k to k + 1 and falls to k + 2, of 129 steps."""
    samples = noise(rng)
    steps = np.arange(1025) / 1024 * 129
    filters = [np.clip(1 - np.abs(steps - k - 1), 0, None) for k in range(128)]
    powers = np.abs(librosa.stft(samples)) ** 2
    expected = cosine_transform(np.log(np.array(filters) @ powers + 1e-6))[:40]
    defined = lfcc(samples, RATE_HZ, by="definition")
    assert defined == pytest.approx(expected, abs=2e-3)
    assert lfcc(samples, RATE_HZ) == pytest.approx(DB_PER_NEPER * defined, abs=1e-2)


def test_three_seconds_at_a_hop_of_512_are_94_frames(rng: np.random.Generator) -> None:
    assert mfcc(noise(rng), RATE_HZ).shape == (40, 94)
    assert lfcc(noise(rng), RATE_HZ, n_coefficients=20).shape == (20, 94)


def test_means_are_those_of_librosas_coefficients_over_time(rng: np.random.Generator) -> None:
    samples = noise(rng)
    expected = librosa.feature.mfcc(y=samples, sr=RATE_HZ, n_mfcc=40).mean(axis=1)
    assert mfcc_means(samples, RATE_HZ) == pytest.approx(expected, abs=1e-3)
    assert mfcc_means(samples, RATE_HZ, n_coefficients=13) == pytest.approx(expected[:13], abs=1e-3)


@pytest.mark.parametrize("n", [0, -1, 129])
def test_more_coefficients_than_bands_are_refused(n: int) -> None:
    with pytest.raises(InputError, match=f"{n} coefficients of 128 bands; ask for 1 to 128"):
        mfcc(np.zeros(RATE_HZ, np.float32), RATE_HZ, n_coefficients=n)
