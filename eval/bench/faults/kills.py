"""Kill -9 to a process that writes, at random moments."""

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.faults.outcome import Outcome, running, say
from eval.bench.faults.synthetic import (
    MANIFEST,
    SEGMENT_BYTES,
    number_of,
    numbers_in,
    synthetic_recording,
)
from verify.archive.disk import catalogue, segments
from verify.archive.disk.store import Store


def kill_writers(folder: Path, rounds: int, *, seed: int = 0) -> Outcome:
    """Kill -9 a process that writes, at random moments; compare with what it acknowledged."""
    rng = np.random.default_rng(seed)
    outcome, expected = Outcome(), set[int]()
    Store.create(folder, MANIFEST, segment_bytes=SEGMENT_BYTES).close()
    for turn in range(rounds):
        lines = _killed(folder, seed=seed + turn, after_s=float(rng.uniform(0, 0.2)))
        pending: set[int] | None = None
        for line in lines:
            if line == "done":
                assert pending is not None
                expected, pending = pending, None
                outcome.counts["acknowledged"] += 1
            else:
                pending = (expected | set(line["added"])) - set(line["removed"])
        outcome.counts["journal left"] += (folder / f"{catalogue.NAME}-journal").exists()
        with Store.open(folder) as store:
            found = numbers_in(store)
        outcome.counts["vectors left over"] += _remains(folder) > 0
        outcome.counts["in the middle of a change"] += pending is not None
        outcome.tried += 1
        if found not in (expected, pending):
            outcome.wrong.append(
                f"kill {turn}: lost {expected - found}, back {found - expected}, {pending=}"
            )
        expected = found
    return outcome


def _killed(folder: Path, *, seed: int, after_s: float) -> list[Any]:
    """What a writer said until it was killed."""
    with running(write_on, folder, seed) as child:
        said = child.lines()
        assert next(said) == "ready"
        time.sleep(after_s)
        child.process.send_signal(signal.SIGKILL)
        return list(said)


def _remains(folder: Path) -> int:
    """Bytes of vectors that a killed writer left behind; the next writer cuts them off."""
    before = _vector_bytes(folder)
    Store.open(folder, write=True).close()
    return before - _vector_bytes(folder)


def _vector_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / segments.FOLDER).iterdir())


def write_on(folder: Path, seed: int) -> None:
    """Add, remove, compact and open again until the end of the process; say each before and after.

    A line with what is to be done, then, when it has been acknowledged, the line `done`.
    """
    rng = np.random.default_rng(seed)
    say("ready")
    while True:
        with Store.open(folder, write=True, segment_bytes=SEGMENT_BYTES) as store:
            for _ in range(int(rng.integers(1, 20))):
                _write_once(store, rng)


def _write_once(store: Store, rng: np.random.Generator) -> None:
    ids = {number_of(entry.paths[0]): entry.id for entry in store.entries()}
    kind = rng.choice(["add", "remove", "compact"], p=[0.5, 0.4, 0.1])
    if kind == "add":
        fresh = rng.integers(1, 1 << 40, size=rng.integers(1, 4)).tolist()
        say({"added": fresh, "removed": []})
        store.add([synthetic_recording(number) for number in fresh])
    elif kind == "remove":
        gone = rng.permutation(list(ids))[: rng.integers(1, 4)].tolist()
        say({"added": [], "removed": gone})
        store.remove([ids[number] for number in gone])
    else:
        say({"added": [], "removed": []})
        store.compact()
    say("done")
