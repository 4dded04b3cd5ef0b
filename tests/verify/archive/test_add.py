import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from cqtnet import SAMPLE_RATE, audio
from cqtnet.checkpoint import load_weights, save_weights
from cqtnet.embed import Embedder
from cqtnet.errors import InputError
from cqtnet.model import CqtNet
from cqtnet.music import make_music
from cqtnet.preset import find_preset
from tests.verify.archive.synthetic import MANIFEST, synthetic_recording
from verify.archive import add
from verify.archive.add import Step, Summary, _read, add_files, extract, on_ray
from verify.archive.results import Manifest, window_ids
from verify.archive.store import Store

MADE = synthetic_recording(1)


class Reader:
    """Reads files that begin with "sound", and notes which."""

    def __init__(self):
        self.read: list[str] = []

    def __call__(self, path, sha256):
        self.read.append(Path(path).name)
        if not Path(path).read_bytes().startswith(b"sound"):
            raise InputError(f"{path} is not audio")
        size, modified_ns = audio.FileStatus.of(path).noted
        return replace(MADE, path=path, sha256=sha256, size=size, modified_ns=modified_ns)


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "archive", MANIFEST)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / name).write_bytes(b"sound of " + name.encode())
    return folder


def run(store, folder, *, rehash=False):
    """What became of each file by its name, and which were read."""
    reader = Reader()
    paths = [str(path) for path in sorted(folder.iterdir())]
    steps = list(add_files(store, paths, reader, jobs=2, rehash=rehash))
    assert len(steps) == len(paths)
    return {Path(step.path).name: step.outcome for step in steps}, sorted(reader.read)


def summed_up(store, *paths):
    summary = Summary()
    for step in add_files(store, map(str, paths), Reader()):
        summary.count(step)
    return summary


def test_what_is_there_is_not_read_again_and_a_moved_file_keeps_its_recording(store, folder):
    assert run(store, folder) == (dict.fromkeys("abc", "added"), ["a", "b", "c"])
    assert run(store, folder) == (dict.fromkeys("abc", "unchanged"), [])
    os.utime(folder / "a", ns=(1, 1))
    assert run(store, folder) == (dict.fromkeys("abc", "unchanged"), [])
    assert store.by_path(str(folder / "a"))[2] == 1, "its new time was noted"
    assert len(store) == 3
    digest = hashlib.sha256(b"sound of a").hexdigest()
    assert store.by_sha256(digest).paths == (str(folder / "a"),)
    run(store, folder)
    number = store.by_path(str(folder / "a"))[0].id
    (folder / "a").rename(folder / "z")
    assert run(store, folder) == ({"b": "unchanged", "c": "unchanged", "z": "moved"}, [])
    assert store.entry(number).paths == (str(folder / "z"),)


@pytest.mark.parametrize("in_one_run", [False, True])
def test_a_copy_is_another_path_of_its_recording(store, folder, in_one_run):
    if not in_one_run:
        run(store, folder)
    (folder / "d").write_bytes((folder / "a").read_bytes())
    outcomes = run(store, folder)[0]
    assert sorted(outcomes[name] for name in "ad") in (["added", "copy"], ["copy", "unchanged"])
    assert store.by_path(str(folder / "d"))[0].paths == (str(folder / "a"), str(folder / "d"))
    assert len(store) == 3


def test_other_bytes_under_a_path_replace_its_recording(store, folder):
    run(store, folder)
    number = store.by_path(str(folder / "a"))[0].id
    (folder / "a").write_bytes(b"sound of something else")
    assert run(store, folder) == ({"a": "replaced", "b": "unchanged", "c": "unchanged"}, ["a"])
    assert len(store) == 3 and store.by_path(str(folder / "a"))[0].id != number
    # Bytes that another path had are not read again.
    (folder / "a").write_bytes((folder / "b").read_bytes())
    assert run(store, folder)[1] == []
    assert len(store) == 2 and len(store.by_path(str(folder / "a"))[0].paths) == 2


def test_other_bytes_of_the_same_size_and_time_are_found_by_rehash(store, folder):
    run(store, folder)
    before = (folder / "a").stat()
    (folder / "a").write_bytes(b"sound of x")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(store, folder)[0]["a"] == "unchanged"
    assert run(store, folder, rehash=True)[0]["a"] == "replaced"


def test_a_file_that_changes_between_hashing_and_reading_is_not_added(store, folder, monkeypatch):
    """Neither size nor time of change tells."""
    inner = audio.file_sha256

    def hash_then_change(path):
        sha256, before = inner(path), os.stat(path)
        Path(path).write_bytes(b"sound of x")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return sha256

    monkeypatch.setattr(audio, "file_sha256", hash_then_change)
    (reason,) = summed_up(store, folder / "a").failed.values()
    assert len(store) == 0 and "was changed while it was read" in reason


def test_what_cannot_be_read_is_told_and_stops_nothing(store, folder):
    (folder / "b").write_bytes(b"no audio")
    (folder / "c").unlink()
    (folder / "c").symlink_to(folder / "missing")
    summary = summed_up(store, *(folder / name for name in "abc"))
    assert summary.counts == {"added": 1, "failed": 2}
    assert "is not audio" in summary.failed[str(folder / "b")]
    assert "No such file" in summary.failed[str(folder / "c")]
    assert summary.sentence().startswith("1 added, 2 failed; ")


def test_what_was_told_is_safe_and_the_run_goes_on_later(store, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(add, "BATCH_S", 0.0)
    steps = add_files(store, [str(folder / name) for name in "abc"], Reader())
    first: Step = next(steps)
    steps.close()
    store.close()
    with Store.open(tmp_path / "archive", write=True) as again:
        assert again.by_path(first.path) is not None
        outcomes, read = run(again, folder)
        assert outcomes[Path(first.path).name] == "unchanged" and Path(first.path).name not in read
        assert len(again) == 3


@pytest.fixture(scope="module")
def tiny_manifest(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(CqtNet(find_preset("tiny")), path)
    weights = load_weights(path)
    size = weights.model.preset.embedding_size
    return Manifest(str(path), weights.sha256, size, window_s=5.0, hop_s=5.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for seed in range(12):
        soundfile.write(folder / f"{seed:02}.flac", make_music(seed, duration_s=10.0), SAMPLE_RATE)
    (folder / "broken.flac").write_bytes(b"no audio")
    return [str(path) for path in sorted(folder.iterdir())]


@pytest.mark.slow
def test_all_files_arrive_though_a_worker_is_killed(tiny_manifest, files, tmp_path):
    pytest.importorskip("ray")
    archive = tmp_path / "archive"
    Store.create(archive, tiny_manifest).close()
    command = [sys.executable, "-m", "tests.verify.archive.ray_run", str(archive), *files]
    here = {"cwd": Path(__file__).parents[3], "timeout": 300}
    done = subprocess.run(command, capture_output=True, text=True, **here)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["jobs"], result["killed"]) == (2, 1)
    assert result["counts"] == {"added": 12, "failed": 1}
    assert "broken.flac" in result["failed"][files[-1]]
    embedder = Embedder.named(tiny_manifest.model)
    with Store.open(archive) as store:
        for path in files[:2]:
            known = store.by_path(path)
            sha256 = audio.file_sha256(path)
            here = extract(path, sha256, embedder=embedder, manifest=tiny_manifest)
            vectors = store.vectors(window_ids(known[0].id, known[0].n_windows))
            assert ((vectors * here.vectors).sum(axis=1) > 0.99).all()


def test_without_ray_the_cure_is_told(tiny_manifest, monkeypatch):
    monkeypatch.setattr("verify.archive.add.find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs Ray; pip install"), on_ray("auto", tiny_manifest):
        pass


@pytest.mark.slow
def test_a_unit_of_work_is_refused_where_the_bytes_are_others(tiny_manifest, files):
    wrong = hashlib.sha256(b"other").hexdigest()
    assert "other bytes" in str(_read(files[0], wrong, tiny_manifest, (), keep=False))
