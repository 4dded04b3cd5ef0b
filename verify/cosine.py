"""The paper's score: the cosine of two embeddings, at the place where it is highest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cqtnet.embed import Embedder, Trace


@dataclass(frozen=True)
class Similarity:
    """The best cosine of two recordings' windows, and where those windows start."""

    cosine: float  # in [-1, 1]
    window_s: float
    start_a_s: float
    start_b_s: float


def similarity(embedder: Embedder, a: Trace, b: Trace, *, hop_s: float = 1.0) -> Similarity:
    """The highest cosine of windows as long as the shorter recording.

    Of two equally long fragments that is the paper's single cosine. A short fragment is sought
    along the whole of a longer recording, instead of drowning in one embedding of all of it.

    >>> similarity(embedder, embedder.trace_file("a.flac"), embedder.trace_file("b.flac")).cosine
    0.97
    """
    window_s = min(a.duration_s, b.duration_s)
    windows_a, windows_b = (
        embedder.windows(trace, window_s=window_s, hop_s=hop_s) for trace in (a, b)
    )
    cosines = windows_a.vectors @ windows_b.vectors.T
    heard = windows_a.has_content[:, None] & windows_b.has_content[None]
    cosines = np.where(heard, cosines, -1.0)  # silence resembles silence, and means nothing
    i, j = np.unravel_index(int(cosines.argmax()), cosines.shape)
    return Similarity(
        float(cosines[i, j]), window_s, float(windows_a.start_s[i]), float(windows_b.start_s[j])
    )


def profile(
    embedder: Embedder, fragment: Trace, recording: Trace, *, hop_s: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Starts (n,) of the recording's windows and the fragment's cosine with each (n,)."""
    whole = embedder.windows(fragment, window_s=fragment.duration_s)
    windows = embedder.windows(recording, window_s=fragment.duration_s, hop_s=hop_s)
    return windows.start_s, windows.vectors @ whole.vectors[0]
