import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet import SAMPLE_RATE, audio
from cqtnet.music import make_music
from tests.verify.archive.pieces import comparer
from verify import memory as remembering
from verify import recording
from verify.commands.cache import cache
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


def test_a_long_recording_is_decoded_once_and_is_the_same_the_second_time(
    memory, long, monkeypatch
):
    embedder = comparer().embedder
    first = Recording.read(long, embedder)
    assert memory.size()[0] == 1 and first.whole is None
    monkeypatch.setattr(audio.AudioStream, "__next__", lambda _: pytest.fail("decoded again"))
    second = Recording.read(long, embedder)
    assert second.item == first.item
    for name in ("steps", "levels", "roots"):
        assert np.array_equal(getattr(second.trace, name), getattr(first.trace, name))
    assert np.array_equal(second.samples(3.0, 9.0), first.samples(3.0, 9.0))
    assert np.array_equal(second.features(3.0, 9.0).fine, first.features(3.0, 9.0).fine)


def test_what_is_damaged_or_of_other_bytes_is_read_again(memory, long):
    embedder = comparer().embedder
    first = Recording.read(long, embedder).samples(0.0, 30.0)
    (samples,) = memory.folder.glob("*.samples")
    with samples.open("r+b") as file:
        file.seek(1000)
        file.write(b"\x01\x02\x03\x04")
    again = Recording.read(long, embedder)
    assert np.array_equal(again.samples(0.0, 30.0), first)
    soundfile.write(long, make_music(4, duration_s=30.0), SAMPLE_RATE)
    other = Recording.read(long, embedder)
    assert not np.array_equal(other.samples(0.0, 30.0), first)
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
