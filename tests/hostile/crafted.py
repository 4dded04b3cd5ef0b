"""Archives of others, made on purpose: their sums are right, and what they say is not."""

import json
import math
import os
import shutil
import sqlite3
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cqtnet.errors import InputError
from tests.hostile.damages import broken_off
from tests.verify.archive import synthetic as s
from verify.archive import database, find_file
from verify.archive.database import TABLES, row_checksum
from verify.archive.export import export_windows, merge_into
from verify.archive.index import write_note
from verify.archive.index.cache import IndexCache, check_index
from verify.archive.keeping import Sketch
from verify.archive.listing import describe, description_lines, entry_line
from verify.archive.results import window_ids
from verify.archive.store import PIECES_SALT, Store

Rng = np.random.Generator
ODD: tuple[Any, ...] = (
    None, -1, 0, 1, 2**20, 2**43, 2**62, -(2**62), 1.5, -0.5, 1e300, math.inf, "", "1", b"", b"\0",
    "x" * 100_000, "[1]", '["\\ud800"]', '["\\u001b[2J"]', "{}", "[" * 5000, "\x1b]0;owned\x07",
    "/etc/passwd", "../../x", "a\0b", b"\xff\xfe", bytes(8), np.full(15, math.nan).tobytes(),
)  # fmt: skip
MANIFESTS = (
    "", "{}", "[]", "null", '{"model": 5}', "[" * 9000, {"dimension": 1 << 62}, {"dimension": True},
    {"window_s": 1e308}, {"hop_s": "5"}, {"model": "x" * 99_999}, {"model": "\x1b[2J"}, {"a": 1},
    {"model_sha256": 5}, {"created": 5}, {"dimension": 15}, {"dimension": 17}, {"hop_s": 1e-300},
)  # fmt: skip


@cache
def _whole(folder: Path) -> Path:
    for name in ("whole", "half"):  # of a process that died
        shutil.rmtree(folder / name, ignore_errors=True)
    s.make_archive(folder / "whole", range(1, 8))
    broken_off(folder / "whole", folder / "half")
    return folder / "whole"


def crafted_archive(folder: Path, rng: Rng) -> str:
    """A foreign archive is refused in a line or used, and nothing else is touched."""
    whole = _whole(folder.parent)
    victim, copy = folder / "victim", folder / "archive"
    victim.write_bytes(b"precious")
    shutil.rmtree(copy, ignore_errors=True)
    kind = rng.choice(["row", "manifest", "window", "piece", "journal", "beside", "index"],
                      p=[0.45, 0.15, 0.1, 0.1, 0.05, 0.05, 0.1])  # fmt: skip
    shutil.copytree(whole.with_name("half") if kind == "journal" else whole, copy)
    _make_odd(str(kind), copy, victim, rng)
    try:
        _used(copy, folder)
        return f"{kind}: used"
    except InputError:
        return f"{kind}: refused"
    finally:
        assert victim.read_bytes() == b"precious", "another file was written to"


def _make_odd(kind: str, copy: Path, victim: Path, rng: Rng) -> None:
    if kind == "row":
        _odd_row(copy, victim, rng)
    elif kind == "manifest":
        odd = MANIFESTS[rng.integers(len(MANIFESTS))]
        text = odd if isinstance(odd, str) else json.dumps(json.loads(s.MANIFEST.to_json()) | odd)
        _reseal(_connected(copy), text)
    elif kind == "window":
        vector = np.zeros(s.DIMENSION, "<f2")
        vector[:] = rng.choice([0, math.nan, math.inf, 60_000, 1e-7, 1])
        _replace(copy, "windows", (2 << 20) + 1, vector.tobytes())
    elif kind == "piece":
        data = (s.bomb(), zlib.compress(b"abc"), b"OggS", rng.bytes(2000), b"\0")[rng.integers(5)]
        _replace(copy, "pieces", (2 << 20) + int(rng.choice([0, 1, 1 << 19])), data)
    elif kind == "journal":
        (journal,), name = copy.glob("*-journal"), os.fsencode(victim)
        page = int((1 << 30) // s.PAGE_BYTES + 1).to_bytes(4)
        end = page + name + len(name).to_bytes(4) + sum(name).to_bytes(4) + database.SUPER
        journal.write_bytes(journal.read_bytes() + end)
    elif kind == "beside":
        Path(f"{find_file(copy)}{rng.choice(['-journal', '-wal', '-shm'])}").symlink_to(victim)
        (copy / "lock").unlink(missing_ok=True)
        (copy / "lock").symlink_to(victim)
    else:
        _odd_index(copy, victim, rng)


def _used(copy: Path, folder: Path) -> None:
    with Store.open(copy, check=False) as store:
        lines = [*description_lines(describe(store)), *map(entry_line, store.entries())]
        assert all(line.isprintable() for line in lines), "a line that a terminal obeys"
        check_index(store)
        for entry in store.entries():
            assert np.isfinite(store.vectors(window_ids(entry.id, entry.n_windows))).all()
            assert np.isfinite(store.start_s(entry.id)).all()
            for row in store.sketch(entry.id, 0, entry.n_sketches):
                try:
                    assert Sketch.unpacked([row]).coarse.size <= 640 * 84
                except ValueError:
                    continue
            store.sound(entry.id, 0, entry.n_sounds)
        assert store.check() == []
        export_windows(store, folder / "out.npz")
    shutil.rmtree(folder / "own", ignore_errors=True)
    s.make_archive(folder / "own", range(3, 5))
    merge_into(folder / "own", copy)
    with Store.open(folder / "own") as store:
        assert store.check() == [], "the archive that it was merged into is harmed"
        assert [entry_line(entry) for entry in store.entries()]
    with Store.open(copy, write=True) as store:
        store.remove([store.entries()[0].id])
        store.compact()
        IndexCache.built(store).save()


def _connected(copy: Path) -> sqlite3.Connection:
    return sqlite3.connect(find_file(copy), isolation_level=None)


def _reseal(connection: sqlite3.Connection, manifest: str | None = None) -> None:
    """Make the sum of all rows, and the state's own checksum, right."""
    total = sum(row[-1] for table in TABLES for row in connection.execute(f"SELECT * FROM {table}"))
    kept, generation, following, *_ = connection.execute("SELECT * FROM state").fetchone()
    state = (kept if manifest is None else manifest, generation, following, total % (1 << 63))
    state += (row_checksum("state", state),)
    connection.execute("DELETE FROM state")
    connection.execute("INSERT INTO state VALUES (?,?,?,?,?)", state)
    connection.close()


def _odd_row(copy: Path, victim: Path, rng: Rng) -> None:
    connection = _connected(copy)
    table = str(rng.choice(["recordings", "paths"]))
    rows = connection.execute(f"SELECT * FROM {table}").fetchall()
    *row, _ = rows[rng.integers(len(rows))]
    name, key = TABLES[table].split()[0], row[0]
    at = int(rng.integers(len(row)))
    row[at] = (*ODD, os.fspath(victim))[rng.integers(len(ODD) + 1)]
    connection.execute(f"DELETE FROM {table} WHERE {name} = ?", (key,))
    marks = ", ".join("?" * (len(row) + 1))
    try:
        connection.execute(f"INSERT INTO {table} VALUES ({marks})", (*row, 0))
        stored = connection.execute(f"SELECT rowid, * FROM {table} WHERE checksum = 0").fetchone()
        checksum = row_checksum(table, stored[1:-1])
        connection.execute(f"UPDATE {table} SET checksum = ? WHERE checksum = 0", (checksum,))
    except (sqlite3.IntegrityError, sqlite3.DataError, UnicodeEncodeError):
        pass  # SQLite itself does not take it
    _reseal(connection)


def _replace(copy: Path, table: str, number: int, data: bytes) -> None:
    with Store.open(copy) as store:
        salt = int(store.manifest.digest()[:8], 16) ^ (PIECES_SALT if table == "pieces" else 0)
    connection = _connected(copy)
    connection.execute(f"DELETE FROM {table} WHERE id = ?", (number,))
    checksum = zlib.crc32(data, salt) ^ number
    connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (number, checksum, data))
    connection.close()


def _odd_index(copy: Path, victim: Path, rng: Rng) -> None:
    if rng.random() < 0.3:
        (copy / "index").symlink_to(victim.parent)
        return
    with Store.open(copy, write=True) as store:
        index = IndexCache.built(store, wanted=str(rng.choice(["exact", "auto"])))  # type: ignore[arg-type]
        index.save()
    note = json.loads((copy / "index" / "windows.json").read_text())
    del note["digest"]
    key = str(rng.choice(sorted(note)))
    note[key] = (5, -1, "x", None, "../victim", "/etc/passwd", [], {}, True)[rng.integers(9)]
    write_note(copy / "index" / "windows.json", note)
    if rng.random() < 0.3:
        uri = {"archive": "a", "uri": "http://127.0.0.1:9", "generation": 1}
        write_note(copy / "index" / "milvus.json", uri)
