"""Statistics of a voice, against other implementations and signals whose answer is known."""

import numpy as np
import pytest
import scipy.stats
from scipy.fft import dct

from cqtnet.errors import InputError
from spoof.features.filters import linear_filters
from spoof.features.voice import COUNT, voice_statistics
from spoof.features.voice.detail import EDGES, detail
from spoof.features.voice.envelope import envelope
from spoof.features.voice.harmonicity import EDGES_HZ, harmonicity
from spoof.features.voice.modulation import modulation
from spoof.features.voice.sound import RATE_HZ, Sound, correlations, moments

BANDS = len(EDGES_HZ) - 1


def noise(seconds: float = 3.0, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE_HZ)).astype(np.float32)


def pulses(semitones_per_s: float = 0.0, *, seconds: float = 3.0) -> np.ndarray:
    """A buzz whose pitch is 125 Hz at first, and rises."""
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    turns = np.cumsum(125 * 2 ** (semitones_per_s * times / 12)) / RATE_HZ
    harmonics = np.arange(1, 40)
    return np.cos(2 * np.pi * turns[:, None] * harmonics).mean(axis=1).astype(np.float32)


def test_there_are_so_many_and_the_same_ones_again() -> None:
    found = voice_statistics(noise())
    assert found.shape == (COUNT,) and found.dtype == np.float32
    np.testing.assert_array_equal(found, voice_statistics(noise()))


@pytest.mark.parametrize("samples", [
    np.zeros(RATE_HZ, np.float32),
    np.full(RATE_HZ, 0.3, np.float32),
    np.eye(1, RATE_HZ, 99, dtype=np.float32)[0],
    noise(0.5),
    np.concatenate([np.zeros(2 * RATE_HZ, np.float32), noise(0.1)]),
    (0.5 * np.sin(np.arange(RATE_HZ) * 0.3)).astype(np.float32),
], ids=["silence", "constant", "click", "half a second", "mostly silence", "tone"])  # fmt: skip
def test_odd_sounds_give_finite_numbers(samples: np.ndarray) -> None:
    found = voice_statistics(samples)
    assert found.shape == (COUNT,) and np.abs(found).max() < 1e4  # fits into half precision


def test_too_short_a_sound_is_refused() -> None:
    with pytest.raises(InputError, match=r"0\.400 s is shorter than the 0\.500 s"):
        voice_statistics(noise(0.4))


def test_level_silence_around_and_an_offset_make_no_difference() -> None:
    samples = pulses() + 0.01 * noise()
    around = np.zeros(RATE_HZ, np.float32)
    trimmed = Sound.of(np.concatenate([around, 0.05 * samples, around])).samples
    assert abs(len(trimmed) - len(samples)) < 0.15 * RATE_HZ  # its margins, and whole frames
    louder = voice_statistics(3 * samples + np.float32(0.01))
    np.testing.assert_allclose(louder, voice_statistics(samples), atol=1e-3)


def test_the_input_is_not_changed() -> None:
    samples = noise()
    before = samples.copy()
    voice_statistics(samples)
    np.testing.assert_array_equal(samples, before)


def test_moments_are_those_of_scipy() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=(500, 3))
    spread, skewness, kurtosis = moments(values)
    np.testing.assert_allclose(spread, np.log(values.std(axis=0)), atol=1e-5)
    np.testing.assert_allclose(skewness, scipy.stats.skew(values), rtol=1e-4)
    wanted = np.log(scipy.stats.kurtosis(values, fisher=False))
    np.testing.assert_allclose(kurtosis, wanted, atol=1e-3)


def test_correlations_are_those_of_numpy_and_0_for_what_is_constant() -> None:
    values = np.random.default_rng(2).normal(size=(200, 4))
    np.testing.assert_allclose(
        correlations(values), np.corrcoef(values.T)[np.triu_indices(4, 1)], atol=1e-5
    )
    values[:, 2] = 7.0
    assert np.isfinite(correlations(values)).all() and correlations(values)[1] == 0


def test_cepstra_are_the_dct_of_log_bands() -> None:
    sound = Sound.of(noise())
    logs = np.log(sound.power @ linear_filters(RATE_HZ, 512, 60).T)
    cepstra = dct(logs, axis=1, norm="ortho")[:, :40][sound.active]
    np.testing.assert_allclose(envelope(sound)[0], np.log(cepstra.std(axis=0)), atol=1e-3)
    change = (cepstra[4:] - cepstra[:-4]).std(axis=0)  # noise is active throughout
    np.testing.assert_allclose(envelope(sound)[5], np.log(change), atol=1e-3)


def test_detail_of_one_band_by_hand() -> None:
    sound = Sound.of(noise())
    logs = np.log(sound.power).astype(np.float64)
    padded = np.pad(logs, ((0, 0), (4, 4)), mode="symmetric")
    smooth = np.stack([padded[:, i : i + 257] for i in range(9)]).mean(axis=0)
    band = (logs - smooth)[:, EDGES[3] : EDGES[4]].ravel()
    spread, skewness, kurtosis, *_ = (np.asarray(part) for part in detail(sound))
    root = np.sqrt((band**2).mean())
    assert spread[3] == pytest.approx(root, rel=1e-3)
    assert skewness[3] == pytest.approx((band**3).mean() / root**3, abs=1e-2)
    assert kurtosis[3] == pytest.approx(np.log((band**4).mean() / root**4), abs=1e-2)


def test_a_buzz_is_periodic_in_its_bands_and_noise_in_none() -> None:
    for number in (0, 7):  # the shorter and the longer window, the course of the pitch between
        buzz, hiss = (harmonicity(Sound.of(s))[number] for s in (pulses(), noise()))
        assert buzz[:10].min() > 0.6  # up to 5 kHz, where its harmonics end
        assert np.abs(hiss).max() < 0.45


def test_the_course_of_a_pitch_is_measured() -> None:
    steady, rising = (harmonicity(Sound.of(pulses(rate)))[6] for rate in (0.0, 3.0))
    step = np.exp(rising[2]) - 1e-3  # median of semitones from frame to frame
    assert step == pytest.approx(3 * 0.01, abs=0.01)  # lags between samples are interpolated
    assert np.exp(steady[2]) - 1e-3 < 0.003
    assert steady[17] == rising[17] == 1.0  # voiced throughout


def test_swelling_at_the_rate_of_syllables_is_found_in_its_range() -> None:
    times = np.arange(3 * RATE_HZ) / RATE_HZ
    swelling = noise() * (1 + 0.9 * np.sin(2 * np.pi * 5 * times)).astype(np.float32)
    ranges = modulation(Sound.of(swelling))[-1].reshape(6, 20)
    assert (ranges.argmax(axis=0) == 1).all()  # 3 to 7 Hz


def test_a_pitch_is_seen_in_fast_modulation() -> None:
    buzz, hiss = (modulation(Sound.of(s))[0].reshape(6, 10) for s in (pulses(), noise()))
    assert (buzz[2] > hiss[2] + 0.5)[:6].all()  # 100 to 156 Hz, in bands up to 4.8 kHz
