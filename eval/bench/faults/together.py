"""Several processes at one archive at the same time."""

import time
from pathlib import Path

from cqtnet.errors import ArchiveError
from eval.bench.faults.kills import write_on
from eval.bench.faults.outcome import Child, Outcome, running, say
from eval.bench.faults.synthetic import (
    MANIFEST,
    SEGMENT_BYTES,
    numbers_in,
    picture,
    synthetic_recording,
)
from verify.archive.disk.store import Store


def race_writers(folder: Path, writers: int, rounds: int) -> Outcome:
    """Processes that all want to write: one does at a time, and the others are told at once."""
    Store.create(folder, MANIFEST, segment_bytes=SEGMENT_BYTES).close()
    children = [Child(write_in_turn, folder, writer, rounds) for writer in range(writers)]
    outcome, expected = Outcome(), set[int]()
    for child in children:
        with child.process:
            for said in child.lines():
                outcome.tried += 1
                outcome.counts["refused" if said["refused"] else "written"] += 1
                if not said["refused"]:
                    expected.add(said["number"])
                elif said["seconds"] > 0.5 or "being written to by" not in said["refused"]:
                    outcome.wrong.append(str(said))
    with Store.open(folder) as store:
        outcome.compare(store, expected, "after the race")
    return outcome


def write_in_turn(folder: Path, writer: int, rounds: int) -> None:
    """One of the processes: it says of each try how long it took and why it was refused, or ""."""
    for turn in range(rounds):
        number, refused, began = 1000 * (writer + 1) + turn, "", time.perf_counter()
        try:
            with Store.open(folder, write=True, segment_bytes=SEGMENT_BYTES) as store:
                store.add([synthetic_recording(number)])
        except ArchiveError as error:
            refused = str(error)
        say({"number": number, "refused": refused, "seconds": time.perf_counter() - began})
        time.sleep(0.005)


def read_beside_a_writer(folder: Path, rounds: int, *, seed: int = 0) -> Outcome:
    """Open an archive that another process writes to, and read it while that goes on."""
    Store.create(folder, MANIFEST, segment_bytes=SEGMENT_BYTES).close()
    outcome = Outcome()
    with running(write_on, folder, seed):
        for _ in range(rounds):
            with Store.open(folder) as store:
                before, numbers = picture(store), numbers_in(store)
                time.sleep(0.02)
                with Store.open(folder) as later:
                    outcome.counts["changed meanwhile"] += later.generation > store.generation
                if store.check() or picture(store) != before or numbers_in(store) != numbers:
                    outcome.wrong.append(f"generation {store.generation} changed while open")
            outcome.tried += 1
    return outcome
