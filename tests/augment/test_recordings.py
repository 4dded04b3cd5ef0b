import os

import numpy as np
import pytest
import soundfile

from augment.errors import EffectError
from augment.noise import duration_s, read_stretch
from tests.augment.signals import frequency_hz, sine
from tests.cqtnet.audio.made import encode


def test_a_stretch_comes_mono_at_the_rate_asked_for(other_recording):
    stretch = read_stretch(str(other_recording), 22050, start_s=2.0, length_s=3.0)
    assert stretch.shape == (66150,) and stretch.dtype == np.float32
    assert frequency_hz(stretch, sample_rate=22050) == pytest.approx(700, abs=0.1)
    assert np.abs(stretch).max() == pytest.approx(0.3, abs=0.01)
    assert duration_s(str(other_recording)) == 7.0
    assert read_stretch(str(other_recording), 16000, start_s=6.5, length_s=3.0).size == 8000


@pytest.mark.parametrize("name", ["ramp.wav", "ramp.flac", "ramp.aiff"])
def test_a_stretch_is_taken_from_its_place_and_channels_are_averaged(tmp_path, name):
    ramp = np.arange(40_000) / 40_000
    soundfile.write(tmp_path / name, np.stack([ramp, -ramp / 2], axis=1), 8000, subtype="PCM_24")
    stretch = read_stretch(str(tmp_path / name), 8000, start_s=3.25, length_s=0.5)
    np.testing.assert_allclose(stretch, ramp[26_000:30_000] / 4, atol=1e-6)


def test_formats_that_only_ffmpeg_reads_and_names_that_are_not_utf8_are_read(tmp_path):
    tone = sine(700.0, sample_rate=44100, duration_s=3.0)
    path = encode(tmp_path / "tone.aac", tone, rate=44100, codec="aac", container="adts")
    assert duration_s(str(path)) == pytest.approx(3.0, abs=0.1), "its header says none"
    stretch = read_stretch(str(path), 22050, start_s=1.0, length_s=1.5)
    assert frequency_hz(stretch, sample_rate=22050) == pytest.approx(700, abs=0.5)
    path = os.fsdecode(os.fsencode(tmp_path) + b"/t\xf6ne.wav")
    soundfile.write(os.fsencode(path), sine(500.0, sample_rate=8000), 8000)
    assert duration_s(path) == 2.0


def test_files_that_are_none_are_refused_in_one_line(tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 8000)
    soundfile.write(tmp_path / "fast.wav", np.zeros(10), 2_000_000)
    soundfile.write(tmp_path / "nan.wav", [0.1, np.nan], 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "short.wav", np.zeros(8000), 8000)
    for name, message in (
        ("missing.wav", "cannot be read: No such file"),
        ("text.wav", "is not audio"),
        ("none.wav", "is after its end"),
        ("fast.wav", "sample rate 2000000 Hz is outside"),
        ("nan.wav", "NaN or infinite"),
        ("short.wav", "lasts 1 s; 1.5 s is after its end"),
    ):
        start_s = 1.5 if name == "short.wav" else 0.0
        with pytest.raises(EffectError, match=message) as caught:
            read_stretch(str(tmp_path / name), 8000, start_s=start_s, length_s=1.0)
        assert "\n" not in str(caught.value)
    with pytest.raises(EffectError, match="holds no sound"):
        duration_s(str(tmp_path / "none.wav"))
