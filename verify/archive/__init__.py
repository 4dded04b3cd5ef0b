"""The folder of an archive: its files, the errors about them, and the lock of who writes to it.

It holds `archive-N.sqlite` and the file of the lock. N rises when removed recordings' room is given
back: that makes a new file, and whoever reads the old one goes on reading it until it is closed.
"""

import fcntl
import os
import re
import sqlite3
import stat
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from augment.audio.files import told
from cqtnet.errors import ArchiveError
from cqtnet.files import Closing, make_folder

NAME = "archive-{}.sqlite"
OLD_NAME = "archive.json"  # what archives of older versions have instead
LOCK = "lock"
TEMPORARY = ".writing-"  # so names of files begin that are not complete yet; see `cqtnet.files`
OLDER = (
    "was made by an older version of cqtnet, which kept archives otherwise; "
    "index the recordings into a new one with `cqtnet index add`"
)
READ, WRITTEN = "read", "written"
_NOT_DAMAGE = {
    sqlite3.SQLITE_BUSY: "another process holds it; try again later",
    sqlite3.SQLITE_FULL: "the disk is full; the archive is as it was: make room and try again",
    sqlite3.SQLITE_IOERR: "the disk fails or is full; the archive is as it was: try again later",
    sqlite3.SQLITE_NOMEM: "there is too little memory",
    sqlite3.SQLITE_CANTOPEN: "it is missing, or its folder is closed to us",
    sqlite3.SQLITE_READONLY: "it is read-only; after an interrupted run, open the archive once "
    "where it can be written to",
}


def damaged(path: Path, what: str) -> ArchiveError:
    """The error about a file that does not hold what was written into it."""
    return ArchiveError(
        f"{path} is damaged: {what}; "
        "put it back from a copy of the archive, or index the recordings into a new one"
    )


@contextmanager
def file_errors(path: Path, done: str) -> Iterator[None]:
    """Turns errors of the system and of SQLite into errors that name the file."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"{path} cannot be {done}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:  # from within SQLite's own error messages
        raise damaged(path, "its text cannot be decoded") from error
    except sqlite3.ProgrammingError:
        raise  # our own mistake: using what was closed
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code not in _NOT_DAMAGE:
            raise damaged(path, told(error)) from error
        raise ArchiveError(f"{path} cannot be {done}: {_NOT_DAMAGE[code]}") from error


def is_archive(folder: Path) -> bool:
    """Whether a folder holds an archive, if only one of an older version."""
    return bool(file_numbers(folder)) or (folder / OLD_NAME).is_file()


def find_file(folder: Path) -> Path:
    """The file of the archive in a folder; an error says what is wrong where there is none."""
    numbers = file_numbers(folder)
    if numbers:
        return folder / NAME.format(max(numbers))
    if not folder.is_dir():
        raise ArchiveError(
            f"there is no archive at {folder}; give another folder, or make one: cqtnet index add"
        )
    if (folder / OLD_NAME).is_file():
        raise ArchiveError(f"{folder} {OLDER}")
    raise ArchiveError(
        f"{folder} is not an archive: it has no {NAME.format(1)}; give the folder of an archive"
    )


def file_numbers(folder: Path) -> list[int]:
    """The numbers of the archive's files in a folder."""
    with file_errors(folder, READ):
        names = os.listdir(folder) if folder.is_dir() else []
    pattern = NAME.format(r"(\d+)")
    return [int(found[1]) for name in names if (found := re.fullmatch(pattern, name))]


def delete_leftovers(path: Path) -> None:
    """Delete what a writer that was killed has left beside the file of an archive."""
    with file_errors(path.parent, WRITTEN):
        others = [path.with_name(NAME.format(number)) for number in file_numbers(path.parent)]
        for other in [*others, *path.parent.glob(f"{TEMPORARY}*")]:
            if other != path:
                other.unlink(missing_ok=True)


def refuse_used(folder: Path) -> None:
    """Raise unless a new archive can be made in a folder."""
    make_folder(folder)
    with file_errors(folder, READ):
        names = sorted(os.listdir(folder))
    foreign = [name for name in names if name != LOCK and not name.startswith(TEMPORARY)]
    if foreign:
        raise ArchiveError(
            f"{folder} holds other files already, {foreign[0]}; give a folder that is empty or new"
        )


class WriteLock(Closing):
    """The right to write to an archive: held until it is closed, or until the process ends.

    The kernel keeps the lock, so a process that was killed leaves none. The file says who has it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        # Never what a link leads to, and never waiting for who reads a pipe: it is written to.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with file_errors(path, WRITTEN), ExitStack() as on_failure:
            self._descriptor = os.open(path, flags, 0o644)
            on_failure.callback(self.close)
            if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                raise ArchiveError(f"{path} is not a regular file; remove it")
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(self._descriptor, 100, 0).decode(errors="replace").strip()
                raise ArchiveError(
                    f"{folder} is being written to by {holder or 'another process'}; "
                    "wait for its end, or stop it"
                ) from error
            on_failure.pop_all()
        _held.add(self)
        with suppress(OSError):  # a full disk takes the courtesy, not the lock
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"process {os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Let others write; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_held: weakref.WeakSet[WriteLock] = weakref.WeakSet()
# A forked worker has a copy of the lock, which would outlive a parent that was killed.
os.register_at_fork(after_in_child=lambda: list(map(WriteLock.close, _held)))
