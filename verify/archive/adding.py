"""Files taken into an archive: what is known is passed over, the rest is read side by side."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from cqtnet import audio
from cqtnet.device import one_thread
from cqtnet.errors import ArchiveError, InputError
from verify.archive.disk.store import Store
from verify.archive.extract import FileStatus
from verify.archive.results import Entry, NewRecording

BATCH_S = 10.0
"""Seconds after which what was read is written: so much work an interruption costs."""
BATCH_WINDOWS = 20_000
"""Windows that are written at the latest, 160 MB as float32."""

What = Literal["added", "unchanged", "copy", "moved", "replaced", "failed"]
OUTCOMES: tuple[What, ...] = get_args(What)
Extract = Callable[[str, str], NewRecording]
"""Reads a file, given its path and the SHA-256 of its bytes; on any thread."""


@dataclass(frozen=True)
class Step:
    """What became of one file."""

    path: str
    what: What
    size: int = 0
    duration_s: float = 0.0  # of the sound that was read
    reason: str = ""


@dataclass
class Summary:
    """What became of all files of a run."""

    counts: dict[What, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # file → why
    duration_s: float = 0.0  # of the sound that was read
    elapsed_s: float = 0.0

    def take(self, step: Step) -> None:
        """Count a file."""
        self.counts[step.what] = self.counts.get(step.what, 0) + 1
        self.duration_s += step.duration_s
        if step.what == "failed":
            self.failed[step.path] = step.reason

    def sentence(self) -> str:
        """What was done, in a line."""
        words = ", ".join(
            f"{self.counts[what]:,} {what}" for what in OUTCOMES if what in self.counts
        )
        speed = self.duration_s / max(self.elapsed_s, 1e-9)
        return (
            f"{words or 'nothing'}; {self.duration_s / 3600:.2f} h read in {self.elapsed_s:.1f} s "
            f"({speed:.0f} × real time)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def add_files(
    store: Store, paths: Iterable[str], extract: Extract, *, jobs: int = 1, rehash: bool = False
) -> Iterator[Step]:
    """Each file's step, once it is safe; a file that cannot be used is a step, not an error.

    A file is unchanged if path, size and time of change are those in the archive, or, with
    `rehash`, its bytes. Bytes that the archive has already are not read as sound again: the path
    is noted as that of a copy or, where no file is at an older path, as where they moved.
    """
    with one_thread(), ThreadPoolExecutor(jobs) as pool:
        run = _Run(store, extract, pool, at_once=2 * jobs, rehash=rehash)
        try:
            for path in paths:
                yield from run.offer(os.path.abspath(path))
            yield from run.finish()
        finally:
            run.cancel()


@dataclass(frozen=True)
class _Hashed:
    """The digest of a file's bytes, and its status before they were read."""

    path: str
    status: FileStatus
    sha256: str

    @classmethod
    def of(cls, path: str, status: FileStatus) -> "_Hashed":
        return cls(path, status, audio.file_sha256(path))


class _Run:
    """Files being read on several threads, and written on this one."""

    def __init__(
        self,
        store: Store,
        extract: Extract,
        pool: ThreadPoolExecutor,
        *,
        at_once: int,
        rehash: bool,
    ) -> None:
        self.store, self.extract, self.pool = store, extract, pool
        self.at_once, self.rehash = at_once, rehash
        self.running: dict[Future[_Hashed | NewRecording], str] = {}
        self.held: list[NewRecording] = []
        self.written_at = time.monotonic()

    def offer(self, path: str) -> Iterator[Step]:
        """Begin to read a file, and take what others have come to meanwhile."""
        try:
            status = FileStatus.of(path)
        except InputError as error:
            yield Step(path, "failed", reason=str(error))
            return
        known = self.store.by_path(path)
        if known and not self.rehash and FileStatus(*known[1:]) == status:
            yield Step(path, "unchanged", status.size)
            return
        self.running[self.pool.submit(_Hashed.of, path, status)] = path
        while len(self.running) >= self.at_once:
            yield from self._take()

    def finish(self) -> Iterator[Step]:
        """Wait for all that was begun."""
        while self.running:
            yield from self._take()
        yield from self._write()

    def cancel(self) -> None:
        """Drop what has not begun."""
        for future in self.running:
            future.cancel()

    def _take(self) -> Iterator[Step]:
        done, _ = wait(self.running, return_when=FIRST_COMPLETED)
        for future in done:
            path = self.running.pop(future)
            try:
                result = future.result()
            except (InputError, OSError) as error:
                yield Step(path, "failed", reason=str(error))
                continue
            if isinstance(result, NewRecording):
                self.held.append(result)
            elif entry := self.store.by_sha256(result.sha256):
                yield self._placed(entry, result)
            else:
                self.running[self.pool.submit(self.extract, path, result.sha256)] = path
        n_windows = sum(len(new.windows.start_s) for new in self.held)
        if n_windows >= BATCH_WINDOWS or time.monotonic() - self.written_at >= BATCH_S:
            yield from self._write()

    def _write(self) -> Iterator[Step]:
        """Write what was read; then it is safe."""
        held, self.held, self.written_at = self.held, [], time.monotonic()
        before = {new.path: known[0] for new in held if (known := self.store.by_path(new.path))}
        self.store.add(held)
        for new in held:
            replaced = new.path in before and self._dropped(before[new.path])
            what: What = "replaced" if replaced else "added"
            yield Step(new.path, what, new.size, new.duration_s)

    def _placed(self, entry: Entry, found: _Hashed) -> Step:
        """Note where bytes lie that the archive has already."""
        path, status = found.path, found.status
        known = self.store.by_path(path)
        gone = [p for p in entry.paths if p != path and not os.path.exists(p)]
        what: What = "unchanged" if path in entry.paths else "moved" if gone else "copy"
        if what == "moved":
            self.store.replace_path(gone[0], path, status.size, status.modified_ns)
        else:
            self.store.add_path(entry.id, path, status.size, status.modified_ns)
        if known and known[0].id != entry.id:
            self._dropped(known[0])
        return Step(path, what, status.size)

    def _dropped(self, entry: Entry) -> bool:
        """Remove a recording if its last file has come to hold other bytes."""
        try:
            left = self.store.entry(entry.id)
        except ArchiveError:  # two of its files in one run
            return True
        if not left.paths:
            self.store.remove([entry.id])
        return not left.paths
