"""An archive in memory, with recordings whose windows resemble each other as real ones do."""

from pathlib import Path

import numpy as np

from verify.archive.results import Entry, Manifest, recording_of, row_of, window_ids

DIMENSION = 64


def manifest(created="2026-01-01"):
    return Manifest("cqtnet", "0" * 64, DIMENSION, 10.0, 5.0, created=created)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def run_of_windows(rng, n):
    """Vectors (n, DIMENSION) whose neighbours have cosines near 0.75, in the store's precision."""
    steps = rng.standard_normal((n, DIMENSION))
    for i in range(1, n):
        steps[i] = 0.56 * steps[i - 1] + 0.83 * steps[i]
    run = 0.66 * rng.standard_normal(DIMENSION) + 0.75 * steps
    return unit(run).astype(np.float16).astype(np.float32)


class MemoryStore:
    """What an index needs of a store."""

    def __init__(self, folder, *, seed=0):
        self.folder = Path(folder)
        self.manifest = manifest()
        self.generation = 0
        self.is_writable = True
        self._rng = np.random.default_rng(seed)
        self._next = 1
        self._held = {}
        self._log = []  # (generation, "added" or "removed", recording)

    def add(self, n_recordings, *, n_windows=20, number=None):
        """The numbers of so many new recordings."""
        self.generation += 1
        numbers = []
        for _ in range(n_recordings):
            self._next = number or self._next
            self._held[self._next] = run_of_windows(self._rng, n_windows)
            self._log.append((self.generation, "added", self._next))
            numbers.append(self._next)
            self._next += 1
        return numbers

    def remove(self, recordings):
        self.generation += 1
        for recording in recordings:
            del self._held[recording]
            self._log.append((self.generation, "removed", recording))

    def ids(self, recordings=None):
        chosen = self._held if recordings is None else recordings
        parts = [window_ids(number, len(self._held[number])) for number in chosen]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    @property
    def n_windows(self):
        return sum(map(len, self._held.values()))

    def entry(self, recording):
        return Entry(recording, "", (), 1.0, (), "", len(self._held[recording]))

    def vectors(self, ids):
        rows = [self._held[i][j] for i, j in zip(recording_of(ids), row_of(ids), strict=True)]
        return np.array(rows, np.float32).reshape(len(ids), DIMENSION)

    def batches(self, n_rows, recordings=None):
        ids = self.ids(recordings)
        for begin in range(0, len(ids), n_rows):
            some = ids[begin : begin + n_rows]
            yield some, self.vectors(some)

    def changes(self, generation):
        later = [(what, number) for when, what, number in self._log if when > generation]
        added = [n for what, n in later if what == "added" and n in self._held]
        return added, [n for what, n in later if what == "removed"]


def altered(vectors, rng, *, cosine=0.75):
    """The vectors with noise in all dimensions, at that cosine to what they were."""
    noise = rng.standard_normal(vectors.shape)
    noise -= (noise * vectors).sum(axis=1, keepdims=True) * vectors
    return unit(cosine * vectors + (1 - cosine**2) ** 0.5 * unit(noise))


def by_hand(store, queries):
    """The best window of each query, and its cosine, by comparing with every one."""
    ids = store.ids()
    cosines = queries @ store.vectors(ids).T
    return ids[cosines.argmax(axis=1)], cosines.max(axis=1)


def finds_everything(index, store):
    ids = store.ids()
    found = index.search(store.vectors(ids), 1).ids[:, 0]
    return len(index) == len(ids) and found.tolist() == ids.tolist()
