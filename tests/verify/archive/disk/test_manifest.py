import json
from dataclasses import asdict, replace

import pytest

from cqtnet.errors import ArchiveError
from verify.archive.disk.manifest import Manifest, read_manifest, write_manifest

MANIFEST = Manifest("default", "ab" * 32, 2048, 20.0, 5.0, created="2026-01-01T00:00:00+00:00")


def test_a_manifest_comes_back_as_it_was_written(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    assert read_manifest(tmp_path) == MANIFEST


def test_every_changed_byte_is_noticed_or_means_nothing(tmp_path):
    write_manifest(tmp_path, MANIFEST)
    path = tmp_path / "archive.json"
    whole, refused = path.read_bytes(), 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x01]) + whole[at + 1 :])
        try:
            assert read_manifest(tmp_path) == MANIFEST
        except ArchiveError as error:
            assert "archive.json" in str(error)
            refused += 1
    assert refused > 0.9 * len(whole)


@pytest.mark.parametrize(
    "text", [b"", b"null", b"[" * 60_000, b"{}", b"\xff\xfe", b'{"layout": 1, "model": []}']
)
def test_what_is_no_manifest_is_refused(tmp_path, text):
    (tmp_path / "archive.json").write_bytes(text)
    with pytest.raises(ArchiveError, match=r"archive\.json is damaged"):
        read_manifest(tmp_path)


def test_a_newer_layout_is_refused_with_the_cure(tmp_path):
    write_manifest(tmp_path, replace(MANIFEST, layout=2))
    with pytest.raises(ArchiveError, match="layout 2, and this version knows up to 1; update"):
        read_manifest(tmp_path)


def test_unknown_names_are_refused(tmp_path):
    content = asdict(MANIFEST) | {"digest": MANIFEST.digest(), "colour": "blue"}
    (tmp_path / "archive.json").write_text(json.dumps(content))
    with pytest.raises(ArchiveError, match="colour"):
        read_manifest(tmp_path)


def test_a_folder_that_is_no_archive_is_told_apart_from_one_that_is_missing(tmp_path):
    with pytest.raises(ArchiveError, match=r"holds no archive\.json"):
        read_manifest(tmp_path)
    with pytest.raises(ArchiveError, match="there is no such folder"):
        read_manifest(tmp_path / "missing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ArchiveError, match="there is no such folder"):
        read_manifest(tmp_path / "file")


@pytest.mark.parametrize(
    "change",
    [
        {"dimension": 0},
        {"dimension": 1 << 20},
        {"dimension": 2.5},
        {"window_s": float("nan")},
        {"hop_s": 0.0},
        {"hop_s": "5"},
        {"model_sha256": "ab"},
        {"metric": "euclidean"},
    ],
)
def test_values_that_no_archive_can_have_are_refused(change):
    with pytest.raises(ArchiveError, match=f"an archive cannot have the {next(iter(change))}"):
        replace(MANIFEST, **change)
