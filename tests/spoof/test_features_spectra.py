"""Features from spectra, against librosa and by hand; and odd input to every feature."""

from functools import partial

import librosa
import matplotlib
import numpy as np
import pytest
from matplotlib import mlab
from matplotlib.colors import Normalize
from PIL import Image

from cqtnet.errors import InputError
from spoof.features import spectra as f
from tests.spoof.material import noise, sine

RATE_HZ = 16_000
BOTH = pytest.mark.parametrize("by", ["librosa", "definition"])
DB_PER_NEPER = 10 / np.log(10)  # what is 1 in ln(power) is 4.34 in decibels


@pytest.fixture
def glide(rng):
    return noise(rng)


@pytest.mark.parametrize(("n_fft", "hop"), [(2048, 512), (2048, 256), (1024, 512), (1024, 300)])
def test_power_is_the_square_of_librosas_stft(n_fft, hop, glide):
    expected = np.abs(librosa.stft(glide, n_fft=n_fft, hop_length=hop)) ** 2
    power = f.power_spectrogram(glide, n_fft=n_fft, hop=hop)
    assert power.shape == expected.shape
    assert np.allclose(power, expected, rtol=1e-4, atol=1e-6 * expected.max())


def textbook_mel(samples, **options):
    """librosa's mel spectrogram with the definition's filters: HTK's scale, peaks of 1."""
    return librosa.feature.melspectrogram(y=samples, sr=RATE_HZ, htk=True, norm=None, **options)


def test_frames_and_bands_of_mel_are_librosas_or_ln_of_the_textbooks(glide):
    assert f.log_mel(glide, RATE_HZ).shape == (64, 188)
    assert f.log_mel(glide, RATE_HZ, hop=512).shape == (64, 94)
    assert f.mfcc(glide, RATE_HZ).shape == (40, 94)
    assert f.lfcc(glide, RATE_HZ, n_coefficients=20).shape == (20, 94)
    options = {"n_fft": 2048, "hop_length": 256, "n_mels": 64}
    power = librosa.feature.melspectrogram(y=glide, sr=RATE_HZ, **options)
    assert f.log_mel(glide, RATE_HZ) == pytest.approx(librosa.power_to_db(power), abs=1e-3)
    expected = np.log(textbook_mel(glide, **options) + 1e-6)
    assert f.log_mel(glide, RATE_HZ, by="definition") == pytest.approx(expected, abs=1e-3)


def cosine_transform(bands):
    """DCT-II written out: c_k = s_k Σ x_n cos(π k (2n + 1) / 2N), s_0 = √(1/N), s_k = √(2/N)."""
    n = len(bands)
    k, i = np.arange(n)[:, None], np.arange(n)
    basis = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    basis[0] /= np.sqrt(2)
    return basis @ bands


@pytest.mark.parametrize("n", [13, 40])
def test_mfcc_is_librosas_or_filters_then_log_then_cosines(n, glide):
    by_librosa = librosa.feature.mfcc(y=glide, sr=RATE_HZ, n_mfcc=n)
    assert f.mfcc(glide, RATE_HZ, n_coefficients=n) == pytest.approx(by_librosa, abs=1e-3)
    means = f.mfcc_means(glide, RATE_HZ, n_coefficients=n)
    assert means == pytest.approx(by_librosa.mean(axis=1), abs=1e-3)
    expected = cosine_transform(np.log(textbook_mel(glide) + 1e-6))[:n]
    defined = f.mfcc(glide, RATE_HZ, n_coefficients=n, by="definition")
    assert defined == pytest.approx(expected, abs=2e-3)
    # Far from silence the definition times 4.34 is librosa with the same filters, but for floors.
    decibels = librosa.feature.mfcc(S=librosa.power_to_db(textbook_mel(glide)), n_mfcc=n)
    assert DB_PER_NEPER * defined == pytest.approx(decibels, abs=1e-2)


@BOTH
@pytest.mark.parametrize("feature", [f.mfcc, f.lfcc])
def test_in_silence_only_the_floors_are_left_and_they_differ(feature, by):
    """All 128 bands alike leave the first cosine only, of weight √128."""
    floor = {"librosa": -100, "definition": np.log(1e-6)}[by]
    coefficients = feature(np.zeros(RATE_HZ, np.float32), RATE_HZ, by=by)
    assert coefficients[0] == pytest.approx(floor * np.sqrt(128), rel=1e-5)
    assert coefficients[1:] == pytest.approx(0, abs=1e-3)


def test_lfcc_has_bands_even_in_hertz(glide):
    """Filters written out: the k-th rises from k to k + 1 and falls to k + 2, of 129 steps."""
    steps = np.arange(1025) / 1024 * 129
    filters = [np.clip(1 - np.abs(steps - k - 1), 0, None) for k in range(128)]
    powers = np.abs(librosa.stft(glide)) ** 2
    expected = cosine_transform(np.log(np.array(filters) @ powers + 1e-6))[:40]
    defined = f.lfcc(glide, RATE_HZ, by="definition")
    assert defined == pytest.approx(expected, abs=2e-3)
    assert f.lfcc(glide, RATE_HZ) == pytest.approx(DB_PER_NEPER * defined, abs=1e-2)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_by_librosa_chroma_is_librosas_and_the_definition_agrees(rate_hz, rng):
    """librosa drops a hundredth of each wavelet, and halves the rate octave by octave."""
    samples = noise(rng, rate_hz=rate_hz)
    by_librosa, defined = (f.chroma_cqt(samples, rate_hz, by=w) for w in ("librosa", "definition"))
    options = {"bins_per_octave": 36, "n_octaves": 7, "tuning": 0}
    expected = librosa.feature.chroma_cqt(y=samples, sr=rate_hz, **options)
    assert by_librosa == pytest.approx(expected)
    assert by_librosa.shape == defined.shape == (12, 1 + len(samples) // 512)
    assert np.abs(by_librosa - defined).max() < 0.03
    assert np.abs(by_librosa - defined).mean() < 0.003


@BOTH
def test_neither_length_nor_level_of_a_clip_matters_to_its_chroma(by):
    """The longest wavelet is 1.57 s; what it needs beyond the clip is silence, not frames."""
    short = f.chroma_cqt(sine(440, seconds=0.5), RATE_HZ, by=by)
    assert short.shape == (12, 16) and (short.argmax(axis=0) == 9).all()
    quiet = f.chroma_cqt(sine(440) / 100, RATE_HZ, by=by)
    assert quiet == pytest.approx(f.chroma_cqt(sine(440), RATE_HZ, by=by), abs=1e-4)
    silence = np.zeros(16_800, np.float32)
    assert not f.chroma_cqt(silence, RATE_HZ, by=by).any()
    assert f.chroma_cqt(silence, 8400, by=by).shape == (12, 33)
    with pytest.raises(InputError, match="8000 Hz can't hold that; give samples of at least 8400"):
        f.chroma_cqt(silence, 8000, by=by)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_each_number_is_the_mean_of_librosas_feature_of_that_second(rate_hz, rng):
    samples = noise(rng, seconds=2, rate_hz=rate_hz)
    second, feature = samples[rate_hz:], librosa.feature
    expected = {
        "chroma_stft": feature.chroma_stft(y=second, sr=rate_hz).mean(),
        "rms": feature.rms(y=second).mean(),
        "spectral_centroid": feature.spectral_centroid(y=second, sr=rate_hz).mean(),
        "spectral_bandwidth": feature.spectral_bandwidth(y=second, sr=rate_hz).mean(),
        "rolloff": feature.spectral_rolloff(y=second, sr=rate_hz).mean(),
        "zero_crossing_rate": feature.zero_crossing_rate(second).mean(),
    }
    cepstra = feature.mfcc(y=second, sr=rate_hz, n_mfcc=20).mean(axis=1)
    expected |= {f"mfcc{i + 1}": value for i, value in enumerate(cepstra)}
    assert list(expected) == list(f.COLUMNS)
    found = f.first_row(samples[rate_hz:], rate_hz)
    assert found == pytest.approx(list(expected.values()), rel=1e-4, abs=1e-3)


# Pictures.


def by_matplotlib(samples, size):
    """What `specgram` computes, coloured as `imshow` would and resized by PIL."""
    density, _, _ = mlab.specgram(samples.astype(np.float64), 1024, RATE_HZ, noverlap=512)
    decibels = np.flipud(10 * np.log10(density))
    pixels = matplotlib.colormaps["viridis"](Normalize()(decibels), bytes=True)[:, :, :3]
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1) / 255


@pytest.mark.parametrize(("size", "seconds"), [(224, 30), (128, 3)], ids=["S3", "S4"])
def test_a_spectrogram_equals_matplotlibs_specgram(size, seconds, rng):
    samples = noise(rng, seconds=seconds)
    picture = f.spectrogram_picture(samples, RATE_HZ, size=size)
    assert picture.shape == (3, size, size)
    # A value on the border of two of the 256 colours may fall to either.
    assert np.abs(picture - by_matplotlib(samples, size)).max() <= 2 / 255


def test_values_are_spread_over_the_256_steps_from_lowest_to_highest():
    """256 values in one column, the first at the bottom: steps 0, 1 … 255 from below."""
    values = np.linspace(-80, 0, 256)[:, None].repeat(256, axis=1)
    picture = f.draw(values, size=256)
    assert picture.shape == (3, 256, 256)
    colours = matplotlib.colormaps["viridis"](np.arange(256), bytes=True)[:, :3] / 255
    assert pytest.approx(colours, abs=1e-6) == picture[:, ::-1, 0].T
    lowest = np.array(matplotlib.colormaps["viridis"](0, bytes=True)[:3]) / 255
    for picture in (f.draw(np.full((5, 7), 3.0), size=8), f.draw(np.zeros((5, 7)), size=8)):
        assert picture == pytest.approx(np.broadcast_to(lowest[:, None, None], (3, 8, 8)))
    with pytest.raises(InputError, match="picture of 0 × 0; it needs at least one pixel"):
        f.spectrogram_picture(np.ones(RATE_HZ, np.float32), RATE_HZ, size=0)


@pytest.mark.parametrize("size", [28, 150])
def test_s1_pictures_show_mel_spectrogram_or_40_mfccs_in_any_size(size, rng):
    samples = noise(rng)
    bands, cepstrum = f.log_mel(samples, RATE_HZ, n_mels=128, hop=512), f.mfcc(samples, RATE_HZ)
    for picture, values in ((f.mel_picture, bands), (f.mfcc_picture, cepstrum)):
        pixels = picture(samples, RATE_HZ, size=size)
        assert np.array_equal(pixels, f.draw(values, size=size)) and pixels.shape == (3, size, size)
        assert 0 <= pixels.min() < pixels.max() <= 1
    assert len(cepstrum) == 40


# Odd input. A feature, and the fewest samples it takes at 16 kHz.

BY_BOTH = (f.mfcc, f.lfcc, f.log_mel, f.chroma_cqt)
EACH = pytest.mark.parametrize(("feature", "shortest"), [
    *((feature, 2048) for feature in (*BY_BOTH, f.mfcc_means, f.lfcc_means, f.chroma_means)),
    *((partial(feature, by="definition"), 2048) for feature in BY_BOTH),
    (f.spectrogram_picture, 1024), (f.mel_picture, 2048), (f.mfcc_picture, 2048),
    (f.first_row, 16_000),
])  # fmt: skip


@EACH
def test_silence_and_dc_and_the_shortest_clip_give_finite_float32(feature, shortest, rng):
    shortest_clip = rng.normal(0, 0.1, shortest).astype(np.float32)
    odd = [np.full(2 * RATE_HZ, level, np.float32) for level in (0.0, 0.5, 1e-30)]
    for samples in (*odd, shortest_clip):
        before = samples.copy()
        values = feature(samples, RATE_HZ)
        assert values.dtype == np.float32 and np.isfinite(values).all()
        assert np.array_equal(samples, before)
    limit = f"is shorter than the {shortest / RATE_HZ:.3f} s .* give a longer one"
    with pytest.raises(InputError, match=limit):
        feature(shortest_clip[1:], RATE_HZ)


@EACH
@pytest.mark.parametrize(("samples", "message"), [
    (np.zeros((2, RATE_HZ), np.float32), "not mono; mix the channels"),
    (np.full(RATE_HZ, np.nan, np.float32), "NaN or infinity"),
    (np.full(RATE_HZ, -np.inf, np.float32), "NaN or infinity"),
    (np.zeros(0, np.float32), "fragment of 0.000 s is shorter"),
], ids=["stereo", "NaN", "infinite", "empty"])  # fmt: skip
def test_what_is_no_sound_is_refused(feature, shortest, samples, message):
    with pytest.raises(InputError, match=message):
        feature(samples, RATE_HZ)


@pytest.mark.parametrize("feature", BY_BOTH)
def test_a_rate_of_nothing_and_an_unknown_way_are_refused(feature):
    silence = np.zeros(RATE_HZ, np.float32)
    with pytest.raises(InputError, match=r"rate of 0 Hz is not positive|0 Hz can't hold that"):
        feature(silence, 0)
    with pytest.raises(InputError, match="by='sox' is unknown; use librosa or definition"):
        feature(silence, RATE_HZ, by="sox")
    for n in (0, -1, 129):
        with pytest.raises(InputError, match=f"{n} coefficients of 128 bands; ask for 1 to 128"):
            f.mfcc(silence, RATE_HZ, n_coefficients=n)
