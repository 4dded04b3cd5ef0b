import errno
import os
import shutil
import sqlite3

import pytest

from cqtnet.errors import ArchiveError
from eval.bench.faults.damages import broken_off
from eval.bench.faults.kills import kill_writers
from eval.bench.faults.synthetic import numbers_in, picture, synthetic_recording
from tests.verify.archive.cases import make_archive, writing
from verify.archive.disk.segments import Segments
from verify.archive.disk.store import Store


@pytest.fixture
def folder(tmp_path):
    make_archive(tmp_path / "archive")
    return tmp_path / "archive"


def contents(folder):
    with Store.open(folder) as store:
        return picture(store)


def files(folder):
    return {path.name: path.stat().st_size for path in (folder / "vectors").iterdir()}


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path):
    outcome = kill_writers(tmp_path / "archive", 5)
    assert (outcome.tried, outcome.wrong) == (5, [])
    assert outcome.counts["acknowledged"] > 0


def test_the_rest_of_an_interrupted_run_is_ignored_and_then_cut_off(folder):
    before, whole = contents(folder), files(folder)
    with (folder / "vectors/000001.vec").open("ab") as file:
        file.write(b"half a record")
    (folder / "vectors/000009.vec").write_bytes(b"a segment of which nothing is known")
    assert contents(folder) == before
    writing(folder).close()
    assert files(folder) == whole
    assert contents(folder) == before


def test_a_change_that_was_broken_off_in_the_catalogue_is_undone(folder, tmp_path):
    before = contents(folder)
    half = broken_off(folder, tmp_path / "half")
    assert (half / "catalogue.sqlite-journal").stat().st_size > 0
    raw = (half / "catalogue.sqlite").read_bytes()
    assert raw != (folder / "catalogue.sqlite").read_bytes()  # a part of it was written
    assert contents(half) == before


def test_vectors_are_on_the_disk_before_the_catalogue_names_them(folder, monkeypatch):
    events = []
    fsync, change = os.fsync, Segments.sync

    def traced_sync(segments):
        with Store.open(folder) as reader:
            events.append(("before", reader.generation))
        change(segments)

    def traced_fsync(descriptor):
        events.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")[-10:]))
        fsync(descriptor)

    monkeypatch.setattr(Segments, "sync", traced_sync)
    monkeypatch.setattr(os, "fsync", traced_fsync)
    with writing(folder) as store:
        generation = store.generation
        store.add([synthetic_recording(6)])
        assert store.generation == generation + 1
    assert events[-2] == ("before", generation)
    assert events[-1][0] == "fsync"
    assert events[-1][1].endswith(".vec")


@pytest.mark.parametrize("name", ["add", "remove", "add_path", "replace_path"])
def test_a_change_that_fails_at_its_end_leaves_all_as_it_was(folder, monkeypatch, name):
    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    arguments = {
        "add": ([synthetic_recording(6)],),
        "remove": ([2],),
        "add_path": (1, "/x", 1, 1),
        "replace_path": ("/music/1.flac", "/x", 1, 1),
    }[name]
    before, sizes = contents(folder), files(folder)
    with writing(folder) as store:
        with monkeypatch.context() as patched:
            patched.setattr(Segments, "sync", fail)
            with pytest.raises(ArchiveError, match="cannot be written: Input/output error"):
                getattr(store, name)(*arguments)
        assert picture(store) == before == contents(folder)
        assert files(folder) == sizes
        getattr(store, name)(*arguments)
    assert contents(folder) != before


def test_a_disk_that_does_not_sync_is_an_error_and_nothing_is_added(folder, monkeypatch):
    before = contents(folder)
    with writing(folder) as store:
        with monkeypatch.context() as patched:

            def fail(_):
                raise OSError(errno.EIO, "Input/output error")

            patched.setattr(os, "fsync", fail)
            with pytest.raises(ArchiveError, match=r"\.vec cannot be written: Input/output"):
                store.add([synthetic_recording(6)])
        assert picture(store) == before


@pytest.mark.parametrize("committed", [False, True])
def test_compaction_may_be_broken_off(tmp_path, monkeypatch, committed):
    folder = tmp_path / "a"
    make_archive(folder, range(1, 30))
    with writing(folder) as store:
        store.remove([2, 9, 20])
        before = numbers_in(store)
        with monkeypatch.context() as patched:  # as in a killed process, nothing is tidied up

            def stop(*_):
                raise KeyboardInterrupt

            patched.setattr(Segments, "trim", stop)
            if not committed:
                patched.setattr(Segments, "sync", stop)
            with pytest.raises(KeyboardInterrupt):
                store.compact()
    with Store.open(folder) as store:
        assert numbers_in(store) == before
    with writing(folder) as store:
        assert (store.compact() > 0, numbers_in(store)) == (True, before)
        assert sum(files(folder).values()) == store.n_windows * 36


def test_a_reader_looks_again_where_a_writer_compacted_while_it_opened(folder, monkeypatch):
    attach, copy = Segments.attach, folder.with_name("copy")
    with writing(folder) as writer:
        writer.remove([1])

        def compacted_before(segments, n_rows, *, write):
            if not copy.exists():
                shutil.copytree(folder, copy)
                writer.compact()
            attach(segments, n_rows, write=write)

        monkeypatch.setattr(Segments, "attach", compacted_before)
        with Store.open(folder) as reader:
            assert reader.generation == writer.generation
            assert numbers_in(reader) == {2, 3, 4, 5}


def test_a_busy_catalogue_is_waited_for_and_then_named(folder, monkeypatch):
    monkeypatch.setattr("verify.archive.disk.catalogue.BUSY_S", 0.1)
    connection = sqlite3.connect(folder / "catalogue.sqlite", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ArchiveError, match=r"catalogue\.sqlite cannot be read: another process"):
        Store.open(folder)
    connection.close()
