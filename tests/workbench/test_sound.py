"""Sound and pictures of sound whose content is known."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image

from cqtnet.errors import InputError
from workbench import sound


@pytest.fixture
def tone(tmp_path):
    """440 Hz from second 1 to 3, in stereo at 48 kHz."""
    times = np.arange(4 * 48000) / 48000
    samples = 0.5 * np.sin(2 * np.pi * 440 * times) * ((times >= 1) & (times < 3))
    soundfile.write(tmp_path / "tone.wav", np.stack([samples, samples], axis=1), 48000)
    return tmp_path / "tone.wav"


def test_the_sound_is_that_of_the_recording(tone, tmp_path):
    seconds = []
    out = tmp_path / "out.wav"
    sound.write_sound(tone, out, most_s=10, on_second=seconds.append)
    assert seconds[-1] == 4.0
    samples, rate = soundfile.read(out)
    assert (rate, samples.shape) == (44100, (4 * 44100,))
    assert np.sqrt(np.mean(samples[50000:120000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
    np.testing.assert_allclose(sound.read(out, 1.5, 2.5), samples[66150:110250], atol=1e-6)
    with pytest.raises(InputError, match="the limit is"):
        sound.write_sound(tone, out, most_s=3, on_second=seconds.append)


@pytest.mark.parametrize("zoom", [0, 1])
def test_a_tone_is_dark_in_its_row_and_while_it_sounds(zoom, tone, tmp_path):
    out = tmp_path / "out.wav"
    sound.write_sound(tone, out, most_s=10, on_second=lambda _: None)
    picture = np.asarray(Image.open(io.BytesIO(sound.tile(out, zoom, 0))))[::-1]
    column = round(2.0 / (sound.COLUMN_S * 2**zoom))
    assert picture[:, column].argmin() == 45, "A4 is 45 semitones above C1"
    assert picture[45, column] < 30 and picture[[20, 70], column].min() == 255
    silent = [round(0.5 * 128 / 2**zoom), round(3.5 * 128 / 2**zoom)]
    assert (picture[:, silent] == 255).all()


def test_what_is_brought_to_another_tempo_and_pitch_has_them():
    times = np.arange(2 * sound.RATE_HZ) / sound.RATE_HZ
    samples = np.sin(2 * np.pi * 440 * times).astype(np.float32)
    out = sound.fitted(samples, 1.25, 12.0)
    assert out.size / sound.RATE_HZ == pytest.approx(2 / 1.25, abs=0.001)
    spectrum = np.abs(np.fft.rfft(out[20000:50000] * np.hanning(30000)))
    assert spectrum.argmax() * sound.RATE_HZ / 30000 == pytest.approx(880, abs=3)
    assert sound.fitted(samples, 1.0, 0.0) is samples
