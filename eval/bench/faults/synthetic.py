"""Archives whose contents are known: recording number 17 is the same wherever it is made."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from verify.archive.disk.manifest import Manifest
from verify.archive.disk.store import Store
from verify.archive.results import NewRecording, Windows, window_ids

DIMENSION = 16
SEGMENT_BYTES = 10_000  # small, so that there are several
MANIFEST = Manifest("synthetic", "0" * 64, DIMENSION, window_s=20.0, hop_s=5.0)

Picture = tuple[Any, ...]


def synthetic_recording(
    number: int, *, n_windows: int | None = None, dimension: int = DIMENSION
) -> NewRecording:
    """The recording of that number: the same whenever it is asked for."""
    rng = np.random.default_rng(number)
    count = 15 * (number % 10) if n_windows is None else n_windows
    vectors = rng.standard_normal((count, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    start_s = 5 * np.arange(count, dtype=np.float64)
    return NewRecording(
        path=f"/music/{number}.flac",
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        size=1000 + number,
        modified_ns=number,
        duration_s=5.0 * count + 20,
        tags=("even",) if number % 2 == 0 else (),
        windows=Windows(vectors, start_s),
    )


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
    )


def numbers_in(store: Store) -> set[int]:
    """Which synthetic recordings an archive holds; each is compared with what it should be."""
    found = set()
    for entry in store.entries():
        number = number_of(entry.paths[0])
        made = synthetic_recording(number)
        rows = store.vectors(window_ids(entry.id, entry.n_windows))
        assert entry.sha256 == made.sha256, f"recording {number} has changed"
        assert np.array_equal(rows, made.windows.vectors.astype(np.float16)), f"{number} changed"
        found.add(number)
    return found


def number_of(path: str) -> int:
    """The number of the synthetic recording at a path."""
    return int(Path(path).stem)
