"""Killed writers, damaged files, full disks, several processes: nothing is lost or used silently.

The long versions are run by `python -m tests.hostile`.
"""

import errno
import os
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from cqtnet.errors import ArchiveError
from tests.hostile.damages import broken_off, damage_files
from tests.hostile.full_disks import fill_disk, limit_file_sizes
from tests.hostile.processes import kill_writers, race_writers, read_beside_a_writer
from tests.verify.archive import synthetic as s
from verify.archive import database, find_file, store
from verify.archive.database import TABLES
from verify.archive.results import window_ids
from verify.archive.store import Store

DAMAGED = r"archive-1\.sqlite is damaged"
COLUMNS = [
    (table, column.split()[0])
    for table, columns in TABLES.items()
    for column in columns.split(", ")
] + [("state", column) for column in ("manifest", "generation", "next_recording", "total")]


def contents(folder):
    with Store.open(folder) as opened:
        return s.picture(opened)


def tamper(folder, *statements):
    with closing(sqlite3.connect(find_file(folder), isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def spoil(folder, *windows):
    """Turn a bit of the vectors of some windows, of recording and row."""
    tamper(folder, *(
        "UPDATE windows SET vector = CAST(substr(vector, 1, 4) || x'99' || substr(vector, 6) AS"
        f" BLOB) WHERE id = {(recording << 20) + row}" for recording, row in windows
    ))  # fmt: skip


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path):
    outcome = kill_writers(tmp_path / "archive", 3)
    assert (outcome.tried, outcome.wrong) == (3, [])
    assert outcome.counts["acknowledged"] > 0


def test_no_damage_is_searched_silently(tmp_path):
    outcome = damage_files(tmp_path, 40)
    assert (outcome.tried, outcome.wrong) == (40, [])
    assert sum(n for what, n in outcome.counts.items() if "harmless" not in what) > 15


def stages(outcome):
    assert outcome.wrong == [] and not [what for what in outcome.counts if "UNCLEAR" in what]
    return {what.split(":")[0] for what in outcome.counts}


def test_files_that_may_not_grow_leave_the_archive_as_it_was(tmp_path):
    outcome = limit_file_sizes(tmp_path, [700, 30_000, 60_000])
    assert stages(outcome) >= {"create", "add", "remove", "add path"}


def test_a_full_disk_leaves_the_archive_as_it_was(tmp_path):
    outcome = fill_disk(tmp_path, [0, 20_480, 61_440])
    if outcome is None:
        pytest.skip("no small disk can be mounted here")
    assert stages(outcome) >= {"create", "add", "remove", "add path", "compact"}


def test_of_several_writers_one_writes_at_a_time(tmp_path):
    outcome = race_writers(tmp_path / "a", 2, 12)
    assert (outcome.tried, outcome.wrong) == (24, []) and outcome.counts["written"] > 0


def test_a_reader_beside_a_writer_sees_one_moment(tmp_path):
    outcome = read_beside_a_writer(tmp_path / "a", 4)
    assert (outcome.tried, outcome.wrong) == (4, [])
    assert outcome.counts["changed meanwhile"] == 4


@pytest.mark.parametrize("value", ["{0} + 1", "x'00'", "'other'"])
def test_a_changed_value_in_any_column_is_noticed(folder, value):
    with s.writing(folder) as opened:
        opened.remove([2])
    path, noticed = find_file(folder), 0
    whole = path.read_bytes()
    for table, column in COLUMNS:
        first = f"rowid = (SELECT min(rowid) FROM {table})"
        try:
            tamper(folder, f"UPDATE {table} SET {column} = {value.format(column)} WHERE {first}")
        except sqlite3.IntegrityError:
            continue  # a key, for which SQLite does not take this value
        assert path.read_bytes() != whole, (table, column)
        with pytest.raises(ArchiveError, match=DAMAGED):
            Store.open(folder, check=False)
        path.write_bytes(whole)
        noticed += 1
    assert noticed >= len(COLUMNS) - 3


def test_a_changed_byte_in_the_names_of_columns_is_noticed(folder):
    path, whole = find_file(folder), find_file(folder).read_bytes()
    begin = whole.index(b"size INTEGER NOT NULL, modified_ns")
    for at in range(begin, begin + 34):  # SQLite's own message about some is not UTF-8
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        with pytest.raises(ArchiveError, match=DAMAGED):
            Store.open(folder, check=False)


@pytest.mark.parametrize("statement", [
    "DELETE FROM paths WHERE rowid = 1",
    "DELETE FROM removed",
    "DELETE FROM state",
    "INSERT INTO state SELECT * FROM state",
    "INSERT INTO removed VALUES (77, 0, 1, 0, 5)",
    "DROP INDEX paths_of_recordings",
    "CREATE TRIGGER t AFTER INSERT ON paths BEGIN DELETE FROM recordings; END",
    "CREATE TABLE more (x)",
    "UPDATE paths SET recording = 4 - recording WHERE recording IN (1, 3)",
    "UPDATE paths SET size = 7, checksum = 5",
])  # fmt: skip
def test_rows_and_tables_that_came_or_went_are_noticed(folder, statement):
    with s.writing(folder) as opened:
        opened.remove([2])
    tamper(folder, statement)
    with pytest.raises(ArchiveError, match=DAMAGED):
        Store.open(folder, check=False)


def test_an_older_row_with_its_own_checksum_is_noticed(folder):
    """As when a page of before is put back: the row is sound, and out of date."""
    where = "WHERE path = '/music/3.flac'"
    with closing(sqlite3.connect(find_file(folder))) as old:
        (row,) = old.execute(f"SELECT size, modified_ns, checksum FROM paths {where}").fetchall()
    with s.writing(folder) as opened:
        opened.add_path(3, "/music/3.flac", 77, 78)
    tamper(folder, f"UPDATE paths SET (size, modified_ns, checksum) = {row} {where}")
    with pytest.raises(ArchiveError, match="missing, or older than the others"):
        Store.open(folder)


@pytest.mark.parametrize("change", [
    "DELETE FROM windows",
    "UPDATE windows SET id = (3 << 20) + 999",
    "UPDATE windows SET checksum = checksum + 1",
    "UPDATE windows SET vector = x'00'",
    "UPDATE windows SET vector = 'text'",
    "UPDATE windows SET (checksum, vector) = (SELECT checksum, vector FROM windows"
    " WHERE id = (3 << 20) + 8)",
])  # fmt: skip
def test_a_window_that_is_another_or_gone_is_never_used(folder, change):
    tamper(folder, f"{change} WHERE id = (3 << 20) + 7")
    with pytest.raises(ArchiveError, match=rf"{DAMAGED}: 1 of 45 windows of recording 3"):
        Store.open(folder)
    with Store.open(folder, check=False) as opened:
        with pytest.raises(ArchiveError, match="window 7 of recording 3 is not as written"):
            opened.vectors(window_ids(3, 45))
        opened.vectors(window_ids(3, 7))


@pytest.mark.parametrize("statement", [
    "DELETE FROM pieces WHERE id = (3 << 20) + 1",
    "UPDATE pieces SET piece = x'00' WHERE id = (3 << 20) + 1",
    "UPDATE pieces SET (checksum, piece) = (SELECT checksum, piece FROM pieces WHERE id = 3 << 20) "
    "WHERE id = (3 << 20) + 1",
    "DELETE FROM pieces WHERE id = (5 << 20) + (1 << 19) + 1",
])  # fmt: skip
def test_a_piece_that_is_another_or_gone_is_never_used(folder, statement):
    tamper(folder, statement)
    with pytest.raises(ArchiveError, match=rf"{DAMAGED}: a piece of recording [35] is not as"):
        Store.open(folder)
    with Store.open(folder, check=False) as opened:
        with pytest.raises(ArchiveError, match="is not as written"):
            for entry in opened.entries():
                s.pieces(opened, entry)
        assert s.pieces(opened, opened.entry(2))[0] == s.synthetic_recording(2).sketch


def test_check_tells_how_many_windows_of_which_recording_are_damaged(folder):
    spoil(folder, (3, 0), (3, 44), (4, 7))
    with Store.open(folder, check=False) as opened:
        assert opened.check() == [
            "2 of 45 windows of recording 3 (/music/3.flac) are not as written",
            "1 of 60 windows of recording 4 (/music/4.flac) are not as written",
        ]
    with pytest.raises(ArchiveError, match=rf"{DAMAGED}: 2 of 45 .*, and 1 more"):
        Store.open(folder)


def test_a_damaged_recording_can_be_removed_and_the_rest_searched(folder):
    spoil(folder, (1, 0), (2, 0))
    with Store.open(folder, write=True, check=False) as opened:
        opened.remove([2])
        opened.compact()
        with pytest.raises(ArchiveError, match="window 0 of recording 1 is not as written"):
            opened.vectors(window_ids(1, 3))
        opened.remove([1])
        opened.add([s.synthetic_recording(6)])  # beside what the removed one left behind
        assert opened.check() == []
        opened.compact()
        assert opened.check() == []
    with Store.open(folder) as opened:
        assert s.numbers_in(opened) == {3, 4, 5, 6}


def test_large_archives_are_checked_when_they_are_read(folder, monkeypatch):
    spoil(folder, (1, 0))
    monkeypatch.setattr(store, "CHECKED_BYTES", 1000)
    with Store.open(folder) as opened, pytest.raises(ArchiveError, match=DAMAGED):
        list(opened.batches(10))


@pytest.mark.parametrize(("change", "words"), [
    ("PRAGMA user_version = 4", "schema 4, and this version knows up to 3; update"),
    ("PRAGMA user_version = 2", "was made by an older version of cqtnet"),
    ("PRAGMA user_version = 1", "damaged: it has schema 1"),
    ("PRAGMA application_id = 5", "damaged: it is not an archive"),
])  # fmt: skip
def test_a_file_of_another_version_or_program_is_refused(folder, change, words):
    tamper(folder, change)
    with pytest.raises(ArchiveError, match=words):
        Store.open(folder)


def test_rows_may_come_in_another_order_and_a_broken_off_change_is_undone(folder, tmp_path):
    tamper(folder, "VACUUM")
    shutil.copytree(folder, tmp_path / "copy")
    with s.writing(tmp_path / "copy") as opened:
        assert s.numbers_in(opened) == {1, 2, 3, 4, 5}
    before = contents(folder)
    half = broken_off(folder, tmp_path / "half")
    assert (half / "archive-1.sqlite-journal").stat().st_size > 0
    assert find_file(half).read_bytes() != find_file(folder).read_bytes()  # a part was written
    assert contents(half) == before


def test_what_is_reported_as_done_is_synced_with_its_folder(folder):
    with s.writing(folder) as opened:
        assert opened._rows("PRAGMA disk.synchronous") == [(3,)]  # EXTRA
        assert opened._rows("PRAGMA disk.journal_mode") == [("delete",)]


@pytest.mark.parametrize(("name", "arguments"), [
    ("add", ([s.synthetic_recording(6)],)),
    ("remove", ([2],)),
    ("add_path", (1, "/x", 1, 1)),
    ("replace_paths", ([("/music/1.flac", "/x", 1, 1)],)),
])  # fmt: skip
def test_a_change_that_fails_at_its_end_leaves_all_as_it_was(folder, monkeypatch, name, arguments):
    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    before = contents(folder)
    with s.writing(folder) as opened:
        with monkeypatch.context() as patched:
            patched.setattr(database.Change, "seal", fail)
            with pytest.raises(ArchiveError, match="cannot be written: Input/output error"):
                getattr(opened, name)(*arguments)
        assert s.picture(opened) == before == contents(folder)
        getattr(opened, name)(*arguments)
    assert contents(folder) != before


@pytest.mark.parametrize("step", ["copy_without_removed", "connect", "delete_leftovers"])
def test_compaction_may_be_broken_off(tmp_path, monkeypatch, step):
    def stop(*_, **__):
        raise KeyboardInterrupt

    folder = tmp_path / "a"
    s.make_archive(folder, range(1, 30))
    with s.writing(folder) as opened, monkeypatch.context() as patched:
        opened.remove([2, 9, 20])
        before = s.numbers_in(opened)
        patched.setattr(store if step[0] == "d" else database, step, stop)
        with pytest.raises(KeyboardInterrupt):
            opened.compact()
    with Store.open(folder) as opened:
        assert s.numbers_in(opened) == before
    with s.writing(folder) as opened:
        assert (opened.compact() > 0) == (step[0] != "d")  # else it was done but for the old file
        assert s.numbers_in(opened) == before
    assert len(list(folder.iterdir())) == 2


def test_a_journal_that_a_writer_deletes_while_it_is_looked_at_is_no_error(folder, monkeypatch):
    is_file, ending = Path.is_file, "-journal"
    monkeypatch.setattr(Path, "is_file", lambda path: path.name.endswith(ending) or is_file(path))
    with Store.open(folder) as store:
        assert len(store) == 5


@pytest.mark.parametrize("write", [False, True])
def test_a_journal_of_others_makes_sqlite_delete_and_write_no_file(folder, tmp_path, write):
    """At its end a journal may name another file, which SQLite deletes after it."""
    half, victim = broken_off(folder, tmp_path / "half"), tmp_path / "victim"
    victim.write_bytes(b"precious")
    (journal,) = half.glob("*-journal")
    name, lock_page = os.fsencode(victim), (1 << 30) // s.PAGE_BYTES + 1
    end = struct.pack(">II", len(name), sum(name)) + database.SUPER
    journal.write_bytes(journal.read_bytes() + struct.pack(">I", lock_page) + name + end)
    with pytest.raises(ArchiveError, match="its journal names another one"):
        Store.open(half, write=write)
    journal.unlink()
    for suffix, reason in (("-journal", "is a link"), ("-wal", "there is a file"), ("-shm", "")):
        beside = find_file(half).with_name(f"archive-1.sqlite{suffix}")
        beside.symlink_to(victim)
        with pytest.raises(ArchiveError, match=rf"{DAMAGED}: .*{reason}"):
            Store.open(half, write=write)
        beside.unlink()
    assert victim.read_bytes() == b"precious"


def test_a_file_that_is_busy_or_missing_is_named(folder, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    connection = sqlite3.connect(find_file(folder), isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ArchiveError, match=r"archive-1\.sqlite cannot be read: another process"):
        Store.open(folder)
    connection.close()
    find_file(folder).unlink()
    (folder / "archive-1.sqlite").mkdir()
    with pytest.raises(ArchiveError, match=rf"{DAMAGED}: it is missing"):
        Store.open(folder)
