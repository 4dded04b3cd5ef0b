"""Indexes by faiss: which kind suits an archive, how one is searched, and its file.

kind       what it is                               bytes a window at 2,048 dimensions
exact      all vectors as float16, every one read   4,104
large      256 principal components, lists, 8 bits  264, and the lists' centres
compact    the same with product quantisation       72, and the lists' centres

`large` and `compact` look into the lists nearest to a query, and compare a shortlist from
there with the full vectors of the store.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import faiss
import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import ArchiveError
from cqtnet.files import file_sha256, written_whole
from verify.archive import READ, WRITTEN, file_errors
from verify.archive.index import check_vectors, damaged
from verify.archive.results import Hits, Ids, Vectors, recording_of

Kind = Literal["exact", "large", "compact"]
Wanted = Literal["auto", "exact", "large", "compact"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MEMORY_LIMIT = 80_000_000  # bytes of a more faithful kind at most; `exact` reads them in 12 ms
TRAINABLE = 1_000  # windows from which principal components and centres can be learnt at all
COMPONENTS = 256  # they hold 90 % of the variance of the default model's embeddings of music
DIMENSIONS_PER_BYTE = 4  # of product quantisation: 64 bytes for 256 components
MAX_LISTS = 1 << 14
WINDOWS_PER_CENTRE = 40  # to train with; k-means wants 39 at least
PROBES = 128
"""Lists that are looked into: 3 % of the windows at a million. Of queries with a cosine of 0.5,
0.998 come to the right one of 4,096 lists; with 64 of 2,048, as fast, it is 0.89."""
ID_BYTES = 8
SHORTLIST = 100  # windows at least that are compared by full vectors for a query; or 4 for each hit
MANY, UNPACKED = 16, 4096
"""Queries from which an exact index is multiplied with them, and windows that are unpacked for it
at once: 34 MB."""
PAIRS_AT_ONCE = 1600  # of a query and a full vector, in memory: 26 MB

FullVectors = Callable[[Ids], Vectors]

_faiss: Any = faiss  # its type stubs leave out what reads and writes through Python

_LISTS = ("IndexFlatL2", "ArrayInvertedLists")
_FORMS: dict[Kind, tuple[str, ...]] = {
    "exact": ("IndexIDMap", "IndexScalarQuantizer"),
    "large": ("IndexPreTransform", "LinearTransform", "IndexIVFScalarQuantizer", *_LISTS),
    "compact": ("IndexPreTransform", "LinearTransform", "IndexIVFPQ", *_LISTS),
}
"""What an index file may hold, by kind; nothing else that faiss can read is searched."""


@dataclass(frozen=True)
class Plan:
    """An index to be made."""

    kind: Kind
    reason: str
    dimension: int
    lists: int = 0  # of windows that resemble each other
    probes: int = 0  # lists that a search looks into
    components: int = 0
    code_bytes: int = 0  # a window, without its number

    @property
    def trained(self) -> bool:
        """Whether it has to see windows before it can hold any."""
        return self.kind != "exact"


def plan(n_windows: int, dimension: int, *, wanted: Wanted = "auto") -> Plan:
    """The index for so many windows: the most faithful one that is small enough, or the wanted."""
    if n_windows < TRAINABLE:
        reason = f"{n_windows:,} windows are too few to learn from, fewer than {TRAINABLE:,}"
        return _plan("exact", reason, n_windows, dimension)
    if wanted != "auto":
        return _plan(wanted, "it was asked for", n_windows, dimension)
    plans = [_plan(kind, "", n_windows, dimension) for kind in KINDS]
    sizes = {made: n_windows * (made.code_bytes + ID_BYTES) for made in plans}
    chosen = next((made for made, size in sizes.items() if size <= MEMORY_LIMIT), plans[-1])
    sized = ", ".join(f"{size / 1e6:,.0f} MB as `{made.kind}`" for made, size in sizes.items())
    rule = f"the first of at most {MEMORY_LIMIT / 1e6:.0f} MB, else the last"
    return replace(chosen, reason=f"{n_windows:,} windows take {sized}; {rule}")


def _plan(kind: Kind, reason: str, n_windows: int, dimension: int) -> Plan:
    if kind == "exact":
        return Plan(kind, reason, dimension, code_bytes=2 * dimension)
    components = code_bytes = min(COMPONENTS, dimension)
    if kind == "compact" and components % DIMENSIONS_PER_BYTE == 0:
        code_bytes = components // DIMENSIONS_PER_BYTE
    # A power of two between 4 √n and 8 √n, or as many as there are windows to learn from.
    most = min(8 * n_windows**0.5, n_windows / WINDOWS_PER_CENTRE, MAX_LISTS)
    lists = 1 << max(0, int(most).bit_length() - 1)
    return Plan(kind, reason, dimension, lists, min(PROBES, lists), components, code_bytes)


def empty(made: Plan) -> Any:
    """An exact index, ready to be filled, or lists of reduced vectors, to be trained.

    Lists are by Euclidean distance: in fewer dimensions, with the mean taken off, that is what
    follows the order of the cosines of the full vectors.
    """
    if made.kind == "exact":
        precision = faiss.ScalarQuantizer.QT_fp16
        flat = faiss.IndexScalarQuantizer(made.dimension, precision, faiss.METRIC_INNER_PRODUCT)
        return faiss.IndexIDMap(flat)
    centres = faiss.IndexFlatL2(made.components)
    inverted: Any
    if made.kind == "large":
        precision = faiss.ScalarQuantizer.QT_8bit
        inverted = faiss.IndexIVFScalarQuantizer(centres, made.components, made.lists, precision)
    else:
        inverted = faiss.IndexIVFPQ(centres, made.components, made.lists, made.code_bytes, 8)
        inverted.use_precomputed_table = -1  # tables of 64 KB for every list: more than the codes
        inverted.pq.cp.min_points_per_centroid = 1  # fewer are worse, and the recall says so
        inverted.pq.cp.max_points_per_centroid = 64
        inverted.pq.cp.niter = 10
    inverted.nprobe = made.probes
    return inverted


class FaissIndex:
    """An index of any kind. `full` gives vectors of windows; without, faiss has the last word."""

    def __init__(self, inner: Any, *, full: FullVectors | None) -> None:
        self.inner, self._full = inner, full
        if full is not None:  # `inner` reduces vectors first
            step: Any = faiss.downcast_VectorTransform(inner.chain.at(0))
            matrix = faiss.vector_to_array(step.A).reshape(step.d_out, step.d_in)
            self._matrix, self._offset = matrix, faiss.vector_to_array(step.b)

    def __len__(self) -> int:
        return int(self.inner.ntotal)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add windows that it does not hold yet."""
        self.inner.add_with_ids(check_vectors(vectors, dimension=self.inner.d), ids)

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove all windows of some recordings, in one pass over the numbers."""
        held = self.ids()
        gone = held[np.isin(recording_of(held), np.asarray(recordings, np.int64))]
        if len(gone):
            self.inner.remove_ids(faiss.IDSelectorBatch(gone))

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The most similar windows to each vector, (n, count)."""
        queries = check_vectors(vectors, dimension=self.inner.d, count=count)
        if self._full is None:
            if len(queries) >= MANY:
                return self._multiplied(queries, count)
            cosines, ids = self.inner.search(queries, count)
            return Hits(np.where(ids < 0, -np.inf, cosines).astype(np.float32), ids)
        lists, shortlist = faiss.downcast_index(self.inner.index), max(SHORTLIST, 4 * count)
        at_once, blocks = max(1, PAIRS_AT_ONCE // shortlist), []
        for begin in range(0, max(1, len(queries)), at_once):
            some = queries[begin : begin + at_once]
            reduced = _product(some, self._matrix) + self._offset
            _, candidates = lists.search(reduced, shortlist)
            blocks.append(compared(some, candidates, count, self._full))
        return Hits.joined(blocks)

    def _multiplied(self, queries: Vectors, count: int) -> Hits:
        """An exact search as products of matrices: for many queries, several times as fast."""
        flat, names = faiss.downcast_index(self.inner.index), self.ids()
        best = Hits(np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64))
        for first in range(0, len(names), UNPACKED):
            block = flat.reconstruct_n(first, min(UNPACKED, len(names) - first))
            ids = np.broadcast_to(names[first : first + UNPACKED], (len(queries), len(block)))
            cosines = np.concatenate([best.cosines, queries @ block.T], axis=1)
            best = _best(cosines, np.concatenate([best.ids, ids], axis=1), count)
        lacking = ((0, 0), (0, count - best.ids.shape[1]))
        return Hits(
            np.pad(best.cosines, lacking, constant_values=-np.inf),
            np.pad(best.ids, lacking, constant_values=-1),
        )

    def ids(self) -> Ids:
        """The numbers of all windows, in no order."""
        inverted: Any = faiss.try_extract_index_ivf(self.inner)
        if not inverted:
            return np.array(faiss.vector_to_array(self.inner.id_map), np.int64)
        lists = inverted.invlists
        held = [
            np.array(faiss.rev_swig_ptr(lists.get_ids(i), lists.list_size(i)), np.int64)
            for i in range(lists.nlist)
            if lists.list_size(i)
        ]
        return np.concatenate([np.zeros(0, np.int64), *held])


def compared(queries: Vectors, candidates: Ids, count: int, full: FullVectors) -> Hits:
    """The best `count` of the candidates of each query, (n, shortlist), by their full vectors."""
    known: NDArray[np.bool_] = candidates >= 0
    ids, place = np.unique(candidates[known], return_inverse=True)
    cosines = np.full(candidates.shape, -np.inf, np.float32)
    if len(ids):
        query = np.nonzero(known)[0]
        cosines[known] = np.einsum("ij,ij->i", queries[query], full(ids)[place])
    return _best(cosines, candidates, count)


def _best(cosines: Vectors, ids: Ids, count: int) -> Hits:
    """The highest `count` cosines of each row, highest first."""
    if count < cosines.shape[1]:
        some = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        cosines, ids = np.take_along_axis(cosines, some, 1), np.take_along_axis(ids, some, 1)
    best = np.argsort(-cosines, axis=1, kind="stable")
    return Hits(np.take_along_axis(cosines, best, 1), np.take_along_axis(ids, best, 1))


def _product(queries: Vectors, matrix: Vectors) -> Vectors:
    """Products (n, m) in 0.1 ms a query, by one thread.

    `@`, and faiss too, share them among threads, which wait for each other: 0.02 ms when nothing
    else runs, 8 ms when other processes keep all processors busy.
    """
    return np.asarray(np.einsum("ij,kj->ik", queries, matrix), np.float32)


def write_index(inner: Any, path: Path) -> str:
    """Hexadecimal SHA-256 of the file, which was written, synced and read back."""
    digest = hashlib.sha256()
    with file_errors(path, WRITTEN), written_whole(path) as temporary:
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


def read_index(path: Path, made: Plan, *, sha256: str, n_windows: int) -> Any:
    """The index in a file; refused unless it is the one that was written, to the byte."""
    with file_errors(path, READ), path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise damaged(path, "it is not what its SHA-256 was made of")
        file.seek(0)  # the file that was hashed, even if another takes its place meanwhile
        try:
            reader = _faiss.PyCallbackIOReader(file.read)
            inner = faiss.read_index(reader, faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE)
        except (RuntimeError, MemoryError) as error:
            raise damaged(path, "faiss cannot read it") from error
    form, metric = _form(inner), faiss.METRIC_L2 if made.trained else faiss.METRIC_INNER_PRODUCT
    if form != _FORMS[made.kind]:
        what = f"it holds {' of '.join(form)}, which is not an index of kind `{made.kind}`"
        raise damaged(path, what)
    for name, found, expected in (
        ("dimension", inner.d, made.dimension),
        ("metric", inner.metric_type, metric),
        ("number of windows", inner.ntotal, n_windows),
    ):
        if found != expected:
            raise damaged(path, f"its {name} is {found}, not {expected}")
    return inner


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
