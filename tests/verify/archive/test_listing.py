import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from cqtnet.errors import InputError
from verify.archive.listing import audio_files


@pytest.fixture
def files(tmp_path):
    for name in ("music/a.wav", "music/deep/b.flac", "music/notes.txt", "odd"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(files, *words):
    found = audio_files(str(files / word) if word != "-" else word for word in words)
    return [str(Path(path).relative_to(files)) for path in found]


def test_files_come_from_folders_patterns_and_stdin_and_what_is_none_comes_last(files, monkeypatch):
    latin = os.fsencode(files) + b"/caf\xe9"
    Path(os.fsdecode(latin)).touch()
    listed = f"{files}/odd\n\n{files}/music/a.wav\r\n".encode()
    stdin = SimpleNamespace(buffer=io.BytesIO(listed + latin))
    monkeypatch.setattr("sys.stdin", stdin)
    assert names(files, "music", "odd") == ["music/a.wav", "music/deep/b.flac", "odd"]
    assert names(files, "music/*.wav") == ["music/a.wav"]
    assert names(files, "music/**/*.flac") == ["music/deep/b.flac"]
    assert names(files, "-") == ["odd", "music/a.wav", "caf\udce9"]
    stdin.buffer = io.BytesIO(b"a.wav\0b.wav")
    with pytest.raises(InputError, match="holds a NUL"):
        names(files, "-")
    assert names(files, "missing", "odd") == ["odd", "missing"]
    with pytest.raises(InputError, match="no file matches"):
        names(files, "music/*.ogg")
