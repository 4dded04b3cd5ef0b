"""The index of an archive, always up to date: built, kept as a file beside it, or in Milvus.

The folder `index` holds `windows.json`, which says all about the index and names the file that
it is in. A writer saves a new file, then lets the JSON name it, then deletes the old one: a
reader, or a run that is killed, meets the old pair or the new one. Where the index was moved to
Milvus, `milvus.json` says where instead.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from cqtnet.errors import ArchiveError
from cqtnet.schema import checked
from verify.archive import WRITTEN, file_errors
from verify.archive.index import (
    BLOCK_WINDOWS,
    FOLDER,
    catch_up,
    damaged,
    read_note,
    rebuild_command,
    write_note,
)
from verify.archive.index.faiss import (
    WINDOWS_PER_CENTRE,
    FaissIndex,
    Plan,
    Wanted,
    empty,
    plan,
    read_index,
    write_index,
)
from verify.archive.index.milvus import MilvusIndex, agreed_uri, open_milvus
from verify.archive.results import Vectors
from verify.archive.store import Store

NAME = "windows.json"
EXAMPLES = 1 << 14  # windows that components are learnt from: 8 for each of 2,048 dimensions
QUERIES = 200  # altered windows by which recall is measured
QUERY_COSINE = 0.75  # of such a query to the window that it was made from: a hard alteration
SAME_COSINE = 1e-4  # windows nearer in cosine count as equally good; loops repeat themselves

OnMessage = Callable[[str], None]


def open_index(store: Store) -> "IndexCache | MilvusIndex":
    """The index of an archive, with all that the archive holds."""
    uri = agreed_uri(store)
    return open_milvus(store, uri) if uri else IndexCache.open(store)


def check_index(store: Store) -> str | None:
    """What is wrong with the index that is kept of an archive; None also where none is."""
    try:
        uri = agreed_uri(store)
        if uri:
            open_milvus(store, uri).close()
        else:
            IndexCache.read(store)
    except ArchiveError as error:
        return str(error)
    return None


def save_index(store: Store) -> None:
    """Bring the index of an archive up to date where it is kept.

    A small archive's, which is all its vectors, is as soon made again as read: it is not kept.
    """
    index = open_index(store)
    if isinstance(index, MilvusIndex):
        index.close()
    elif index.info.wanted != "auto" or index.info.plan.trained:
        index.save()


@dataclass(frozen=True)
class IndexInfo:
    """What is known of an index; `plan` has the kind, the reason for it and its parameters."""

    archive: str  # digest of the archive's manifest
    generation: int  # of the archive, up to which its windows are in the index
    wanted: Wanted
    plan: Plan
    n_windows: int
    recall: float | None  # at 1 against an exact search, when it was built
    queries: int  # over which recall was measured
    faiss: str  # version
    file: str = ""  # "" while it is in memory only
    n_bytes: int = 0
    sha256: str = ""


class IndexCache(FaissIndex):
    """The index of an archive: read, or built where there is none, and caught up.

    Nothing is written before `save`, so that it serves where one may only read.
    """

    def __init__(self, store: Store, inner: Any, info: IndexInfo) -> None:
        # What holds the full vectors itself need not compare its hits with them.
        super().__init__(inner, full=store.vectors if info.plan.trained else None)
        self._store, self.info = store, info

    @classmethod
    def open(cls, store: Store, *, wanted: Wanted = "auto") -> Self:
        """The index in the archive's folder, or else a new one of the wanted kind."""
        return cls.read(store) or cls.built(store, wanted=wanted)

    @classmethod
    def read(cls, store: Store) -> Self | None:
        """The index in the archive's folder, caught up; None where none is kept.

        A damaged one, one of another archive and one newer than the archive are refused.
        """
        info = read_info(store)
        while info is not None:
            path = store.folder / FOLDER / Path(info.file).name
            if path.exists():
                inner = read_index(path, info.plan, sha256=info.sha256, n_windows=info.n_windows)
                cache = cls(store, inner, info)
                cache.catch_up()
                return cache
            before, info = info, read_info(store)  # a writer may have put another in its place
            if info == before:
                return None  # its file was deleted
        return None

    @classmethod
    def built(
        cls, store: Store, *, wanted: Wanted = "auto", on_message: OnMessage = lambda _: None
    ) -> Self:
        """A new index of all windows, whatever lies in the folder, with its recall measured.

        All windows are read three times, a block at a time: principal components are learnt from a
        sample, the lists from a larger sample of reduced vectors, and at last all are added. Memory
        stays below 1.5 GB and the index itself, whatever the number of windows.
        """
        generation, rng = store.generation, np.random.default_rng(0)
        made = plan(store.n_windows, store.manifest.dimension, wanted=wanted)
        examples = _sample(store, EXAMPLES, rng, lambda vectors: vectors)
        queries = altered_queries(examples, rng)
        inner = _trained(store, made, examples, rng, on_message) if made.trained else empty(made)
        del examples
        info = IndexInfo(
            store.manifest.digest(), generation, wanted, made, 0, None, len(queries),
            faiss.__version__,
        )  # fmt: skip
        cache = cls(store, inner, info)
        on_message(f"adding {store.n_windows:,} windows")
        best = np.full(len(queries), -np.inf, np.float32)
        for ids, vectors in store.batches(BLOCK_WINDOWS):
            cache.add(ids, vectors)
            best = np.maximum(best, (queries @ vectors.T).max(axis=1))
        recall = None
        if len(queries):
            on_message("measuring recall")
            found = cache.search(queries, 1).cosines[:, 0]
            recall = float(np.mean(found >= best - SAME_COSINE))
        cache.info = replace(info, n_windows=len(cache), recall=recall)
        return cache

    def catch_up(self) -> None:
        """Take in what became of the archive since; a writer calls it after its changes."""
        generation = self._store.generation
        if generation == self.info.generation:
            return
        catch_up(self, self._store, since=self.info.generation)
        count = len(self)
        if count != self._store.n_windows:
            raise ArchiveError(
                f"{self._store.folder / FOLDER} holds {count:,} windows, and the archive "
                f"{self._store.n_windows:,}; run `{rebuild_command(self._store.folder)}`"
            )
        self.info = replace(
            self.info, generation=generation, n_windows=count, file="", n_bytes=0, sha256=""
        )

    def save(self) -> None:
        """Write the index into the archive's folder; only who holds the archive's lock may."""
        if self.info.file:
            return
        folder = self._store.folder / FOLDER
        with file_errors(folder, WRITTEN):
            if folder.is_symlink():
                raise ArchiveError(f"{folder} is a link; remove it")
            folder.mkdir(exist_ok=True)
            try:
                in_use = (read_note(folder / NAME) or {}).get("file", "")
            except ArchiveError:
                in_use = ""  # a rebuild replaces it
            _clear(folder, keep=in_use)  # of runs that were killed
        path = folder / f"{self.info.generation:012d}-{secrets.token_hex(4)}.faiss"
        sha256 = write_index(self.inner, path)
        saved = replace(self.info, file=path.name, n_bytes=path.stat().st_size, sha256=sha256)
        write_note(folder / NAME, asdict(saved))
        self.info = saved
        with file_errors(folder, WRITTEN):
            _clear(folder, keep=path.name)


def read_info(store: Store) -> IndexInfo | None:
    """What is known of the saved index, None if there is none; the index is not read."""
    path = store.folder / FOLDER / NAME
    content = read_note(path)
    if content is None:
        return None
    try:
        info = checked(IndexInfo, content)
    except ValueError as error:
        raise damaged(path, f"it is of another version of cqtnet, {error}") from error
    cure = rebuild_command(store.folder)
    if info.archive != store.manifest.digest() or info.plan.dimension != store.manifest.dimension:
        raise ArchiveError(f"{path} belongs to another archive; run `{cure}`")
    if info.generation > store.generation:
        raise ArchiveError(
            f"{path} is newer than the archive, {info.generation} against {store.generation}; "
            f"open it again, and if that does not help, run `{cure}`"
        )
    return info


def _clear(folder: Path, *, keep: str) -> None:
    """Delete all files of ours but one index."""
    for path in [*folder.glob("*.faiss"), *folder.glob(".writing-*")]:
        if path.name != keep:
            path.unlink(missing_ok=True)


def altered_queries(vectors: Vectors, rng: np.random.Generator) -> Vectors:
    """Up to QUERIES of the vectors, altered to a cosine of QUERY_COSINE, (n, dimension).

    What is added is a random mix of them, less what resembles the one that is altered. Noise in
    all dimensions would be easier, for components leave most of it out.
    """
    few = rng.choice(len(vectors), min(QUERIES, len(vectors)), replace=False)
    chosen = vectors[few]
    mix = rng.standard_normal((len(few), len(few)), dtype=np.float32) @ chosen
    mix -= (mix * chosen).sum(axis=1, keepdims=True) * chosen
    mix /= np.maximum(np.linalg.norm(mix, axis=1, keepdims=True), 1e-3)
    altered = QUERY_COSINE * chosen + (1 - QUERY_COSINE**2) ** 0.5 * mix
    return np.asarray(altered / np.linalg.norm(altered, axis=1, keepdims=True), np.float32)


def principal_components(vectors: Vectors, count: int) -> Any:
    """The map onto the components with the most variance, the mean taken off.

    What `faiss.PCAMatrix` learns, five times as fast, and without the 17 MB of all components
    that it would keep.
    """
    import scipy.linalg  # here, for opening an index does without

    dimension = vectors.shape[1]
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    most = (dimension - count, dimension - 1)
    _, axes = scipy.linalg.eigh(centred.T @ centred, subset_by_index=most)
    matrix = np.ascontiguousarray(axes.T[::-1], np.float32)  # (count, dimension)
    transform = faiss.LinearTransform(dimension, count, True)
    faiss.copy_array_to_vector(matrix.ravel(), transform.A)
    faiss.copy_array_to_vector(-matrix @ mean, transform.b)
    transform.is_trained = True
    return transform


def _trained(
    store: Store, made: Plan, examples: Vectors, rng: np.random.Generator, on_message: OnMessage
) -> Any:
    """An empty index that has learnt its components and its lists."""
    on_message(f"learning {made.components} components from {len(examples):,} windows")
    components = principal_components(examples, made.components)
    count = max(EXAMPLES, WINDOWS_PER_CENTRE * made.lists)
    reduced = _sample(store, count, rng, components.apply)
    on_message(f"learning {made.lists:,} lists from {len(reduced):,} windows")
    inverted = empty(made)
    inverted.train(reduced)
    return faiss.IndexPreTransform(components, inverted)


def _sample(
    store: Store, count: int, rng: np.random.Generator, reduce: Callable[[Vectors], Vectors]
) -> Vectors:
    """Up to `count` windows drawn at random, reduced block by block."""
    total = store.n_windows
    drawn = np.sort(rng.choice(total, min(count, total), replace=False)) if total else np.zeros(0)
    parts = [np.zeros((0, store.manifest.dimension), np.float32)] if not total else []
    passed = 0
    for _, vectors in store.batches(BLOCK_WINDOWS):
        begin, end = np.searchsorted(drawn, [passed, passed + len(vectors)])
        if end > begin:
            parts.append(reduce(vectors[drawn[begin:end] - passed]))
        passed += len(vectors)
    return np.concatenate(parts)
