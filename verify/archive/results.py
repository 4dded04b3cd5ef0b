"""The vocabulary of archives: recordings, their windows, and how these are numbered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]

WINDOWS_PER_RECORDING = 1 << 20
"""Room for windows in the numbers of one recording: two months at a hop of 5 s."""


@dataclass(frozen=True)
class Windows:
    """Embeddings of the windows of one recording that hold more than silence."""

    vectors: Vectors  # (n, dimension), of length 1
    start_s: NDArray[np.float64]  # (n,)


@dataclass(frozen=True)
class NewRecording:
    """A recording that is to be added to an archive."""

    path: str
    sha256: str
    size: int  # bytes of the file
    modified_ns: int  # when the file was changed last
    duration_s: float
    tags: tuple[str, ...]
    windows: Windows


@dataclass(frozen=True)
class Entry:
    """A recording of an archive."""

    id: int  # never given to another one
    sha256: str
    paths: tuple[str, ...]  # where its bytes lie; several where there are copies
    duration_s: float
    tags: tuple[str, ...]
    added: str  # UTC, ISO 8601
    n_windows: int


@dataclass(frozen=True)
class Hits:
    """The windows most similar to each of some vectors, best first."""

    cosines: Vectors  # (n, count); -inf where an index holds fewer
    ids: Ids  # (n, count); -1 there


@dataclass(frozen=True)
class Changes:
    """What became of an archive's recordings since some generation of it."""

    added: tuple[int, ...]
    removed: tuple[int, ...]


def window_ids(recording: int, count: int) -> Ids:
    """The numbers of a recording's windows, in order of time."""
    return recording * WINDOWS_PER_RECORDING + np.arange(count, dtype=np.int64)


def recording_of(windows: Ids) -> Ids:
    """Which recording each window belongs to."""
    return windows // WINDOWS_PER_RECORDING


def row_of(windows: Ids) -> Ids:
    """Which window of its recording each is."""
    return windows % WINDOWS_PER_RECORDING
