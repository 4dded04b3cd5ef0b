"""What an archive refuses to take in."""

import re

import numpy as np

from cqtnet.errors import ArchiveError
from verify.archive.disk.manifest import Manifest
from verify.archive.results import WINDOWS_PER_RECORDING, NewRecording

LENGTH_TOLERANCE = 2e-3
"""Of a vector's length, which is 1; rounding to 16 bits moves it by up to 5e-4."""


def refuse_unfit(new: NewRecording, manifest: Manifest) -> None:
    """Raise unless a recording and its windows can be of an archive with this manifest."""
    longest_s = WINDOWS_PER_RECORDING * manifest.hop_s + manifest.window_s
    if not 0 <= new.duration_s <= longest_s:  # false for NaN
        _refuse(new, f"its duration of {new.duration_s:g} s is not in 0..{longest_s:,.0f} s")
    if not re.fullmatch("[0-9a-f]{64}", new.sha256):
        _refuse(new, f"its SHA-256 {new.sha256!r} has not 64 hexadecimal digits")
    if not (0 <= new.size < 1 << 63 and abs(new.modified_ns) < 1 << 63):
        _refuse(new, f"its size {new.size} or its time of change {new.modified_ns} is none")
    _refuse_windows(new, manifest.dimension)


def _refuse_windows(new: NewRecording, dimension: int) -> None:
    vectors, start_s = new.windows.vectors, new.windows.start_s
    if vectors.shape != (len(start_s), dimension) or start_s.ndim != 1:
        _refuse(
            new,
            f"its vectors have shape {vectors.shape} with {len(start_s)} starts; "
            f"this archive takes ({len(start_s)}, {dimension})",
        )
    if len(start_s) >= WINDOWS_PER_RECORDING:
        _refuse(new, f"it has {len(start_s):,} windows; up to {WINDOWS_PER_RECORDING - 1:,} fit")
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    far = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))  # NaN is far
    if len(far):
        _refuse(new, f"the vector of window {far[0]} has length {lengths[far[0]]:g}, not 1")
    inside = (start_s >= 0) & (start_s <= new.duration_s)  # false for NaN
    if not inside.all() or not (np.diff(start_s) > 0).all():
        _refuse(new, f"its windows do not begin one after the other in 0..{new.duration_s:g} s")


def _refuse(new: NewRecording, why: str) -> None:
    raise ArchiveError(f"{new.path} cannot be added: {why}")
