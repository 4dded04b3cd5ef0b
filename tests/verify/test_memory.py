import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet import SAMPLE_RATE, audio
from cqtnet.music import make_music
from tests.verify.archive.pieces import comparer
from verify import memory as remembering
from verify import recording
from verify.commands.doctor import cache
from verify.memory import Memory
from verify.recording import Recording


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """The memory of this test; recordings above 20 s are long ones."""
    monkeypatch.setenv("CQTNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(recording, "WHOLE_S", 20.0)
    monkeypatch.setattr(remembering, "CHECKED", 100_000)
    return Memory()


@pytest.fixture
def long(tmp_path):
    soundfile.write(tmp_path / "long.flac", make_music(3, duration_s=30.0), SAMPLE_RATE)
    return tmp_path / "long.flac"


def parts(recording):
    """What the memory keeps of a recording, and the features of a part of it."""
    trace = recording.trace
    of_part = recording.samples(3.0, 9.0), recording.features(3.0, 9.0).fine
    return [trace.steps, trace.levels, trace.roots, *of_part]


def test_a_long_recording_is_decoded_once_and_is_the_same_again(memory, long, monkeypatch):
    first = Recording.read(long, comparer().embedder)
    assert memory.size()[0] == 1 and first.whole is None
    monkeypatch.setattr(audio.AudioStream, "__next__", lambda _: pytest.fail("decoded again"))
    second = Recording.read(long, comparer().embedder)
    assert second.item == first.item
    assert all(map(np.array_equal, parts(second), parts(first)))


def test_what_is_damaged_or_of_other_bytes_is_read_again(memory, long):
    embedder = comparer().embedder
    first = Recording.read(long, embedder).samples(0.0, 30.0)
    (samples,) = memory.folder.glob("*.samples")
    with samples.open("r+b") as file:
        file.seek(1000)
        file.write(b"\x01\x02\x03\x04")
    assert np.array_equal(Recording.read(long, embedder).samples(0.0, 30.0), first)
    soundfile.write(long, make_music(4, duration_s=30.0), SAMPLE_RATE)
    assert not np.array_equal(Recording.read(long, embedder).samples(0.0, 30.0), first)
    assert memory.size()[0] == 2


def test_memory_is_bounded_shown_and_cleared(memory, long):
    Recording.read(long, comparer().embedder)
    count, n_bytes = memory.size()
    shown = CliRunner().invoke(cache, []).stdout
    assert f"{n_bytes / 1e6:,.1f} MB" in shown and count == 1
    Memory(most_bytes=n_bytes - 1).bound()
    assert memory.size()[1] < n_bytes
    assert "forgotten" in CliRunner().invoke(cache, ["--clear"]).stdout
    assert memory.size() == (0, 0)


def test_a_folder_that_cannot_be_written_is_no_error(memory, long, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CQTNET_CACHE", str(tmp_path / "file" / "cache"))
    assert Recording.read(long, comparer().embedder).duration_s == pytest.approx(30)
