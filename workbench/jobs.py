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
from multiprocessing.connection import Connection
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Literal

from cqtnet.audio import AUDIO_SUFFIXES
from cqtnet.errors import InputError
from cqtnet.files import Closing
from cqtnet.schema import SCHEMA_VERSION, versioned

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


# Jobs.

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled"})
MOST_WAITING = 100
"""Jobs that may wait."""
LEAST_ROOM = 1 << 30
"""Bytes that stay free on the disk."""
KEPT_JOBS = 60
"""Jobs that have ended and are still kept, with their files."""


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
class Task:
    """A job as the worker gets it."""

    kind: str
    files: dict[str, Upload]
    options: dict[str, Any]
    folder: Path


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
    folder: Path
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    state: State = "queued"
    progress: Progress = Progress("waiting", 0.0)
    answer: Answer | None = None
    error: str = ""

    def left_s(self) -> int | None:
        """Whole seconds that it will still take, as far as can be told by now."""
        left_s = self.progress.left_s
        if self.state != "running" or left_s is None:
            return None
        return math.ceil(max(0.0, left_s - (time.monotonic() - self.progress.at)))


class Queue(Closing):
    """The jobs of a workbench, in the order in which they came.

    >>> queue = Queue(keep, Settings(keep.folder, None, "auto", 3600.0))
    >>> job = queue.add("compare", [{"a": a, "b": b}], options)[0]
    """

    def __init__(self, keep: Keep, settings: Settings) -> None:
        self.keep, self.settings = keep, settings
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()  # of a lock that its holder may take again
        self._running: Job | None = None
        self._closed = False
        self._worker = Worker(settings)
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

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
        with self._changed:
            jobs = [
                Job(kind, files, options, self.keep.folder / secrets.token_hex(16))
                for files in sent
            ]
            uploads = [(job, upload) for job in jobs for upload in job.files.values()]
            if len(self._waiting) + len(jobs) > MOST_WAITING:
                for _, upload in uploads:
                    self._drop(upload)
                raise QueueFullError(
                    f"{len(self._waiting)} jobs are waiting, and {MOST_WAITING} may; try again "
                    "later, or with fewer recordings"
                )
            for job, upload in uploads:
                upload.users.add(job.id)
            for job in jobs:
                job.folder.mkdir(mode=0o700)
                self._jobs[job.id] = job
            self._waiting.extend(jobs)
            self._forget_old()
            self._changed.notify_all()
        return jobs

    def get(self, name: str) -> Job | None:
        """The job of that name."""
        with self._changed:
            return self._jobs.get(name)

    def before(self, job: Job) -> int:
        """How many jobs come before it."""
        with self._changed:
            ahead = self._waiting.index(job) if job in self._waiting else 0
            return ahead + (job.state == "queued" and self._running is not None)

    def cancel(self, job: Job) -> None:
        """Take a waiting job out of the queue, end a running one."""
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
            if job.state in ENDED:
                return
            job.state = "cancelled"
            if job is self._running:
                self._worker.kill()

    def close(self) -> None:
        """End the worker and the thread that waits for it; no job is done after this."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._worker.kill()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                job = self._running = self._waiting.popleft()
                job.state = "running"
                job.progress = Progress("starting", 0.0)
            self._do(job)
            with self._changed:
                self._running = None

    def _do(self, job: Job) -> None:
        task = Task(job.kind, job.files, job.options, job.folder)
        try:
            with self._changed:
                if job.state in ENDED:
                    return
                connection = self._worker.ready()
                connection.send(task)
            while isinstance(message := connection.recv(), Progress):
                job.progress = message
        except (EOFError, OSError):
            message = "the worker ended abruptly, perhaps for lack of memory; try again"
            self._worker.kill()
        with self._changed:
            if job.state in ENDED:  # it was cancelled
                return
            if isinstance(message, Answer):
                job.answer = message
                job.state = "done"
            else:
                job.error = str(message)
                job.state = "failed"

    def _forget_old(self) -> None:
        """Drop the oldest jobs that have ended, and uploads that no other job needs."""
        old = [job for job in self._jobs.values() if job.state in ENDED]
        for job in old[: max(0, len(old) - KEPT_JOBS)]:
            self.forget(job)

    def forget(self, job: Job) -> None:
        """Drop a job that has ended, with its files."""
        with self._changed:
            self._jobs.pop(job.id, None)
            shutil.rmtree(job.folder, ignore_errors=True)
            for upload in job.files.values():
                upload.users.discard(job.id)
                self._drop(upload)

    def has_room(self, size: int) -> bool:
        """Whether a file of that size fits on the disk; the oldest jobs go where it does not."""
        with self._changed:
            ended = [job for job in self._jobs.values() if job.state in ENDED]
            while self.keep.room() - size < LEAST_ROOM:
                if not ended:
                    return False
                self.forget(ended.pop(0))
        return True

    def _drop(self, upload: Upload) -> None:
        """Remove an upload that no job needs."""
        if not upload.users:
            upload.path.unlink(missing_ok=True)
            upload.sound.unlink(missing_ok=True)


class Worker:
    """The process that does the jobs, started again whenever it has ended."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._start()

    def _start(self) -> None:
        from workbench.work import serve

        context = get_context("spawn")  # the server has threads, and a fork would copy their locks
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, self._settings), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> Connection:
        """The way to a process that lives."""
        if not self._process.is_alive():
            self._connection.close()
            self._start()
        return self._connection

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()


def told(job: Job, *, before: int = 0) -> dict[str, Any]:
    """A job as plain data, without its result."""
    return {
        "schema_version": SCHEMA_VERSION, "id": job.id, "kind": job.kind, "state": job.state,
        "stage": job.progress.stage if job.state == "running" else job.state,
        "share": 1.0 if job.state == "done" else round(job.progress.share, 3),
        "left_s": job.left_s(), "before": before,
        "files": {side: upload.name for side, upload in job.files.items()},
        "error": job.error or None, "downloads": sorted(job.answer.files) if job.answer else [],
    }  # fmt: skip


def told_whole(job: Job, *, before: int = 0) -> dict[str, Any]:
    """A job as plain data, with its result and the piece of a page that shows it."""
    result, html = (job.answer.result, job.answer.html) if job.answer else (None, "")
    return {**told(job, before=before), "result": result, "html": html}
