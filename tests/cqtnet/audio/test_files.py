"""Which files are found, in which order, each once."""

import hashlib
import inspect
import os
import sys
from pathlib import Path

import pytest

from cqtnet.audio import file_sha256, find_audio
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


def test_a_folder_gives_its_recordings_sorted_and_nothing_else(archive):
    found = names(find_audio([archive]), archive)
    assert found == ["a.MP3", "b.wav", "film.mp4", "sub/c.flac", "sub/deep/d.m4a"]


def test_a_named_file_is_taken_whatever_its_suffix(archive):
    assert list(find_audio([archive / "notes.txt"])) == [archive / "notes.txt"]


def test_the_order_of_what_is_named_is_kept_and_nothing_comes_twice(archive):
    found = names(find_audio([archive / "sub", archive / "b.wav", str(archive)]), archive)
    assert found == ["sub/c.flac", "sub/deep/d.m4a", "b.wav", "a.MP3", "film.mp4"]


def test_links_are_followed_once_and_loops_end(archive):
    (archive / "sub" / "loop").symlink_to(archive)
    (archive / "again.wav").symlink_to(archive / "b.wav")
    (archive / "itself.wav").symlink_to(archive / "itself.wav")
    (archive / "dead.wav").symlink_to(archive / "gone.wav")
    os.link(archive / "b.wav", archive / "z_hard.wav")
    (archive / "sub" / "deep" / "loop").symlink_to(archive / "sub")
    with at_most(5):  # two loops that are not noticed have 2^40 paths
        found = names(find_audio([archive]), archive)
    # again.wav comes before b.wav in the alphabet, and both are the same file.
    assert found == ["a.MP3", "again.wav", "film.mp4", "sub/c.flac", "sub/deep/d.m4a"]


def test_pipes_and_devices_in_a_folder_are_passed_over(archive):
    os.mkfifo(archive / "pipe.wav")
    (archive / "zero.wav").symlink_to("/dev/zero")
    assert len(list(find_audio([archive]))) == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pipe.wav", "is a pipe; give a regular audio file or a folder"),
        ("gone.wav", "cannot be read: No such file"),
    ],
)
def test_a_named_path_that_is_no_file_is_an_error(archive, name, message):
    os.mkfifo(archive / "pipe.wav")
    with pytest.raises(NotAudioError, match=message):
        list(find_audio([archive / name]))


def test_names_in_no_encoding_are_found(archive):
    path = os.fsencode(archive) + b"/\xff\xfe.wav"
    with open(path, "wb") as file:
        file.write(b"x")
    assert os.fsencode(list(find_audio([archive]))[-1]) == path
    assert [os.fsencode(found) for found in find_audio([path])] == [path]


def test_folders_nested_deeper_than_pythons_call_stack(tmp_path):
    deepest = tmp_path / Path(*["d"] * 300)
    deepest.mkdir(parents=True)
    (deepest / "deep.wav").write_text("x")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        found = list(find_audio([tmp_path]))
    finally:
        sys.setrecursionlimit(limit)
    assert found == [deepest / "deep.wav"]


def test_sha256_is_the_known_digest(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    (tmp_path / "large").write_bytes(bytes(3_000_000))
    # FIPS 180-2, appendix B.1.
    assert file_sha256(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert file_sha256(tmp_path / "large") == hashlib.sha256(bytes(3_000_000)).hexdigest()


def test_sha256_of_a_folder_is_an_error(tmp_path):
    with pytest.raises(NotAudioError, match="is a folder"):
        file_sha256(tmp_path)
