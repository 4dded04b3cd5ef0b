"""Several processes at one archive, and `kill -9` to one that writes."""

import json
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from cqtnet.errors import ArchiveError
from tests.hostile import Outcome
from tests.verify.archive import synthetic as s
from verify.archive.archive import Archive
from verify.archive.database import BUSY_S
from verify.archive.index.cache import IndexCache
from verify.archive.results import recording_of
from verify.archive.store import Store

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.hostile.attempts", "tests.hostile.full_disks"])
_said: Connection | None = None  # in a child: where it says something


class Child:
    """A process in which a function runs; what it says comes one by one.

    It is forked from a process that has imported what all need, and does nothing else.
    """

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        self._heard, said = _FORKS.Pipe(duplex=False)
        self.process = _FORKS.Process(target=_speak, args=(said, function, *arguments))
        self.process.start()
        said.close()

    def lines(self) -> Iterator[Any]:
        """What it says until its end; what was broken off does not count."""
        while True:
            try:
                yield json.loads(self._heard.recv_bytes())
            except (EOFError, OSError):
                return

    def end(self) -> int:
        """Wait for its end: its exit code, or minus the signal that ended it."""
        self.process.join()
        self._heard.close()
        return self.process.exitcode or 0


def _speak(said: Connection, function: Callable[..., None], *arguments: object) -> None:
    global _said
    _said = said
    function(*arguments)


@contextmanager
def running(function: Callable[..., None], *arguments: object) -> Iterator[Child]:
    """A child process, killed at the latest when the block ends."""
    child = Child(function, *arguments)
    try:
        yield child
    finally:
        child.process.kill()
        child.end()


def say(what: Any) -> None:
    """Tell the process that started this one, as JSON."""
    assert _said is not None
    _said.send_bytes(json.dumps(what).encode())


def kill_writers(folder: Path, rounds: int, *, seed: int = 0) -> Outcome:
    """Kill a process that writes, at random moments; compare with what it acknowledged."""
    rng = np.random.default_rng(seed)
    outcome, expected = Outcome(), set[int]()
    s.make_archive(folder, range(0))
    for turn in range(rounds):
        pending: set[int] | None = None
        after_s = float(rng.uniform(0, 0.2))
        for line in _killed(folder, seed=seed + turn, after_s=after_s, changes=turn == 0):
            if line == "done":
                assert pending is not None
                expected, pending = pending, None
                outcome.counts["acknowledged"] += 1
            else:
                pending = (expected | set(line["added"])) - set(line["removed"])
        outcome.counts["journal left"] += any(folder.glob("*-journal"))
        outcome.counts["incomplete file left"] += any(folder.glob(".*"))
        outcome.counts["in the middle of a change"] += pending is not None
        with Store.open(folder) as store:
            found = s.numbers_in(store)
        outcome.tried += 1
        if found not in (expected, pending):
            outcome.wrong.append(
                f"kill {turn}: lost {expected - found}, back {found - expected}, {pending=}"
            )
        expected = found
    return outcome


def _killed(folder: Path, *, seed: int, after_s: float, changes: int) -> list[Any]:
    """What a writer said until it was killed: so long after so many changes."""
    with running(write_on, folder, seed) as child:
        printed = child.lines()
        assert next(printed) == "ready"
        early = [next(printed) for _ in range(2 * changes)]  # what is to be done, and "done"
        time.sleep(after_s)
        child.process.kill()
        return early + list(printed)


def write_on(folder: Path, seed: int) -> None:
    """Add, remove, compact and open again until the end of the process, each told before."""
    rng = np.random.default_rng(seed)
    say("ready")
    while True:
        with Store.open(folder, write=True) as store:
            for _ in range(int(rng.integers(1, 20))):
                _write_once(store, rng)


def _write_once(store: Store, rng: np.random.Generator) -> None:
    """A change: told before it is made, and "done" when it has been acknowledged."""
    ids = {s.number_of(entry.paths[0]): entry.id for entry in store.entries()}
    kind = rng.choice(["add", "remove", "compact"], p=[0.5, 0.4, 0.1])
    if kind == "add":
        fresh = rng.integers(1, 1 << 40, size=rng.integers(1, 4)).tolist()
        say({"added": fresh, "removed": []})
        store.add([s.synthetic_recording(number) for number in fresh])
    elif kind == "remove":
        gone = rng.permutation(list(ids))[: rng.integers(1, 4)].tolist()
        say({"added": [], "removed": gone})
        store.remove([ids[number] for number in gone])
    else:
        say({"added": [], "removed": []})
        store.compact()
    say("done")


def race_writers(folder: Path, writers: int, rounds: int) -> Outcome:
    """Processes that all want to write: one does at a time, and the others are told at once."""
    s.make_archive(folder, range(0))
    outcome, expected = Outcome(), set[int]()
    for line in _all_said(running(write_in_turn, folder, i, rounds) for i in range(writers)):
        outcome.tried += 1
        outcome.counts["refused" if line["refused"] else "written"] += 1
        if not line["refused"]:
            expected.add(line["number"])
        elif line["seconds"] > BUSY_S / 2 or "being written to by" not in line["refused"]:
            outcome.wrong.append(str(line))
    with Store.open(folder) as store:
        outcome.compare(store, expected, "after the race")
    return outcome


def _all_said(children: Iterable[AbstractContextManager[Child]]) -> Iterator[Any]:
    """What children say that run at once, one child after the other."""
    with ExitStack() as all_ended:
        for child in [all_ended.enter_context(one) for one in children]:
            yield from child.lines()


def write_in_turn(folder: Path, writer: int, rounds: int) -> None:
    """One of the processes: prints of each try how long it took and why it was refused, or ""."""
    for turn in range(rounds):
        number, refused, began = 1000 * (writer + 1) + turn, "", time.perf_counter()
        try:
            with Store.open(folder, write=True) as store:
                store.add([s.synthetic_recording(number)])
        except ArchiveError as error:
            refused = str(error)
        say({"number": number, "refused": refused, "seconds": time.perf_counter() - began})
        time.sleep(0.005)


def read_beside_a_writer(folder: Path, rounds: int, *, seed: int = 0) -> Outcome:
    """Open an archive that another process writes to, and read it while that goes on."""
    s.make_archive(folder, range(0))
    outcome = Outcome()
    with running(write_on, folder, seed):
        for _ in range(rounds):
            with Store.open(folder) as store:
                before, numbers = s.picture(store), s.numbers_in(store)
                compacted = _waited_for_a_change(folder, store)
                outcome.counts["changed meanwhile"] += compacted is not None
                outcome.counts["compacted meanwhile"] += bool(compacted)
                if store.check() or s.picture(store) != before or s.numbers_in(store) != numbers:
                    outcome.wrong.append(f"generation {store.generation} changed while open")
            outcome.tried += 1
    return outcome


def search_beside_a_writer(folder: Path, readers: int, seconds: float) -> Outcome:
    """Open and search an archive in several processes while one writes, compacts and rebuilds."""
    s.make_archive(folder, range(1, 60))
    outcome = Outcome()
    with running(write_and_rebuild, folder, seconds):
        for line in _all_said(running(search_for, folder, i, seconds) for i in range(readers)):
            outcome.tried += 1
            outcome.counts["wrong" if line else "searched"] += 1
            outcome.wrong += [line] if line else []
    with Store.open(folder) as store:
        outcome.compare(store, s.numbers_in(store), "after all")
    return outcome


def search_for(folder: Path, seed: int, seconds: float) -> None:
    """One of the readers: a line for each search, empty or what went wrong."""
    rng, until = np.random.default_rng(seed), time.monotonic() + seconds
    is_first = True
    while is_first or time.monotonic() < until:
        is_first, wrong = False, ""
        try:
            with Archive.open(folder) as archive:
                vectors = rng.standard_normal((4, s.DIMENSION)).astype(np.float32)
                hits = archive.index.search(vectors, 5)
                for number in set(recording_of(hits.ids[hits.ids >= 0]).tolist()):
                    archive.store.entry(number)
        except Exception:
            wrong = traceback.format_exc(limit=-3)
        say(wrong)


def write_and_rebuild(folder: Path, seconds: float) -> None:
    """The writer beside them."""
    rng, until = np.random.default_rng(0), time.monotonic() + seconds
    while time.monotonic() < until:
        with Store.open(folder, write=True) as store:
            for _ in range(5):
                _write_once(store, rng)
            kind: Any = str(rng.choice(["exact", "auto"]))
            IndexCache.built(store, wanted=kind).save()


def _waited_for_a_change(folder: Path, store: Store) -> bool | None:
    """Whether a writer compacted in the change that it made; None if it made none."""
    for _ in range(1000):
        with Store.open(folder, check=False) as later:
            if later.generation > store.generation:
                return later.path != store.path
    return None
