"""Uploads on disk, and jobs in one queue, done one after the other by one process.

Uploads have random names in one folder that goes when the workbench ends, or was killed.
"""

import fcntl
import math
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from cqtnet.audio import AUDIO_SUFFIXES
from cqtnet.errors import InputError
from cqtnet.files import Closing
from cqtnet.schema import SCHEMA_VERSION, versioned

PREFIX = "cqtnet-workbench-"
LOCK = "lock"
MOST_NAME = 120  # characters of a file's name that are kept


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
    """A folder for this workbench alone. Folders of others that were killed are removed first."""

    def __init__(self) -> None:
        _remove_stale()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = open(self.folder / LOCK, "w")  # noqa: SIM115  # held until the end
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def new(self, name: str) -> Upload:
        """Where an upload of that name may be written; only a known suffix of the name is used."""
        name = plain_name(name)
        suffix = Path(name).suffix.lower()
        known = suffix if suffix in AUDIO_SUFFIXES else ""
        return Upload(self.folder / f"{secrets.token_hex(16)}{known}", name)

    def close(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def plain_name(name: str) -> str:
    """The last part of a name that came from outside, shortened; "recording" for none."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in last).strip()
    if len(text) > MOST_NAME:
        suffix = Path(text).suffix[:12]
        text = text[: MOST_NAME - len(suffix)] + suffix
    return text or "recording"


def _remove_stale() -> None:
    """Remove the folders of workbenches whose process is gone: nobody holds their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with open(folder / LOCK) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another workbench holds it, or is just making it
            continue


# Jobs.

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})
MOST_WAITING = 100  # jobs that may wait
LEAST_ROOM = 1 << 30  # bytes that stay free on the disk
KEPT_JOBS = 60  # jobs that have ended and are still kept, with their files


class QueueFullError(InputError):
    """Too many jobs wait."""


@dataclass(frozen=True)
class Settings:
    """What a worker must know before its first job."""

    folder: Path  # for what it writes that is not of a job
    archive: Path | None
    device: str
    most_s: float  # length of a recording


@dataclass(frozen=True)
class Answer:
    """What a job came to: plain data, a piece of a page, and files by the names they go out by."""

    data: dict[str, Any] = field(default_factory=dict)
    html: str = ""
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def result(self) -> dict[str, Any]:
        """The plain data with the version of its schema."""
        return versioned(self.data)


@dataclass(frozen=True)
class Progress:
    """What a worker does now, and the share of the job that is done."""

    stage: str
    share: float
    left_s: float | None = None  # from when this was said
    at: float = field(default_factory=time.monotonic)  # the clock of the whole machine


@dataclass
class Job:
    """A job from its arrival on."""

    kind: str
    files: dict[str, Upload]
    options: dict[str, Any]
    folder: Path  # for what it makes
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    state: State = "queued"
    progress: Progress = Progress("waiting", 0.0)
    answer: Answer | None = None
    error: str = ""


class Queue(Closing):
    """The jobs of a workbench, in the order in which they came, and the process that does them."""

    def __init__(self, keep: Keep, settings: Settings) -> None:
        self.keep, self.settings = keep, settings
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()  # of a lock that its holder may take again
        self._running: Job | None = None
        self._closed = False
        self._start_worker()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def _start_worker(self) -> None:
        from workbench.work import serve

        context = get_context("spawn")  # the server has threads, and a fork would copy their locks
        self._connection, theirs = context.Pipe()
        self._worker = context.Process(target=serve, args=(theirs, self.settings), daemon=True)
        self._worker.start()
        theirs.close()

    def _end_worker(self) -> None:
        self._worker.kill()
        self._worker.join()

    def __iter__(self) -> Any:
        """All jobs that are known, in the order in which they came."""
        with self._changed:
            return iter(list(self._jobs.values()))

    def add(
        self, kind: str, sent: Sequence[dict[str, Upload]], options: dict[str, Any]
    ) -> list[Job]:
        """New jobs, one for each set of files, last in the queue; all or none of them.

        A QueueFullError where too many wait; then the files are removed.
        """
        folder = self.keep.folder
        with self._changed:
            jobs = [Job(kind, files, options, folder / secrets.token_hex(16)) for files in sent]
            if len(self._waiting) + len(jobs) > MOST_WAITING:
                for job in jobs:
                    self._drop_uploads(job)
                raise QueueFullError(
                    f"{len(self._waiting)} jobs are waiting, and {MOST_WAITING} may; try again "
                    "later, or with fewer recordings"
                )
            for job in jobs:
                for upload in job.files.values():
                    upload.users.add(job.id)
                job.folder.mkdir(mode=0o700)
                self._jobs[job.id] = job
            self._waiting.extend(jobs)
            for job in self._ended()[:-KEPT_JOBS]:
                self.forget(job)
            self._changed.notify_all()
        return jobs

    def get(self, name: str) -> Job | None:
        """The job of that name."""
        with self._changed:
            return self._jobs.get(name)

    def told(self, job: Job) -> dict[str, Any]:
        """A job as plain data, without its result."""
        with self._changed:
            before = self._waiting.index(job) if job in self._waiting else 0
            before += job.state == "queued" and self._running is not None
        now, left_s = job.progress, None
        if job.state == "running" and now.left_s is not None:
            left_s = math.ceil(max(0.0, now.left_s - (time.monotonic() - now.at)))
        return {
            "schema_version": SCHEMA_VERSION, "id": job.id, "kind": job.kind, "state": job.state,
            "stage": now.stage if job.state == "running" else job.state,
            "share": 1.0 if job.state == "done" else round(now.share, 3),
            "left_s": left_s, "before": before,
            "files": {side: upload.name for side, upload in job.files.items()},
            "error": job.error or None,
            "downloads": sorted(job.answer.files) if job.answer else [],
        }  # fmt: skip

    def cancel(self, job: Job) -> None:
        """Take a waiting job out of the queue, end a running one."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
            if job.state in ENDED:
                return
            job.state = "cancelled"
            if job is self._running:
                self._end_worker()

    def close(self) -> None:
        """End the worker and the thread that waits for it; no job is done after this."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._end_worker()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                job = self._running = self._waiting.popleft()
                job.state, job.progress = "running", Progress("starting", 0.0)
            self._do(job)
            with self._changed:
                self._running = None

    def _do(self, job: Job) -> None:
        try:
            with self._changed:
                if job.state in ENDED:
                    return
                if not self._worker.is_alive():  # it was killed, or has died
                    self._connection.close()
                    self._start_worker()
                connection = self._connection
                connection.send(job)
            while isinstance(message := connection.recv(), Progress):
                job.progress = message
        except (EOFError, OSError):
            message = "the worker ended abruptly, perhaps for lack of memory; try again"
            self._end_worker()
        with self._changed:
            if job.state in ENDED:  # it was cancelled
                return
            if isinstance(message, Answer):
                job.answer, job.state = message, "done"
            else:
                job.error, job.state = str(message), "failed"

    def _ended(self) -> list[Job]:
        """Jobs that have ended, the oldest first."""
        return [job for job in self._jobs.values() if job.state in ENDED]

    def forget(self, job: Job) -> None:
        """Drop a job that has ended, with its files."""
        with self._changed:
            self._jobs.pop(job.id, None)
            shutil.rmtree(job.folder, ignore_errors=True)
            self._drop_uploads(job)

    def has_room(self, size: int) -> bool:
        """Whether a file of that size fits on the disk; the oldest jobs go where it does not."""
        with self._changed:
            ended = self._ended()
            while shutil.disk_usage(self.keep.folder).free - size < LEAST_ROOM:
                if not ended:
                    return False
                self.forget(ended.pop(0))
        return True

    def _drop_uploads(self, job: Job) -> None:
        """Remove the uploads of a job that no other one needs."""
        for upload in job.files.values():
            upload.users.discard(job.id)
            if not upload.users:
                upload.path.unlink(missing_ok=True)
                upload.sound.unlink(missing_ok=True)
