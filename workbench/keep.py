"""Uploads on disk: random names in one folder that goes when the workbench ends, or was killed."""

import fcntl
import os
import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from cqtnet.audio import AUDIO_SUFFIXES
from cqtnet.files import Closing

PREFIX = "cqtnet-workbench-"
LOCK = "lock"
MOST_NAME = 120
"""Characters of a file's name that are kept."""


@dataclass
class Upload:
    """A file that came from outside: its bytes under a random name, and the name it had."""

    path: Path
    name: str
    users: set[str] = field(default_factory=set)  # jobs that need it

    @property
    def sound(self) -> Path:
        """Where its sound lies as a browser plays it, once a job has made it."""
        return self.path.with_suffix(".sound")


class Keep(Closing):
    """A folder for this workbench alone. Folders of others that were killed are removed first.

    >>> with Keep() as keep:
    ...     upload = keep.new("../../questioned.m4a")
    >>> upload.name
    'questioned.m4a'
    """

    def __init__(self, parent: Path | None = None) -> None:
        parent = parent or Path(tempfile.gettempdir())
        remove_stale(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self._lock = open(self.folder / LOCK, "w")  # noqa: SIM115  # held until the end
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def new(self, name: str) -> Upload:
        """Where an upload of that name may be written; only a known suffix of the name is used."""
        name = plain_name(name)
        suffix = Path(name).suffix.lower()
        known = suffix if suffix in AUDIO_SUFFIXES else ""
        return Upload(self.folder / f"{secrets.token_hex(16)}{known}", name)

    def room(self) -> int:
        """Bytes that are free on its disk."""
        return shutil.disk_usage(self.folder).free

    def close(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def remove(upload: Upload) -> None:
    """Remove an upload and its sound."""
    upload.path.unlink(missing_ok=True)
    upload.sound.unlink(missing_ok=True)


def plain_name(name: str) -> str:
    """The last part of a name that came from outside, shortened; "recording" for none."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last).strip()
    if len(text) > MOST_NAME:
        suffix = Path(text).suffix[:12]
        text = text[: MOST_NAME - len(suffix)] + suffix
    return text or "recording"


def remove_stale(parent: Path) -> None:
    """Remove the folders of workbenches whose process is gone: nobody holds their locks."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with open(folder / LOCK) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another workbench holds it, or is just making it
            continue
