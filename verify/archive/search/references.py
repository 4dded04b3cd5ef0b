"""Recordings of an archive, read again where a query may lie in them."""

import math
import os
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.embed import Embedder
from cqtnet.errors import InputError
from verify.archive.results import Entry
from verify.archive.search.sound import Sound

KEPT = 24
"""Excerpts that are kept with what was computed of them: 2 MB each, of half a minute."""
WHOLE_S = 120.0
"""Recordings up to this length are decoded whole, and kept for further excerpts,"""
KEPT_S = 1800.0
"""as long as all together last no longer than this: 160 MB."""
GRID_S = 5.0
"""Excerpts begin and end on this grid, so that the same one is asked for again."""


class Entries(Protocol):
    """What is asked of an archive's store."""

    def entry(self, recording: int) -> Entry:
        """What is known of a recording."""

    def start_s(self, recording: int) -> NDArray[np.float64]:
        """When each of its windows begins, (n,)."""

    def by_path(self, path: str) -> tuple[Entry, int, int] | None:
        """The recording at a path, with the file's size and time of change when it was read."""


class UnreadableError(InputError):
    """A file of the archive that cannot be compared with; says why."""


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a recording, read from its file."""

    entry: Entry
    path: str
    sound: Sound


class References:
    """The recordings of an archive, as far as their files are where and what they were."""

    def __init__(self, entries: Entries, embedder: Embedder) -> None:
        self._entries, self._embedder = entries, embedder
        self._paths: dict[int, str] = {}  # found to be as they were
        self._kept: OrderedDict[tuple[int, float, float], Excerpt] = OrderedDict()
        self._whole: OrderedDict[int, Sound] = OrderedDict()

    def excerpt(self, recording: int, start_s: float, end_s: float) -> Excerpt:
        """A stretch of a recording that holds at least this one, or what there is of it."""
        entry = self._entries.entry(recording)
        first_s = max(0.0, math.floor(start_s / GRID_S) * GRID_S)
        last_s = min(entry.duration_s, math.ceil(end_s / GRID_S) * GRID_S)
        key = recording, first_s, last_s
        if key not in self._kept:
            self._kept[key] = self._read(entry, first_s, last_s)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _read(self, entry: Entry, first_s: float, last_s: float) -> Excerpt:
        path = self._path(entry)
        if entry.duration_s > WHOLE_S:
            return Excerpt(entry, path, self._decoded(entry, path, first_s, last_s - first_s))
        if entry.id not in self._whole:
            self._whole[entry.id] = self._decoded(entry, path, 0.0, None)
        self._whole.move_to_end(entry.id)
        sound = self._whole[entry.id]
        while sum(whole.duration_s for whole in self._whole.values()) > KEPT_S:
            self._whole.popitem(last=False)
        return Excerpt(entry, path, sound.part(first_s, last_s))

    def _decoded(self, entry: Entry, path: str, start_s: float, duration_s: float | None) -> Sound:
        try:
            with warnings.catch_warnings():  # they were given when it was added
                warnings.simplefilter("ignore", audio.AudioWarning)
                samples = audio.load(path, start_s=start_s, duration_s=duration_s)
        except (InputError, OSError) as error:
            self._paths.pop(entry.id, None)
            raise UnreadableError(f"{path} cannot be read any more: {error}") from error
        return Sound(start_s, samples, self._embedder)

    def _path(self, entry: Entry) -> str:
        """A file that holds a recording as it was added."""
        if entry.id not in self._paths:
            lacks = []
            for path in entry.paths:
                lack = self._lack(entry, path)
                if not lack:
                    self._paths[entry.id] = path
                    break
                lacks.append(lack)
            else:
                raise UnreadableError("; ".join(lacks) or "the archive knows no file of it")
        return self._paths[entry.id]

    def _lack(self, entry: Entry, path: str) -> str:
        """Why a file is not what was added; empty where it is."""
        try:
            found = Path(os.fsdecode(path)).stat()
        except OSError as error:
            return f"{path} cannot be opened: {error.strerror}"
        known = self._entries.by_path(path)
        if known is not None and known[1:] == (found.st_size, found.st_mtime_ns):
            return ""
        if audio.file_sha256(path) == entry.sha256:  # copied or touched, but the same bytes
            return ""
        return f"{path} is not the file that was added; add it again"
