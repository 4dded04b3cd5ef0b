"""The right to write to an archive, which one process has at a time."""

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from cqtnet.errors import ArchiveError
from verify.archive.disk.failures import WRITTEN, named

NAME = "lock"


class WriteLock:
    """Held from when it is made until it is released, or until the process ends, however it ends.

    The kernel keeps the lock, so none is left behind by a process that was killed. The file says
    who has it; the file without the kernel's lock means nothing.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        with named(path, WRITTEN):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 100, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise ArchiveError(
                f"{folder} is being written to by {holder or 'another process'}; "
                "wait for its end, or stop it"
            ) from error
        except OSError as error:
            os.close(self._descriptor)
            raise ArchiveError(f"{path} cannot be locked: {error.strerror}") from error
        _held.add(self)
        with contextlib.suppress(OSError):  # a full disk takes the courtesy, not the lock
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"process {os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others write; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_held: weakref.WeakSet[WriteLock] = weakref.WeakSet()


def _release_in_child() -> None:
    """A forked worker has a copy of the lock, which would outlive a parent that was killed."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_release_in_child)
