"""An archive on disk: opened, and written to so that what was acknowledged is safe."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cqtnet.errors import ArchiveError
from cqtnet.files import Closing, make_folder
from verify.archive.disk import catalogue, lock, segments
from verify.archive.disk.catalogue import Catalogue, path_bytes
from verify.archive.disk.contents import BLOCK_WINDOWS, Contents
from verify.archive.disk.failures import READ, WRITTEN, damaged, named
from verify.archive.disk.intake import refuse_unfit
from verify.archive.disk.ledger import Change, Recording
from verify.archive.disk.lock import WriteLock
from verify.archive.disk.manifest import Manifest, read_manifest, write_manifest
from verify.archive.disk.segments import Records, Segments
from verify.archive.results import Entry, NewRecording, window_ids

SEGMENT_BYTES = 1 << 31
"""A segment that has reached this is not appended to."""
CHECKED_BYTES = 256 << 20
"""An archive with no more than this in vectors is checked in full whenever it is opened."""


class Store(Closing, Contents):
    """An archive, open for reading or, by one process at a time, for writing.

    A reader sees the archive as it was when it was opened, whatever a writer does meanwhile.
    What a method for writing has returned from survives the end of the process, however it ends.

    >>> with Store.open(folder, write=True) as store:
    ...     entries = store.add(recordings)
    """

    _lock: WriteLock | None = None
    _segment_bytes = SEGMENT_BYTES

    @classmethod
    def create(
        cls, folder: Path, manifest: Manifest, *, segment_bytes: int = SEGMENT_BYTES
    ) -> Self:
        """A new archive, open for writing, in a folder that is missing or empty."""
        _refuse_used(folder)
        with contextlib.ExitStack() as on_failure:
            write_lock = WriteLock(folder)
            on_failure.callback(write_lock.release)
            _refuse_used(folder)  # somebody may have been faster
            made = manifest.dated()
            with named(folder, WRITTEN):
                (folder / segments.FOLDER).mkdir(exist_ok=True)
                for path in folder.glob(f"{catalogue.NAME}*"):
                    path.unlink()  # of a run that was interrupted right here
            Catalogue.create(folder, made.digest())
            write_manifest(folder, made)  # the last, and synced with the folder: an archive now
            store = cls._opened(folder, made, write_lock, segment_bytes)
            on_failure.pop_all()
        return store

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        write: bool = False,
        check: bool = True,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Self:
        """The archive in a folder; refused if it is damaged, or another process writes to it.

        Manifest and catalogue are checked in full, the vectors if they take up no more than
        `CHECKED_BYTES`, else when they are read. `check=False` leaves the vectors to that time
        in any case: to list all damage, and to remove the recordings that it has hit.
        """
        manifest = read_manifest(folder)
        with contextlib.ExitStack() as on_failure:
            write_lock = WriteLock(folder) if write else None
            if write_lock:
                on_failure.callback(write_lock.release)
            store = cls._opened(folder, manifest, write_lock, segment_bytes)
            on_failure.callback(store.close)
            if check and store.n_windows * store._segments.record.itemsize <= CHECKED_BYTES:
                store._refuse_damaged()
            on_failure.pop_all()
        return store

    def close(self) -> None:
        """Close all files and let others write."""
        self._catalogue.close()
        self._segments.close()
        if self._lock:
            self._lock.release()

    def add(self, new: Sequence[NewRecording]) -> list[Entry]:
        """The entries of some recordings, all of which, or after an error none, were added.

        Bytes that are known already keep their entry, and their path is added to it. A path is
        always that of the recording added last: another one that had it loses it.
        """
        for recording in new:
            refuse_unfit(recording, self.manifest)
        with self._change() as change:
            numbers = [self._add(change, recording) for recording in new]
        return [self.entry(number) for number in numbers]

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove recordings for good, by number; `compact` gives their room back."""
        with self._change() as change:
            for number in dict.fromkeys(recordings):
                gone = self.entry(number)
                for path in gone.paths:
                    change.take("paths", path_bytes(path))
                row = Recording(*change.take("recordings", gone.id))
                change.put("removed", (row.id, row.generation, change.generation))

    def add_path(self, recording: int, path: str, size: int, modified_ns: int) -> None:
        """Note another place of a recording's bytes."""
        with self._change() as change:
            number = self.entry(recording).id
            change.put("paths", (path_bytes(path), number, int(size), int(modified_ns)))

    def replace_path(self, old: str, new: str, size: int, modified_ns: int) -> None:
        """Note that a file was moved."""
        with self._change() as change:
            row = change.take("paths", path_bytes(old))
            if row is None:
                raise ArchiveError(f"{self.folder} has no recording at {old}; see its list")
            change.put("paths", (path_bytes(new), row[1], int(size), int(modified_ns)))

    def compact(self) -> int:
        """The bytes given back: what the vectors of removed recordings took up.

        Segment by segment, what is left of it goes to the end of the last one, so that the room
        needed meanwhile is that of one segment.
        """
        self._refuse_reader()
        given_back = 0
        for number, n_rows in self._catalogue.segments().items():
            live = self._where().of_segment(number)
            dead = n_rows - int(self._where().n_windows[live].sum())
            if dead:
                self._move(number, self._where().recording[live].tolist())
                given_back += dead * self._segments.record.itemsize
        return given_back

    @classmethod
    def _opened(
        cls, folder: Path, manifest: Manifest, write_lock: WriteLock | None, segment_bytes: int
    ) -> Self:
        write, digest, seen = write_lock is not None, manifest.digest(), -1
        salt = int(digest[:8], 16)  # so that no record of another archive passes for one of ours
        while True:
            opened = Catalogue.open(folder, digest, write=write)
            files = Segments(folder, dimension=manifest.dimension, salt=salt)
            try:
                files.attach(opened.segments(), write=write)
                if write:
                    files.trim(opened.segments())
                break
            except ArchiveError:
                generation = opened.generation()
                files.close()
                opened.close()
                if write or generation == seen:
                    raise
                seen = generation  # a writer may have compacted between the two: look again
        store = cls(folder, manifest, opened, files)
        store._lock, store._segment_bytes = write_lock, segment_bytes
        return store

    def _refuse_damaged(self) -> None:
        problems = self.check()
        if problems:
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            raise damaged(problems[0].file, problems[0].what + more)

    def _refuse_reader(self) -> None:
        if self._lock is None:
            raise ArchiveError(f"{self.folder} is open for reading; open it with write=True")

    @contextmanager
    def _change(self) -> Iterator[Change]:
        """A transaction of catalogue and segments; the rest of one that failed is cut off."""
        self._refuse_reader()
        try:
            with self._catalogue.change() as change:
                yield change
                self._segments.sync()
        except BaseException:
            with contextlib.suppress(ArchiveError):
                self._segments.trim(self._catalogue.segments())
            raise
        finally:
            self._places = None

    def _add(self, change: Change, new: NewRecording) -> int:
        number = self._catalogue.id_of_sha256(new.sha256)
        if number is None:
            number, change.next_recording = change.next_recording, change.next_recording + 1
            vectors, start_s = new.windows.vectors, new.windows.start_s
            ids = window_ids(number, len(start_s))
            segment, first = self._append(
                change, (self._segments.packed(ids[at], vectors[at]) for at in _blocks(len(ids)))
            )
            row = Recording(
                id=number,
                sha256=new.sha256,
                duration_s=float(new.duration_s),
                tags=json.dumps(new.tags),
                added=datetime.now(UTC).isoformat(timespec="seconds"),
                generation=change.generation,
                segment=segment,
                first=first,
                n_windows=len(ids),
                start_s=start_s.astype("<f8").tobytes(),
            )
            change.put("recordings", row)
        place = (path_bytes(new.path), number, int(new.size), int(new.modified_ns))
        change.put("paths", place)
        return number

    def _move(self, number: int, recordings: Sequence[int]) -> None:
        """Move what is left in a segment to the end of the last one, and delete it."""
        with self._change() as change:
            for recording in recordings:
                row = Recording(*change.take("recordings", recording))
                ids = window_ids(recording, row.n_windows)
                segment, first = self._append(
                    change, (self._records(ids[at]) for at in _blocks(len(ids))), avoid=number
                )
                change.put("recordings", row._replace(segment=segment, first=first))
            change.take("segments", number)
        self._segments.trim(self._catalogue.segments())

    def _append(
        self, change: Change, blocks: Iterator[Records], *, avoid: int = 0
    ) -> tuple[int, int]:
        """Segment and first row of records written one after the other to the last segment."""
        number, first = change.last_segment()
        full = first * self._segments.record.itemsize >= self._segment_bytes
        if number in (0, avoid) or full:  # 0: there is none yet
            number, first = change.next_segment, 0
            change.next_segment += 1
            self._segments.create(number)
        row = first
        for records in blocks:
            self._segments.write(number, row, records)
            row += len(records)
        change.put("segments", (number, row))
        return number, first


def _blocks(n_rows: int) -> list[slice]:
    return [slice(at, at + BLOCK_WINDOWS) for at in range(0, n_rows, BLOCK_WINDOWS)]


def _refuse_used(folder: Path) -> None:
    """Raise unless a new archive can be made in a folder, the rest of a broken-off try aside."""
    make_folder(folder)
    with named(folder, READ):
        names = set(os.listdir(folder))
        ours = {lock.NAME, catalogue.NAME, f"{catalogue.NAME}-journal", segments.FOLDER}
        foreign = [n for n in sorted(names - ours) if not n.startswith(".writing-")]
        if segments.FOLDER in names:
            foreign += os.listdir(folder / segments.FOLDER)
    if foreign:
        raise ArchiveError(
            f"{folder} holds something already, {foreign[0]}; give a folder that is empty or new"
        )
