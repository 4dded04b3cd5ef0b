"""What an archive says when a file of it fails: which file, what is wrong, what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cqtnet.errors import ArchiveError

CURE = "put it back from a copy of the archive, or index the recordings into a new one"
READ, WRITTEN = "read", "written"

_NOT_DAMAGE = {
    sqlite3.SQLITE_BUSY: "another process holds it; try again later",
    sqlite3.SQLITE_FULL: "the disk is full; the archive is as it was: make room and try again",
    sqlite3.SQLITE_IOERR: "the disk fails, or has no room; see to it and try again",
    sqlite3.SQLITE_NOMEM: "there is too little memory",
    sqlite3.SQLITE_CANTOPEN: "it is missing, or its folder is closed to us",
    sqlite3.SQLITE_READONLY: "it is read-only; after an interrupted run, open the archive once "
    "where it can be written to",
}


def damaged(path: Path, what: str) -> ArchiveError:
    """The error about a file that holds something else than was written into it."""
    return ArchiveError(f"{path} is damaged: {what}; {CURE}")


@contextmanager
def named(path: Path, done: str) -> Iterator[None]:
    """Failures of the system and of SQLite inside, as errors that name the file."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"{path} cannot be {done}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:  # from within SQLite's own error messages
        raise damaged(path, "what should be text in it is none") from error
    except sqlite3.ProgrammingError:
        raise  # our own mistake: using what was closed
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code not in _NOT_DAMAGE:
            raise damaged(path, str(error)) from error
        raise ArchiveError(f"{path} cannot be {done}: {_NOT_DAMAGE[code]}") from error
