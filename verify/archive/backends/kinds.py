"""The kinds of index, which of them suits an archive, and by which parameters.

name       what it is                               bytes a window at 2,048 dimensions
exact      all vectors as float16, every one read   4,104
large      256 principal components, lists, 8 bits  264, and the lists' centres
compact    the same with product quantisation       72, and the lists' centres

`large` and `compact` look into the lists nearest to a query, and compare a shortlist from
there with the full vectors of the store.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import faiss

Kind = Literal["exact", "large", "compact"]
Wanted = Literal["auto", "exact", "large", "compact"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WANTED: tuple[Wanted, ...] = get_args(Wanted)

MEMORY_LIMIT = 80_000_000
"""Bytes up to which a more faithful kind is chosen. Reading as many takes `exact` 12 ms."""
TRAINABLE = 1_000
"""Windows from which principal components and centres can be learnt at all."""
COMPONENTS = 256
"""They hold 90 % of the variance of the default model's embeddings of music."""
DIMENSIONS_PER_BYTE = 4
"""Of product quantisation: 64 bytes for 256 components."""
MAX_LISTS = 1 << 14
WINDOWS_PER_CENTRE = 40
"""To train with; k-means wants 39 at least."""
PROBES = 128
"""Lists that are looked into: 3 % of the windows at a million. Of queries with a cosine of 0.5,
0.998 come to the right one of 4,096 lists; with 64 of 2,048, as fast, it is 0.89."""
ID_BYTES = 8


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
    """The index for so many windows: the most faithful one that is small enough, or the wanted.

    >>> plan(1_000_000, 2048).kind
    'compact'
    """
    if n_windows < TRAINABLE:
        reason = f"{n_windows:,} windows are too few to learn from, fewer than {TRAINABLE:,}"
        return _plan("exact", reason, n_windows, dimension)
    if wanted != "auto":
        return _plan(wanted, "it was asked for", n_windows, dimension)
    plans = [_plan(kind, "", n_windows, dimension) for kind in KINDS]
    sizes = [n_windows * (made.code_bytes + ID_BYTES) for made in plans]
    for kind, size in zip(KINDS, sizes, strict=True):
        if size <= MEMORY_LIMIT or kind == KINDS[-1]:
            break
    sized = ", ".join(
        f"{size / 1e6:,.0f} MB as `{name}`" for name, size in zip(KINDS, sizes, strict=True)
    )
    rule = f"the first of at most {MEMORY_LIMIT / 1e6:.0f} MB, else the last"
    return _plan(kind, f"{n_windows:,} windows take {sized}; {rule}", n_windows, dimension)


def _plan(kind: Kind, reason: str, n_windows: int, dimension: int) -> Plan:
    if kind == "exact":
        return Plan(kind, reason, dimension, code_bytes=2 * dimension)
    components = min(COMPONENTS, dimension)
    code_bytes = components
    if kind == "compact" and components % DIMENSIONS_PER_BYTE == 0:
        code_bytes = components // DIMENSIONS_PER_BYTE
    lists = list_count(n_windows)
    return Plan(kind, reason, dimension, lists, min(PROBES, lists), components, code_bytes)


def list_count(n_windows: int) -> int:
    """A power of two between 4 √n and 8 √n, or as many as there are windows to learn from."""
    most = min(8 * n_windows**0.5, n_windows / WINDOWS_PER_CENTRE, MAX_LISTS)
    return 1 << max(0, int(most).bit_length() - 1)


def empty_exact(made: Plan) -> Any:
    """An exact index, ready to be filled."""
    precision = faiss.ScalarQuantizer.QT_fp16
    flat = faiss.IndexScalarQuantizer(made.dimension, precision, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexIDMap(flat)


def empty_lists(made: Plan) -> Any:
    """Lists of reduced vectors, to be trained.

    By Euclidean distance: in fewer dimensions, with the mean taken off, that is what follows
    the order of the cosines of the full vectors.
    """
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
