import numpy as np
import pytest

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from verify.features import SPECTRA_PER_SECOND, STEP_CENTS, Features, spectra, spectrum_hz

SECONDS = 12.0
TIMES = np.arange(round(SECONDS * SAMPLE_RATE)) / SAMPLE_RATE


def noise(seed, colour):
    white = np.random.default_rng(seed).standard_normal(len(TIMES))
    if colour == "white":
        return (0.1 * white).astype(np.float32)
    spectrum = np.fft.rfft(white)
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    pink = np.fft.irfft(spectrum, len(TIMES))
    return (0.1 * pink / pink.std()).astype(np.float32)


def content(samples):
    """Whether samples are nothing but noise, steady, and silent."""
    found = Features.of(samples.astype(np.float32)).content
    return found.is_noise, found.is_steady, found.is_silent


@pytest.mark.parametrize("colour", ["white", "pink"])
def test_noise_is_nothing_but_noise(colour):
    for seconds in (3, 12):
        assert content(noise(1, colour)[: seconds * SAMPLE_RATE]) == (True, False, False)


def test_a_steady_tone_is_nothing_but_steady_and_silence_and_dither_are_silent():
    tone = 0.3 * np.sin(2 * np.pi * 220 * TIMES)
    assert content(tone)[1:] == content(0.3 * np.sign(tone))[1:] == (True, False)
    dither = np.random.default_rng(0).uniform(-1, 1, len(TIMES)) / 2**16
    assert content(0 * tone)[2] and content(dither)[2]


@pytest.mark.parametrize("seed", range(4))
def test_music_lacks_nothing_and_neither_does_it_under_noise(seed):
    music = make_music(seed, duration_s=SECONDS)
    noisy = music + 0.5 * music.std() / noise(2, "white").std() * noise(2, "white")
    assert content(music) == content(noisy) == (False, False, False)


def test_a_part_knows_where_it_begins_and_holds_what_the_whole_holds():
    whole = Features.of(make_music(3, duration_s=SECONDS))
    part = whole.part(3.0, 8.0)
    assert part.start_s == pytest.approx(3.0, abs=0.012)
    assert part.duration_s == pytest.approx(5.0, abs=0.05)
    first = round(part.start_s * SAMPLE_RATE / 512)
    np.testing.assert_array_equal(part.fine, whole.fine[:, first : first + part.fine.shape[1]])
    np.testing.assert_array_equal(part.spectra[0], whole.spectra[30])


def test_spectra_stand_at_their_times_and_cents():
    tone = np.where(TIMES < 6, np.sin(2 * np.pi * 440 * TIMES), np.sin(2 * np.pi * 550 * TIMES))
    found = spectra(tone.astype(np.float32))
    hz = spectrum_hz()[found.argmax(axis=1)]
    row = round(3 * SPECTRA_PER_SECOND)
    assert abs(1200 * np.log2(hz[row] / 440)) <= STEP_CENTS
    assert abs(1200 * np.log2(hz[3 * row] / 550)) <= STEP_CENTS
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-4)
