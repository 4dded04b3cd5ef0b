"""Features from spectra, against librosa and by hand; and odd input."""

from collections.abc import Callable
from functools import partial

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from cqtnet.errors import InputError
from spoof.features import pictures as p
from spoof.features import spectra as f
from spoof.features.spectra import (
    COLUMNS,
    chroma_cqt,
    lfcc,
    librosa_mel_filters,
    linear_filters,
    log_mel,
    mel_filters,
    mfcc,
    mfcc_means,
    power_spectrogram,
    second_rows,
)
from tests.spoof.material import noise, sine

RATE_HZ = 16_000


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


# Filters and mel spectrograms.


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


# Cepstra.


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


# Chroma.


BOTH = pytest.mark.parametrize("by", ["librosa", "definition"])


@BOTH
@pytest.mark.parametrize(
    ("hz", "pitch_class"),
    [(440, 9), (261.63, 0), (110, 9), (1975.53, 11), (36.71, 2)],
    ids=["A4", "C4", "A2", "B6", "D1"],
)
def test_a_note_is_strongest_in_its_class(by: str, hz: float, pitch_class: int) -> None:
    chroma = chroma_cqt(sine(hz), RATE_HZ, by=by)
    assert (chroma[:, 20:70].argmax(axis=0) == pitch_class).all()
    assert chroma[:, 20:70].max(axis=0) == pytest.approx(1)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_the_definition_agrees_with_librosa(rate_hz: int, rng: np.random.Generator) -> None:
    """librosa drops a hundredth of each wavelet, and halves the rate octave by octave."""
    samples = noise(rng, rate_hz=rate_hz)
    by_librosa, defined = (chroma_cqt(samples, rate_hz, by=by) for by in ("librosa", "definition"))
    assert by_librosa.shape == defined.shape == (12, 1 + len(samples) // 512)
    assert np.abs(by_librosa - defined).max() < 0.03
    assert np.abs(by_librosa - defined).mean() < 0.003


def test_by_librosa_it_is_librosas_with_36_bins_and_no_tuning(rng: np.random.Generator) -> None:
    samples = noise(rng)
    expected = librosa.feature.chroma_cqt(
        y=samples, sr=RATE_HZ, bins_per_octave=36, n_octaves=7, tuning=0
    )
    assert chroma_cqt(samples, RATE_HZ) == pytest.approx(expected)


@BOTH
def test_a_short_clip_has_the_frames_of_its_length_only(by: str) -> None:
    """The longest wavelet is 1.57 s; what it needs beyond the clip is silence, not frames."""
    chroma = chroma_cqt(sine(440, seconds=0.5), RATE_HZ, by=by)
    assert chroma.shape == (12, 16)
    assert (chroma.argmax(axis=0) == 9).all()


@BOTH
def test_the_level_does_not_matter_and_silence_is_nothing(by: str) -> None:
    quiet = chroma_cqt(sine(440) / 100, RATE_HZ, by=by)
    assert quiet == pytest.approx(chroma_cqt(sine(440), RATE_HZ, by=by), abs=1e-4)
    assert not chroma_cqt(np.zeros(RATE_HZ, np.float32), RATE_HZ, by=by).any()


@BOTH
def test_a_telephones_rate_is_refused(by: str) -> None:
    with pytest.raises(InputError, match="8000 Hz can't hold that; give samples of at least 8400"):
        chroma_cqt(np.zeros(16_000, np.float32), 8000, by=by)
    assert chroma_cqt(np.zeros(16_800, np.float32), 8400, by=by).shape == (12, 33)


# DEEP-VOICE's rows.


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


# Odd input.


# A feature, and the fewest samples it takes at 16 kHz.
FEATURES: dict[str, tuple[Callable, int]] = {
    "mfcc13": (partial(f.mfcc, n_coefficients=13), 2048),
    "mfcc40": (f.mfcc, 2048),
    "mfcc_definition": (partial(f.mfcc, by="definition"), 2048),
    "mfcc_means": (f.mfcc_means, 2048),
    "lfcc": (f.lfcc, 2048),
    "lfcc_definition": (partial(f.lfcc, by="definition"), 2048),
    "log_mel": (f.log_mel, 2048),
    "log_mel_definition": (partial(f.log_mel, by="definition"), 2048),
    "chroma": (f.chroma_cqt, 2048),
    "chroma_definition": (partial(f.chroma_cqt, by="definition"), 2048),
    "spectrogram": (p.spectrogram_picture, 1024),
    "mel_picture": (p.mel_picture, 2048),
    "mfcc_picture": (p.mfcc_picture, 2048),
    "rows": (f.second_rows, 16_000),
}
EACH = pytest.mark.parametrize(("feature", "shortest"), FEATURES.values(), ids=FEATURES.keys())


@EACH
@pytest.mark.parametrize("level", [0.0, 0.5, 1e-30], ids=["silence", "DC", "next to silence"])
def test_silence_and_dc_give_finite_float32(feature: Callable, shortest: int, level: float) -> None:
    values = feature(np.full(2 * RATE_HZ, level, np.float32), RATE_HZ)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()


@EACH
def test_the_shortest_clip_passes_and_a_sample_less_is_refused(
    feature: Callable, shortest: int, rng: np.random.Generator
) -> None:
    samples = rng.normal(0, 0.1, shortest).astype(np.float32)
    assert np.isfinite(feature(samples, RATE_HZ)).all()
    limit = f"is shorter than the {shortest / RATE_HZ:.3f} s .* give a longer one"
    with pytest.raises(InputError, match=limit):
        feature(samples[1:], RATE_HZ)


@EACH
def test_the_callers_samples_stay_as_they_were(
    feature: Callable, shortest: int, rng: np.random.Generator
) -> None:
    samples = rng.normal(0, 0.1, RATE_HZ).astype(np.float32)
    before = samples.copy()
    feature(samples, RATE_HZ)
    assert np.array_equal(samples, before)


@EACH
@pytest.mark.parametrize(
    ("samples", "rate_hz", "message"),
    [
        (np.zeros((2, RATE_HZ), np.float32), RATE_HZ, "not mono; mix the channels"),
        (np.full(RATE_HZ, np.nan, np.float32), RATE_HZ, "NaN or infinity"),
        (np.full(RATE_HZ, -np.inf, np.float32), RATE_HZ, "NaN or infinity"),
        (np.zeros(0, np.float32), RATE_HZ, "fragment of 0.000 s is shorter"),
    ],
    ids=["stereo", "NaN", "infinite", "empty"],
)
def test_what_is_no_sound_is_refused(
    feature: Callable, shortest: int, samples: np.ndarray, rate_hz: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        feature(samples, rate_hz)


@pytest.mark.parametrize("feature", [f.mfcc, f.lfcc, f.log_mel, f.second_rows])
def test_a_rate_of_nothing_is_refused(feature: Callable) -> None:
    with pytest.raises(InputError, match="rate of 0 Hz is not positive"):
        feature(np.zeros(RATE_HZ, np.float32), 0)


@pytest.mark.parametrize("feature", [f.mfcc, f.lfcc, f.log_mel, f.chroma_cqt])
def test_an_unknown_way_is_refused(feature: Callable) -> None:
    with pytest.raises(InputError, match="by='sox' is unknown; use librosa or definition"):
        feature(np.zeros(RATE_HZ, np.float32), RATE_HZ, by="sox")
