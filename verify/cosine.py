"""The paper's score: the cosine of two embeddings, at the place where it is highest."""

from dataclasses import dataclass

import numpy as np

from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.embed import Embedder, Trace
from cqtnet.model import MINIMUM_S, step_count

ROWS_AT_ONCE = 1024
"""Windows of A whose cosines with all windows of B are held at once."""


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
    return similarities(embedder, a, b, window_s=window_s, hop_s=hop_s, count=1)[0]


def similarities(
    embedder: Embedder,
    a: Trace,
    b: Trace,
    *,
    window_s: float,
    hop_s: float = 1.0,
    hop_a_s: float | None = None,
    count: int,
) -> list[Similarity]:
    """The highest cosines of windows, each of another place of B or A; highest first.

    `hop_a_s` is the hop in A where it is not that in B.
    """
    windows_a = embedder.windows(a, window_s=window_s, hop_s=hop_a_s or hop_s)
    windows_b = embedder.windows(b, window_s=window_s, hop_s=hop_s)
    found: list[Similarity] = []
    for first in range(0, len(windows_a.vectors), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        cosines = windows_a.vectors[rows] @ windows_b.vectors.T
        # silence resembles silence, and means nothing
        cosines[~windows_a.has_content[rows]] = -1
        cosines[:, ~windows_b.has_content] = -1
        for _ in range(count):
            i, j = np.unravel_index(int(cosines.argmax()), cosines.shape)
            start_a_s, start_b_s = float(windows_a.start_s[first + i]), float(windows_b.start_s[j])
            found.append(Similarity(float(cosines[i, j]), window_s, start_a_s, start_b_s))
            near_a = np.abs(windows_a.start_s[rows] - start_a_s) < window_s / 2
            near_b = np.abs(windows_b.start_s - start_b_s) < window_s / 2
            cosines[np.ix_(near_a, near_b)] = -np.inf
            if not np.isfinite(cosines).any():
                break
    return sorted(found, key=lambda s: -s.cosine)[:count]


def aligned_cosine(
    embedder: Embedder,
    a: Trace,
    b: Trace,
    stretch_a_s: tuple[float, float],
    stretch_b_s: tuple[float, float],
) -> float:
    """The cosine of the embeddings of one stretch of each, to whole steps of the trunk."""
    vectors = [
        embedder.windows(part, window_s=part.duration_s, hop_s=part.duration_s).vectors[0]
        for part in (_part(embedder, a, *stretch_a_s), _part(embedder, b, *stretch_b_s))
    ]
    return float(vectors[0] @ vectors[1])


def _part(embedder: Embedder, trace: Trace, start_s: float, end_s: float) -> Trace:
    """The steps nearest to a stretch, as a trace of its own."""
    stride = embedder.preset.stride_frames
    n_samples = round(max(MINIMUM_S, end_s - start_s) * SAMPLE_RATE)
    length = min(step_count(embedder.preset, n_samples), len(trace.steps))
    nearest = round(start_s * FRAMES_PER_SECOND / stride)
    first = min(max(0, nearest), len(trace.steps) - length)
    levels = trace.levels[first * stride : (first + length) * stride]
    return Trace(trace.steps[first : first + length], levels, n_samples)
