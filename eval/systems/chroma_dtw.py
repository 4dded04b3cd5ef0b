"""Baseline (b): chroma of the shorter recording, warped onto a stretch of the longer one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet.cqt import BINS_PER_OCTAVE, N_BINS
from eval.systems.interface import Description, Settings
from eval.systems.spectrum import relative_magnitudes

FRAMES_AVERAGED = 9  # CQT frames: 4.8 chroma frames a second
ROTATIONS = (np.arange(12)[:, None] + np.arange(12)) % 12  # row r: pitch classes moved by r


class ChromaDtwSystem:
    """Minus the mean cost of the best subsequence path, at the best of twelve rotations.

    The cost of two frames is 1 minus the correlation of their chroma, 0 of two silent ones.
    Paths take the steps (1, 1), (2, 1) and (1, 2), so that local tempo stays between half and
    double; a cell counts as often as its step moves on in the shorter recording, whose length the
    sum is divided by.
    """

    pairs_at_once = 5000  # some seconds
    columns = ()

    def __init__(self, settings: Settings) -> None:
        del settings  # no network
        self.parameters = {"frames_averaged": FRAMES_AVERAGED, "steps": "11 21 12"}

    def describe(self, path: Path) -> Description:
        """Chroma as of `chroma`, {"chroma": (frames, 12)}."""
        return {"chroma": chroma(relative_magnitudes(path))}

    def score(
        self, recordings: Sequence[Description], pairs: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Minus the mean path cost of each pair (n, 2), (n,): in [-2, 0]."""
        chromas = [recording["chroma"] for recording in recordings]
        return np.array([-path_cost(chromas[a], chromas[b]) for a, b in pairs.tolist()])


def chroma(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Chroma (frames, 12) of CQT magnitudes (84, T): centred, of length 1.

    A flat one, as of silence, is twelve equal numbers: 1 with its like, 0 with all others.
    """
    n_frames = magnitudes.shape[1] // FRAMES_AVERAGED
    cut = magnitudes[:, : n_frames * FRAMES_AVERAGED]
    octaves = cut.reshape(N_BINS // BINS_PER_OCTAVE, BINS_PER_OCTAVE, n_frames, FRAMES_AVERAGED)
    classes = octaves.mean(axis=(0, 3)).T
    centred = classes - classes.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.where(length > 1e-9, centred / np.maximum(length, 1e-9), np.sqrt(1 / 12))
    return np.asarray(unit, np.float32)


def path_cost(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean cost of the best path of the shorter chroma (n, 12) along the longer one, in [0, 2].

    Row by row: all rotations and all places of the longer recording at once.
    """
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
