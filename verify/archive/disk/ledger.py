"""Tables of which every row is accounted for.

SQLite notices broken pages, not changed values. So one row, the state, keeps a sum over digests of
the rows of all other tables; a row that was changed, lost or added makes the sum wrong.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, NamedTuple

TABLES = {  # in each, the first column is the key
    "recordings": "id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, duration_s REAL NOT NULL, "
    "tags TEXT NOT NULL, added TEXT NOT NULL, generation INTEGER NOT NULL, "
    "segment INTEGER NOT NULL, first INTEGER NOT NULL, n_windows INTEGER NOT NULL, "
    "start_s BLOB NOT NULL",
    "paths": "path BLOB PRIMARY KEY, recording INTEGER NOT NULL, size INTEGER NOT NULL, "
    "modified_ns INTEGER NOT NULL",
    "removed": "id INTEGER PRIMARY KEY, added INTEGER NOT NULL, generation INTEGER NOT NULL",
    "segments": "number INTEGER PRIMARY KEY, n_rows INTEGER NOT NULL",
}
STATEMENTS = (
    *(f"CREATE TABLE {name} ({columns})" for name, columns in TABLES.items()),
    "CREATE INDEX paths_of_recordings ON paths (recording)",
    "CREATE TABLE state (generation INTEGER NOT NULL, next_recording INTEGER NOT NULL, "
    "next_segment INTEGER NOT NULL, manifest TEXT NOT NULL, total TEXT NOT NULL, "
    "digest TEXT NOT NULL)",
)

Row = tuple[Any, ...]


class Recording(NamedTuple):
    """A row of the table of recordings."""

    id: int
    sha256: str
    duration_s: float
    tags: str  # JSON, in ASCII
    added: str
    generation: int  # in which it was added
    segment: int
    first: int  # row of its first window there
    n_windows: int
    start_s: bytes  # of float64


@dataclass(frozen=True)
class State:
    """What the ledger says of itself; it changes with every change."""

    generation: int  # how many changes there were
    next_recording: int  # counts up, so that a number is never used again
    next_segment: int
    manifest: str  # digest of the manifest that belongs to it
    total: str  # the sum over all rows, hexadecimal
    digest: str = ""  # of the above

    def sealed(self) -> "State":
        """The same with its own digest."""
        return replace(self, digest=f"{_digest('state', astuple(self)[:-1]):032x}")


class Change:
    """One change of the ledger, inside a transaction; `seal` completes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._state = State(*connection.execute("SELECT * FROM state").fetchone())
        self._total = int(self._state.total, 16)
        self.generation = self._state.generation + 1
        self.next_recording = self._state.next_recording
        self.next_segment = self._state.next_segment

    def put(self, table: str, row: Row) -> None:
        """Write a row, in the place of the one with the same key if there is one."""
        self.take(table, row[0])
        insert(self._connection, table, row)
        stored = self._row(table, row[0])  # SQLite may turn 3 into 3.0, and -0.0 into 0.0
        self._total += _digest(table, stored)

    def take(self, table: str, key: Any) -> Any:
        """Take the row with a key away and return it; None where there is none."""
        row = self._row(table, key)
        if row is not None:
            self._connection.execute(f"DELETE FROM {table} WHERE {_key(table)} = ?", (key,))
            self._total -= _digest(table, row)
        return row

    def last_segment(self) -> tuple[int, int]:
        """Number and rows of the segment that was begun last; (0, 0) where there is none."""
        query = "SELECT number, n_rows FROM segments ORDER BY number DESC LIMIT 1"
        row = self._connection.execute(query).fetchone()
        return row or (0, 0)

    def seal(self) -> None:
        """Write the state that belongs to the rows as they are now."""
        state = State(
            self.generation,
            self.next_recording,
            self.next_segment,
            self._state.manifest,
            _written(self._total),
        )
        self._connection.execute("DELETE FROM state")
        insert(self._connection, "state", astuple(state.sealed()))

    def _row(self, table: str, key: Any) -> Any:
        query = f"SELECT * FROM {table} WHERE {_key(table)} = ?"
        return self._connection.execute(query, (key,)).fetchone()


def found_faults(connection: sqlite3.Connection, manifest: str) -> str | None:
    """What is wrong with a ledger that should belong to the manifest of that digest."""
    if _schema(connection) != _expected_schema():  # first, since triggers and the like could act
        return "its tables are not those of an archive"
    for (problem,) in connection.execute("PRAGMA integrity_check(1)"):
        if problem != "ok":
            return str(problem)
    states = connection.execute("SELECT * FROM state").fetchall()
    if len(states) != 1 or State(*states[0]).sealed() != State(*states[0]):
        return "its state is not what its digest was made of"
    if states[0][4] != total(connection):
        return "its rows are not those that were written"
    if states[0][3] != manifest:
        return "it belongs to another manifest than the one beside it"
    return None


def total(connection: sqlite3.Connection) -> str:
    """The sum over the digests of all rows but the state, hexadecimal."""
    return _written(
        sum(
            _digest(table, row)
            for table in TABLES
            for row in connection.execute(f"SELECT * FROM {table}")
        )
    )


def insert(connection: sqlite3.Connection, table: str, row: Sequence[Any]) -> None:
    """Insert a row that is accounted for elsewhere."""
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} VALUES ({marks})", tuple(row))


def _digest(table: str, row: Row) -> int:
    """128 bits of table and row; `ascii` tells types apart and is the same everywhere."""
    return int.from_bytes(hashlib.blake2b(ascii((table, row)).encode(), digest_size=16).digest())


def _key(table: str) -> str:
    return TABLES[table].split(maxsplit=1)[0]


def _written(number: int) -> str:
    return f"{number % (1 << 128):032x}"


def _schema(connection: sqlite3.Connection) -> list[Row]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    return connection.execute(query).fetchall()


def _expected_schema() -> list[Row]:
    connection = sqlite3.connect(":memory:")
    try:
        for statement in STATEMENTS:
            connection.execute(statement)
        return _schema(connection)
    finally:
        connection.close()
