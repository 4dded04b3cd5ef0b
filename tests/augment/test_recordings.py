import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augment.errors import EffectError
from augment.recordings import duration_s, read_stretch, write_sound
from tests.augment.signals import frequency_hz, sine


def test_a_stretch_comes_mono_at_the_rate_asked_for(other_recording: Path) -> None:
    stretch = read_stretch(str(other_recording), 22050, start_s=2.0, length_s=3.0)
    assert stretch.shape == (66150,)
    assert stretch.dtype == np.float32
    assert frequency_hz(stretch, sample_rate=22050) == pytest.approx(700, abs=0.1)
    assert np.abs(stretch).max() == pytest.approx(0.3, abs=0.01)


def test_a_stretch_is_taken_from_its_place(tmp_path: Path) -> None:
    path = tmp_path / "ramp.wav"
    soundfile.write(path, np.arange(8000) / 8000, 8000, subtype="FLOAT")
    stretch = read_stretch(str(path), 8000, start_s=0.25, length_s=0.5)
    np.testing.assert_allclose(stretch, np.arange(2000, 6000) / 8000, atol=1e-7)


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.tile([0.5, -0.25], (100, 1)), 8000, subtype="FLOAT")
    stretch = read_stretch(str(path), 8000, start_s=0.0, length_s=1.0)
    assert stretch.tolist() == [0.125] * 100


def test_the_end_of_the_file_makes_it_shorter(other_recording: Path) -> None:
    assert read_stretch(str(other_recording), 16000, start_s=6.5, length_s=3.0).size == 8000


def test_duration_is_that_of_the_frames(other_recording: Path) -> None:
    assert duration_s(str(other_recording)) == 7.0


def test_names_that_are_not_utf8_are_read(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/t\xf6ne.wav")
    with open(path, "wb") as stream:
        soundfile.write(stream, sine(500.0, sample_rate=8000), 8000, format="WAV")
    assert duration_s(path) == 2.0


def test_a_start_after_the_end_is_refused(other_recording: Path) -> None:
    with pytest.raises(EffectError, match=r"lasts 7 s; 8 s is after its end"):
        read_stretch(str(other_recording), 22050, start_s=8.0, length_s=1.0)


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").touch()
    os.mkfifo(tmp_path / "pipe")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 8000)
    soundfile.write(tmp_path / "fast.wav", np.zeros(10), 2_000_000)
    soundfile.write(tmp_path / "nan.wav", np.full(10, np.nan), 8000, subtype="FLOAT")
    for name, message in (
        ("missing.wav", "cannot be read: No such file"),
        (".", "no regular file"),
        ("pipe", "no regular file"),
        ("text.wav", "no recording"),
        ("empty.wav", "no recording"),
        ("none.wav", "holds no sound"),
        ("fast.wav", "runs at 2000000 Hz"),
        ("nan.wav", "NaN or infinite"),
    ):
        with pytest.raises(EffectError, match=message) as caught:
            read_stretch(str(tmp_path / name), 8000, start_s=0.0, length_s=1.0)
        assert "\n" not in str(caught.value)


def test_long_sounds_are_written_whole(tmp_path: Path) -> None:
    samples = sine(500.0, sample_rate=44100, duration_s=5.0)
    path = tmp_path / "long.wav"
    with path.open("wb") as stream:
        write_sound(stream, samples, 44100, kind="WAV", subtype="FLOAT")
    assert np.array_equal(soundfile.read(path, dtype="float32")[0], samples)


def test_what_libsndfile_gives_up_on_is_decoded_by_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "glide.flac"
    times = np.arange(3 * 16_000) / 16_000
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * (200 + 100 * times) * times), 16_000)
    expected = read_stretch(str(path), 16_000, start_s=1.0, length_s=1.5)

    def gives_up(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(4)

    monkeypatch.setattr(soundfile.SoundFile, "read", gives_up)
    decoded = read_stretch(str(path), 16_000, start_s=1.0, length_s=1.5)
    assert decoded.shape == expected.shape == (24_000,)
    np.testing.assert_allclose(decoded, expected, atol=1e-4)
