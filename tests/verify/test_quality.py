import numpy as np
import pytest
import scipy.signal
import soxr

from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from verify.quality import LOWEST_DBFS, SPECTRUM_SAMPLES, long_term_db, quality_of


def noise(rng, seconds, *, level=0.1):
    return rng.normal(0, level, round(seconds * SAMPLE_RATE)).astype(np.float32)


def sine(hertz, *, seconds=3.0):
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.sin(2 * np.pi * hertz * times).astype(np.float32)


def lowpass(samples, hertz):
    sections = scipy.signal.butter(10, hertz, fs=SAMPLE_RATE, output="sos")
    return np.asarray(scipy.signal.sosfiltfilt(sections, samples), np.float32)


def test_a_full_scale_sine_has_its_peak_at_0_and_its_level_3_db_below():
    quality = quality_of(sine(441))
    assert quality.peak_dbfs == pytest.approx(0, abs=0.02)
    assert quality.rms_dbfs == pytest.approx(10 * np.log10(0.5), abs=0.01)


@pytest.mark.parametrize("limit", [0.15, 0.25])
def test_planted_clipping_is_measured(rng, limit):
    sound = lowpass(noise(rng, 10, level=0.3), 1500)
    cut = np.clip(sound, -limit, limit)
    true = float((np.abs(sound) >= limit).mean())
    assert quality_of(cut).clipped == pytest.approx(true, rel=0.25)


def test_clipping_is_still_seen_after_resampling(rng):
    """Resampling overshoots: the peak is no longer the limit."""
    sound = soxr.resample(lowpass(noise(rng, 10, level=0.3), 4000), SAMPLE_RATE, 44100)
    cut = soxr.resample(np.clip(sound, -0.2, 0.2), 44100, SAMPLE_RATE)
    true = float((np.abs(sound) >= 0.2).mean())
    assert np.abs(cut).max() > 0.21
    # of tops shorter than three samples, nothing is seen
    assert 0.5 * true < quality_of(cut).clipped < 1.1 * true


def test_the_round_tops_of_a_sine_are_no_clipping():
    assert [quality_of(sine(hertz)).clipped for hertz in (50, 440, 3000)] == [0, 0, 0]


@pytest.mark.parametrize("hertz", [1000, 3400, 5000, 8000])
@pytest.mark.parametrize("floor", [0.0, 0.003])
def test_a_planted_band_limit_is_found(rng, hertz, floor):
    sound = lowpass(noise(rng, 10), hertz) + noise(rng, 10, level=floor)
    quality = quality_of(sound)
    # 12 dB over a third of an octave are seen a little before the filter's -3 dB
    assert quality.bandwidth_hz == pytest.approx(hertz, rel=0.08)
    assert not quality.is_full_band


def test_neither_noise_over_the_whole_band_nor_loud_bass_is_a_band_limit(rng):
    assert quality_of(noise(rng, 5)).is_full_band
    sound = lowpass(noise(rng, 10, level=1.0), 300) * 0.5 + noise(rng, 10, level=0.02)
    treble = sound + 0.02 * np.diff(noise(rng, 10), prepend=0)
    wide = lowpass(noise(rng, 10, level=0.05), 4000)
    assert quality_of((treble + wide).astype(np.float32)).bandwidth_hz > 3000


def test_the_noise_floor_is_that_between_planted_bursts(rng):
    floor = noise(rng, 10, level=0.001)
    is_loud = np.arange(floor.size) // (SAMPLE_RATE // 2) % 2
    quality = quality_of((floor + 0.5 * is_loud * sine(441, seconds=10)).astype(np.float32))
    assert quality.floor_dbfs == pytest.approx(-60, abs=0.5)
    assert quality.range_db == pytest.approx(60 + 20 * np.log10(0.5) - 3.01, abs=1)


@pytest.mark.parametrize("n", [100, SPECTRUM_SAMPLES, 30_000])
def test_the_long_term_spectrum_is_that_of_welch(rng, n):
    sound = lowpass(noise(rng, 3), 6000)[5000 : 5000 + n]
    filled = np.pad(sound, (0, max(0, SPECTRUM_SAMPLES - n)))
    expected = scipy.signal.welch(filled, SAMPLE_RATE, nperseg=SPECTRUM_SAMPLES, detrend=False)[1]
    found = long_term_db(sound)
    loud = found > found.max() - 60
    np.testing.assert_allclose(found[loud], 10 * np.log10(expected[loud] + 1e-16), atol=1e-3)


def test_silence_has_finite_figures_and_no_samples_are_an_error_with_its_cure():
    for n in (1, 100, SAMPLE_RATE):
        quality = quality_of(np.zeros(n, np.float32))
        assert quality.peak_dbfs == quality.rms_dbfs == quality.floor_dbfs == LOWEST_DBFS
        assert quality.clipped == quality.range_db == 0
    with pytest.raises(InputError, match="0 samples has no quality; give one"):
        quality_of(np.empty(0, np.float32))
