"""What an archive keeps of a recording for a first look: its coarse changes, a byte each.

They say at which place, tempo and pitch a query may lie in it, and how far both agree there, as
exactly as the sound itself (`verify.align.search`), at 2 MB an hour. Only where they agree, the
sound is read.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cqtnet.cqt import N_BINS
from verify.features import COARSE_PER_SECOND, Floats, changes

STEP = 1 / 8
"""Changes, whose mean square is about 1, are kept to so much."""
ROW_FRAMES = 640
"""Coarse frames that are kept, and read, together: a minute."""
ROW_S = ROW_FRAMES / COARSE_PER_SECOND
NO_ROOTS = np.zeros((0, N_BINS), np.float32)


@dataclass(frozen=True)
class Sketch:
    """The coarse changes of a stretch of sound; enough for `verify.align.search`."""

    coarse: Floats  # (84, n), COARSE_PER_SECOND
    start_s: float = 0.0

    @classmethod
    def of(cls, roots: Floats, *, start_s: float = 0.0) -> "Sketch":
        """The sketch of the roots (n, 84) that a trace keeps."""
        if not len(roots):
            return cls(NO_ROOTS.T, start_s)
        return cls(changes(roots.T.copy(), per_second=COARSE_PER_SECOND)[0], start_s)

    @classmethod
    def unpacked(cls, rows: Sequence[bytes], *, first_row: int = 0) -> "Sketch":
        """What consecutive rows of `packed` hold; a ValueError where they are none."""
        data = np.frombuffer(b"".join(map(_row, rows)), np.int8)
        coarse = data.reshape(-1, N_BINS).T.astype(np.float32) * np.float32(STEP)
        return cls(coarse, first_row * ROW_S)

    def packed(self) -> tuple[bytes, ...]:
        """It as rows of a minute."""
        steps = np.clip(np.rint(self.coarse.T / STEP), -127, 127).astype(np.int8)
        return tuple(
            zlib.compress(steps[first : first + ROW_FRAMES].tobytes())
            for first in range(0, len(steps), ROW_FRAMES)
        )

    @property
    def duration_s(self) -> float:
        """How long it lasts, to a frame."""
        return float(self.coarse.shape[1] / COARSE_PER_SECOND)

    def part(self, start_s: float, end_s: float) -> "Sketch":
        """What lies between two times, cut to what there is."""
        first = max(0, math.floor((start_s - self.start_s) * COARSE_PER_SECOND))
        last = max(first, math.ceil((end_s - self.start_s) * COARSE_PER_SECOND))
        return Sketch(self.coarse[:, first:last], self.start_s + first / COARSE_PER_SECOND)


def _row(packed: bytes) -> bytes:
    """A row unpacked; a ValueError where it is none, or would be longer than one."""
    unpacking = zlib.decompressobj()
    try:
        row = unpacking.decompress(packed, ROW_FRAMES * N_BINS + 1)
    except zlib.error as error:
        raise ValueError(f"a row of a sketch does not unpack: {error}") from error
    if not unpacking.eof:
        raise ValueError("a row of a sketch is cut off, or too long")
    return row
