"""Indexes of an archive's windows: what each has to do, and what all of them share.

An index is a cache of the store: whatever it loses can be had from the store again.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cqtnet.errors import ArchiveError
from cqtnet.files import write_json
from cqtnet.schema import parse_json
from verify.archive import READ, WRITTEN, file_errors
from verify.archive.results import Hits, Ids, Vectors
from verify.archive.store import Store

FOLDER = "index"  # in the folder of the archive
BLOCK_WINDOWS = 4096  # windows in memory at a time, of 8 KB each as float32
MAX_COUNT = 4096  # hits for each query: four times as many full vectors are compared, 270 MB


class Searchable(Protocol):
    """An index that can be searched."""

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The `count` most similar windows to each of some vectors, (n, count), best first.

        Where it holds fewer, the rest has the number -1 and the cosine -inf.
        """


class Index(Searchable, Protocol):
    """Windows that can be searched by their vectors, which are of length 1.

    `tests/verify/archive/index/test_contract.py` tests every kind; add yours to its list.
    """

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add windows, by numbers (n,) that it does not hold yet, and vectors (n, dimension)."""

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove all windows of some recordings; those that it does not hold do no harm."""

    def __len__(self) -> int:
        """How many windows it holds."""


def check_vectors(vectors: Vectors, *, dimension: int, count: int = 1) -> Vectors:
    """The vectors as an index wants them, (n, dimension) float32.

    An error if they cannot be, or so many hits for each cannot be asked for.
    """
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ArchiveError(
            f"vectors of shape {vectors.shape} do not fit an index of dimension {dimension}; "
            "embed with the archive's model"
        )
    if not np.isfinite(vectors).all():
        raise ArchiveError("a vector holds NaN or infinity; leave out windows without content")
    if not 1 <= count <= MAX_COUNT:
        raise ArchiveError(f"{count:,} hits for each window; ask for 1 to {MAX_COUNT:,}")
    return np.ascontiguousarray(vectors, np.float32)


def catch_up(index: Index, store: Store, *, since: int) -> None:
    """Let an index that holds the windows of generation `since` hold all of them.

    It may be done again after an interruption, if `add` replaces windows that are there.
    """
    added, removed = store.changes(since)
    if removed:
        index.remove(removed)
    for ids, vectors in store.batches(BLOCK_WINDOWS, added):
        index.add(ids, vectors)


def rebuild_command(archive: Path) -> str:
    """The command that makes the index of an archive anew."""
    return f"cqtnet index rebuild {archive}"


def damaged(path: Path, what: str) -> ArchiveError:
    """The error about a file of an archive's index folder that is not as it was written."""
    return ArchiveError(f"{path} is damaged: {what}; run `{rebuild_command(path.parent.parent)}`")


def write_note(path: Path, content: dict[str, Any]) -> None:
    """Write names and values as JSON with a digest, whole or not at all."""
    with file_errors(path, WRITTEN):
        path.parent.mkdir(exist_ok=True)
        write_json(path, _signed(content))


def read_note(path: Path) -> dict[str, Any] | None:
    """What was written, None where there is no file; an error if any byte of it was changed."""
    if not path.exists():
        return None
    with file_errors(path, READ), path.open("rb") as file:
        data = file.read(1 << 16)  # more than any note has
    try:
        text = data.decode()
        content = parse_json(text)
        del content["digest"]
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(path, "it is not what was written") from error
    if text != _text(_signed(content)):
        raise damaged(path, "it is not what its digest was made of")
    return dict(content)


def _signed(content: dict[str, Any]) -> dict[str, Any]:
    return content | {"digest": hashlib.sha256(_text(content).encode()).hexdigest()}


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"  # as `write_json` has it
