import sqlite3

import pytest

from cqtnet.errors import ArchiveError
from eval.bench.faults.synthetic import synthetic_recording
from tests.verify.archive.cases import make_archive, writing
from verify.archive.disk.ledger import TABLES
from verify.archive.disk.store import Store
from verify.archive.results import Changes

STATE = ("generation", "next_recording", "next_segment", "manifest", "total", "digest")
COLUMNS = [
    (table, column.split()[0])
    for table, columns in TABLES.items()
    for column in columns.split(", ")
] + [("state", column) for column in STATE]


def tampered(folder, *statements):
    connection = sqlite3.connect(folder / "catalogue.sqlite", isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "archive"
    entries = make_archive(folder)
    with writing(folder) as store:
        store.remove([entries[1].id])
    return folder


@pytest.mark.parametrize("value", ["{0} + 1", "x'00'", "'other'"])
def test_a_changed_value_in_any_column_is_noticed(folder, value):
    path, noticed = folder / "catalogue.sqlite", 0
    whole = path.read_bytes()
    for table, column in COLUMNS:
        first = f"rowid = (SELECT min(rowid) FROM {table})"
        try:
            tampered(folder, f"UPDATE {table} SET {column} = {value.format(column)} WHERE {first}")
        except sqlite3.IntegrityError:
            continue  # a key, for which SQLite does not take this value
        assert path.read_bytes() != whole, (table, column)
        with pytest.raises(ArchiveError, match=r"catalogue\.sqlite is damaged"):
            Store.open(folder)
        path.write_bytes(whole)
        noticed += 1
    assert noticed >= len(COLUMNS) - 3


def test_a_changed_byte_in_the_names_of_columns_is_noticed(folder):
    path = folder / "catalogue.sqlite"
    whole = path.read_bytes()
    begin = whole.index(b"number INTEGER PRIMARY KEY, n_rows INTEGER")
    for at in range(begin, begin + 42):  # SQLite's own message about some is not UTF-8
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        with pytest.raises(ArchiveError, match=r"catalogue\.sqlite is damaged"):
            Store.open(folder)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM paths WHERE rowid = 1",
        "DELETE FROM removed",
        "DELETE FROM state",
        "INSERT INTO state SELECT * FROM state",
        "INSERT INTO removed VALUES (77, 0, 1)",
        "DROP INDEX paths_of_recordings",
        "CREATE TRIGGER t AFTER INSERT ON paths BEGIN DELETE FROM recordings; END",
        "CREATE TABLE more (x)",
        "UPDATE paths SET recording = 4 - recording WHERE recording IN (1, 3)",
    ],
)
def test_rows_and_tables_that_came_or_went_are_noticed(folder, statement):
    tampered(folder, statement)
    with pytest.raises(ArchiveError, match=r"catalogue\.sqlite is damaged"):
        Store.open(folder)


def test_rows_may_lie_in_another_order(folder):
    tampered(folder, "VACUUM")
    Store.open(folder).close()


def test_a_newer_schema_is_refused_with_the_cure(folder):
    tampered(folder, "PRAGMA user_version = 2")
    with pytest.raises(ArchiveError, match="schema 2, and this version knows up to 1; update"):
        Store.open(folder)


def test_the_catalogue_of_another_archive_is_refused(folder, tmp_path):
    make_archive(tmp_path / "other")
    (tmp_path / "other/catalogue.sqlite").replace(folder / "catalogue.sqlite")
    with pytest.raises(ArchiveError, match="belongs to another manifest"):
        Store.open(folder)


def test_another_database_is_refused(folder):
    (folder / "catalogue.sqlite").unlink()
    tampered(folder, "CREATE TABLE songs (name)")
    with pytest.raises(ArchiveError, match="is no catalogue of an archive"):
        Store.open(folder)


def test_changes_are_those_since_a_generation(tmp_path):
    make_archive(tmp_path / "a", range(0))  # generation 1, without any recording
    with writing(tmp_path / "a") as store:
        store.add([synthetic_recording(n) for n in (1, 2, 3)])  # 2
        store.remove([2])  # 3
        store.add([synthetic_recording(4)])  # 4
        store.remove([4, 1])  # 5
        store.add([synthetic_recording(2)])  # 6: known once, but removed
        assert store.generation == 6
        assert store.changes(0) == Changes(added=(3, 5), removed=())
        assert store.changes(2) == Changes(added=(5,), removed=(1, 2))
        assert store.changes(4) == Changes(added=(5,), removed=(1, 4))
        assert store.changes(5) == Changes(added=(5,), removed=())
        assert store.changes(6) == Changes((), ())
        with pytest.raises(ArchiveError, match="is at generation 6 here, and 7 is later"):
            store.changes(7)


def test_numbers_are_never_used_again(tmp_path):
    make_archive(tmp_path / "a", range(1, 4))
    with writing(tmp_path / "a") as store:
        store.remove([2, 3])
        store.compact()
    with writing(tmp_path / "a") as store:
        (entry,) = store.add([synthetic_recording(3)])
    assert entry.id == 4
