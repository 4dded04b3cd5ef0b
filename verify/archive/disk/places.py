"""Where the windows of an archive lie, as columns in memory: 32 bytes for each recording."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import ArchiveError
from verify.archive.results import WINDOWS_PER_RECORDING, Ids, recording_of, row_of


@dataclass(frozen=True)
class Places:
    """Columns of one row for each recording, (n,) each."""

    recording: Ids  # rising
    segment: Ids
    first: Ids  # row in the segment
    n_windows: Ids

    @property
    def total(self) -> int:
        """How many windows there are."""
        return int(self.n_windows.sum())

    def find(self, ids: Ids) -> tuple[Ids, Ids]:
        """Segments and rows of some windows, (n,) each; refused where there is none."""
        recordings, rows = recording_of(ids), row_of(ids)
        index = np.searchsorted(self.recording, recordings)
        known = index < len(self.recording)
        known[known] = self.recording[index[known]] == recordings[known]
        known[known] = rows[known] < self.n_windows[index[known]]
        if not known.all():
            missing = ids[~known][0]
            raise ArchiveError(
                f"the archive has no window {row_of(missing)} of recording "
                f"{recording_of(missing)}; it was removed, or an index is out of date"
            )
        return self.segment[index], self.first[index] + rows

    def batches(self, n_rows: int) -> Iterator[Ids]:
        """The numbers of all windows, up to so many at a time."""
        ends = np.cumsum(self.n_windows)
        for begin in range(0, self.total, n_rows):
            position = np.arange(begin, min(begin + n_rows, self.total), dtype=np.int64)
            index = np.searchsorted(ends, position, side="right")
            row = position - (ends[index] - self.n_windows[index])
            yield self.recording[index] * WINDOWS_PER_RECORDING + row

    def of_segment(self, number: int) -> NDArray[np.bool_]:
        """Which recordings lie in a segment, (n,)."""
        return np.asarray((self.segment == number) & (self.n_windows > 0))
