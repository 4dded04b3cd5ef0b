"""A small archive in memory, made of music that is composed for it."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE, audio
from cqtnet.music import make_music
from verify.archive.results import Entry, Hits, Ids, Manifest, Vectors, window_ids
from verify.archive.searcher import Searcher
from verify.comparison import Comparer

SEEDS = (11, 12, 13, 14)
DURATION_S = 40.0
WINDOW_S, HOP_S = 10.0, 5.0


@cache
def comparer() -> Comparer:
    """The one comparer of these tests."""
    return Comparer.named("default", device="cpu")


@cache
def music(seed: int) -> np.ndarray:
    """A piece, of DURATION_S."""
    return make_music(seed, duration_s=DURATION_S)


def altered(samples: np.ndarray, *, tempo: float, shift_semitones: float) -> np.ndarray:
    """Samples at another pitch, then at another tempo."""
    shifted = Pitch(shift_semitones).apply(samples, SAMPLE_RATE).samples
    return Tempo(tempo).apply(shifted, SAMPLE_RATE).samples


def seconds(samples: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """A stretch of samples."""
    return samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


class SmallArchive:
    """What searching asks of a store and of an index, by brute force."""

    def __init__(self, folder: Path, seeds: tuple[int, ...] = SEEDS) -> None:
        size = comparer().embedder.preset.embedding_size
        self.manifest = Manifest("default", "0" * 64, size, WINDOW_S, HOP_S)
        self.known: dict[int, tuple[Entry, int, int]] = {}
        self.starts: dict[int, np.ndarray] = {}
        vectors, ids = [], []
        for recording, seed in enumerate(seeds, start=1):
            path = folder / f"{seed}.wav"
            soundfile.write(path, music(seed), SAMPLE_RATE)
            windows = _windows(seed)
            entry = Entry(
                recording, audio.file_sha256(path), (str(path),), DURATION_S, (str(seed),), "",
                len(windows.start_s),
            )  # fmt: skip
            found = path.stat()
            self.known[recording] = entry, found.st_size, found.st_mtime_ns
            self.starts[recording] = windows.start_s
            vectors.append(windows.vectors)
            ids.append(window_ids(recording, len(windows.start_s)))
        self.vectors, self.ids = np.concatenate(vectors), np.concatenate(ids)
        self.n_windows = len(self.ids)

    def entry(self, recording: int) -> Entry:
        return self.known[recording][0]

    def start_s(self, recording: int) -> np.ndarray:
        return self.starts[recording]

    def by_path(self, path: str) -> tuple[Entry, int, int] | None:
        return next((known for known in self.known.values() if path in known[0].paths), None)

    def search(self, vectors: Vectors, count: int) -> Hits:
        cosines = vectors @ self.vectors.T
        best = np.argsort(-cosines, axis=1)[:, :count]
        found: Ids = self.ids[best]
        room = ((0, 0), (0, count - best.shape[1]))
        return Hits(
            np.pad(np.take_along_axis(cosines, best, 1), room, constant_values=-np.inf),
            np.pad(found, room, constant_values=-1),
        )

    def also_at(self, recording: int, path: Path) -> None:
        """Note another place of a recording, whose file was not looked at since."""
        entry, size, modified_ns = self.known[recording]
        self.known[recording] = replace(entry, paths=(*entry.paths, str(path))), size, modified_ns


@cache
def _windows(seed: int):
    embedder = comparer().embedder
    return embedder.windows(embedder.trace(music(seed)), window_s=WINDOW_S, hop_s=HOP_S)


def searcher_of(archive: SmallArchive, *, min_log_lr: float | None = None) -> Searcher:
    """A searcher of a small archive."""
    return Searcher(comparer(), archive, archive, min_log_lr=min_log_lr)
