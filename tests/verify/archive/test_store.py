import json
import multiprocessing
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import ArchiveError
from tests.verify.archive import synthetic as s
from verify.archive import WriteLock, database, find_file
from verify.archive.keeping import as_float32
from verify.archive.results import Manifest, window_ids
from verify.archive.store import Store


def test_what_was_added_comes_back(folder):
    with Store.open(folder) as store:
        assert (len(store), store.n_windows) == (5, 15 + 30 + 45 + 60 + 75)
        assert store.duration_s == 5 * 225 + 5 * 20
        assert s.numbers_in(store) == {1, 2, 3, 4, 5}
        for entry in store.entries():
            new = s.synthetic_recording(s.number_of(entry.paths[0]))
            assert entry.paths == (new.path,) and entry.n_windows == len(new.start_s)
            assert (entry.duration_s, entry.tags) == (new.duration_s, new.tags)
            assert np.array_equal(store.start_s(entry.id), new.start_s)
            assert store.vectors(window_ids(entry.id, 1)).dtype == np.float32
            assert store.by_sha256(new.sha256) == entry == store.entry(entry.id)
            assert store.by_path(new.path) == (entry, new.size, new.modified_ns)
        assert store.by_sha256("0" * 64) is None
        assert store.by_path("/music/77.flac") is None
        with pytest.raises(ArchiveError, match="has no recording 77"):
            store.start_s(77)


def test_sqlite_reads_the_file_as_it_is(folder):
    with closing(sqlite3.connect(find_file(folder))) as connection:
        paths = connection.execute("SELECT path FROM paths WHERE recording = 3").fetchall()
        rows = connection.execute("SELECT vector FROM windows WHERE id >> 20 = 3 ORDER BY id")
        vectors = np.frombuffer(b"".join(row for (row,) in rows), "<f2").reshape(45, 16)
    assert paths == [("/music/3.flac",)] and np.array_equal(vectors, s.stored(3))


def test_batches_are_all_windows_once_and_windows_come_in_the_order_asked_for(folder, rng):
    ids = np.concatenate([window_ids(number, 15 * number) for number in range(1, 6)])
    rows = np.concatenate([s.stored(number) for number in range(1, 6)])
    drawn = rng.integers(len(ids), size=500)
    with Store.open(folder) as store:
        for n_rows in (1, 7, 15, 225, 1000):
            batches = list(store.batches(n_rows))
            assert max(len(some) for some, _ in batches) == min(n_rows, 225)
            for expected, parts in zip((ids, rows), zip(*batches, strict=True), strict=True):
                assert np.array_equal(np.concatenate(parts), expected)
        assert np.array_equal(store.vectors(ids[drawn]), rows[drawn])
        assert store.vectors(ids[:0]).shape == (0, 16)


@pytest.mark.parametrize("window", [-1, 0, 3 * 2**20 + 45, 6 * 2**20, 7 * 2**40])
def test_windows_that_are_not_there_are_refused(folder, window):
    with Store.open(folder) as store, pytest.raises(ArchiveError, match="has no window"):
        store.vectors(np.array([2**20, window]))


def test_long_recordings_of_other_dimensions_come_back_in_exact_16_bits(tmp_path):
    new = s.synthetic_recording(1, n_windows=10_000, dimension=3)
    new.vectors.flags.writeable = new.start_s.flags.writeable = False
    with Store.create(tmp_path / "a", replace(s.MANIFEST, dimension=3)) as store:
        (entry,) = store.add([new])
        rows = store.vectors(window_ids(entry.id, 10_000))
    assert np.abs(rows - new.vectors).max() < 2**-11  # half a unit of 16-bit floats
    numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    assert np.array_equal(as_float32(numbers), numbers.astype(np.float32))
    assert np.signbit(as_float32(np.array([-0.0], np.float16))).all()


def test_entries_are_found_by_text_in_a_path_and_by_tag(folder):
    with s.writing(folder) as store:
        store.add_path(4, "/copies/other.wav", 7, 8)
        assert [entry.id for entry in store.entries(text="/music/")] == [1, 2, 3, 4, 5]
        assert [entry.id for entry in store.entries(text="other")] == [4]
        assert [entry.id for entry in store.entries(tag="even")] == [2, 4]
        assert [entry.id for entry in store.entries(text="/2.", tag="even")] == [2]


def test_an_archive_may_be_empty_and_a_recording_without_windows(tmp_path):
    s.make_archive(tmp_path / "a", range(0))
    with s.writing(tmp_path / "a") as store:
        assert (len(store), store.n_windows, store.duration_s) == (0, 0, 0.0)
        assert list(store.batches(10)) == store.check() == store.entries() == []
        (silent,) = store.add([s.synthetic_recording(10)])  # of no windows
        assert len(store.start_s(silent.id)) == 0
        store.remove([silent.id])
        assert store.compact() == 0


def test_known_bytes_keep_their_entry_and_get_another_path(folder):
    copy = replace(s.synthetic_recording(3), path="/copies/3.flac")
    again = replace(copy, path="/copies/again.flac")
    changed = replace(s.synthetic_recording(7), path="/music/3.flac", size=np.int64(5))
    with s.writing(folder) as store:
        known, same, new = store.add([copy, again, s.synthetic_recording(6)])
        assert known == same
        assert known.paths == ("/copies/3.flac", "/copies/again.flac", "/music/3.flac")
        assert (known.id, new.id, len(store)) == (3, 6, 6)
        (new,) = store.add([changed])  # a path is that of the recording added last
        assert store.by_path("/music/3.flac") == (new, 5, 7)
        assert "/music/3.flac" not in store.entry(3).paths


def test_a_moved_file_keeps_its_recording(folder):
    with s.writing(folder) as store:
        store.replace_paths([("/music/3.flac", "/new/3.flac", 9, 10)])
        assert store.by_path("/new/3.flac") == (store.entry(3), 9, 10)
        assert store.by_path("/music/3.flac") is None
        with pytest.raises(ArchiveError, match=r"no recording at /music/3\.flac"):
            store.replace_paths([("/music/3.flac", "/x", 1, 1)])
        with pytest.raises(ArchiveError, match="no recording 77"):
            store.add_path(77, "/x", 1, 1)


def test_paths_that_are_not_utf_8_survive(folder):
    path = os.fsdecode(b"/music/caf\xe9 \xf0\x9f\x8e\xb5.flac")
    with s.writing(folder) as store:
        store.add([replace(s.synthetic_recording(6), path=path, tags=("caf\udce9",))])
    with Store.open(folder) as store:
        known = store.by_path(path)
        assert os.fsencode(known[0].paths[0]) == b"/music/caf\xe9 \xf0\x9f\x8e\xb5.flac"
        assert known[0].tags == ("caf\udce9",)
    with s.writing(folder) as store, pytest.raises(ArchiveError, match="not a path that a file"):
        store.add_path(1, "\ud800", 1, 1)


def test_removed_recordings_are_gone_and_the_others_stay(folder):
    with s.writing(folder) as store:
        store.remove([np.int64(2), 4, 4])
        assert [entry.id for entry in store.entries()] == [1, 3, 5]
        assert store.by_path("/music/2.flac") is None
        with pytest.raises(ArchiveError, match="has no window"):
            store.vectors(window_ids(2, 1))
        with pytest.raises(ArchiveError, match="no recording 2"):
            store.remove([1, 2])
        assert len(store) == 3
        store.remove([5])
        store.compact()
    with s.writing(folder) as store:
        assert store.add([s.synthetic_recording(5)])[0].id == 6, "numbers are never used again"


def test_changes_are_those_since_a_generation(tmp_path):
    s.make_archive(tmp_path / "a", range(0))  # generation 1, without any recording
    with s.writing(tmp_path / "a") as store:
        store.add([s.synthetic_recording(n) for n in (1, 2, 3)])  # 2
        store.remove([2])  # 3
        store.add([s.synthetic_recording(4)])  # 4
        store.remove([4, 1])  # 5
        store.add([s.synthetic_recording(2)])  # 6: known once, but removed
        assert store.generation == 6
        assert store.changes(0) == ([3, 5], [])
        assert store.changes(2) == ([5], [1, 2])
        assert store.changes(4) == ([5], [1, 4])
        assert store.changes(5) == ([5], [])
        assert store.changes(6) == ([], [])
        with pytest.raises(ArchiveError, match="is at generation 6 here, and 7 is later"):
            store.changes(7)
        store.compact()
        assert store.changes(2) == ([5], [1, 2])


def test_compaction_gives_back_the_room_of_what_was_removed(tmp_path):
    folder = tmp_path / "a"
    s.make_archive(folder, range(1, 30))
    size = find_file(folder).stat().st_size
    with s.writing(folder) as store:
        gone = [entry.id for entry in store.entries() if entry.id % 3]
        room = sum(store.entry(number).n_windows for number in gone) * 32
        store.remove(gone)
        before = store.entries()
        given_back = store.compact()
        assert given_back > room and store.compact() == 0
        assert store.check() == []
    assert find_file(folder).stat().st_size <= size - given_back + 1024
    assert sorted(os.listdir(folder)) == ["archive-2.sqlite", "lock"]
    with Store.open(folder) as store:
        assert store.entries() == before and len(s.numbers_in(store)) == len(before)


def test_a_reader_sees_the_moment_at_which_it_was_opened(folder):
    with s.writing(folder) as writer, Store.open(folder) as reader:
        before = s.picture(reader)
        writer.add([s.synthetic_recording(n) for n in (6, 7, 8)])
        writer.remove([1, 2, 3])
        writer.compact()
        assert not reader.path.exists()
        assert s.picture(reader) == before != s.picture(writer) and reader.check() == []


def test_a_reader_looks_again_where_a_writer_compacted_while_it_opened(folder, monkeypatch):
    connect = database.connect

    def compacted_before(path, *, write):
        monkeypatch.setattr(database, "connect", connect)
        writer.compact()
        return connect(path, write=write)

    with s.writing(folder) as writer:
        writer.remove([1])
        monkeypatch.setattr(database, "connect", compacted_before)
        with Store.open(folder) as reader:
            assert s.picture(reader) == s.picture(writer)


def test_batches_go_on_through_compaction_and_end_clearly_at_what_was_removed(folder):
    with s.writing(folder) as store:
        batches = store.batches(20)
        next(batches)  # the first recording, and 5 windows of the second
        store.remove([1, 4])
        store.compact()
        ids, rows = next(batches)
        assert np.array_equal(ids, window_ids(2, 25)[5:])
        assert np.array_equal(rows, s.stored(2)[5:25])
        with pytest.raises(ArchiveError, match="no window 0 of recording 4; it was removed, or"):
            list(batches)


def test_a_reader_does_not_write(folder):
    with Store.open(folder) as store:
        for change, *values in (
            (store.remove, [1]), (store.add, [s.synthetic_recording(9)]),
            (store.add_path, 1, "/x", 1, 1), (store.compact,),
        ):  # fmt: skip
            with pytest.raises(ArchiveError, match="open for reading; open it with write=True"):
                change(*values)


THREE = s.synthetic_recording(3)  # 45 windows, 245 s
VECTORS, STARTS = THREE.vectors, THREE.start_s
NAN = np.where(np.arange(45)[:, None] == 7, np.nan, VECTORS)


@pytest.mark.parametrize(("new", "why"), [
    (replace(THREE, vectors=NAN), "window 7 has length nan"),
    (replace(THREE, vectors=VECTORS * 1.01), "window 0 has length 1.01, not 1"),
    (replace(THREE, vectors=VECTORS[:, :8]), r"takes \(45, 16\)"),
    (replace(THREE, vectors=VECTORS[1:]), r"\(44, 16\) with 45 starts"),
    (replace(THREE, start_s=STARTS[::-1]), "one after the other"),
    (replace(THREE, start_s=STARTS + 100), r"in 0\.\.245 s"),
    (replace(THREE, duration_s=-1.0), "its duration of -1 s"),
    (replace(THREE, duration_s=1e9), r"not in 0\.\.5,242,900 s"),
    (replace(THREE, sha256="no"), "64 hexadecimal"),
    (replace(THREE, size=-1), "its size -1"),
    (replace(THREE, modified_ns=1 << 64), "its time of change"),
])  # fmt: skip
def test_what_cannot_be_right_is_refused_and_nothing_added(folder, new, why):
    with s.writing(folder) as store:
        before = s.picture(store)
        with pytest.raises(ArchiveError, match=rf"/music/3\.flac cannot be added: .*{why}"):
            store.add([s.synthetic_recording(8), replace(new, sha256=new.sha256[::-1])])
        assert s.picture(store) == before


def test_a_manifest_comes_back_as_it_was_and_its_digest_is_of_all_that_it_says(folder):
    with Store.open(folder) as store:
        made = store.manifest
    assert replace(made, created="") == s.MANIFEST and made.created > "2026"
    assert Manifest.from_json(made.to_json()) == made
    assert json.loads(made.to_json())["window_s"] == 20.0
    assert made.digest() != replace(made, hop_s=6.0).digest()
    for name, value in (
        ("dimension", 0), ("dimension", 1 << 20), ("dimension", 2.5), ("hop_s", 0.0),
        ("hop_s", "5"), ("window_s", float("nan")), ("model_sha256", "ab"),
    ):  # fmt: skip
        with pytest.raises(ArchiveError, match=f"an archive cannot have the {name}"):
            replace(s.MANIFEST, **{name: value})


def test_an_archive_is_made_only_where_nothing_is(folder, tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music/song.flac").write_text("la")
    for used, what in ((folder, r"archive-1\.sqlite"), (tmp_path / "music", r"song\.flac")):
        with pytest.raises(ArchiveError, match=f"holds other files already, {what}"):
            Store.create(used, s.MANIFEST)
    assert os.listdir(tmp_path / "music") == ["song.flac"]


def test_making_an_archive_that_was_broken_off_can_be_repeated(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("verify.archive.database._insert", fail)
        patched.setattr(Path, "unlink", lambda *_, **__: None)  # as in a killed process
        with pytest.raises(KeyboardInterrupt):
            Store.create(tmp_path / "a", s.MANIFEST)
    assert [name for name in os.listdir(tmp_path / "a") if name.startswith(".writing-")]
    with pytest.raises(ArchiveError, match="is not an archive"):
        Store.open(tmp_path / "a")
    Store.create(tmp_path / "a", s.MANIFEST).close()
    s.writing(tmp_path / "a").close()
    assert sorted(os.listdir(tmp_path / "a")) == ["archive-1.sqlite", "lock"]


def test_a_folder_that_is_no_archive_or_an_older_one_is_refused_with_the_cure(tmp_path):
    with pytest.raises(ArchiveError, match=r"has no archive-1\.sqlite"):
        Store.open(tmp_path)
    (tmp_path / "file").write_text("x")
    for name in ("missing", "file"):
        with pytest.raises(ArchiveError, match="there is no archive at"):
            Store.open(tmp_path / name)
    for name in ("archive.json", "catalogue.sqlite"):
        (tmp_path / name).touch()
    with pytest.raises(ArchiveError, match=r"an older version of cqtnet.*cqtnet index add"):
        Store.open(tmp_path)


def test_neither_an_archive_that_was_not_opened_nor_a_lock_file_of_before_locks(folder):
    path, whole = find_file(folder), find_file(folder).read_bytes()
    path.write_bytes(b"nothing")
    with pytest.raises(ArchiveError, match="damaged"):
        s.writing(folder)
    path.write_bytes(whole)
    s.writing(folder).close()
    (folder / "lock").write_bytes(b"\xff" * 1000)
    s.writing(folder).close()
    (folder / "lock").unlink()
    s.writing(folder).close()


def test_a_worker_that_was_forked_does_not_keep_the_lock(tmp_path):
    lock = WriteLock(tmp_path)
    context = multiprocessing.get_context("fork")
    started, end = context.Event(), context.Event()
    worker = context.Process(target=lambda: (started.set(), end.wait(600)))
    worker.start()
    assert started.wait(600)
    with pytest.raises(ArchiveError, match=f"is being written to by process {os.getpid()}; "):
        WriteLock(tmp_path)  # the parent still has it
    lock.close()
    WriteLock(tmp_path).close()
    end.set()
    worker.join()


def test_a_lock_that_leads_elsewhere_is_not_written_to(folder, tmp_path):
    (folder / "lock").unlink()
    (tmp_path / "precious").write_text("kept")
    (folder / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(ArchiveError, match="lock cannot be written: Too many levels of symbolic"):
        s.writing(folder)
    assert (tmp_path / "precious").read_text() == "kept"
    (folder / "lock").unlink()
    os.mkfifo(folder / "lock")
    with pytest.raises(ArchiveError, match="lock is not a regular file"):
        s.writing(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_an_archive_of_somebody_else_can_be_read(folder, tmp_path):
    for parent in (tmp_path, *tmp_path.parents[:-1]):
        if not parent.stat().st_mode & 0o001:
            os.chmod(parent, parent.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        with Store.open(folder) as store:
            assert store.check() == [] and len(s.numbers_in(store)) == 5
        with pytest.raises(ArchiveError, match="lock cannot be written: Permission denied"):
            s.writing(folder)
    finally:
        os.seteuid(0)
