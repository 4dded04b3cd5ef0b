"""Archives whose contents are known: recording number 17 is the same wherever it is made."""

import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from verify.archive.results import Entry, Manifest, NewRecording, window_ids
from verify.archive.store import Store

DIMENSION = 16
PAGE_BYTES = 1024  # small, so that the file has many
MANIFEST = Manifest("synthetic", "0" * 64, DIMENSION, window_s=20.0, hop_s=5.0)

Picture = tuple[Any, ...]


def synthetic_recording(
    number: int, *, n_windows: int | None = None, dimension: int = DIMENSION
) -> NewRecording:
    """The recording of that number; 1 to 5 have 15 to 75 windows."""
    rng = np.random.default_rng(number)
    count = 15 * (number % 10) if n_windows is None else n_windows
    vectors = rng.standard_normal((count, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return NewRecording(
        path=f"/music/{number}.flac",
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        size=1000 + number,
        modified_ns=number,
        duration_s=5.0 * count + 20,
        tags=("even",) if number % 2 == 0 else (),
        vectors=vectors,
        start_s=5 * np.arange(count, dtype=np.float64),
        sketch=tuple(rng.bytes(100 + number % 50) for _ in range(3)),
        sound=tuple(rng.bytes(200 + number % 50) for _ in range(number % 3)),
    )


def make_archive(folder: Path, numbers: range = range(1, 6)) -> list[Entry]:
    """The entries of a new archive of some synthetic recordings."""
    with Store.create(folder, MANIFEST, page_bytes=PAGE_BYTES) as store:
        return store.add([synthetic_recording(number) for number in numbers])


def writing(folder: Path) -> Store:
    return Store.open(folder, write=True)


def stored(number: int) -> np.ndarray:
    """What comes back of a recording's vectors: they are kept in 16 bits."""
    return synthetic_recording(number).vectors.astype(np.float16).astype(np.float32)


def picture(store: Store) -> Picture:
    """All that can be learned from an archive, to be compared."""
    entries = store.entries()
    ids_and_vectors = [(ids.tobytes(), rows.tobytes()) for ids, rows in store.batches(50)]
    return (
        (len(store), store.generation, store.n_windows, store.duration_s, store.changes(0)),
        entries,
        [store.start_s(entry.id).tobytes() for entry in entries],
        [store.by_sha256(entry.sha256) for entry in entries],
        [store.by_path(path) for entry in entries for path in entry.paths],
        ids_and_vectors,
        [pieces(store, entry) for entry in entries],
    )


def pieces(store: Store, entry: Entry) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What an archive keeps of a recording for a first look, and of its sound."""
    sketch, sound = store.sketch(entry.id, 0, 99), store.sound(entry.id, 0, 99)
    return tuple(sketch), tuple(sound)


def numbers_in(store: Store) -> set[int]:
    """Which synthetic recordings an archive holds; each is compared with what it should be."""
    found = set()
    for entry in store.entries():
        number = number_of(entry.paths[0])
        rows = store.vectors(window_ids(entry.id, entry.n_windows))
        assert entry.sha256 == synthetic_recording(number).sha256, f"recording {number} changed"
        assert np.array_equal(rows, stored(number)), f"recording {number} changed"
        new = synthetic_recording(number)
        assert pieces(store, entry) == (new.sketch, new.sound), f"recording {number} changed"
        found.add(number)
    return found


def number_of(path: str) -> int:
    """The number of the synthetic recording at a path."""
    return int(Path(path).stem)


@cache
def bomb() -> bytes:
    """128 MB in 128 kB."""
    return zlib.compress(bytes(1 << 27))
