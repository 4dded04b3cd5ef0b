"""An archive on disk: recordings, and the vectors of their windows, in one SQLite file.

The folder of an archive holds `archive-N.sqlite` and the lock of who writes to it. N rises when
removed recordings' room is given back: that makes a new file, and whoever reads the old one goes
on reading it until it is closed.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import ArchiveError
from cqtnet.files import Closing, make_folder, written_whole
from verify.archive import database
from verify.archive.database import (
    LOCK,
    READ,
    WRITTEN,
    Change,
    Row,
    WriteLock,
    damaged,
    file_errors,
)
from verify.archive.results import (
    WINDOWS_PER_RECORDING,
    Changes,
    Entry,
    Ids,
    Manifest,
    NewRecording,
    Vectors,
    recording_of,
    row_of,
    window_ids,
)

NAME = r"archive-(\d+)\.sqlite"
OLD_NAME = "archive.json"
"""What archives of older versions have instead."""
TEMPORARY = ".writing-"
"""How the names of files begin that are not complete yet; see `cqtnet.files`."""
CHECKED_BYTES = 256 << 20
"""An archive with at most so much in vectors is checked in full whenever it is opened."""
BLOCK_WINDOWS = 4096
"""Windows in memory at a time: 16 MB as they are stored."""

_ENTRY = "SELECT id, sha256, duration_s, tags, added, n_windows FROM recordings"
_WINDOWS = (
    "SELECT id, checksum, CAST(vector AS BLOB) FROM windows "
    "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
)


@dataclass(frozen=True)
class Problem:
    """Something in an archive that is not as it was written."""

    file: Path
    what: str


class Store(Closing):
    """An archive, open for reading or, by one process at a time, for writing.

    A reader sees the archive as it was when it was opened, whatever a writer does meanwhile.
    What a method for writing has returned from survives the end of the process, however it ends.

    >>> with Store.open(folder, write=True) as store:
    ...     entries = store.add(recordings)
    """

    def __init__(self, path: Path, lock: WriteLock | None) -> None:
        self.folder, self.path = path.parent, path
        self._lock = lock
        self._connection = database.connect(path, write=self.is_writable)
        self.manifest = Manifest.from_json(self._rows("SELECT manifest FROM state")[0][0])
        self._salt = int(self.manifest.digest()[:8], 16)

    @classmethod
    def create(
        cls, folder: Path, manifest: Manifest, *, page_bytes: int = database.PAGE_BYTES
    ) -> Self:
        """A new archive, open for writing, in a folder that is missing or empty."""
        _refuse_used(folder)
        path = folder / _name(1)
        with ExitStack() as on_failure:
            lock = WriteLock(folder)
            on_failure.callback(lock.release)
            _refuse_used(folder)  # somebody may have been faster
            made = replace(manifest, created=datetime.now(UTC).isoformat(timespec="microseconds"))
            with file_errors(path, WRITTEN), written_whole(path) as temporary:
                database.create(temporary, made.to_json(), page_bytes=page_bytes)
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
            lock = WriteLock(folder) if write else None
            if lock:
                on_failure.callback(lock.release)
            store = cls._opened(folder, lock)
            on_failure.callback(store.close)
            if write:
                _delete_leftovers(store.path)
            if check and 2 * store.manifest.dimension * store.n_windows <= CHECKED_BYTES:
                store._refuse_damaged(structure=write)
            on_failure.pop_all()
        return store

    @classmethod
    def _opened(cls, folder: Path, lock: WriteLock | None) -> Self:
        while True:
            path = find_file(folder)
            try:
                return cls(path, lock)
            except ArchiveError:
                if find_file(folder) == path:
                    raise
                # A writer has put another file in its place: look again.

    def close(self) -> None:
        """Close the file and let others write."""
        self._connection.close()
        if self._lock:
            self._lock.release()

    def __len__(self) -> int:
        return int(self._rows("SELECT count(*) FROM recordings")[0][0])

    @property
    def is_writable(self) -> bool:
        """Whether it was opened for writing; then no other process writes."""
        return self._lock is not None

    @property
    def generation(self) -> int:
        """How many changes there were; rises with every one."""
        return int(self._rows("SELECT generation FROM state")[0][0])

    @property
    def n_windows(self) -> int:
        """How many windows all recordings have."""
        return int(self._counts[1].sum())

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
        rows = self._rows(f"{_ENTRY} ORDER BY id")
        return [
            entry
            for entry in (_entry(row, paths.get(row[0], [])) for row in rows)
            if (text is None or any(text in path for path in entry.paths))
            and (tag is None or tag in entry.tags)
        ]

    def by_sha256(self, sha256: str) -> Entry | None:
        """The recording whose bytes have this digest."""
        number = self._number_of(sha256)
        return None if number is None else self.entry(number)

    def by_path(self, path: str) -> tuple[Entry, int, int] | None:
        """The recording at a path, with the file's size and time of change when it was read."""
        query = "SELECT recording, size, modified_ns FROM paths WHERE path = ?"
        rows = self._rows(query, _stored_path(path))
        return (self.entry(rows[0][0]), rows[0][1], rows[0][2]) if rows else None

    def start_s(self, recording: int) -> NDArray[np.float64]:
        """When each window of a recording begins, (n,)."""
        (data,) = self._recording("SELECT start_s FROM recordings", recording)
        return np.frombuffer(data, "<f8").astype(np.float64)

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors of windows, (n, dimension), each compared with its checksum."""
        ids = np.asarray(ids, np.int64)
        self._refuse_unknown(ids)
        distinct, place = np.unique(ids, return_inverse=True)
        stored, found, end = np.empty((len(distinct), self.manifest.dimension), "<f2"), [], 0
        data = stored.view(np.uint8).reshape(-1).data
        for window, vector in self._sound_windows(distinct):
            data[end : end + len(vector)] = vector
            found.append(window)
            end += len(vector)
        if len(found) < len(distinct):
            window = np.setdiff1d(distinct, found)[0]
            raise damaged(
                self.path,
                f"window {row_of(window)} of recording {recording_of(window)} is not as written",
            )
        stored = stored if np.array_equal(distinct, ids) else stored[place]
        return stored.astype(np.float32)

    def batches(self, n_rows: int) -> Iterator[tuple[Ids, Vectors]]:
        """All windows with their vectors, up to so many at a time, by recording and time."""
        for ids in self._blocks(n_rows):
            yield ids, self.vectors(ids)

    def changes(self, generation: int) -> Changes:
        """What became of the recordings since a generation: what an index has to catch up with."""
        generation = int(generation)
        if generation > self.generation:
            raise ArchiveError(
                f"{self.folder} is at generation {self.generation} here, and {generation} is later;"
                " open it again, or run `cqtnet index rebuild`"
            )
        added = "SELECT id FROM recordings WHERE generation > ? ORDER BY id"
        removed = "SELECT id FROM removed WHERE added <= ? AND generation > ? ORDER BY id"
        return Changes(
            tuple(number for (number,) in self._rows(added, generation)),
            tuple(number for (number,) in self._rows(removed, generation, generation)),
        )

    def check(self, *, structure: bool = True) -> list[Problem]:
        """Everything in the file that is not as it was written; all of it is read.

        Without `structure` only what a reader needs: the rows, not the pages between them.
        """
        what = database.check_file(self.path, self._connection, structure=structure)
        problems = [Problem(self.path, what)] if what else []
        for ids in self._blocks(BLOCK_WINDOWS):
            problems += self._problems_of(ids)
        return list(dict.fromkeys(problems))

    def add(self, new: Sequence[NewRecording]) -> list[Entry]:
        """The entries of some recordings, all of which, or after an error none, were added.

        Bytes that are known already keep their entry, and their path is added to it. A path is
        always that of the recording added last: another one that had it loses it.
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
                row = self._recording("SELECT id, generation, n_windows FROM recordings", number)
                for (path,) in self._rows("SELECT path FROM paths WHERE recording = ?", number):
                    change.take("paths", path)
                change.take("recordings", number)
                change.put("removed", number, row[1], change.generation, row[2])

    def add_path(self, recording: int, path: str, size: int, modified_ns: int) -> None:
        """Note another place of a recording's bytes."""
        with self._change() as change:
            (number,) = self._recording("SELECT id FROM recordings", recording)
            change.put("paths", _stored_path(path), number, int(size), int(modified_ns))

    def replace_path(self, old: str, new: str, size: int, modified_ns: int) -> None:
        """Note that a file was moved."""
        with self._change() as change:
            row = change.take("paths", _stored_path(old))
            if row is None:
                raise ArchiveError(f"{self.folder} has no recording at {old}; see its list")
            change.put("paths", _stored_path(new), row[1], int(size), int(modified_ns))

    def compact(self) -> int:
        """The bytes given back: what removed recordings took up.

        All that is left is written to a new file, so that room for it is needed meanwhile.
        """
        self._refuse_reader()
        if not self._rows("SELECT id FROM removed WHERE n_windows > 0 LIMIT 1"):
            return 0
        old, new = self.path, self.folder / _name(max(_numbers(self.folder)) + 1)
        with file_errors(new, WRITTEN), written_whole(new) as temporary:
            (page_bytes,) = self._rows("PRAGMA disk.page_size")[0]
            database.copy_without_removed(old, temporary, page_bytes=page_bytes)
            database.connect(temporary, write=True).close()  # which checks the rows
        connection = database.connect(new, write=True)
        self._connection.close()
        self.path, self._connection = new, connection
        given_back = old.stat().st_size - new.stat().st_size
        _delete_leftovers(new)
        return given_back

    @contextmanager
    def _change(self) -> Iterator[Change]:
        self._refuse_reader()
        try:
            with database.change(self.path, self._connection) as change:
                yield change
        finally:
            self.__dict__.pop("_counts", None)

    def _add(self, change: Change, new: NewRecording) -> int:
        number = self._number_of(new.sha256)
        if number is None:
            number, change.next_recording = change.next_recording, change.next_recording + 1
            self._write_windows(number, new.windows.vectors)
            change.put(
                "recordings",
                number,
                new.sha256,
                float(new.duration_s) + 0.0,  # never -0.0, which SQLite does not keep
                json.dumps(new.tags),
                datetime.now(UTC).isoformat(timespec="seconds"),
                change.generation,
                len(new.windows.start_s),
                new.windows.start_s.astype("<f8").tobytes(),
            )
        change.put("paths", _stored_path(new.path), number, int(new.size), int(new.modified_ns))
        return number

    def _write_windows(self, recording: int, vectors: Vectors) -> None:
        ids = window_ids(recording, len(vectors)).tolist()
        for begin in range(0, len(ids), BLOCK_WINDOWS):
            block = vectors[begin : begin + BLOCK_WINDOWS].astype("<f2").view(np.uint8)
            self._connection.executemany(
                "INSERT INTO windows VALUES (?, ?, ?)",
                (
                    (number, database.window_checksum(number, row.data, self._salt), row.data)
                    for number, row in zip(ids[begin:], block, strict=False)
                ),
            )

    def _sound_windows(self, ids: Ids) -> Iterator[tuple[int, bytes]]:
        """Number and stored vector of those windows that are as they were written, rising."""
        size = 2 * self.manifest.dimension
        with file_errors(self.path, READ):
            rows = self._connection.execute(_WINDOWS, (json.dumps(ids.tolist()),))
            for window, checksum, vector in rows:  # one by one: no memory for all of them
                if not isinstance(vector, bytes) or len(vector) != size:
                    continue
                if checksum == database.window_checksum(window, vector, self._salt):
                    yield window, vector

    def _problems_of(self, ids: Ids) -> list[Problem]:
        try:
            sound = [window for window, _ in self._sound_windows(ids)]
        except ArchiveError as error:
            return [Problem(self.path, str(error))]
        bad, problems = recording_of(np.setdiff1d(ids, sound)), []
        for number in np.unique(bad).tolist():
            entry = self.entry(number)
            problems.append(
                Problem(
                    self.path,
                    f"{(bad == number).sum()} of {entry.n_windows} windows of recording {number} "
                    f"({', '.join(entry.paths)}) are not as written",
                )
            )
        return problems

    @cached_property
    def _counts(self) -> tuple[Ids, Ids]:
        """The numbers of all recordings, rising, and how many windows each has."""
        rows = self._rows("SELECT id, n_windows FROM recordings ORDER BY id")
        numbers, counts = np.array(rows, np.int64).reshape(-1, 2).T.copy()
        return numbers, counts

    def _blocks(self, n_rows: int) -> Iterator[Ids]:
        """The numbers of all windows, up to so many at a time."""
        numbers, counts = self._counts
        ends = np.cumsum(counts)
        for begin in range(0, int(counts.sum()), n_rows):
            position = np.arange(begin, min(begin + n_rows, int(ends[-1])), dtype=np.int64)
            place = np.searchsorted(ends, position, side="right")
            rows = position - (ends[place] - counts[place])
            yield numbers[place] * WINDOWS_PER_RECORDING + rows

    def _refuse_unknown(self, ids: Ids) -> None:
        numbers, counts = self._counts
        place = np.searchsorted(numbers, recording_of(ids))
        known = place < len(numbers)
        known[known] = numbers[place[known]] == recording_of(ids)[known]
        known[known] = row_of(ids)[known] < counts[place[known]]
        if not known.all():
            missing = ids[~known][0]
            raise ArchiveError(
                f"the archive has no window {row_of(missing)} of recording "
                f"{recording_of(missing)}; it was removed, or an index is out of date"
            )

    def _refuse_damaged(self, *, structure: bool) -> None:
        problems = self.check(structure=structure)
        if problems:
            what = problems[0].what
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            raise damaged(self.path, what.removeprefix(f"{self.path} is damaged: ") + more)

    def _refuse_reader(self) -> None:
        if not self.is_writable:
            raise ArchiveError(f"{self.folder} is open for reading; open it with write=True")

    def _number_of(self, sha256: str) -> int | None:
        rows = self._rows("SELECT id FROM recordings WHERE sha256 = ?", sha256)
        return int(rows[0][0]) if rows else None

    def _recording(self, query: str, recording: int) -> Row:
        rows = self._rows(f"{query} WHERE id = ?", int(recording))
        if not rows:
            raise ArchiveError(
                f"{self.folder} has no recording {recording}; see its list of recordings"
            )
        return rows[0]

    def _rows(self, query: str, *values: Any) -> list[Row]:
        with file_errors(self.path, READ):
            return self._connection.execute(query, values).fetchall()


def is_archive(folder: Path) -> bool:
    """Whether a folder holds an archive, if only one of an older version."""
    return _numbers(folder) != [] or (folder / OLD_NAME).is_file()


def find_file(folder: Path) -> Path:
    """The file of the archive in a folder; an error says what is wrong where there is none."""
    numbers = _numbers(folder)
    if numbers:
        return folder / _name(max(numbers))
    if not folder.is_dir():
        raise ArchiveError(f"{folder} is no archive: there is no such folder; give another")
    if (folder / OLD_NAME).is_file():
        raise ArchiveError(
            f"{folder} was made by an older version of cqtnet, which kept archives otherwise; "
            "index the recordings into a new one with `cqtnet index add`"
        )
    raise ArchiveError(f"{folder} is no archive: it holds no {_name(1)}; give another folder")


def _numbers(folder: Path) -> list[int]:
    with file_errors(folder, READ):
        names = os.listdir(folder) if folder.is_dir() else []
    return [int(found[1]) for name in names if (found := re.fullmatch(NAME, name))]


def _name(number: int) -> str:
    return f"archive-{number}.sqlite"


def _delete_leftovers(path: Path) -> None:
    """Delete what a writer that was killed has left beside the file of an archive."""
    with file_errors(path.parent, WRITTEN):
        for other in path.parent.iterdir():
            if other.name.startswith(TEMPORARY) or (
                re.fullmatch(NAME, other.name) and other != path
            ):
                other.unlink(missing_ok=True)


def _refuse_used(folder: Path) -> None:
    """Raise unless a new archive can be made in a folder."""
    make_folder(folder)
    with file_errors(folder, READ):
        names = sorted(os.listdir(folder))
    foreign = [name for name in names if name != LOCK and not name.startswith(TEMPORARY)]
    if foreign:
        raise ArchiveError(
            f"{folder} holds something already, {foreign[0]}; give a folder that is empty or new"
        )


def _stored_path(path: str) -> str | bytes:
    """A path as it is stored: as text, or as bytes where it is not UTF-8."""
    try:
        data = path.encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ArchiveError(f"the path {path!r} is none that a file can have") from error
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _entry(row: Row, paths: Sequence[Row]) -> Entry:
    number, sha256, duration_s, tags, added, n_windows = row
    names = sorted(
        path.decode(errors="surrogateescape") if isinstance(path, bytes) else path
        for (path,) in paths
    )
    return Entry(
        number, sha256, tuple(names), duration_s, tuple(json.loads(tags)), added, n_windows
    )
