"""Files written whole or not at all."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from cqtnet.errors import InputError


class Closing:
    """A base for classes with a `close`: a `with` block calls it, however the block ends."""

    def close(self) -> None:
        """Release what is held; a second call does nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refuse_overwrite(path: Path, *, force: bool) -> None:
    """Raise unless `path` can be written: it is free, or a file and `force` is set."""
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not a regular file; give the name of a file to write")
    if path.exists() and not force:
        raise InputError(f"{path} exists already; use --force to replace it")
    make_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make the folder and those above it; raise unless files can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}; give another") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{folder} cannot be written to; give another folder")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, which replaces it when the block succeeds.

    Any failure leaves the old file, or none, but never a part of the new one. That of a full disk
    is an OSError with the name of the file.
    """
    refuse_overwrite(path, force=True)
    temporary = path.with_name(f".writing-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except (OSError, RuntimeError, AssertionError) as error:
        if getattr(error, "filename", None) in (None, str(temporary)):
            _explain(error, temporary, path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _explain(error: Exception, temporary: Path, path: Path) -> None:
    """Raise with the name of the file what made writing fail, if it was the disk.

    numpy says how many items it wrote, and libsndfile nothing: so a little more is written.
    """
    failed = error
    if getattr(error, "errno", None) is None:
        try:
            with temporary.open("ab") as file:
                file.write(bytes(1 << 20))
        except OSError as reason:
            failed = reason
    if isinstance(failed, OSError) and failed.errno is not None:
        raise OSError(failed.errno, failed.strerror, str(path)) from error


UNFINISHED = re.compile(r"\.writing-([0-9]{1,9})-[0-9a-f]{8}\b.*")
"""Temporary names of `written_whole`; the number is the process."""


def remove_unfinished(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder."""
    for path in folder.glob(".writing-*"):
        named = UNFINISHED.fullmatch(path.name)
        if named and not _is_alive(int(named[1])):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing, only looks
    except OSError as error:  # another user's is alive
        return not isinstance(error, ProcessLookupError)
    return True


def write_json(path: Path, content: Any) -> None:
    """Write plain data as indented JSON, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def file_sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of one of our own files; for recordings see `audio.file_sha256`."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
