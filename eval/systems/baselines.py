"""Baselines without a network: (a) the mean log-CQT, and (b) chroma, warped onto each other."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.cqt import BINS_PER_OCTAVE, N_BINS, Cqt
from cqtnet.eer import Floats
from eval.systems import Description, Pairs, System, require_length

MAX_SHIFT = 6
"""Bins, that is semitones, by which one mean log-CQT is moved against the other."""
PAIRS_IN_MEMORY = 1 << 15
FRAMES_AVERAGED = 9
"""CQT frames in a chroma frame: 4.8 chroma frames a second."""
ROTATIONS = (np.arange(12)[:, None] + np.arange(12)) % 12  # row r: pitch classes moved by r


def relative_magnitudes(path: Path) -> NDArray[np.float32]:
    """CQT magnitudes (84, frames) of a file over their own mean: no gain changes them."""
    samples = audio.load(path)
    audio.require_content(samples, name=audio.shown(path))
    require_length(len(samples), path)
    magnitudes = _transform()(samples[None])[0]
    return np.asarray(magnitudes / max(float(magnitudes.mean()), 1e-12))


_transform = cache(Cqt)


class MeanCqtSystem(System):
    """The cosine of mean log-CQTs over the bins that both have, at the best of ±6 bins.

    A recording is the mean over time of log(1 + magnitude / mean magnitude), 84 numbers. No mean
    is subtracted: all are positive, and scores lie in [0, 1].
    """

    pairs_at_once = 1 << 20
    parameters: Mapping[str, Any] = {
        "max_shift_bins": MAX_SHIFT,
        "compression": "log(1 + m / mean)",
    }

    def describe(self, path: Path) -> Description:
        """The mean over time of every bin, {"levels": (84,)}."""
        return {"levels": np.log1p(relative_magnitudes(path)).mean(axis=1)}

    def score(self, recordings: Sequence[Description], pairs: Pairs) -> Floats:
        """The best cosine of each pair (n, 2), (n,)."""
        levels = np.stack([recording["levels"] for recording in recordings])
        n_bins = levels.shape[1]
        best = np.full(len(pairs), -np.inf)
        for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
            references = _unit(levels[:, max(0, -shift) : n_bins - max(0, shift)])
            probes = _unit(levels[:, max(0, shift) : n_bins - max(0, -shift)])
            for start in range(0, len(pairs), PAIRS_IN_MEMORY):
                block = slice(start, start + PAIRS_IN_MEMORY)
                a, b = pairs[block].T
                cosines = np.einsum("nb,nb->n", references[a], probes[b])
                best[block] = np.maximum(best[block], cosines)
        return best


def _unit(vectors: NDArray[np.float32]) -> Floats:
    """Vectors (n, bins) of length 1; a vector of zeros stays."""
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


class ChromaDtwSystem(System):
    """Minus the mean cost of the best path of the shorter recording along the longer one.

    The best of twelve rotations of the chroma counts. The cost of two frames is 1 minus the
    correlation of their chroma. Steps are (1, 1), (2, 1) and (1, 2), so local tempo stays between
    half and double; a cell counts once for each frame of the shorter recording that its step moves
    on.
    """

    pairs_at_once = 5000  # some seconds
    parameters: Mapping[str, Any] = {"frames_averaged": FRAMES_AVERAGED, "steps": "11 21 12"}

    def describe(self, path: Path) -> Description:
        """The chroma of a file, {"chroma": (frames, 12)}."""
        return {"chroma": chroma(relative_magnitudes(path))}

    def score(self, recordings: Sequence[Description], pairs: Pairs) -> Floats:
        """Minus the mean path cost of each pair (n, 2), (n,): in [-2, 0]."""
        chromas = [recording["chroma"] for recording in recordings]
        return np.array([-path_cost(chromas[a], chromas[b]) for a, b in pairs.tolist()])


def chroma(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chroma (frames, 12) of CQT magnitudes (84, T): centred, of length 1; flat ones are equal."""
    n_frames = magnitudes.shape[1] // FRAMES_AVERAGED
    cut = magnitudes[:, : n_frames * FRAMES_AVERAGED]
    octaves = cut.reshape(N_BINS // BINS_PER_OCTAVE, BINS_PER_OCTAVE, n_frames, FRAMES_AVERAGED)
    classes = octaves.mean(axis=(0, 3)).T
    centred = classes - classes.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.where(length > 1e-9, centred / np.maximum(length, 1e-9), np.sqrt(1 / 12))
    return np.asarray(unit, np.float32)


def path_cost(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean cost of the best path of the shorter chroma (n, 12) along the longer one, in [0, 2]."""
    query, along = (a, b) if len(a) <= len(b) else (b, a)
    rotated = query[:, ROTATIONS]  # (n, 12 rotations, 12)
    before, last = (np.full((12, len(along) + 2), np.inf, np.float32) for _ in range(2))
    last[:, 2:] = 1 - rotated[0] @ along.T
    for row in rotated[1:]:
        cost = 1 - row @ along.T
        cells = np.full_like(last, np.inf)
        one_row = np.minimum(last[:, 1:-1], last[:, :-2]) + cost
        cells[:, 2:] = np.minimum(one_row, before[:, 1:-1] + 2 * cost)
        before, last = last, cells
    return float(last.min()) / len(query)
