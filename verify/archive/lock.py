"""The right to write to an archive, which one process has at a time."""

import fcntl
import os
import stat
import weakref
from contextlib import ExitStack, suppress
from pathlib import Path

from cqtnet.errors import ArchiveError
from cqtnet.files import Closing
from verify.archive.database import WRITTEN, file_errors

LOCK = "lock"


class WriteLock(Closing):
    """The right to write to an archive: held until it is closed, or until the process ends.

    The kernel keeps the lock, so none is left behind by a process that was killed. The file says
    who has it; the file without the kernel's lock means nothing.
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


def _release_in_child() -> None:
    """A forked worker has a copy of the lock, which would outlive a parent that was killed."""
    for lock in list(_held):
        lock.close()


os.register_at_fork(after_in_child=_release_in_child)
