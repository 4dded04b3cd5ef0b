"""The truth about an archive's recordings: one SQLite file.

It has a rollback journal and no write-ahead log: at rest it is one file, readable where nothing
can be written, and damage to a journal left behind cannot take back what was acknowledged.
Readers copy it into memory, so that they see one moment of it and never keep a writer waiting.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import ArchiveError
from verify.archive.disk.failures import READ, WRITTEN, damaged, named
from verify.archive.disk.ledger import STATEMENTS, Change, Row, State, found_faults, insert, total
from verify.archive.disk.places import Places
from verify.archive.results import Changes, Entry

NAME = "catalogue.sqlite"
SCHEMA = 1
APPLICATION = 0x43515441  # "CQTA", in the header of the file
BUSY_S = 30.0

_ENTRY = "SELECT id, sha256, duration_s, tags, added, n_windows FROM recordings"


class Catalogue:
    """The catalogue of one archive: for writing the file, for reading a copy in memory."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, folder: Path, manifest: str) -> None:
        """Write an empty one for an archive with a manifest of that digest."""
        path = folder / NAME
        with named(path, WRITTEN):
            connection = _connected(path, "rwc")
            try:
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
                connection.execute("BEGIN")
                for statement in STATEMENTS:
                    connection.execute(statement)
                state = State(0, 1, 1, manifest, total(connection))
                insert(connection, "state", astuple(state.sealed()))
                connection.execute("COMMIT")
            finally:
                connection.close()

    @classmethod
    def open(cls, folder: Path, manifest: str, *, write: bool) -> "Catalogue":
        """The catalogue that belongs to the manifest of that digest, every row checked."""
        path = folder / NAME
        with named(path, WRITTEN if write else READ):
            if not path.is_file():
                raise damaged(path, "it is missing")
            connection = _connected(path, "rw")  # SQLite falls back to reading where it must
            try:
                if not write:
                    connection = _copied(connection)
                _refuse_other(path, connection)
                fault = found_faults(connection, manifest)
                if fault:
                    raise damaged(path, fault)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A transaction: all of it is on the disk afterwards, or after an error nothing."""
        with named(self.path, WRITTEN):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                change = Change(self._connection)
                yield change
                change.seal()
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def generation(self) -> int:
        """How many changes there were; rises with every one."""
        return int(self._rows("SELECT generation FROM state")[0][0])

    def count(self) -> int:
        """How many recordings there are."""
        return int(self._rows("SELECT count(*) FROM recordings")[0][0])

    def duration_s(self) -> float:
        """How long all recordings are together."""
        return float(self._rows("SELECT total(duration_s) FROM recordings")[0][0])

    def entry(self, recording: int) -> Entry:
        """A recording by its number."""
        row = self._recording(_ENTRY, recording)
        paths = self._rows("SELECT path FROM paths WHERE recording = ? ORDER BY path", row[0])
        return _entry(row, [path for (path,) in paths])

    def entries(self) -> Iterator[Entry]:
        """All recordings, by their numbers."""
        paths: dict[int, list[bytes]] = {}
        for recording, path in self._rows("SELECT recording, path FROM paths ORDER BY path"):
            paths.setdefault(recording, []).append(path)
        for row in self._rows(f"{_ENTRY} ORDER BY id"):
            yield _entry(row, paths.get(row[0], []))

    def id_of_sha256(self, sha256: str) -> int | None:
        """The number of the recording whose bytes have this digest."""
        rows = self._rows("SELECT id FROM recordings WHERE sha256 = ?", sha256)
        return int(rows[0][0]) if rows else None

    def file_at(self, path: str) -> tuple[int, int, int] | None:
        """Number of the recording, size and time of change of the file at a path."""
        query = "SELECT recording, size, modified_ns FROM paths WHERE path = ?"
        rows = self._rows(query, path_bytes(path))
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def start_s(self, recording: int) -> NDArray[np.float64]:
        """When the windows of a recording begin, (n,)."""
        (data,) = self._recording("SELECT start_s FROM recordings", recording)
        return np.frombuffer(data, "<f8").astype(np.float64)

    def places(self) -> Places:
        """Where all windows lie."""
        rows = self._rows("SELECT id, segment, first, n_windows FROM recordings ORDER BY id")
        return Places(*np.array(rows, np.int64).reshape(-1, 4).T.copy())

    def segments(self) -> dict[int, int]:
        """How many rows each segment holds, those of removed recordings included."""
        return dict(self._rows("SELECT number, n_rows FROM segments ORDER BY number"))

    def changes(self, generation: int) -> Changes:
        """What became of the recordings since a generation."""
        generation = int(generation)
        if generation > self.generation():
            raise ArchiveError(
                f"{self.path.parent} is at generation {self.generation()} here, and {generation} "
                "is later; open it again, or cqtnet index rebuild"
            )
        added = "SELECT id FROM recordings WHERE generation > ? ORDER BY id"
        removed = "SELECT id FROM removed WHERE added <= ? AND generation > ? ORDER BY id"
        return Changes(
            tuple(number for (number,) in self._rows(added, generation)),
            tuple(number for (number,) in self._rows(removed, generation, generation)),
        )

    def _recording(self, query: str, recording: int) -> Row:
        rows = self._rows(f"{query} WHERE id = ?", int(recording))
        if not rows:
            raise ArchiveError(
                f"{self.path.parent} has no recording {recording}; see its list of recordings"
            )
        return rows[0]

    def _rows(self, query: str, *values: Any) -> list[Row]:
        with named(self.path, READ):
            return self._connection.execute(query, values).fetchall()


def path_bytes(path: str) -> bytes:
    """A path as it is stored; names that are not UTF-8 survive."""
    try:
        return path.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ArchiveError(f"the path {path!r} is none that a file can have") from error


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA synchronous = EXTRA")
    except BaseException:
        connection.close()
        raise
    return connection


def _copied(connection: sqlite3.Connection) -> sqlite3.Connection:
    """A copy in memory of what the file holds at one moment; the connection is closed."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # waits for a writer
        connection.backup(copy)
    except BaseException:
        copy.close()
        raise
    finally:
        connection.close()
    return copy


def _refuse_other(path: Path, connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise damaged(path, "it is no catalogue of an archive")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise ArchiveError(
            f"{path} has schema {version}, and this version knows up to {SCHEMA}; update cqtnet"
        )
    if version != SCHEMA:
        raise damaged(path, f"it has schema {version}")


def _entry(row: Row, paths: list[bytes]) -> Entry:
    number, sha256, duration_s, tags, added, n_windows = row
    names = tuple(path.decode(errors="surrogateescape") for path in paths)
    return Entry(number, sha256, names, duration_s, tuple(json.loads(tags)), added, n_windows)
