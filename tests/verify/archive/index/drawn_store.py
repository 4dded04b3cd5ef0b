"""Archives of recordings whose windows resemble each other as real ones do, drawn at random."""

import secrets

import numpy as np

from verify.archive.results import Manifest, NewRecording, window_ids
from verify.archive.store import Store

DIMENSION = 64
MANIFEST = Manifest("cqtnet", "0" * 64, DIMENSION, 10.0, 5.0)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def run_of_windows(rng, n):
    """Vectors (n, DIMENSION) whose neighbours have cosines near 0.75, in the store's precision."""
    steps = rng.standard_normal((n, DIMENSION))
    for i in range(1, n):
        steps[i] = 0.56 * steps[i - 1] + 0.83 * steps[i]
    run = 0.66 * rng.standard_normal(DIMENSION) + 0.75 * steps
    return unit(run).astype(np.float16).astype(np.float32)


class DrawnStore(Store):
    """A store that draws what it holds."""

    def __init__(self, *places):
        super().__init__(*places)
        self.rng = np.random.default_rng(0)

    def draw(self, n_recordings, *, n_windows=20, number=None):
        """The numbers of so many new recordings, of which the first may be given."""
        if number:
            with self._change() as change:
                change.next_recording = number
        drawn = [run_of_windows(self.rng, n_windows) for _ in range(n_recordings)]
        start_s = 5.0 * np.arange(n_windows)
        names = [secrets.token_hex(32) for _ in drawn]
        return [entry.id for entry in self.add([
            NewRecording(name, name, 1, 1, 5.0 * n_windows, (), vectors, start_s)
            for name, vectors in zip(names, drawn, strict=True)
        ])]  # fmt: skip

    def ids(self, recordings=None):
        entries = self.entries() if recordings is None else map(self.entry, recordings)
        parts = [window_ids(entry.id, entry.n_windows) for entry in entries]
        return np.concatenate([np.zeros(0, np.int64), *parts])


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
