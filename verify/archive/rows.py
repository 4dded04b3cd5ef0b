"""The rows of an archive's catalogue: their checksum, and what they may hold at all.

An archive may come from others: whatever it says is within these limits, or it is refused.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from augment.audio.files import told
from cqtnet.schema import checked, parse_json
from verify.archive.results import WINDOWS_PER_RECORDING, Manifest

MOST = 1 << 42
"""Recordings and generations; with the window, a number still has 63 bits."""
LONGEST = 10_000
"""Characters of a path, and of all tags."""

Row = tuple[Any, ...]


def row_checksum(table: str, values: Row) -> int:
    """63 bits over a row; `ascii` tells types apart and is the same everywhere."""
    digest = hashlib.blake2b(ascii((table, *values)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def row_problem(table: str, row: Row, checksum: Any) -> str:
    """What is wrong with a row of that table; empty where nothing is."""
    if checksum != row_checksum(table, row):
        return "is not as it was written"
    try:
        return "" if _CHECKS[table](*row) else "holds what cannot be there"
    except (ValueError, TypeError) as error:
        return f"holds what cannot be there: {told(error)}"


def _recording(
    number: Any, sha256: Any, duration_s: Any, tags: Any, added: Any, generation: Any,
    n_windows: Any, start_s: Any, n_sketches: Any, n_sounds: Any,
) -> bool:  # fmt: skip
    whole = _whole(number, generation) and _whole(n_windows, below=WINDOWS_PER_RECORDING)
    kept = _whole(n_sketches, n_sounds, below=WINDOWS_PER_RECORDING >> 1)
    named = isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256)
    told = len(tags) <= LONGEST and checked(list[str], parse_json(tags)) is not None
    stamped = isinstance(added, str) and len(added) <= 40 and added.isprintable()
    if not (whole and kept and named and told and stamped and isinstance(duration_s, float)):
        return False
    starts = np.frombuffer(start_s, "<f8")
    inside = (starts >= 0) & (starts <= duration_s)  # false for NaN
    rising = bool(inside.all() and (np.diff(starts) > 0).all())
    return 0 <= duration_s < 1e9 and len(starts) == n_windows and rising


def _path(path: Any, recording: Any, size: Any, modified_ns: Any) -> bool:
    text = isinstance(path, str | bytes) and 0 < len(path) <= LONGEST
    return text and _whole(recording) and _whole(size, abs(modified_ns), below=1 << 63)


def _removed(number: Any, added: Any, generation: Any, n_windows: Any) -> bool:
    return _whole(number, added, generation) and _whole(n_windows, below=WINDOWS_PER_RECORDING)


def _state(manifest: Any, generation: Any, next_recording: Any, total: Any) -> bool:
    made = Manifest.from_json(manifest)
    named = len(made.model) <= LONGEST and len(made.created) <= 40
    return named and _whole(generation, next_recording) and _whole(total, below=1 << 63)


def _whole(*numbers: Any, below: int = MOST) -> bool:
    return all(type(number) is int and 0 <= number < below for number in numbers)


_CHECKS: dict[str, Callable[..., bool]] = {
    "recordings": _recording, "paths": _path, "removed": _removed, "state": _state,
}  # fmt: skip
