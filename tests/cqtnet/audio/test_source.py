import io
import os
import tempfile

import numpy as np
import pytest
import soundfile

from cqtnet import audio
from cqtnet.errors import InputError

RATE = 22050
SAMPLES = (0.5 * np.sin(np.arange(RATE) / 20)).astype(np.float32)


def held():
    return [name for name in os.listdir(tempfile.gettempdir()) if name.startswith("cqtnet-")]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("samples", [
    SAMPLES, SAMPLES.astype(">f4"), SAMPLES.astype(np.float64), SAMPLES.tolist(),
    np.stack([SAMPLES, SAMPLES]), np.stack([SAMPLES, SAMPLES, SAMPLES], axis=1),
    np.rint(SAMPLES * 32767).astype(np.int16), np.rint(SAMPLES * 2.0**30).astype(np.int32) * 2,
    SAMPLES.astype(np.float16),
])  # fmt: skip
def test_samples_are_read_as_they_are_and_leave_no_file(samples):
    path = audio.file_of((samples, float(RATE)))
    np.testing.assert_allclose(audio.load(path), SAMPLES, atol=1e-3)
    assert audio.shown(path) == "samples in memory" and len(held()) == 1
    assert audio.file_sha256(path) == audio.file_sha256(audio.file_of((samples, RATE)))
    del path
    assert held() == []


@pytest.mark.parametrize(("given", "says"), [
    ((RATE, SAMPLES), "give samples and a whole number of Hz"),
    ((SAMPLES, 0.5), "a whole number"),
    ((SAMPLES, np.nan), "a whole number"),
    ((SAMPLES, 100), r"sample rate 100 Hz is outside 4000 to 768000 Hz"),
    ((np.ones((100, 200), np.float32), RATE), "100 channels, the limit is 64"),
    ((np.zeros((2, 2, 2)), RATE), r"shape \(2, 2, 2\)"),
    ((SAMPLES > 0, RATE), "type bool"),
    ((np.array(["a"]), RATE), "as floats in -1 to 1 or as int16 or int32"),
    ((SAMPLES[:0], RATE), "nothing to compare"),
    ((np.where(SAMPLES > 0.4, np.nan, SAMPLES), RATE), "not all finite"),
    (SAMPLES, "ndarray is no recording; give a path"),
    (None, "NoneType is no recording"),
    (io.StringIO("a"), "open as text"),
])  # fmt: skip
def test_what_is_no_recording_is_told_in_plain_words(given, says):
    with pytest.raises(InputError, match=says):
        audio.file_of(given)


def test_an_open_file_is_read_from_its_beginning(tmp_path):
    memory, path = io.BytesIO(), tmp_path / "sound.flac"
    soundfile.write(memory, SAMPLES, RATE, format="FLAC")  # which leaves it at its end
    path.write_bytes(memory.getvalue())
    with path.open("rb") as file:
        for source, name in ((memory, "file in memory"), (file, str(path))):
            own = audio.file_of(source)
            assert audio.file_sha256(own) == audio.file_sha256(path)
            assert audio.shown(own) == name
    with pytest.raises(InputError, match=r"file in memory is empty \(0 bytes\)"):
        audio.load(audio.file_of(io.BytesIO()))


def test_what_has_no_end_is_refused():
    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as pipe, pytest.raises(InputError, match="is a pipe or a stream"):
        audio.file_of(pipe)
    with open("/dev/zero", "rb") as zeros, pytest.raises(InputError, match="zero is empty"):
        audio.load(audio.file_of(zeros))


def test_one_recording_and_several_are_told_apart():
    sound = (SAMPLES, RATE)
    assert audio.sources_of("a") == ["a"] and audio.sources_of(sound) == [sound]
    assert audio.sources_of(SAMPLES)[0] is SAMPLES and audio.sources_of(map(str, [1])) == ["1"]
    assert audio.sources_of(("a", "b")) == ["a", "b"] and audio.sources_of([sound]) == [sound]
