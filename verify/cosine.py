"""The paper's score: the cosine of two embeddings, where it is highest."""

import numpy as np

from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.embed import Embedder, Trace
from cqtnet.preset import MINIMUM_S, step_count
from verify.results import Hit

HOP_S = 1.0  # a window begins every second
ROWS_AT_ONCE = 1024  # windows of A whose cosines with all windows of B are held at once


def best_hit(embedder: Embedder, a: Trace, b: Trace) -> Hit:
    """The pair of windows with the highest cosine; windows are as long as the shorter recording.

    For two equally long fragments this is the paper's single cosine. A short fragment is compared
    with each window of a longer recording, and not with one embedding of all of it.

    >>> best_hit(embedder, embedder.read("a.flac"), embedder.read("b.flac")).cosine
    0.97
    """
    window_s = min(a.duration_s, b.duration_s)
    return best_hits(embedder, a, b, window_s=window_s, count=1)[0]


def best_hits(
    embedder: Embedder, a: Trace, b: Trace, *, window_s: float, hop_a_s: float = HOP_S, count: int
) -> list[Hit]:
    """The hits with the highest cosines, highest first, half a window apart in A or B at least."""
    windows_a = embedder.windows(a, window_s=window_s, hop_s=hop_a_s)
    windows_b = embedder.windows(b, window_s=window_s, hop_s=HOP_S)
    hits: list[Hit] = []
    for first in range(0, len(windows_a.vectors), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        cosines = windows_a.vectors[rows] @ windows_b.vectors.T
        # silence resembles silence, and means nothing
        cosines[~windows_a.has_content[rows]] = -1
        cosines[:, ~windows_b.has_content] = -1
        starts_a_s, starts_b_s = windows_a.start_s[rows], windows_b.start_s
        for _ in range(count):
            i, j = np.unravel_index(int(cosines.argmax()), cosines.shape)
            hit = Hit(float(cosines[i, j]), window_s, float(starts_a_s[i]), float(starts_b_s[j]))
            hits.append(hit)
            near_a = np.abs(starts_a_s - hit.a_start_s) < window_s / 2
            near_b = np.abs(starts_b_s - hit.b_start_s) < window_s / 2
            cosines[np.ix_(near_a, near_b)] = -np.inf
            if not np.isfinite(cosines).any():
                break
    return sorted(hits, key=lambda hit: -hit.cosine)[:count]


def aligned_cosine(
    embedder: Embedder,
    a: Trace,
    b: Trace,
    stretch_a_s: tuple[float, float],
    stretch_b_s: tuple[float, float],
) -> float:
    """The cosine of the embeddings of a stretch of A and one of B, to whole steps of the trunk."""
    parts = (_part(embedder, a, *stretch_a_s), _part(embedder, b, *stretch_b_s))
    one, other = (
        embedder.windows(part, window_s=part.duration_s, hop_s=part.duration_s).vectors[0]
        for part in parts
    )
    return float(one @ other)


def _part(embedder: Embedder, trace: Trace, start_s: float, end_s: float) -> Trace:
    """The steps nearest to a stretch, as a trace of its own."""
    stride = embedder.preset.stride_frames
    n_samples = round(max(MINIMUM_S, end_s - start_s) * SAMPLE_RATE)
    length = min(step_count(embedder.preset, n_samples), len(trace.steps))
    nearest = round(start_s * FRAMES_PER_SECOND / stride)
    first = min(max(0, nearest), len(trace.steps) - length)
    levels = trace.levels[first * stride : (first + length) * stride]
    return Trace(trace.steps[first : first + length], levels, n_samples)
