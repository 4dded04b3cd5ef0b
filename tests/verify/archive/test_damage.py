import shutil

import pytest

from cqtnet.errors import ArchiveError
from eval.bench.faults.damages import damage, damage_files
from eval.bench.faults.synthetic import numbers_in, synthetic_recording
from tests.verify.archive.cases import make_archive, writing
from verify.archive.disk.contents import Problem
from verify.archive.disk.store import Store
from verify.archive.results import window_ids


@pytest.fixture
def folder(tmp_path):
    make_archive(tmp_path / "archive", range(3, 6))  # 45, 60 and 75 windows in one segment
    return tmp_path / "archive"


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_no_damage_is_searched_silently(tmp_path):
    outcome = damage_files(tmp_path, 40)
    assert (outcome.tried, outcome.wrong) == (40, [])
    assert sum(n for what, n in outcome.counts.items() if "harmless" not in what) > 15


def test_damage_changes_the_file(tmp_path, rng):
    for _ in range(50):
        (tmp_path / "file").write_bytes(bytes(range(256)) * 20)
        damage(tmp_path / "file", rng)
        assert (tmp_path / "file").read_bytes() != bytes(range(256)) * 20


@pytest.mark.parametrize("name", ["archive.json", "catalogue.sqlite", "vectors/000001.vec"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ArchiveError, match=name.replace(".", r"\.")):
        Store.open(folder)


@pytest.mark.parametrize("name", ["archive.json", "catalogue.sqlite", "vectors/000001.vec"])
def test_a_folder_in_the_place_of_a_file_is_refused(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(ArchiveError, match=name.replace(".", r"\.")):
        Store.open(folder)


def test_check_tells_how_many_windows_of_which_recording_are_damaged(folder):
    for row in (0, 44, 45 + 7):
        flip(folder / "vectors/000001.vec", row * 36 + 20)
    path = folder / "vectors/000001.vec"
    seen = []
    with Store.open(folder, check=False) as store:
        assert store.check(lambda done, total: seen.append((done, total))) == [
            Problem(path, "2 of 45 windows of recording 1 (/music/3.flac) are not as written"),
            Problem(path, "1 of 60 windows of recording 2 (/music/4.flac) are not as written"),
        ]
    assert seen == [(180, 180)]
    with pytest.raises(ArchiveError, match=r"000001\.vec is damaged: 2 of 45 .*, and 1 more"):
        Store.open(folder)


def test_a_damaged_recording_can_be_removed_and_the_rest_searched(folder):
    flip(folder / "vectors/000001.vec", 20)
    with Store.open(folder, check=False) as store:
        with pytest.raises(ArchiveError, match="window 0 of recording 1 is not as written"):
            store.vectors(window_ids(1, 3))
        store.vectors(window_ids(1, 3)[1:])
    with Store.open(folder, write=True, check=False) as store:
        with pytest.raises(ArchiveError, match="window 0 of recording 1"):
            store.remove([2])
            store.compact()
        store.remove([1])
        store.compact()
        assert store.check() == []
    with Store.open(folder) as store:
        assert numbers_in(store) == {5}


def test_large_archives_are_checked_when_they_are_read(folder, monkeypatch):
    flip(folder / "vectors/000001.vec", 20)
    monkeypatch.setattr("verify.archive.disk.store.CHECKED_BYTES", 1000)
    with Store.open(folder) as store:
        with pytest.raises(ArchiveError, match=r"000001\.vec is damaged"):
            list(store.batches(10))
        with pytest.raises(ArchiveError, match=r"000001\.vec is damaged"):
            store.vectors(window_ids(1, 1))


def test_check_looks_at_the_tables_as_they_are_now(folder):
    with Store.open(folder) as store:
        flip(folder / "archive.json", 50)
        (problem,) = store.check()
    assert problem.file == folder / "archive.json"


def test_what_a_removed_recording_left_behind_may_be_damaged(folder):
    with writing(folder) as store:
        store.remove([1])
    flip(folder / "vectors/000001.vec", 20)
    with writing(folder) as store:
        store.add([synthetic_recording(6)])
        assert store.check() == []


def test_the_lock_file_means_nothing_by_itself(folder):
    (folder / "lock").write_bytes(b"\xff" * 1000)
    writing(folder).close()
    (folder / "lock").unlink()
    writing(folder).close()


def test_a_copy_of_an_archive_is_an_archive(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    with writing(tmp_path / "copy") as store:
        assert numbers_in(store) == {3, 4, 5}
