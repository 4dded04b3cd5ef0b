"""An archive as a program uses it: recordings in, matches out."""

import os
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import TYPE_CHECKING, Self

from cqtnet import audio
from cqtnet.checkpoint import load_weights
from cqtnet.embed import Embedder
from cqtnet.errors import ArchiveError, InputError
from cqtnet.files import Closing
from verify.archive import is_archive
from verify.archive.add import Extract, Step, Summary, add_files, add_sound, extract, on_ray
from verify.archive.index import FOLDER, Searchable
from verify.archive.index.cache import check_index, open_index, save_index
from verify.archive.listing import audio_files
from verify.archive.results import Entry, Manifest, SearchResult
from verify.archive.search import search
from verify.archive.searcher import Searcher
from verify.archive.store import Store
from verify.comparison import Comparer
from verify.notebook import Brief
from verify.words import plural

if TYPE_CHECKING:
    from verify.archive.duplicates import Pair

WINDOW_S, HOP_S = 10.0, 5.0
"""Of new archives; windows of 8 to 10 s found altered fragments of 5 and of 10 s best."""


class Archive(Closing, Brief):
    """A folder of indexed recordings, open for searching or, by one process, for adding too.

    What cannot be done with it is an ArchiveError (an InputError, a ValueError): it is damaged,
    another process writes to it, its weights are others now.

    >>> with Archive.open_or_create("archive") as archive:
    ...     print(archive.add(["recordings/"]).sentence())
    ...     archive.search("fragment.wav").matches
    12 added; 0.70 h read in 9.1 s (277 × real time)
    (<Match: 0:00.00–0:10.00 is 0:20.00–0:30.00 of /music/song.wav, same, LR 720>,)
    """

    def __init__(self, store: Store, *, device: str = "auto") -> None:
        self.store, self._device = store, device

    @classmethod
    def create(
        cls, folder: str | os.PathLike[str], *, model: str = "default", window_s: float = WINDOW_S,
        hop_s: float = HOP_S, device: str = "auto",
    ) -> Self:  # fmt: skip
        """A new archive in a folder that is missing or empty, open for adding.

        `model` names shipped weights or the path of others. A window of `window_s` seconds begins
        every `hop_s` seconds.
        """
        weights = load_weights(model)
        size = weights.preset.embedding_size
        manifest = Manifest(model, weights.sha256, size, window_s, hop_s)
        return cls(Store.create(Path(folder), manifest), device=device)

    @classmethod
    def open(
        cls, folder: str | os.PathLike[str], *, write: bool = False, device: str = "auto"
    ) -> Self:
        """The archive in a folder, open for searching or, with `write`, for changing it too."""
        return cls(Store.open(Path(folder), write=write), device=device)

    @classmethod
    def open_or_create(
        cls, folder: str | os.PathLike[str], *, model: str = "default", device: str = "auto"
    ) -> Self:
        """The archive in a folder, or a new one; open for adding."""
        if is_archive(Path(folder)):
            return cls.open(folder, write=True, device=device)
        return cls.create(folder, model=model, device=device)

    def close(self) -> None:
        """Close all files and let others write."""
        index = self.__dict__.pop("index", None)
        if isinstance(index, Closing):  # a connection
            index.close()
        self.store.close()

    def __len__(self) -> int:
        return len(self.store)

    @property
    def _brief(self) -> str:
        try:
            hours = self.store.duration_s / 3600
            return f"{self.store.folder}, {plural(len(self), 'recording')}, {hours:.1f} h"
        except (ArchiveError, ProgrammingError):
            return f"{self.store.folder}, closed"

    def add(
        self, sources: "audio.Source | Iterable[audio.Source]", *, tags: Sequence[str] = (),
        jobs: int | None = None, rehash: bool = False, cluster: str | None = None,
        keep: bool = False, on_step: Callable[[Step], None] | None = None,
    ) -> Summary:  # fmt: skip
        """What became of recordings, and of the audio in folders and patterns; see `add_files`.

        A source is a path, a pattern, an open file, or samples and their rate; of the last two the
        sound is kept, for there is no file to read it from later. `jobs` files are read at once, by
        default one a processor; with `cluster`, the address of one, by its machines. With `keep`
        the sound itself is kept, too. `on_step` is called with each recording once it is safe. What
        cannot be used is listed in `failed` of the summary. The index is saved at the end, also of
        a run that is interrupted.

        >>> archive.add([(samples, 44100)], tags=["take 1"]).sentence()
        '1 added; 0.01 h read in 0.4 s (50 × real time)'
        """
        started, summary = time.monotonic(), Summary()
        several = audio.sources_of(sources)
        paths = [os.fsdecode(source) for source in several if audio.is_path(source)]
        sounds = [source for source in several if not audio.is_path(source)]

        def steps() -> Generator[Step]:
            if paths:
                there = cluster and on_ray(cluster, self.store.manifest, tags=tags, keep=keep)
                with there or nullcontext(self._here(tags, keep=keep)) as (read, at_once):
                    yield from add_files(
                        self.store, audio_files(paths), read, jobs=jobs or at_once, rehash=rehash,
                        keep=keep,
                    )  # fmt: skip
            if sounds:
                read, _ = self._here(tags, keep=True)
                yield from (add_sound(self.store, sound, read) for sound in sounds)

        try:
            with closing(steps()) as done:
                for step in done:
                    summary.count(step)
                    if on_step is not None:
                        on_step(step)
        finally:
            self._save_index()
        summary.elapsed_s = time.monotonic() - started
        return summary

    def _here(self, tags: Sequence[str], *, keep: bool) -> tuple[Extract, int]:
        """What reads a file on this machine, and how many it reads at once."""
        manifest = self.store.manifest
        embedder = self._of_this_archive(Embedder.named(manifest.model, device=self._device))
        read = partial(extract, embedder=embedder, manifest=manifest, tags=tags, keep=keep)
        return read, os.cpu_count() or 1

    def relocate(self, old: str, new: str) -> tuple[int, list[str]]:
        """How many files below one path lie below another now, and which others do not, and why.

        A file is the same if size and time of change are, or else its bytes.
        """
        old, new = (os.path.abspath(path) for path in (old, new))
        moves, problems = [], []
        for entry in self.store.entries():
            for path in entry.paths:
                if path != old and not path.startswith(os.path.join(old, "")):
                    continue
                known, there = self.store.by_path(path), new + path[len(old) :]
                try:
                    status = audio.FileStatus.of(there)
                    is_same = known is not None and known[1:] == status.noted
                    if not is_same and audio.file_sha256(there) != entry.sha256:
                        problems.append(f"{audio.shown(there)} holds other bytes")
                    else:
                        moves.append((path, there, *status.noted))
                except InputError as error:
                    problems.append(str(error))
        self.store.replace_paths(moves)
        return len(moves), problems

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove recordings for good, by number; their files are neither needed nor touched."""
        self.store.remove(recordings)
        self._save_index()

    def select(
        self, *, numbers: Sequence[int] = (), paths: Sequence[str] = (), text: str | None = None,
        tag: str | None = None,
    ) -> list[Entry]:  # fmt: skip
        """The recordings with these numbers or paths, or with a text in a path and a tag."""
        chosen = [self.store.entry(number) for number in numbers]
        for path in paths:
            known = self.store.by_path(path) or self.store.by_path(os.path.abspath(path))
            if known is None:
                raise ArchiveError(f"{self.store.folder} has no recording at {audio.shown(path)}")
            chosen.append(known[0])
        if text is not None or tag is not None:
            chosen += self.store.entries(text=text, tag=tag)
        elif not (numbers or paths):
            raise InputError("say which recordings: give --id, --path, --text or --tag")
        return list({entry.id: entry for entry in chosen}.values())

    def search(self, query: "audio.Source", *, min_log_lr: float | None = None) -> SearchResult:
        """Where a recording, or parts of a long one, lie in the archive.

        `query` is a path, an open file, or samples and their rate. `min_log_lr` is the least
        natural-log ratio of any match; without it, that depends on the query's length and the
        archive's size. For many queries use one `searcher`.

        >>> found = archive.search((samples, 44100))
        >>> found.answer, found.matches[0].path, found.matches[0].reference_start_s
        ('found', '/music/song.wav', 20.0)
        """
        return search(self.searcher(min_log_lr=min_log_lr), query)

    def duplicates(self, *, min_log_lr: float | None = None) -> "list[Pair]":
        """The recordings of the archive that share sound, two by two, and where.

        A file that cannot be read is an AudioWarning.

        >>> pair = archive.duplicates()[0]
        >>> pair.a.id, pair.b.id, pair.relation
        (1, 7, 'A within B')
        """
        from verify.archive.duplicates import Pair, duplicates  # here, for it needs this module

        found = list(duplicates(self, min_log_lr=min_log_lr))
        for problem in found:
            if not isinstance(problem, Pair):
                warnings.warn(str(problem), audio.AudioWarning, stacklevel=2)
        return [pair for pair in found if isinstance(pair, Pair)]

    def searcher(self, *, min_log_lr: float | None = None) -> Searcher:
        """What searches this archive, for many queries and for streams."""
        index = self.index  # first: it may open the store again
        return Searcher(self._comparer, self.store, index, min_log_lr=min_log_lr)

    @cached_property
    def index(self) -> Searchable:
        """The index of this archive, caught up with it."""
        while True:
            try:
                return open_index(self.store)
            except ArchiveError:
                # A writer may have saved a newer one since the store was opened: again, together.
                newer = Store.open(self.store.folder)
                if newer.generation == self.store.generation:
                    newer.close()
                    raise
                self.store.close()
                self.store = newer

    def _save_index(self) -> None:
        self.__dict__.pop("index", None)  # of before
        save_index(self.store)

    @cached_property
    def _comparer(self) -> Comparer:
        comparer = Comparer.named(self.store.manifest.model, device=self._device)
        self._of_this_archive(comparer.embedder)
        return comparer

    def _of_this_archive(self, embedder: Embedder) -> Embedder:
        manifest = self.store.manifest
        if embedder.sha256 != manifest.model_sha256:
            raise ArchiveError(
                f"{self.store.folder} was made with other weights than `{manifest.model}` is now "
                f"(SHA-256 {manifest.model_sha256[:12]}…, not {embedder.sha256[:12]}…); put those "
                "back, or index the recordings into a new archive"
            )
        return embedder


@dataclass(frozen=True)
class Problem:
    """Something of an archive that is not as it was written."""

    file: Path
    what: str


def check_archive(folder: Path, *, read_audio: bool = False) -> list[Problem]:
    """All of an archive that is not as it was written; with `read_audio`, files that changed too.

    The index is checked where one is kept, and the archive itself is sound.
    """
    with Store.open(folder, check=False) as store:
        problems = [Problem(store.path, what) for what in store.check()]
        if not problems and (what := check_index(store)):
            problems.append(Problem(store.folder / FOLDER, what))
        for entry in store.entries() if read_audio else ():
            for path in filter(os.path.isabs, entry.paths):  # others name what came from memory
                try:
                    is_same = audio.file_sha256(path) == entry.sha256
                    what = "" if is_same else "holds other bytes now"
                except InputError as error:
                    what = str(error).removeprefix(f"{path} ")
                if what:
                    problems.append(Problem(Path(path), f"recording {entry.id}: {what}"))
    return problems
