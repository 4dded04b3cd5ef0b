"""The SQLite file of an archive: tables, and the checksum of every row.

An archive may come from others: whatever a row says is within limits, or it is refused.

SQLite notices broken pages, not changed values. So every row carries a checksum over its own
columns, and one row, the state, the sum of the checksums of all catalogue rows: a row that was
changed, lost or added makes the sum wrong. Windows are many; each is checked when it is read.

The journal is a rollback journal: at rest the archive is one file, readable where nothing can be
written, and a damaged journal cannot take back a change that was reported as done.
"""

import hashlib
import json
import os
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from augment.audio.files import told
from cqtnet.errors import ArchiveError
from cqtnet.schema import checked, parse_json
from verify.archive import OLDER, READ, WRITTEN, damaged, file_errors
from verify.archive.results import WINDOWS_PER_RECORDING, Manifest

Row = tuple[Any, ...]
MOST = 1 << 42  # recordings and generations; with the window, a number still has 63 bits
LONGEST = 10_000  # characters of a path, and of all tags
APPLICATION = 0x43515441  # "CQTA", in the header of the file
SCHEMA = 3
SUPER = bytes.fromhex("d9d505f920a163d7")  # the end of a journal of several files; not ours
PAGE_BYTES = 1 << 15  # 7 windows of 2,048 dimensions fill a page, so that none is split
CACHE_KB = 8_000
BUSY_S = 30.0  # how long to wait for another process that is committing a change

TABLES = {  # the catalogue; the first column is the key and the last one the checksum of the row
    "recordings": "id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, duration_s REAL NOT NULL, "
    "tags TEXT NOT NULL, added TEXT NOT NULL, generation INTEGER NOT NULL, "
    "n_windows INTEGER NOT NULL, start_s BLOB NOT NULL, n_sketches INTEGER NOT NULL, "
    "n_sounds INTEGER NOT NULL, checksum INTEGER NOT NULL",
    "paths": "path TEXT PRIMARY KEY, recording INTEGER NOT NULL, size INTEGER NOT NULL, "
    "modified_ns INTEGER NOT NULL, checksum INTEGER NOT NULL",
    "removed": "id INTEGER PRIMARY KEY, added INTEGER NOT NULL, generation INTEGER NOT NULL, "
    "n_windows INTEGER NOT NULL, checksum INTEGER NOT NULL",
}
_CATALOGUE = (
    *(f"CREATE TABLE {name} ({columns})" for name, columns in TABLES.items()),
    "CREATE INDEX paths_of_recordings ON paths (recording)",
    "CREATE TABLE state (manifest TEXT NOT NULL, generation INTEGER NOT NULL, "
    "next_recording INTEGER NOT NULL, total INTEGER NOT NULL, checksum INTEGER NOT NULL)",
)
ROWS = {"windows": "vector", "pieces": "piece"}
"""Tables of what is too much for memory, and what their rows hold; see `Rows`."""
_ROWS = tuple(
    f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, {what} BLOB NOT NULL)"
    for name, what in ROWS.items()
)
_MODULUS = 1 << 63


def create(path: Path, manifest: str, page_bytes: int) -> None:
    """Fill an empty file with the tables of an archive without recordings."""
    with _new_file(path, page_bytes) as connection:
        _insert(connection, "state", (manifest, 0, 1, 0))


def copy_without_removed(path: Path, copy: Path, page_bytes: int) -> None:
    """Fill an empty file with all that an archive holds, but the windows of removed recordings."""
    with _new_file(copy, page_bytes, attached=path) as connection:
        for table in ("state", *TABLES):
            connection.execute(f"INSERT INTO {table} SELECT * FROM old.{table}")
        for table in ROWS:
            connection.execute(
                f"INSERT INTO {table} SELECT w.* FROM old.recordings r JOIN old.{table} w "
                "ON w.id BETWEEN r.id << 20 AND (r.id << 20) + (1 << 20) - 1 ORDER BY r.id, w.id"
            )
        change = Change(connection)
        query = "SELECT id, added, generation FROM old.removed WHERE n_windows > 0"
        for row in connection.execute(query).fetchall():
            change.put("removed", *row, 0)
        change.seal()


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """A connection to the archive in a file, every row of whose catalogue was checked.

    The file is attached as `disk`. For reading, the catalogue is copied into memory: a reader sees
    one moment of it and never keeps a writer waiting. Tables are named without `disk`, which finds
    the copy where there is one. `ROWS` are only ever added to a file, so they need no copy.
    """
    with file_errors(path, WRITTEN if write else READ), ExitStack() as on_failure:
        _refuse_others(path)
        connection = on_failure.enter_context(closing(_connection(":memory:")))
        # SQLite falls back to reading where the file may not be written.
        connection.execute("ATTACH ? AS disk", (_uri(path),))
        connection.execute("PRAGMA disk.synchronous = EXTRA")
        connection.execute(f"PRAGMA disk.cache_size = -{CACHE_KB}")
        connection.execute("BEGIN")
        _check_version(path, connection)
        if problem := find_problem(connection):
            raise damaged(path, problem)
        if not write:
            for statement in _CATALOGUE:
                connection.execute(statement)
            for table in ("state", *TABLES):
                connection.execute(f"INSERT INTO main.{table} SELECT * FROM disk.{table}")
        connection.execute("COMMIT")
        on_failure.pop_all()
    return connection


def find_problem(connection: sqlite3.Connection, *, structure: bool = False) -> str | None:
    """What is wrong with the catalogue, and with `structure` with any page of the file."""
    query = "SELECT type, name, tbl_name, sql FROM {}.sqlite_master ORDER BY name"
    with closing(sqlite3.connect(":memory:")) as expected:
        for statement in (*_CATALOGUE, *_ROWS):
            expected.execute(statement)
        schema = expected.execute(query.format("main")).fetchall()
    if connection.execute(query.format("disk")).fetchall() != schema:  # first: a trigger could act
        return "its tables are not those of an archive"
    for part in (1,) if structure else TABLES:
        for (found,) in connection.execute(f"PRAGMA disk.integrity_check({part})"):
            if found != "ok":
                return str(found)
    states = connection.execute("SELECT * FROM disk.state").fetchall()
    if len(states) != 1:
        return "its state is missing"
    if wrong := row_problem("state", states[0][:-1], states[0][-1]):
        return f"its state {wrong}"
    total = 0
    for table in TABLES:
        for *values, checksum in connection.execute(f"SELECT * FROM disk.{table}"):
            if wrong := row_problem(table, tuple(values), checksum):
                return f"row {told(repr(values[0]))} of its table {table} {wrong}"
            total += checksum
    if total % _MODULUS != states[0][3]:
        return "rows of its tables are missing, or older than the others"
    return None


def check_file(path: Path, connection: sqlite3.Connection, *, structure: bool) -> str | None:
    """What is wrong with the attached file as it is now; the windows are for others to check."""
    try:
        with file_errors(path, READ), connection:
            connection.execute("PRAGMA shrink_memory")  # forgets what was read before
            connection.execute("BEGIN")
            return find_problem(connection, structure=structure)
    except ArchiveError as error:
        return str(error)


class Change:
    """One change of the catalogue, inside a transaction; `seal` completes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        columns = "manifest, generation, next_recording, total"
        state = connection.execute(f"SELECT {columns} FROM state").fetchone()
        self._manifest, generation, self.next_recording, self._total = state
        self.generation = generation + 1

    def put(self, table: str, *values: Any) -> None:
        """Write a row, in the place of the one with the same key if there is one."""
        self.take(table, values[0])
        self._total += _insert(self._connection, table, values)

    def take(self, table: str, key: Any) -> Row | None:
        """The row with a key, without its checksum, now deleted; None where there is none."""
        where = f"FROM {table} WHERE {TABLES[table].split(maxsplit=1)[0]} = ?"
        row: Row | None = self._connection.execute(f"SELECT * {where}", (key,)).fetchone()
        if row is None:
            return None
        self._connection.execute(f"DELETE {where}", (key,))
        self._total -= row[-1]
        return row[:-1]

    def seal(self) -> None:
        """Write the state that belongs to the rows as they are now."""
        self._connection.execute("DELETE FROM state")
        counts = self.generation, self.next_recording, self._total % _MODULUS
        _insert(self._connection, "state", (self._manifest, *counts))


@contextmanager
def change(path: Path, connection: sqlite3.Connection) -> Iterator[Change]:
    """A transaction: all of it is on the disk afterwards, or after an error nothing."""
    with file_errors(path, WRITTEN), connection:  # which commits, or takes all back
        connection.execute("BEGIN IMMEDIATE")
        made = Change(connection)
        yield made
        made.seal()


def _connection(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


@contextmanager
def _new_file(
    path: Path, page_bytes: int, *, attached: Path | None = None
) -> Iterator[sqlite3.Connection]:
    """A transaction in an empty file, with empty tables; whoever made the file syncs it.

    Another archive is attached to it as `old`.
    """
    with closing(_connection(_uri(path))) as connection:
        connection.executescript(
            f"PRAGMA page_size = {page_bytes}; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {SCHEMA}"
        )
        if attached:
            connection.execute("ATTACH ? AS old", (_uri(attached),))
        connection.execute("BEGIN")
        for statement in (*_CATALOGUE, *_ROWS):
            connection.execute(statement)
        yield connection
        connection.execute("COMMIT")


def _uri(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=rw"


def _insert(connection: sqlite3.Connection, table: str, values: Row) -> int:
    """The checksum of a row, which is inserted with it."""
    checksum = row_checksum(table, values)
    if wrong := row_problem(table, values, checksum):
        raise ArchiveError(f"row {told(repr(values[0]))} for the table {table} {wrong}")
    marks = "?, " * len(values)
    connection.execute(f"INSERT INTO {table} VALUES ({marks}?)", (*values, checksum))
    return checksum


def _refuse_others(path: Path) -> None:
    """Raise before SQLite would follow what lies beside a file that others may have made."""
    journal = path.with_name(f"{path.name}-journal")
    if not path.is_file():
        raise damaged(path, "it is missing")
    for suffix in ("-wal", "-shm"):  # which we never make; SQLite would write into them
        if os.path.lexists(f"{path}{suffix}"):
            raise damaged(path, f"there is a file {path.name}{suffix}")
    if journal.is_symlink():
        raise damaged(path, "its journal is a link")
    if journal.is_file():
        # It may be gone by now: a writer has ended its change.
        with suppress(FileNotFoundError), journal.open("rb") as file:
            file.seek(-min(len(SUPER), file.seek(0, os.SEEK_END)), os.SEEK_END)
            if file.read() == SUPER:
                raise damaged(path, "its journal names another one, which SQLite would delete")


def _check_version(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA disk.application_id").fetchone()
    (version,) = connection.execute("PRAGMA disk.user_version").fetchone()
    if application != APPLICATION:
        raise damaged(path, "it is not an archive")
    if version > SCHEMA:
        raise ArchiveError(
            f"{path} has schema {version}, and this version knows up to {SCHEMA}; update cqtnet"
        )
    if version == SCHEMA - 1:
        raise ArchiveError(f"{path} {OLDER}")
    if version != SCHEMA:
        raise damaged(path, f"it has schema {version}")


class Rows:
    """The rows of one of `ROWS`: each has a number, whose upper bits are its recording, and bytes.

    `salt` tells archives and tables apart, so that no row passes for another one. `size` is that
    of the bytes of each row, where all have the same.
    """

    def __init__(
        self, connection: sqlite3.Connection, path: Path, table: str, *, salt: int, size: int = 0
    ) -> None:
        self._connection, self._path, self._table = connection, path, table
        self._salt, self._size = salt, size

    def intact(self, ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of those rows that are as they were written, rising."""
        query = (
            f"SELECT w.id, w.checksum, CAST(w.{ROWS[self._table]} AS BLOB) FROM {self._table} w "
            "JOIN recordings r ON r.id = w.id >> 20 "
            "WHERE w.id IN (SELECT value FROM json_each(?)) ORDER BY w.id"
        )
        with file_errors(self._path, READ):
            # One by one: no memory for all of them.
            for number, checksum, data in self._connection.execute(query, (json.dumps(ids),)):
                is_whole = data and len(data) == (self._size or len(data))
                if is_whole and checksum == self._checksum(number, data):
                    yield number, data

    def write(self, rows: Iterable[tuple[int, bytes | memoryview]]) -> None:
        """Add rows, inside a change."""
        self._connection.executemany(
            f"INSERT INTO {self._table} VALUES (?, ?, ?)",
            ((number, self._checksum(number, data), data) for number, data in rows),
        )

    def _checksum(self, number: int, data: bytes | memoryview) -> int:
        return zlib.crc32(data, self._salt) ^ number


# What rows may hold at all.


def stored_path(path: str) -> str | bytes:
    """A path as it is stored: as text, or as bytes where it is not UTF-8."""
    try:
        data = path.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ArchiveError(f"the path {path!r} is not a path that a file can have") from error
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def row_checksum(table: str, values: Row) -> int:
    """63 bits over a row; `ascii` tells types apart and is the same everywhere."""
    digest = hashlib.blake2b(ascii((table, *values)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def row_problem(table: str, row: Row, checksum: Any) -> str:
    """What is wrong with a row of that table; empty where nothing is."""
    if checksum != row_checksum(table, row):
        return "is not as it was written"
    try:
        return "" if _CHECKS[table](*row) else "holds what cannot be there"
    except (ValueError, TypeError) as error:
        return f"holds what cannot be there: {told(error)}"


def _recording(
    number: Any, sha256: Any, duration_s: Any, tags: Any, added: Any, generation: Any,
    n_windows: Any, start_s: Any, n_sketches: Any, n_sounds: Any,
) -> bool:  # fmt: skip
    whole = _whole(number, generation) and _whole(n_windows, below=WINDOWS_PER_RECORDING)
    kept = _whole(n_sketches, n_sounds, below=WINDOWS_PER_RECORDING >> 1)
    named = isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256)
    told = len(tags) <= LONGEST and checked(list[str], parse_json(tags)) is not None
    stamped = isinstance(added, str) and len(added) <= 40 and added.isprintable()
    if not (whole and kept and named and told and stamped and isinstance(duration_s, float)):
        return False
    starts = np.frombuffer(start_s, "<f8")
    inside = (starts >= 0) & (starts <= duration_s)  # false for NaN
    rising = bool(inside.all() and (np.diff(starts) > 0).all())
    return 0 <= duration_s < 1e9 and len(starts) == n_windows and rising


def _path(path: Any, recording: Any, size: Any, modified_ns: Any) -> bool:
    named = isinstance(path, str | bytes) and 0 < len(path) <= LONGEST
    return named and _whole(recording) and _whole(size, abs(modified_ns), below=1 << 63)


def _removed(number: Any, added: Any, generation: Any, n_windows: Any) -> bool:
    return _whole(number, added, generation) and _whole(n_windows, below=WINDOWS_PER_RECORDING)


def _state(manifest: Any, generation: Any, next_recording: Any, total: Any) -> bool:
    made = Manifest.from_json(manifest)
    named = len(made.model) <= LONGEST and len(made.created) <= 40
    return named and _whole(generation, next_recording) and _whole(total, below=1 << 63)


def _whole(*numbers: Any, below: int = MOST) -> bool:
    return all(type(number) is int and 0 <= number < below for number in numbers)


_CHECKS: dict[str, Callable[..., bool]] = {
    "recordings": _recording, "paths": _path, "removed": _removed, "state": _state,
}  # fmt: skip
