"""Statistics of a voice, against other implementations and signals whose answer is known."""

import numpy as np
import pytest
import scipy.stats
from scipy.fft import dct

from cqtnet.errors import InputError
from spoof.features import voice as v
from spoof.features.sound import EDGES_HZ, RATE_HZ, Sound, correlations, harmonicity, moments
from spoof.features.spectra import linear_filters, mel_filters
from spoof.features.voice import COUNT, FINE_COUNT, fine_statistics, voice_statistics

BANDS = len(EDGES_HZ) - 1


def noise(seconds=3.0, *, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE_HZ)).astype(np.float32)


def pulses(semitones_per_s=0.0, *, seconds=3.0):
    """A buzz whose pitch is 125 Hz at first, and rises."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    turns = np.cumsum(125 * 2 ** (semitones_per_s * times / 12)) / RATE_HZ
    harmonics = np.arange(1, 40)
    return np.cos(2 * np.pi * turns[:, None] * harmonics).mean(axis=1).astype(np.float32)


def test_there_are_so_many_the_same_ones_again_and_the_input_is_not_changed():
    samples = noise()
    found = voice_statistics(samples)
    assert found.shape == (COUNT,) and found.dtype == np.float32
    np.testing.assert_array_equal(samples, noise())
    np.testing.assert_array_equal(found, voice_statistics(noise()))
    with pytest.raises(InputError, match=r"0\.400 s is shorter than the 0\.500 s"):
        voice_statistics(noise(0.4))


@pytest.mark.parametrize("samples", [
    np.zeros(RATE_HZ, np.float32),
    np.full(RATE_HZ, 0.3, np.float32),
    np.eye(1, RATE_HZ, 99, dtype=np.float32)[0],
    noise(0.5),
    np.concatenate([np.zeros(2 * RATE_HZ, np.float32), noise(0.1)]),
    (0.5 * np.sin(np.arange(RATE_HZ) * 0.3)).astype(np.float32),
], ids=["silence", "constant", "click", "half a second", "mostly silence", "tone"])  # fmt: skip
def test_odd_sounds_give_finite_numbers(samples):
    for found, count in (voice_statistics(samples), COUNT), (fine_statistics(samples), FINE_COUNT):
        assert found.shape == (count,) and np.abs(found).max() < 1e4  # fits into half precision


@pytest.mark.parametrize("smooth_hz", [v.FINE_HZ, 121])
def test_a_steady_line_shows_most_in_its_band(smooth_hz):
    tone = 0.01 * np.sin(2 * np.pi * 5_062.0 * np.arange(3 * RATE_HZ) / RATE_HZ)
    with_tone, without = (
        np.array(v.lines(Sound.of(s.astype(np.float32)), (8000, 4000, 2000), smooth_hz))
        for s in (noise() + tone, noise())
    )
    change = (with_tone - without)[:, -v.LINES_N_BANDS :]  # of the crest factors
    assert (change.argmax(axis=1) == 5_062 * 2 * v.LINES_N_BANDS // RATE_HZ).all()


def test_level_silence_around_and_an_offset_make_no_difference():
    samples = pulses() + 0.01 * noise()
    around = np.zeros(RATE_HZ, np.float32)
    trimmed = Sound.of(np.concatenate([around, 0.05 * samples, around])).samples
    assert abs(len(trimmed) - len(samples)) < 0.15 * RATE_HZ  # its margins, and whole frames
    louder = voice_statistics(3 * samples + np.float32(0.01))
    np.testing.assert_allclose(louder, voice_statistics(samples), atol=1e-3)


def test_moments_and_correlations_are_those_of_scipy_and_numpy():
    values = np.random.default_rng(1).gamma(2.0, size=(500, 3))
    spread, skewness, kurtosis = moments(values)
    np.testing.assert_allclose(spread, np.log(values.std(axis=0)), atol=1e-5)
    np.testing.assert_allclose(skewness, scipy.stats.skew(values), rtol=1e-4)
    wanted = np.log(scipy.stats.kurtosis(values, fisher=False))
    np.testing.assert_allclose(kurtosis, wanted, atol=1e-3)
    values = np.random.default_rng(2).normal(size=(200, 4))
    expected = np.corrcoef(values.T)[np.triu_indices(4, 1)]
    np.testing.assert_allclose(correlations(values), expected, atol=1e-5)
    values[:, 2] = 7.0
    assert np.isfinite(correlations(values)).all() and correlations(values)[1] == 0


@pytest.mark.parametrize(("first", "filters"), [
    (0, linear_filters(RATE_HZ, 512, 60)), (8, mel_filters(RATE_HZ, 1024, 60)),
], ids=["linear", "mel"])  # fmt: skip
def test_cepstra_are_the_dct_of_log_bands(first, filters):
    sound = Sound.of(noise())  # noise is active throughout
    spectra = sound.spectra(length=2 * filters.shape[1] - 2, hop=160)
    cepstra = dct(np.log(spectra @ filters.T), axis=1, norm="ortho")[:, :40]
    found = v.envelope(sound)
    np.testing.assert_allclose(found[first], np.log(cepstra.std(axis=0)), atol=1e-3)
    change = (cepstra[4:] - cepstra[:-4]).std(axis=0)
    np.testing.assert_allclose(found[first + 5], np.log(change), atol=1e-3)


def test_a_buzz_is_periodic_in_its_bands_and_noise_in_none():
    for number in (0, 7):  # the shorter and the longer window, the course of the pitch between
        buzz, hiss = (harmonicity(Sound.of(s))[number] for s in (pulses(), noise()))
        assert buzz[:10].min() > 0.6  # up to 5 kHz, where its harmonics end
        assert np.abs(hiss).max() < 0.45
    steady, rising = (harmonicity(Sound.of(pulses(rate)))[6] for rate in (0.0, 3.0))
    step = np.exp(rising[2]) - 1e-3  # median of semitones from frame to frame
    assert step == pytest.approx(3 * 0.01, abs=0.01)  # lags between samples are interpolated
    assert np.exp(steady[2]) - 1e-3 < 0.003
    assert steady[17] == rising[17] == 1.0  # voiced throughout


def test_modulation_shows_the_rate_of_syllables_and_the_pitch():
    times = np.arange(3 * RATE_HZ) / RATE_HZ
    swelling = noise() * (1 + 0.9 * np.sin(2 * np.pi * 5 * times)).astype(np.float32)
    ranges = v.modulation(Sound.of(swelling))[-1].reshape(6, 20)
    assert (ranges.argmax(axis=0) == 1).all()  # 3 to 7 Hz
    buzz, hiss = (v.modulation(Sound.of(s))[0].reshape(6, 10) for s in (pulses(), noise()))
    assert (buzz[2] > hiss[2] + 0.5)[:6].all()  # 100 to 156 Hz, in bands up to 4.8 kHz
