"""Index files of faiss, which has no checksum: written whole, and hashed before faiss reads."""

import hashlib
import os
from pathlib import Path
from typing import Any

import faiss

from cqtnet.errors import ArchiveError
from cqtnet.files import file_sha256, written_whole
from verify.archive.backends.kinds import Kind
from verify.archive.disk.failures import READ, WRITTEN, named

_faiss: Any = faiss  # its type stubs leave out what reads and writes through Python

_LISTS = ("IndexFlatL2", "ArrayInvertedLists")
_FORMS: dict[Kind, tuple[str, ...]] = {
    "exact": ("IndexIDMap", "IndexScalarQuantizer"),
    "large": ("IndexPreTransform", "LinearTransform", "IndexIVFScalarQuantizer", *_LISTS),
    "compact": ("IndexPreTransform", "LinearTransform", "IndexIVFPQ", *_LISTS),
}
"""What an index file may hold, by kind; nothing else that faiss can read is searched."""


def damaged(path: Path, what: str) -> ArchiveError:
    """The error about a file of an archive's index folder that is not as it was written."""
    return ArchiveError(f"{path} is damaged: {what}; run `{cure(path.parent.parent)}`")


def cure(archive: Path) -> str:
    """The command that makes the index of an archive anew."""
    return f"cqtnet index rebuild {archive}"


def write_index(inner: Any, path: Path) -> str:
    """Hexadecimal SHA-256 of the file, which was written, synced and read back."""
    digest = hashlib.sha256()
    with named(path, WRITTEN), written_whole(path) as temporary:
        with temporary.open("wb") as file:

            def write(data: bytes) -> None:
                digest.update(data)
                file.write(data)

            faiss.write_index(inner, _faiss.PyCallbackIOWriter(write))
            file.flush()
            os.fsync(file.fileno())
        if file_sha256(temporary) != digest.hexdigest():
            raise ArchiveError(f"{path} cannot be written: the disk gives back something else")
    return digest.hexdigest()


def read_index(path: Path, *, sha256: str, kind: Kind, dimension: int, n_windows: int) -> Any:
    """The index in a file; refused unless it is the one that was written, to the byte.

    The file that was hashed is the one that is read, even if another takes its place meanwhile.
    """
    with named(path, READ), path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise damaged(path, "it is not what its SHA-256 was made of")
        file.seek(0)
        try:
            reader = _faiss.PyCallbackIOReader(file.read)
            inner = faiss.read_index(reader, faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE)
        except RuntimeError as error:
            raise damaged(path, "faiss cannot read it") from error
    for wrong in _faults(inner, kind, dimension, n_windows):
        raise damaged(path, wrong)
    return inner


def _faults(inner: Any, kind: Kind, dimension: int, n_windows: int) -> list[str]:
    form = _form(inner)
    if form != _FORMS[kind]:
        return [f"it holds {' of '.join(form)}, which is no index of kind `{kind}`"]
    metric = faiss.METRIC_INNER_PRODUCT if kind == "exact" else faiss.METRIC_L2
    found = {
        "dimension": (inner.d, dimension),
        "metric": (inner.metric_type, metric),
        "number of windows": (inner.ntotal, n_windows),
    }
    return [f"its {name} is {a}, not {b}" for name, (a, b) in found.items() if a != b]


def _form(inner: Any) -> tuple[str, ...]:
    """The classes that an index consists of, as far as we know how they nest."""
    name = type(inner).__name__
    if name == "IndexIDMap":
        return (name, *_form(faiss.downcast_index(inner.index)))
    if name == "IndexPreTransform":
        chain = [inner.chain.at(i) for i in range(inner.chain.size())]
        steps = [type(faiss.downcast_VectorTransform(step)).__name__ for step in chain]
        return (name, *steps, *_form(faiss.downcast_index(inner.index)))
    if name.startswith("IndexIVF"):
        lists = type(faiss.downcast_InvertedLists(inner.invlists)).__name__
        return (name, *_form(faiss.downcast_index(inner.quantizer)), lists)
    return (name,)
