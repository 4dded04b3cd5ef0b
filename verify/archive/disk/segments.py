"""The vectors of an archive: append-only files of records, each of which carries its check."""

import os
import zlib
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verify.archive.disk.failures import READ, WRITTEN, damaged, named
from verify.archive.results import Ids, Vectors

FOLDER = "vectors"

Records = NDArray[np.void]


class Segments:
    """Numbered files of records: a check of 4 bytes, then a vector of 16-bit floats.

    The check is a CRC-32 over the archive's salt, the window's id and the vector, so that no
    record passes for another one, of this archive or of another. How many rows of a segment
    count is for the catalogue to say; what lies beyond is the rest of an interrupted run.
    """

    def __init__(self, folder: Path, *, dimension: int, salt: int) -> None:
        self.folder = folder / FOLDER
        self.record = np.dtype([("check", "<u4"), ("vector", "<f2", (dimension,))])
        self._salt = salt
        self._descriptors: dict[int, int] = {}
        self._unsynced: set[int] = set()

    def path(self, number: int) -> Path:
        """Where a segment lies."""
        return self.folder / f"{number:06d}.vec"

    def attach(self, n_rows: Mapping[int, int], *, write: bool) -> None:
        """Open segments that hold at least so many rows."""
        for number, count in n_rows.items():
            path, size = self.path(number), count * self.record.itemsize
            with named(path, WRITTEN if write else READ):
                if not path.is_file():
                    raise damaged(path, "it is missing")
                self._descriptors[number] = os.open(path, os.O_RDWR if write else os.O_RDONLY)
                found = os.fstat(self._descriptors[number]).st_size
            if found < size:
                raise damaged(path, f"it ends after {found:,} of {size:,} bytes")

    def create(self, number: int) -> None:
        """Make an empty segment, for writing."""
        path = self.path(number)
        with named(path, WRITTEN):
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
            self._descriptors[number] = os.open(path, flags, 0o644)
            sync_folder(self.folder)

    def trim(self, n_rows: Mapping[int, int]) -> None:
        """Cut off what lies beyond so many rows, and delete all other segments."""
        for number in self._descriptors.keys() - n_rows.keys():
            os.close(self._descriptors.pop(number))
        known = {self.path(number) for number in n_rows}
        with named(self.folder, WRITTEN):
            for path in set(self.folder.glob("[0-9]*.vec")) - known:
                path.unlink()
            for number, descriptor in self._descriptors.items():
                size = n_rows[number] * self.record.itemsize
                if os.fstat(descriptor).st_size > size:
                    os.ftruncate(descriptor, size)
        self._unsynced.clear()

    def packed(self, ids: Ids, vectors: Vectors) -> Records:
        """Records of the vectors of some windows, (n,)."""
        records = np.zeros(len(ids), self.record)
        records["vector"] = vectors
        records["check"] = self._checks(ids, records)
        return records

    def write(self, number: int, row: int, records: Records) -> None:
        """Write records from a row on; they are safe after `sync`."""
        data, begin, done = _bytes(records), row * self.record.itemsize, 0
        self._unsynced.add(number)
        with named(self.path(number), WRITTEN):
            while done < len(data):
                done += os.pwrite(self._descriptors[number], data[done:], begin + done)

    def sync(self) -> None:
        """Return when the disk has all that was written."""
        while self._unsynced:
            number = self._unsynced.pop()
            with named(self.path(number), WRITTEN):
                os.fsync(self._descriptors[number])

    def read(self, segment: Ids, row: Ids) -> Records:
        """The records at some rows of some segments, (n,), not yet checked."""
        order = np.lexsort((row, segment))
        breaks = (np.diff(segment[order]) != 0) | (np.diff(row[order]) != 1)
        bounds = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(order)]
        records = np.empty(len(order), self.record)
        for begin, end in pairwise(bounds):
            if end > begin:
                first = order[begin]
                self._read_run(int(segment[first]), int(row[first]), records[begin:end])
        ordered = np.empty_like(records)
        ordered[order] = records
        return ordered

    def sound(self, ids: Ids, records: Records) -> NDArray[np.bool_]:
        """Which records are what was written for these windows, (n,)."""
        return np.asarray(records["check"] == self._checks(ids, records))

    def close(self) -> None:
        """Close the files."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def _read_run(self, number: int, row: int, out: Records) -> None:
        data, begin, done = _bytes(out), row * self.record.itemsize, 0
        while done < len(data):
            with named(self.path(number), READ):
                count = os.preadv(self._descriptors[number], [data[done:]], begin + done)
            if count == 0:
                raise damaged(self.path(number), f"it ends after {begin + done:,} bytes")
            done += count

    def _checks(self, ids: Ids, records: Records) -> NDArray[np.uint32]:
        """A loop, since hashing the 4 KB of a row takes 2.6 µs and the loop a tenth of that."""
        numbers = ids.astype("<i8").view(np.uint8).reshape(-1, 8)
        rows = records.view(np.uint8).reshape(len(ids), self.record.itemsize)[:, 4:]
        checks = (
            zlib.crc32(row.data, zlib.crc32(number.data, self._salt))
            for number, row in zip(numbers, rows, strict=True)
        )
        return np.fromiter(checks, np.uint32, len(ids))


def sync_folder(folder: Path) -> None:
    """Return when the disk has the names of the files in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _bytes(records: Records) -> memoryview:
    return records.view(np.uint8).reshape(-1).data
