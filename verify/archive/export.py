"""An archive's contents taken elsewhere: into files for other programs, or into another archive."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.errors import ArchiveError, InputError
from cqtnet.files import written_whole
from verify.archive.keeping import unpacked
from verify.archive.results import Entry, Ids, NewRecording, recording_of, row_of, window_ids
from verify.archive.store import Store

BLOCK_WINDOWS = 4096
MERGED_AT_ONCE = 20_000  # windows that are copied in one change


def check_suffix(path: Path) -> None:
    """Raise unless the suffix is one that can be written, with what is installed."""
    if path.suffix not in (".npz", ".parquet"):
        raise InputError(
            f"{path} is neither .npz nor .parquet; name it so, or list the files with "
            "`cqtnet index list --csv`"
        )
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise InputError('.parquet needs pyarrow; pip install "cqtnet[parquet]"')


def export_windows(store: Store, path: Path) -> None:
    """Write all windows with the recordings they belong to, whole or not at all."""
    with written_whole(path) as temporary:
        (_write_npz if path.suffix == ".npz" else _write_parquet)(store, temporary)


def export_sound(store: Store, recording: int, path: Path) -> float:
    """Write the sound that is kept of a recording, mono at 22,050 Hz; returns its seconds."""
    if path.suffix not in (".flac", ".wav"):
        raise InputError(f"{path} is neither .flac nor .wav; name it so")
    entry = {entry.id: entry for entry in store.entries()}.get(recording)
    if entry is None:
        what = f"the archive holds no recording {recording}; cqtnet index list shows all"
        raise ArchiveError(what)
    if not entry.n_sounds:
        raise ArchiveError(
            f"the archive keeps no sound of recording {recording}; add {(*entry.paths, '')[0]} "
            "again with --keep"
        )
    with (
        written_whole(path) as temporary,
        soundfile.SoundFile(temporary, "w", SAMPLE_RATE, 1, format=path.suffix[1:]) as file,
    ):
        for piece in range(entry.n_sounds):
            file.write(unpacked(store.sound(recording, piece, 1)))
    return entry.duration_s


def _write_npz(store: Store, path: Path) -> None:
    entries = store.entries()
    vectors = np.empty((store.n_windows, store.manifest.dimension), np.float16)
    ids, end = np.empty(store.n_windows, np.int64), 0
    for some, values in store.batches(BLOCK_WINDOWS):
        begin, end = end, end + len(some)
        ids[begin:end], vectors[begin:end] = some, values
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


def merge_into(folder: Path, other: Path) -> tuple[int, int]:
    """How many recordings of another archive were added to one, and how many it had already.

    What was added stays if it is interrupted; done again, it goes on.
    """
    with Store.open(folder, write=True) as store, Store.open(other) as source:
        for name, what in (
            ("model_sha256", "made by another model"),
            ("window_s", "of windows of another length"),
            ("hop_s", "of windows at another hop"),
        ):
            ours, theirs = getattr(store.manifest, name), getattr(source.manifest, name)
            if ours != theirs:
                raise ArchiveError(
                    f"{source.folder} is {what}, {theirs} against {ours}; add its files to "
                    f"{store.folder} with cqtnet index add"
                )
        before, entries = len(store), source.entries()
        held: list[NewRecording] = []
        for entry in entries:
            if entry.paths:
                held.append(_new(source, entry))
            if sum(len(new.start_s) for new in held) >= MERGED_AT_ONCE:
                _write(store, source, held)
                held = []
        _write(store, source, held)
        added = len(store) - before
        return added, len(entries) - added


def _new(source: Store, entry: Entry) -> NewRecording:
    """A recording as it was first added, under its first path."""
    known = source.by_path(entry.paths[0])
    assert known is not None
    return NewRecording(
        entry.paths[0], entry.sha256, *known[1:], entry.duration_s, entry.tags,
        source.vectors(window_ids(entry.id, entry.n_windows)), source.start_s(entry.id),
        tuple(source.sketch(entry.id, 0, entry.n_sketches)),
        tuple(source.sound(entry.id, 0, entry.n_sounds)),
    )  # fmt: skip


def _write(store: Store, source: Store, held: list[NewRecording]) -> None:
    for new, entry in zip(held, store.add(held), strict=True):
        copied = source.by_sha256(new.sha256)
        assert copied is not None
        for path in copied.paths[1:]:
            known = source.by_path(path)
            assert known is not None
            store.add_path(entry.id, path, *known[1:])
