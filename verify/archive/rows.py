"""The many rows of an archive that are too much for memory: of windows, and of kept pieces.

Each row has a number, whose upper bits are its recording, a checksum and bytes. They are only ever
added. Every row is compared with its checksum when it is read.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from verify.archive import database
from verify.archive.database import READ, ROWS, file_errors
from verify.archive.results import Ids


class Rows:
    """The rows of one table of an archive; `salt` tells archives and tables apart."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, table: str, *, salt: int, size: int = 0
    ) -> None:
        """`size` is that of the bytes of each row, where all have the same."""
        self._connection, self._path, self._table = connection, path, table
        self._salt, self._size = salt, size
        self._query = (
            f"SELECT w.id, w.checksum, CAST(w.{ROWS[table]} AS BLOB) FROM {table} w "
            "JOIN recordings r ON r.id = w.id >> 20 "
            "WHERE w.id IN (SELECT value FROM json_each(?)) ORDER BY w.id"
        )

    def sound(self, ids: Ids) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of those rows that are as they were written, rising."""
        with file_errors(self._path, READ):
            rows = self._connection.execute(self._query, (json.dumps(ids.tolist()),))
            for number, checksum, data in rows:  # one by one: no memory for all of them
                size = len(data or b"")
                if (
                    size
                    and size == (self._size or size)
                    and checksum == self._checksum(number, data)
                ):
                    yield number, data

    def write(self, rows: Iterable[tuple[int, bytes | memoryview]]) -> None:
        """Add rows, inside a change."""
        self._connection.executemany(
            f"INSERT INTO {self._table} VALUES (?, ?, ?)",
            ((number, self._checksum(number, data), data) for number, data in rows),
        )

    def _checksum(self, number: int, data: bytes | memoryview) -> int:
        return database.window_checksum(number, data, self._salt)
