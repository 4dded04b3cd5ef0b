"""The index of an archive as a file beside it, always up to date in memory.

The folder `index` holds `windows.json`, which says all about the index and names the file that
it is in. A writer saves a new file, then lets the JSON name it, then deletes the old one: a
reader, or a run that is killed, meets the old pair or the new one.
"""

import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import faiss

from cqtnet.errors import ArchiveError
from verify.archive.backends import kinds
from verify.archive.backends.build import Tell, build, index_of
from verify.archive.backends.faiss_file import cure, damaged, read_index, write_index
from verify.archive.backends.faiss_index import FaissIndex
from verify.archive.backends.interface import Source, catch_up
from verify.archive.backends.kinds import Plan, Wanted
from verify.archive.backends.note import read_note, write_note
from verify.archive.disk.failures import WRITTEN, named
from verify.archive.results import Hits, Vectors

FOLDER = "index"
NAME = "windows.json"
MAX_UNSEEN = 1 / 3
"""Share of windows that came after training from which a rebuild is advised."""
MAX_IMBALANCE = 2.0
"""Times the imbalance of lists at the build, from which a rebuild is advised."""


@dataclass(frozen=True)
class IndexInfo:
    """What is known of an index; `plan` has the kind, the reason for it and its parameters."""

    archive: str  # digest of the archive's manifest
    generation: int  # of the archive, up to which its windows are in the index
    wanted: Wanted
    plan: Plan
    n_windows: int
    unseen: int  # windows added since it was built
    imbalance: float  # of its lists when it was built; 1 is the best
    recall: float | None  # at 1 against an exact search, when it was built
    queries: int  # over which recall was measured
    faiss: str
    file: str = ""  # "" while it is in memory only
    n_bytes: int = 0
    sha256: str = ""


class IndexCache:
    """The index of an archive: read, or built where there is none, and caught up.

    Nothing is written before `save`, so that it serves where one may only read.

    >>> index = IndexCache.open(store)
    >>> hits = index.search(vectors, 10)
    """

    def __init__(self, source: Source, index: FaissIndex, info: IndexInfo) -> None:
        self._source = source
        self._index = index
        self.info = info

    @classmethod
    def open(cls, source: Source, *, wanted: Wanted = "auto", tell: Tell = lambda _: None) -> Self:
        """The index in the archive's folder, or else a new one of the wanted kind.

        A damaged one, one of another archive and one newer than the archive are refused.
        """
        found = _read(source)
        if found is None:
            return cls.built(source, wanted=wanted, tell=tell)
        cache = cls(source, *found)
        cache.catch_up()
        return cache

    @classmethod
    def built(cls, source: Source, *, wanted: Wanted = "auto", tell: Tell = lambda _: None) -> Self:
        """A new index of all windows, whatever lies in the folder."""
        generation = source.generation
        made = kinds.plan(source.n_windows, source.manifest.dimension, wanted=wanted)
        done = build(source, made, tell=tell)
        info = IndexInfo(
            archive=source.manifest.digest(),
            generation=generation,
            wanted=wanted,
            plan=made,
            n_windows=len(done.index),
            unseen=0,
            imbalance=done.index.imbalance(),
            recall=done.recall,
            queries=done.queries,
            faiss=faiss.__version__,
        )
        return cls(source, done.index, info)

    def __len__(self) -> int:
        return len(self._index)

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The most similar windows of the archive to each vector, (n, count), best first."""
        return self._index.search(vectors, count)

    def catch_up(self) -> None:
        """Take in what became of the archive since; a writer calls it after its changes."""
        generation = self._source.generation
        if generation == self.info.generation:
            return
        added = catch_up(self._index, self._source, since=self.info.generation)
        if len(self._index) != self._source.n_windows:
            raise ArchiveError(
                f"{_folder(self._source)} holds {len(self._index):,} windows, and the archive "
                f"{self._source.n_windows:,}; run `{cure(self._source.folder)}`"
            )
        self.info = replace(
            self.info,
            generation=generation,
            n_windows=len(self._index),
            unseen=self.info.unseen + added,
            file="",
            n_bytes=0,
            sha256="",
        )

    def save(self) -> None:
        """Write the index into the archive's folder; only who holds the archive's lock may."""
        if self.info.file:
            return
        folder = _folder(self._source)
        with named(folder, WRITTEN):
            folder.mkdir(exist_ok=True)
            _clear(folder, keep=_named_file(folder))  # of runs that were killed
        path = folder / f"{self.info.generation:012d}-{secrets.token_hex(4)}.faiss"
        sha256 = write_index(self._index.inner, path)
        saved = replace(self.info, file=path.name, n_bytes=path.stat().st_size, sha256=sha256)
        write_note(folder / NAME, asdict(saved))
        self.info = saved
        with named(folder, WRITTEN):
            _clear(folder, keep=path.name)

    def advice(self) -> str | None:
        """Why a rebuild is advisable, if it is: of another kind, or with lists learnt anew."""
        made, count = self.info.plan, len(self._index)
        best = kinds.plan(count, made.dimension, wanted=self.info.wanted)
        if kinds.KINDS.index(best.kind) > kinds.KINDS.index(made.kind):
            return f"a rebuild is advisable because `{best.kind}` now suits: {best.reason}"
        if not made.trained or not count:
            return None
        unseen = min(self.info.unseen, count) / count
        if unseen > MAX_UNSEEN:
            return (
                f"a rebuild is advisable because {unseen:.0%} of the windows came after the "
                f"index was trained, more than {MAX_UNSEEN:.0%}"
            )
        times = self._index.imbalance() / self.info.imbalance
        if times > MAX_IMBALANCE:
            return (
                f"a rebuild is advisable because searches read {times:.1f} times as much as "
                f"when it was built, more than {MAX_IMBALANCE:.1f}: its lists are unbalanced"
            )
        return None


def read_info(source: Source) -> IndexInfo | None:
    """What is known of the saved index, None if there is none; the index is not read."""
    path = _folder(source) / NAME
    content = read_note(path)
    if content is None:
        return None
    try:
        info = IndexInfo(**content | {"plan": Plan(**content["plan"])})
    except (TypeError, KeyError) as error:
        raise damaged(path, f"it is of another version of cqtnet, {error}") from error
    if info.archive != source.manifest.digest() or info.plan.dimension != source.manifest.dimension:
        raise ArchiveError(f"{path} belongs to another archive; run `{cure(source.folder)}`")
    if info.generation > source.generation:
        raise ArchiveError(
            f"{path} is newer than the archive, {info.generation} against {source.generation}; "
            f"open it again, and if that does not help, run `{cure(source.folder)}`"
        )
    return info


def _read(source: Source) -> tuple[FaissIndex, IndexInfo] | None:
    """The saved index; None where there is none, or its file was deleted."""
    info = read_info(source)
    while info is not None:
        path = _folder(source) / Path(info.file).name
        if path.exists():
            inner = read_index(
                path,
                sha256=info.sha256,
                kind=info.plan.kind,
                dimension=info.plan.dimension,
                n_windows=info.n_windows,
            )
            return index_of(inner, source, trained=info.plan.trained), info
        before, info = info, read_info(source)  # a writer may have put another in its place
        if info == before:
            return None
    return None


def _folder(source: Source) -> Path:
    return source.folder / FOLDER


def _named_file(folder: Path) -> str:
    """The file that is in use, "" where none can be told."""
    try:
        content = read_note(folder / NAME)
    except ArchiveError:
        return ""  # a rebuild replaces it
    return str(content["file"]) if content else ""


def _clear(folder: Path, *, keep: str) -> None:
    """Delete all files of ours but one index."""
    for path in [*folder.glob("*.faiss"), *folder.glob(".writing-*")]:
        if path.name != keep:
            path.unlink(missing_ok=True)
