"""Baseline (a): the mean log-CQT of a recording, compared at every shift up to six semitones."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.systems.interface import Description, Settings
from eval.systems.spectrum import relative_magnitudes

MAX_SHIFT = 6  # bins, that is semitones
BLOCK = 1 << 15  # pairs whose vectors are gathered at once


class MeanCqtSystem:
    """The cosine of mean log-CQTs over the bins that both have, at the best of ±6 bins.

    A recording is the mean over time of log(1 + magnitude / mean magnitude), 84 numbers. Nothing
    is subtracted: all are positive, and scores lie in [0, 1].
    """

    pairs_at_once = 1 << 20
    columns = ()

    def __init__(self, settings: Settings) -> None:
        del settings  # no network
        self.parameters = {"max_shift_bins": MAX_SHIFT, "compression": "log(1 + m / mean)"}

    def describe(self, path: Path) -> Description:
        """The mean over time of every bin, {"levels": (84,)}."""
        return {"levels": np.log1p(relative_magnitudes(path)).mean(axis=1)}

    def score(
        self, recordings: Sequence[Description], pairs: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The best cosine of each pair (n, 2), (n,)."""
        levels = np.stack([recording["levels"] for recording in recordings])
        best = np.full(len(pairs), -np.inf)
        for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
            references = _unit(levels[:, max(0, -shift) : levels.shape[1] - max(0, shift)])
            probes = _unit(levels[:, max(0, shift) : levels.shape[1] - max(0, -shift)])
            for start in range(0, len(pairs), BLOCK):
                a, b = pairs[start : start + BLOCK].T
                cosines = np.einsum("nb,nb->n", references[a], probes[b])
                np.maximum(best[start : start + BLOCK], cosines, out=best[start : start + BLOCK])
        return best


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Vectors (n, bins) of length 1; one of nothing but zeros stays."""
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
