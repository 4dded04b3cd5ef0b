import io
from pathlib import Path

import pytest

from cqtnet.errors import InputError
from tests.verify.archive.synthetic import make_archive
from verify.archive.listing import audio_files, describe, description_lines, entry_line
from verify.archive.store import Store


@pytest.fixture
def folder(tmp_path):
    for name in ("music/a.wav", "music/deep/b.flac", "music/notes.txt", "odd"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(folder, *words):
    found = audio_files(str(folder / word) if word != "-" else word for word in words)
    return [str(Path(path).relative_to(folder)) for path in found]


def test_folders_give_their_audio_and_files_themselves(folder):
    assert names(folder, "music", "odd") == ["music/a.wav", "music/deep/b.flac", "odd"]


def test_patterns_are_filled_in(folder):
    assert names(folder, "music/*.wav") == ["music/a.wav"]
    assert names(folder, "music/**/*.flac") == ["music/deep/b.flac"]
    with pytest.raises(InputError, match="no file is named like"):
        names(folder, "music/*.ogg")


def test_a_list_comes_from_stdin(folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{folder}/odd\n\n{folder}/music/a.wav\r\n"))
    assert names(folder, "-") == ["odd", "music/a.wav"]


def test_what_is_no_file_comes_last_to_be_told_as_such(folder):
    assert names(folder, "missing", "odd") == ["odd", "missing"]


def test_an_archive_is_told_in_figures_and_words(tmp_path):
    entries = make_archive(tmp_path / "archive")
    with Store.open(tmp_path / "archive") as store:
        plain = describe(store)
    assert plain["recordings"] == 5 and plain["index"] is None
    assert plain["windows"] == sum(entry.n_windows for entry in entries)
    words = "\n".join(description_lines(plain))
    assert "5 recordings" in words and "index    none is kept" in words
    assert entry_line(entries[0]).split()[0] == "1"
