"""Files of an archive, damaged in many ways."""

import shutil
import sqlite3
from pathlib import Path

import numpy as np

from cqtnet.errors import ArchiveError
from tests.hostile import Outcome
from tests.verify.archive import synthetic as s
from verify.archive import find_file
from verify.archive.store import Store


def damage_files(folder: Path, count: int, *, seed: int = 0) -> Outcome:
    """Damage a file of an archive, again and again: refused by name, or of no consequence."""
    rng, outcome, whole = np.random.default_rng(seed), Outcome(), folder / "whole"
    entries = s.make_archive(whole, range(40))
    with Store.open(whole, write=True) as store:
        store.remove([entry.id for entry in entries[::5]])
        store.add_path(entries[1].id, "/others/caf\udce9.flac", 5, 6)
    interrupted = broken_off(whole, folder / "interrupted")
    with Store.open(whole) as store:
        expected = s.picture(store)
    for turn in range(count):
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole if turn % 4 else interrupted, copy)
        groups = {path.suffix: path for path in copy.glob("*.sqlite*")}
        group = str(rng.choice(sorted(groups)))
        path = groups[group]
        kind, data = changed(path.read_bytes(), rng)
        path.write_bytes(data)
        result = _judged(copy, path, expected, check=bool(rng.integers(2)))
        outcome.tried += 1
        outcome.counts[f"{group}: {result}"] += 1
        if result not in ("refused", "reported", "harmless"):
            outcome.wrong.append(f"damage {turn}, {kind} of {path.name}: {result}")
    return outcome


def broken_off(whole: Path, folder: Path) -> Path:
    """The same in the middle of a change: half of it is in the file, which has a journal."""
    connection = sqlite3.connect(find_file(whole), isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.execute("UPDATE recordings SET duration_s = duration_s + 1")
    connection.execute("UPDATE paths SET size = size + 1")
    connection.execute("INSERT INTO windows SELECT id + (1 << 30), 0, vector FROM windows")
    shutil.copytree(whole, folder)
    connection.execute("ROLLBACK")
    connection.close()
    return folder


def _judged(folder: Path, path: Path, expected: s.Picture, *, check: bool) -> str:
    """What an archive with a damaged file does: refuse it, report it, work, or none of these."""
    try:
        with Store.open(folder, check=check) as store:
            problems = store.check()
            if problems:
                return "reported" if store.path.name in path.name else f"as {problems[0]}"
            if s.picture(store) != expected:
                return "other contents"
        with Store.open(folder, write=True) as store:
            before = s.numbers_in(store)
            store.add([s.synthetic_recording(1000)])
            store.remove([store.entries()[0].id])
        with Store.open(folder) as store:
            now = s.numbers_in(store)
    except ArchiveError as error:
        name = path.name.removesuffix("-journal")
        return "refused" if name in str(error) else f"refused without its name: {error}"
    return "harmless" if now == before - {min(before)} | {1000} else "other contents"


def changed(before: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """A kind of change, and bytes after it."""
    n, kinds = len(before), ("flip", "cut", "extend", "zero", "swap")
    while True:
        kind, after = kinds[rng.integers(len(kinds))], before
        if kind == "flip":
            at = int(rng.integers(n))
            after = before[:at] + bytes([before[at] ^ int(rng.integers(1, 256))]) + before[at + 1 :]
        elif kind == "cut":
            after = before[: int(rng.integers(n))]
        elif kind == "extend":
            after = before + rng.bytes(int(rng.integers(1, 5000)))
        elif kind == "zero":
            begin = int(rng.integers(n))
            end = min(n, begin + int(rng.integers(1, 5000)))
            after = before[:begin] + bytes(end - begin) + before[end:]
        else:
            size = max(1, int(min(rng.choice([4, 48, 512, s.PAGE_BYTES, 4096]), n // 2)))
            a, b = sorted(int(i) * size for i in rng.integers(n // size, size=2))
            parts = (before[:a], before[b : b + size], before[a + size : b], before[a : a + size])
            if b >= a + size:
                after = b"".join(parts) + before[b + size :]
        if after != before:
            return kind, after
