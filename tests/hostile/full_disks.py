"""Disks, and files, that are full at every stage of writing."""

import resource
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cqtnet.errors import ArchiveError
from tests.hostile import Outcome
from tests.hostile.processes import running, say
from tests.verify.archive.synthetic import MANIFEST, PAGE_BYTES, number_of, synthetic_recording
from verify.archive.store import Store

Step = tuple[Callable[[], Any], set[int]]  # A change, and the recordings that are there after it
Squeezed = Callable[[], AbstractContextManager[None]]  # makes room scarce until its block ends


def limit_file_sizes(folder: Path, limits: Sequence[int]) -> Outcome:
    """Write until a file may grow no further, for many limits, in a process of its own."""
    with running(write_under_limits, folder, list(limits)) as child:
        (printed,) = child.lines()
    return Outcome(printed["tried"], Counter(printed["counts"]), printed["wrong"])


def write_under_limits(folder: Path, limits: Sequence[int]) -> None:
    """The process of its own. Python ignores SIGXFSZ, so what is too long fails like on a disk."""
    outcome = Outcome()
    for limit in limits:
        _fill(folder / str(limit), partial(file_limit, limit), outcome)
    say({"tried": outcome.tried, "counts": outcome.counts, "wrong": outcome.wrong})


def fill_disk(folder: Path, rooms: Sequence[int]) -> Outcome | None:
    """Write on a small disk with so many bytes free, for many; None where none can be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        return None
    outcome = Outcome()
    try:
        for room in rooms:
            _fill(disk / "archive", partial(_ballast, disk, room), outcome)
            shutil.rmtree(disk / "archive")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    return outcome


@contextmanager
def file_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def _ballast(disk: Path, room: int) -> Iterator[None]:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - room)))
    try:
        yield
    finally:
        ballast.unlink()


def _fill(folder: Path, squeezed: Squeezed, outcome: Outcome) -> None:
    """At each stage: write until it fails; see that all is as it was; go on writing."""
    outcome.tried += 1
    try:
        with squeezed():
            store = Store.create(folder, MANIFEST, page_bytes=PAGE_BYTES)
    except ArchiveError as error:
        outcome.counts[f"create: {_failed_file(error)}"] += 1
        store = Store.create(folder, MANIFEST, page_bytes=PAGE_BYTES)
    with store:
        expected = set(range(1, 30))
        store.add([synthetic_recording(number) for number in expected])
        for stage in ("add", "remove", "add path", "compact"):
            where, outcome.tried = f"{folder.name} in {stage}", outcome.tried + 1
            try:
                with squeezed():
                    for change, after in _steps(store, stage, expected):
                        change()
                        expected = after
            except ArchiveError as error:
                outcome.counts[f"{stage}: {_failed_file(error)}"] += 1
            outcome.compare(store, expected, f"{where}, same process")
            with Store.open(folder) as reader:
                outcome.compare(reader, expected, f"{where}, opened")
            fresh = max(expected) + 1
            store.add([synthetic_recording(fresh)])
            expected = expected | {fresh}
    with Store.open(folder) as reader:
        outcome.compare(reader, expected, f"{folder.name}, at the end")


def _steps(store: Store, stage: str, expected: set[int]) -> Iterator[Step]:
    if stage == "add":
        for begin in range(max(expected) + 1, 400, 10):
            new = [synthetic_recording(number) for number in range(begin, begin + 10)]
            expected = expected | {number_of(recording.path) for recording in new}
            yield partial(store.add, new), expected
    elif stage == "remove":
        for entry in store.entries()[:20]:
            expected = expected - {number_of(entry.paths[0])}
            yield partial(store.remove, [entry.id]), expected
    elif stage == "add path":
        last, long = store.entries()[-1].id, f"/others/{'long/' * 200}"
        for copy in range(40):
            yield partial(store.add_path, last, f"{long}{copy}", 1, 2), expected
    else:
        yield store.compact, expected


def _failed_file(error: ArchiveError) -> str:
    """Which kind of file could not be written, as far as the error says it."""
    words = str(error)
    if " cannot be written: " not in words:
        return f"UNCLEAR {words}"
    path = Path(words.split(" cannot be written: ")[0])
    return path.suffix or path.name
