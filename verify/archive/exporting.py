"""An archive's windows in files that other programs read."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from cqtnet.errors import InputError
from cqtnet.files import written_whole
from verify.archive.disk.store import Store
from verify.archive.results import Ids, recording_of, row_of

SUFFIXES = (".npz", ".parquet")
BLOCK_WINDOWS = 4096


def check_suffix(path: Path) -> None:
    """Raise unless the suffix is one that can be written, with what is installed."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path} is neither .npz nor .parquet; name it so")
    if path.suffix == ".parquet":
        _require_pyarrow()


def export_windows(store: Store, path: Path) -> None:
    """Write all windows with the recordings they belong to, whole or not at all."""
    with written_whole(path) as temporary:
        if path.suffix == ".npz":
            _write_npz(store, temporary)
        else:
            _write_parquet(store, temporary)


def _write_npz(store: Store, path: Path) -> None:
    entries = store.entries()
    vectors = np.empty((store.n_windows, store.manifest.dimension), np.float16)
    ids = np.empty(store.n_windows, np.int64)
    first = 0
    for some, values in store.batches(BLOCK_WINDOWS):
        ids[first : first + len(some)] = some
        vectors[first : first + len(some)] = values
        first += len(some)
    with path.open("wb") as file:
        np.savez(
            file,
            vector=vectors,
            recording=recording_of(ids),
            start_s=_start_s(store, ids),
            id=np.array([entry.id for entry in entries], np.int64),
            path=np.array([(*entry.paths, "")[0] for entry in entries]),
            sha256=np.array([entry.sha256 for entry in entries]),
            duration_s=np.array([entry.duration_s for entry in entries]),
            model_sha256=np.array(store.manifest.model_sha256),
        )


def _write_parquet(store: Store, path: Path) -> None:
    _require_pyarrow()
    import pyarrow as pa
    from pyarrow import parquet

    size = store.manifest.dimension
    entries = {entry.id: entry for entry in store.entries()}
    schema = pa.schema(
        [
            ("recording", pa.int64()),
            ("start_s", pa.float64()),
            ("path", pa.dictionary(pa.int32(), pa.string())),
            ("sha256", pa.dictionary(pa.int32(), pa.string())),
            ("vector", pa.list_(pa.float16(), size)),
        ],
        metadata={"model_sha256": store.manifest.model_sha256},
    )
    with parquet.ParquetWriter(path, schema) as writer:
        for ids, vectors in store.batches(BLOCK_WINDOWS):
            of = [entries[int(number)] for number in recording_of(ids)]
            flat = pa.array(vectors.astype(np.float16).ravel(), pa.float16())
            names = [(*entry.paths, "")[0].encode(errors="replace").decode() for entry in of]
            columns = [
                pa.array(recording_of(ids)),
                pa.array(_start_s(store, ids)),
                pa.array(names).dictionary_encode(),
                pa.array([entry.sha256 for entry in of]).dictionary_encode(),
                pa.FixedSizeListArray.from_arrays(flat, size),
            ]
            writer.write_table(pa.table(columns, schema=schema))


def _start_s(store: Store, ids: Ids) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """When each window begins, (n,); windows come recording by recording."""
    recordings, rows = recording_of(ids), row_of(ids)
    starts = np.empty(len(ids))
    for number in np.unique(recordings).tolist():
        own = recordings == number
        starts[own] = store.start_s(number)[rows[own]]
    return starts


def _require_pyarrow() -> None:
    if find_spec("pyarrow") is None:
        raise InputError('.parquet needs pyarrow; pip install "cqtnet[parquet]"')
