"""Recordings that nobody made, to make an archive large: drawn from the statistics of real ones.

The mean of a drawn recording's windows lies between those of three real recordings that are alike,
and its windows leave it as theirs do. So windows of one recording hang together, and a window has
as many near ones as among real recordings. Its sketch is put together from pieces of real ones,
each moved to another pitch. There is no sound: a first look sees it, but nothing is ever proved.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cqtnet.errors import ManifestError
from verify.archive.keeping import Sketch
from verify.archive.results import NewRecording, Vectors, window_ids
from verify.archive.store import Store
from verify.features import Floats

ALIKE = 8  # recordings most like one, from which two are drawn to mix it with
LEAST_WINDOWS = 4  # with fewer, a recording does not tell how windows hang together
PIECE_FRAMES = 80  # of a sketch: 7.5 s
MOST_SHIFT = 6  # semitones by which a piece is moved
AT_ONCE = 20_000  # windows that are written together


@dataclass(frozen=True)
class Parents:
    """Real recordings: their windows, where these begin, and their sketches."""

    vectors: list[Vectors]
    start_s: list[np.ndarray]
    sketches: list[Floats]

    @classmethod
    def of(cls, store: Store) -> "Parents":
        """Those of an archive that have windows enough."""
        entries = [e for e in store.entries() if e.n_windows >= LEAST_WINDOWS and e.n_sketches]
        if len(entries) <= ALIKE:
            raise ManifestError(f"windows are drawn from over {ALIKE} recordings of 25 s or more")
        return cls(
            [store.vectors(window_ids(e.id, e.n_windows)) for e in entries],
            [store.start_s(e.id) for e in entries],
            [Sketch.unpacked(store.sketch(e.id, 0, e.n_sketches)).coarse for e in entries],
        )


def fill(folder: Path, parents: Path, n_windows: int) -> None:
    """An archive of at least so many windows, drawn from those of another one."""
    with Store.open(parents) as source:
        drawn = draw(Parents.of(source), source.manifest.window_s)
        manifest = replace(source.manifest, created="")
    with Store.create(folder, manifest) as store:
        while store.n_windows < n_windows:
            some: list[NewRecording] = []
            left = min(AT_ONCE, n_windows - store.n_windows)
            while left > 0:
                some.append(next(drawn))
                left -= len(some[-1].start_s)
            store.add(some)


def draw(parents: Parents, window_s: float) -> Iterator[NewRecording]:
    """Recordings without end, always the same ones."""
    rng = np.random.default_rng(0)
    means = np.stack([vectors.mean(axis=0) for vectors in parents.vectors])
    lengths = np.linalg.norm(means, axis=1)
    likeness = (means @ means.T) / np.outer(lengths, lengths)
    np.fill_diagonal(likeness, -1)
    alike = np.argsort(-likeness, axis=1)[:, :ALIKE]
    number = 0
    while True:
        own = int(rng.integers(len(means)))
        three = np.array([own, *rng.choice(alike[own], 2, replace=False)])
        mean = rng.dirichlet(np.ones(3)) @ means[three]
        mean *= lengths[own] / np.linalg.norm(mean)
        start_s = parents.start_s[own]
        vectors = np.tile(mean, (len(start_s), 1))
        for share, parent in zip(rng.dirichlet(np.ones(3)), rng.permutation(three), strict=True):
            moves = parents.vectors[parent] - means[parent]
            rows = (rng.integers(len(moves)) + np.arange(len(start_s))) % len(moves)
            vectors += share**0.5 * moves[rows]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors.astype(np.float32)
        sketch = _sketch(parents.sketches, parents.sketches[own].shape[1], rng)
        name = hashlib.sha256(f"drawn {number}".encode()).hexdigest()
        end_s = float(start_s[-1]) + window_s
        yield NewRecording(f"/drawn/{number}", name, 1, 1, end_s, (), vectors, start_s, sketch)
        number += 1


def _sketch(sketches: list[Floats], n_frames: int, rng: np.random.Generator) -> tuple[bytes, ...]:
    """A sketch, packed, of pieces of others."""
    pieces, left = list[Floats](), n_frames
    while left > 0:
        other = sketches[int(rng.integers(len(sketches)))]
        length = min(left, PIECE_FRAMES, other.shape[1])
        begin = int(rng.integers(other.shape[1] - length + 1))
        shift = int(rng.integers(-MOST_SHIFT, MOST_SHIFT + 1))
        pieces.append(np.roll(other[:, begin : begin + length], shift, axis=0))
        left -= length
    return Sketch(np.concatenate(pieces, axis=1)).packed()
