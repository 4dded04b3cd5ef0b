"""What an archive holds: recordings, and the vectors of their windows, checked when read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import ArchiveError
from verify.archive.disk import catalogue, manifest
from verify.archive.disk.catalogue import Catalogue
from verify.archive.disk.failures import damaged
from verify.archive.disk.manifest import Manifest, read_manifest
from verify.archive.disk.places import Places
from verify.archive.disk.segments import Records, Segments
from verify.archive.results import Changes, Entry, Ids, Vectors, recording_of, row_of

BLOCK_WINDOWS = 4096
"""So many windows, of 4 KB each, are in memory at a time."""

Progress = Callable[[int, int], None]
"""Called with windows done and windows in all."""


@dataclass(frozen=True)
class Problem:
    """Something in an archive that is not as it was written."""

    file: Path
    what: str


class Contents:
    """An archive that is open, as far as it can be read."""

    def __init__(
        self, folder: Path, manifest: Manifest, catalogue: Catalogue, segments: Segments
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self._catalogue = catalogue
        self._segments = segments
        self._places: Places | None = None

    def __len__(self) -> int:
        return self._catalogue.count()

    @property
    def generation(self) -> int:
        """How many changes there were; rises with every one."""
        return self._catalogue.generation()

    @property
    def n_windows(self) -> int:
        """How many windows all recordings have."""
        return self._where().total

    @property
    def duration_s(self) -> float:
        """How long all recordings are together."""
        return self._catalogue.duration_s()

    def entry(self, recording: int) -> Entry:
        """A recording by its number."""
        return self._catalogue.entry(recording)

    def entries(self, *, text: str | None = None, tag: str | None = None) -> list[Entry]:
        """Recordings by their numbers: all, those with a text in a path, those with a tag."""
        return [
            entry
            for entry in self._catalogue.entries()
            if (text is None or any(text in path for path in entry.paths))
            and (tag is None or tag in entry.tags)
        ]

    def by_sha256(self, sha256: str) -> Entry | None:
        """The recording whose bytes have this digest."""
        number = self._catalogue.id_of_sha256(sha256)
        return None if number is None else self.entry(number)

    def by_path(self, path: str) -> tuple[Entry, int, int] | None:
        """The recording at a path, with the file's size and time of change when it was read."""
        found = self._catalogue.file_at(path)
        return None if found is None else (self.entry(found[0]), found[1], found[2])

    def start_s(self, recording: int) -> NDArray[np.float64]:
        """When each window of a recording begins, (n,)."""
        return self._catalogue.start_s(recording)

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors of windows, (n, dimension), each compared with its check."""
        return self._records(np.asarray(ids, np.int64))["vector"].astype(np.float32)

    def batches(self, n_rows: int) -> Iterator[tuple[Ids, Vectors]]:
        """All windows with their vectors, up to so many at a time, by recording and time."""
        for ids in self._where().batches(n_rows):
            yield ids, self.vectors(ids)

    def changes(self, generation: int) -> Changes:
        """What became of the recordings since a generation: what an index has to catch up with."""
        return self._catalogue.changes(generation)

    def check(self, progress: Progress | None = None) -> list[Problem]:
        """Everything in the files that is not as it was written; all of them are read."""
        problems = self._problems_of_tables()
        done, total = 0, self.n_windows
        for ids in self._where().batches(BLOCK_WINDOWS):
            problems += self._problems_of_vectors(ids)
            done += len(ids)
            if progress:
                progress(done, total)
        return list(dict.fromkeys(problems))

    def _where(self) -> Places:
        if self._places is None:
            self._places = self._catalogue.places()
        return self._places

    def _records(self, ids: Ids) -> Records:
        segment, row = self._where().find(ids)
        records = self._segments.read(segment, row)
        bad = np.flatnonzero(~self._segments.sound(ids, records))
        if len(bad):
            window = ids[bad[0]]
            raise damaged(
                self._segments.path(int(segment[bad[0]])),
                f"window {row_of(window)} of recording {recording_of(window)} is not as written",
            )
        return records

    def _problems_of_tables(self) -> list[Problem]:
        """The files as they are now: this may have been opened long ago."""
        try:
            read_manifest(self.folder)
        except ArchiveError as error:
            return [Problem(self.folder / manifest.NAME, str(error))]
        try:
            Catalogue.open(self.folder, self.manifest.digest(), write=False).close()
        except ArchiveError as error:
            return [Problem(self.folder / catalogue.NAME, str(error))]
        return []

    def _problems_of_vectors(self, ids: Ids) -> list[Problem]:
        segment, row = self._where().find(ids)
        try:
            records = self._segments.read(segment, row)
        except ArchiveError as error:
            return [Problem(self._segments.path(int(segment[0])), str(error))]
        bad = ~self._segments.sound(ids, records)
        problems = []
        for number in np.unique(recording_of(ids[bad])).tolist():
            among = bad & (recording_of(ids) == number)
            entry = self.entry(number)
            problems.append(
                Problem(
                    self._segments.path(int(segment[among][0])),
                    f"{among.sum()} of {entry.n_windows} windows of recording {number} "
                    f"({', '.join(entry.paths)}) are not as written",
                )
            )
        return problems
