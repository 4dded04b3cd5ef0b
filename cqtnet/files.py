"""Files written whole or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cqtnet.errors import InputError


def refuse_overwrite(path: Path, *, force: bool) -> None:
    """Raise unless `path` is free, or `force` allows to replace it."""
    if path.exists() and not force:
        raise InputError(f"{path} exists already; use --force to replace it")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when all went well.

    Whatever fails leaves the old file, or none: never a part of the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".writing-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
