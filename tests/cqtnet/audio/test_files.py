import hashlib
import os

import pytest

from cqtnet.audio import file_sha256, find_audio, told
from cqtnet.errors import NotAudioError
from tests.cqtnet.audio.made import at_most


@pytest.fixture
def archive(tmp_path):
    for name in ("b.wav", "a.MP3", "notes.txt", "sub/c.flac", "sub/deep/d.m4a", "film.mp4"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "archive"


def names(paths, folder):
    return [str(path.relative_to(folder)) for path in paths]


@pytest.mark.parametrize(("named", "expected"), [
    ([""], ["a.MP3", "b.wav", "film.mp4", "sub/c.flac", "sub/deep/d.m4a"]),  # sorted
    (["notes.txt"], ["notes.txt"]),  # a named file is taken whatever its suffix
    (["sub", "b.wav", ""], ["sub/c.flac", "sub/deep/d.m4a", "b.wav", "a.MP3", "film.mp4"]),
])  # fmt: skip
def test_recordings_are_found_in_order_and_none_twice(archive, named, expected):
    assert names(find_audio([archive / name for name in named]), archive) == expected


def test_links_are_followed_once_loops_end_and_pipes_and_devices_are_passed_over(archive):
    (archive / "sub" / "loop").symlink_to(archive)
    (archive / "again.wav").symlink_to(archive / "b.wav")
    (archive / "itself.wav").symlink_to(archive / "itself.wav")
    (archive / "dead.wav").symlink_to(archive / "gone.wav")
    os.link(archive / "b.wav", archive / "z_hard.wav")
    (archive / "sub" / "deep" / "loop").symlink_to(archive / "sub")
    os.mkfifo(archive / "pipe.wav")
    (archive / "zero.wav").symlink_to("/dev/zero")
    with at_most(5):  # two loops that are not noticed have 2^40 paths
        found = names(find_audio([archive]), archive)
    # again.wav comes before b.wav in the alphabet, and both are the same file.
    assert found == ["a.MP3", "again.wav", "film.mp4", "sub/c.flac", "sub/deep/d.m4a"]


def test_a_named_path_that_is_no_file_is_an_error_and_names_in_no_encoding_are_found(archive):
    os.mkfifo(archive / "pipe.wav")
    for name, message in (
        ("pipe.wav", "is a pipe; give a regular audio file or a folder"),
        ("gone.wav", "cannot be read: No such file"),
    ):
        with pytest.raises(NotAudioError, match=message):
            list(find_audio([archive / name]))
    path = os.fsencode(archive) + b"/\xff\xfe.wav"
    with open(path, "wb") as file:
        file.write(b"x")
    assert os.fsencode(list(find_audio([archive]))[-1]) == path
    assert [os.fsencode(found) for found in find_audio([path])] == [path]


def test_the_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "large").write_bytes(bytes(3_000_000))
    assert file_sha256(tmp_path / "large") == hashlib.sha256(bytes(3_000_000)).hexdigest()
    with pytest.raises(NotAudioError, match="is a folder"):
        file_sha256(tmp_path)


def test_text_of_others_is_told_in_one_printable_line_of_limited_length():
    text = "title\x1b]8;;http://evil\x07\n\u202e" + 500 * "a" + "end\udce9\ud800"
    for most in (40, 200, 1000):
        line = told(text, most=most)
        assert line.isprintable() and len(line) <= most
        assert line.startswith("title\\x1b") and line.endswith("\\xe9\\ud800")
    assert told(5) == "5" and told("tëxt") == "tëxt"
    assert told("a" * 99, most=10) == "aaaa … aaa"
