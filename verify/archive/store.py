"""An archive on disk: recordings, and the vectors of their windows, in one SQLite file."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import ArchiveError
from cqtnet.files import Closing, written_whole
from verify.archive import (
    NAME,
    READ,
    WRITTEN,
    WriteLock,
    damaged,
    database,
    delete_leftovers,
    file_errors,
    file_numbers,
    find_file,
    refuse_used,
)
from verify.archive.database import Row, stored_path
from verify.archive.keeping import as_float32
from verify.archive.results import (
    LENGTH_TOLERANCE,
    WINDOWS_PER_RECORDING,
    Entry,
    Ids,
    Manifest,
    NewRecording,
    Vectors,
    recording_of,
    window_ids,
)

CHECKED_BYTES = 256 << 20  # an archive with at most so much in vectors is checked when it is opened
BLOCK_WINDOWS = 4096  # windows in memory at a time: 16 MB as they are stored

FIRST_SOUND = WINDOWS_PER_RECORDING >> 1
"""The number of the first piece of sound in its recording; those of the sketch come first."""
PIECES_SALT = 0x5069  # so that no window passes for a piece
_ENTRY = "id, sha256, duration_s, tags, added, n_windows, n_sketches, n_sounds"  # its columns


class Store(Closing):
    """An archive, open for reading or, by one process at a time, for writing.

    A reader sees the archive as it was when it was opened, whatever a writer does meanwhile. What
    a method for writing has returned from survives the end of the process, however it ends.
    """

    def __init__(self, path: Path, lock: WriteLock | None) -> None:
        self.folder, self._lock = path.parent, lock
        self.is_writable = lock is not None  # then no other process writes
        self._use(path)

    def _use(self, path: Path) -> None:
        """Read and write this file from now on."""
        connection = database.connect(path, write=self.is_writable)
        self.path, self._connection = path, connection
        self.manifest = Manifest.from_json(self._rows("SELECT manifest FROM state")[0][0])
        salt, size = int(self.manifest.digest()[:8], 16), 2 * self.manifest.dimension
        self._windows = database.Rows(connection, path, "windows", salt=salt, size=size)
        self._pieces = database.Rows(connection, path, "pieces", salt=salt ^ PIECES_SALT)

    @classmethod
    def create(
        cls, folder: Path, manifest: Manifest, *, page_bytes: int = database.PAGE_BYTES
    ) -> Self:
        """A new archive, open for writing, in a folder that is missing or empty."""
        refuse_used(folder)
        path = folder / NAME.format(1)
        with ExitStack() as on_failure:
            lock = on_failure.enter_context(WriteLock(folder))
            refuse_used(folder)  # somebody may have been faster
            made = replace(manifest, created=datetime.now(UTC).isoformat(timespec="microseconds"))
            with file_errors(path, WRITTEN), written_whole(path) as temporary:
                database.create(temporary, made.to_json(), page_bytes)
            store = cls(path, lock)
            on_failure.pop_all()
        return store

    @classmethod
    def open(cls, folder: Path, *, write: bool = False, check: bool = True) -> Self:
        """The archive in a folder; refused if it is damaged, or another process writes to it.

        The catalogue is checked in full, the vectors if they take up at most `CHECKED_BYTES`, else
        when they are read. `check=False` leaves the vectors to that time in any case: to list all
        damage, and to remove the recordings that it has hit.
        """
        find_file(folder)
        with ExitStack() as on_failure:
            lock = on_failure.enter_context(WriteLock(folder)) if write else None
            store = cls._opened(folder, lock)
            on_failure.callback(store.close)
            if write:
                delete_leftovers(store.path)
            if check and 2 * store.manifest.dimension * store.n_windows <= CHECKED_BYTES:
                problems = store.check(structure=write)
                if problems:
                    what = problems[0].removeprefix(f"{store.path} is damaged: ")
                    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
                    raise damaged(store.path, what + more)
            on_failure.pop_all()
        return store

    @classmethod
    def _opened(cls, folder: Path, lock: WriteLock | None) -> Self:
        path = find_file(folder)
        try:
            return cls(path, lock)
        except ArchiveError:
            if find_file(folder) == path:
                raise
            return cls._opened(folder, lock)  # a writer has put another file in its place

    def close(self) -> None:
        """Close the file and let others write."""
        self._connection.close()
        if self._lock:
            self._lock.close()

    def __len__(self) -> int:
        return int(self._rows("SELECT count(*) FROM recordings")[0][0])

    @property
    def generation(self) -> int:
        """How many changes there were; rises with every one."""
        return int(self._rows("SELECT generation FROM state")[0][0])

    @property
    def n_windows(self) -> int:
        """How many windows all recordings have."""
        return int(self._rows("SELECT total(n_windows) FROM recordings")[0][0])

    @property
    def duration_s(self) -> float:
        """How long all recordings are together."""
        return float(self._rows("SELECT total(duration_s) FROM recordings")[0][0])

    def entry(self, recording: int) -> Entry:
        """A recording by its number."""
        row = self._recording(_ENTRY, recording)
        return _entry(row, self._rows("SELECT path FROM paths WHERE recording = ?", row[0]))

    def entries(self, *, text: str | None = None, tag: str | None = None) -> list[Entry]:
        """Recordings by their numbers: all, those with a text in a path, those with a tag."""
        paths: dict[int, list[Row]] = {}
        for recording, path in self._rows("SELECT recording, path FROM paths"):
            paths.setdefault(recording, []).append((path,))
        rows = self._rows(f"SELECT {_ENTRY} FROM recordings ORDER BY id")
        entries = [_entry(row, paths.get(row[0], [])) for row in rows]
        if text is not None:
            entries = [one for one in entries if any(text in path for path in one.paths)]
        return entries if tag is None else [one for one in entries if tag in one.tags]

    def by_sha256(self, sha256: str) -> Entry | None:
        """The recording whose bytes have this digest."""
        rows = self._rows("SELECT id FROM recordings WHERE sha256 = ?", sha256)
        return self.entry(rows[0][0]) if rows else None

    def by_path(self, path: str) -> tuple[Entry, int, int] | None:
        """The recording at a path, with the file's size and time of change when it was read."""
        query = "SELECT recording, size, modified_ns FROM paths WHERE path = ?"
        rows = self._rows(query, stored_path(path))
        return (self.entry(rows[0][0]), rows[0][1], rows[0][2]) if rows else None

    def start_s(self, recording: int) -> NDArray[np.float64]:
        """When each window of a recording begins, (n,)."""
        (data,) = self._recording("start_s", recording)
        return np.frombuffer(data, "<f8").astype(np.float64)

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors of windows, (n, dimension), each compared with its checksum."""
        ids = np.asarray(ids, np.int64)
        distinct, place = np.unique(ids, return_inverse=True)
        stored, found, end = np.empty((len(distinct), self.manifest.dimension), "<f2"), [], 0
        data = stored.view(np.uint8).reshape(-1).data
        for window, vector in self._windows.intact(distinct.tolist()):
            data[end : end + len(vector)] = vector
            found.append(window)
            end += len(vector)
        if len(found) < len(distinct):
            recording, row = divmod(int(np.setdiff1d(distinct, found)[0]), WINDOWS_PER_RECORDING)
            query = "SELECT id FROM recordings WHERE id = ? AND n_windows > ?"
            if self._rows(query, recording, row):
                what = f"window {row} of recording {recording} is not as written"
                raise damaged(self.path, what)
            raise ArchiveError(
                f"the archive has no window {row} of recording {recording}; "
                "it was removed, or an index is out of date"
            )
        floats = as_float32(stored)
        off = np.abs(np.einsum("ij,ij->i", floats, floats) - 1)
        if off.max(initial=0) > 3 * LENGTH_TOLERANCE:
            number = recording_of(distinct[off.argmax()])
            what = f"a vector of recording {number} has no length of 1"
            raise damaged(self.path, what)
        return floats if np.array_equal(distinct, ids) else floats[place]

    def sketch(self, recording: int, first: int, count: int) -> list[bytes]:
        """Rows of what is kept of a recording for a first look, as far as there are so many."""
        return self._read_pieces("n_sketches", recording, 0, range(first, first + count))

    def sound(self, recording: int, first: int, count: int) -> list[bytes]:
        """Pieces of the sound that is kept of a recording, as far as there are so many."""
        return self._read_pieces("n_sounds", recording, FIRST_SOUND, range(first, first + count))

    def _read_pieces(self, kept: str, recording: int, offset: int, wanted: range) -> list[bytes]:
        (n_kept,) = self._recording(kept, recording)
        first = int(recording) * WINDOWS_PER_RECORDING + offset
        ids = [first + number for number in wanted if number < n_kept]
        found = [data for _, data in self._pieces.intact(ids)]
        if len(found) < len(ids):
            raise damaged(self.path, f"a piece of recording {recording} is not as written")
        return found

    def batches(
        self, n_rows: int, recordings: Sequence[int] | None = None
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Windows of all or of some recordings with their vectors, up to so many at a time."""
        for ids in self._blocks(n_rows, recordings):
            yield ids, self.vectors(ids)

    def changes(self, generation: int) -> tuple[list[int], list[int]]:
        """Recordings that were added since a generation, and those that were removed."""
        generation, now = int(generation), self.generation
        if generation > now:
            raise ArchiveError(
                f"{self.folder} is at generation {now} here, and {generation} is later; "
                "open it again, or run `cqtnet index rebuild`"
            )
        added = "SELECT id FROM recordings WHERE generation > ? ORDER BY id"
        removed = "SELECT id FROM removed WHERE added <= ? AND generation > ? ORDER BY id"
        rows = self._rows(added, generation), self._rows(removed, generation, generation)
        return [number for (number,) in rows[0]], [number for (number,) in rows[1]]

    def check(self, *, structure: bool = True) -> list[str]:
        """Everything in the file that is not as it was written; all of it is read.

        Without `structure` only what a reader needs: the rows, not the pages between them.
        """
        problem = database.check_file(self.path, self._connection, structure=structure)
        problems = [problem] if problem else []
        for entry in self.entries():
            try:
                self.sketch(entry.id, 0, entry.n_sketches)
                for number in range(entry.n_sounds):
                    self.sound(entry.id, number, 1)
            except ArchiveError as error:
                problems.append(str(error))
        for ids in self._blocks(BLOCK_WINDOWS):
            try:
                intact = [window for window, _ in self._windows.intact(ids.tolist())]
            except ArchiveError as error:
                problems.append(str(error))
                continue
            bad = recording_of(np.setdiff1d(ids, intact))
            for number, count in zip(*np.unique(bad, return_counts=True), strict=True):
                entry = self.entry(number)
                problems.append(
                    f"{count} of {entry.n_windows} windows of recording {number} "
                    f"({', '.join(entry.paths)}) are not as written"
                )
        return list(dict.fromkeys(problems))

    def add(self, new: Sequence[NewRecording]) -> list[Entry]:
        """The entries of some recordings, all of which, or after an error none, were added.

        Bytes that are known already keep their entry, which gets their path. A path is that of the
        recording added last.
        """
        for recording in new:
            recording.check(self.manifest)
        with self._change() as change:
            numbers = [self._add(change, recording) for recording in new]
        return [self.entry(number) for number in numbers]

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove recordings for good, by number; `compact` gives their room back."""
        with self._change() as change:
            for number in dict.fromkeys(map(int, recordings)):
                row = self._recording("generation, n_windows", number)
                for (path,) in self._rows("SELECT path FROM paths WHERE recording = ?", number):
                    change.take("paths", path)
                change.take("recordings", number)
                change.put("removed", number, row[0], change.generation, row[1])

    def add_path(self, recording: int, path: str, size: int, modified_ns: int) -> None:
        """Note another place of a recording's bytes."""
        with self._change() as change:
            (number,) = self._recording("id", recording)
            change.put("paths", stored_path(path), number, int(size), int(modified_ns))

    def replace_paths(self, moves: Sequence[tuple[str, str, int, int]]) -> None:
        """Note that files were moved: old path, new path, size and time of change of each."""
        with self._change() as change:
            for old, new, size, modified_ns in moves:
                row = change.take("paths", stored_path(old))
                if row is None:
                    raise ArchiveError(f"{self.folder} has no recording at {old}; list them")
                change.put("paths", stored_path(new), row[1], int(size), int(modified_ns))

    def compact(self) -> int:
        """The bytes given back: what removed recordings took up.

        All that is left is written to a new file, so that room for it is needed meanwhile.
        """
        self._refuse_reader()
        if not self._rows("SELECT id FROM removed WHERE n_windows > 0 LIMIT 1"):
            return 0
        old, before = self.path, self._connection
        new = self.folder / NAME.format(max(file_numbers(self.folder)) + 1)
        with file_errors(new, WRITTEN), written_whole(new) as temporary:
            (page_bytes,) = self._rows("PRAGMA disk.page_size")[0]
            database.copy_without_removed(old, temporary, page_bytes)
            database.connect(temporary, write=True).close()  # which checks the rows
        self._use(new)
        before.close()
        given_back = old.stat().st_size - new.stat().st_size
        delete_leftovers(new)
        return given_back

    def _change(self) -> AbstractContextManager[database.Change]:
        self._refuse_reader()
        return database.change(self.path, self._connection)

    def _add(self, change: database.Change, new: NewRecording) -> int:
        known = self._rows("SELECT id FROM recordings WHERE sha256 = ?", new.sha256)
        number: int = known[0][0] if known else change.next_recording
        first = number * WINDOWS_PER_RECORDING
        if not known:
            change.next_recording += 1
            for begin in range(0, len(new.vectors), BLOCK_WINDOWS):
                block = new.vectors[begin : begin + BLOCK_WINDOWS].astype("<f2").view(np.uint8)
                self._windows.write(enumerate((row.data for row in block), first + begin))
            self._pieces.write(enumerate(new.sketch, first))
            self._pieces.write(enumerate(new.sound, first + FIRST_SOUND))
            duration_s = float(new.duration_s) + 0.0  # never -0.0, which SQLite does not keep
            about = new.sha256, duration_s, json.dumps(new.tags)
            added = datetime.now(UTC).isoformat(timespec="seconds"), change.generation
            windows = len(new.start_s), new.start_s.astype("<f8").tobytes()
            kept = len(new.sketch), len(new.sound)
            change.put("recordings", number, *about, *added, *windows, *kept)
        elif new.sound and not self.entry(number).n_sounds:
            self._pieces.write(enumerate(new.sound, first + FIRST_SOUND))
            row = change.take("recordings", number)
            assert row is not None
            change.put("recordings", *row[:-1], len(new.sound))
        change.put("paths", stored_path(new.path), number, int(new.size), int(new.modified_ns))
        return number

    def _blocks(self, n_rows: int, recordings: Sequence[int] | None = None) -> Iterator[Ids]:
        """The numbers of windows, up to so many at a time."""
        rows = self._rows("SELECT id, n_windows FROM recordings ORDER BY id")
        counts = {number: count for number, count in rows}
        held = np.zeros(0, np.int64)
        for recording in counts if recordings is None else recordings:
            held = np.concatenate([held, window_ids(recording, counts[recording])])
            while len(held) >= n_rows:
                yield held[:n_rows]
                held = held[n_rows:]
        if len(held):
            yield held

    def _refuse_reader(self) -> None:
        if not self.is_writable:
            raise ArchiveError(f"{self.folder} is open for reading; open it with write=True")

    def _recording(self, columns: str, recording: int) -> Row:
        rows = self._rows(f"SELECT {columns} FROM recordings WHERE id = ?", int(recording))
        if not rows:
            raise ArchiveError(
                f"{self.folder} has no recording {recording}; cqtnet index list shows all"
            )
        return rows[0]

    def _rows(self, query: str, *values: Any) -> list[Row]:
        with file_errors(self.path, READ):
            return self._connection.execute(query, values).fetchall()


def _entry(row: Row, paths: Sequence[Row]) -> Entry:
    number, sha256, duration_s, tags, *others = row
    names = sorted(os.fsdecode(path) for (path,) in paths)
    return Entry(number, sha256, tuple(names), duration_s, tuple(json.loads(tags)), *others)
