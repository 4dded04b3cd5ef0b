"""How well a probe finds its recording among candidates: top-k, mean reciprocal rank, mAP.

A query is a probe in one condition; its candidates are the references it was scored against.
Of equal scores, nontargets are ranked first: a system gets no credit for what it cannot tell apart.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cqtnet.eer import Floats, finite
from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, FigureTable, draw, interval, numbered
from eval.trials import Scores

DEPTHS = (1, 5, 10)
NAMES = {f"top{depth}": f"top-{depth}" for depth in DEPTHS}
NAMES |= {"mrr": "MRR", "mean_average_precision": "mAP"}


@dataclass(frozen=True)
class Retrieval(FigureTable):
    """The figures of retrieval, and how many queries had how many candidates."""

    queries: int
    recordings: int
    fewest_candidates: int
    median_candidates: float
    most_candidates: int


@dataclass(frozen=True, eq=False)
class Queries:
    """The result of each query with a target and a nontarget among its candidates, (q,) each."""

    recording: NDArray[np.intp]  # numbered from 0
    candidates: NDArray[np.intp]
    first: NDArray[np.intp]  # rank of the first target, from 1
    average_precision: Floats  # mean over its targets of the share of targets down to their rank


def retrieve(scores: Scores, *, resamples: int = 1000, seed: int = 0) -> Retrieval | None:
    """The figures of retrieval, with intervals by the query's recording; None without any query.

    >>> retrieve(scores)["top1"].value
    0.97
    """
    queries = queries_of(scores)
    if not len(queries.first):
        return None
    values = {f"top{depth}": (queries.first <= depth).astype(np.float64) for depth in DEPTHS}
    values |= {"mrr": 1 / queries.first, "mean_average_precision": queries.average_precision}
    count = int(queries.recording.max()) + 1
    drawn = draw(count, resamples, np.random.default_rng(seed))
    figures = {key: _figure(value, queries.recording, drawn) for key, value in values.items()}
    candidates = queries.candidates
    for depth in DEPTHS:
        if candidates.max() <= depth:
            reason = f"no query has more than {depth} candidates"
            figures[f"top{depth}"] = Figure(None, note=reason)
    numbers = int(candidates.min()), float(np.median(candidates)), int(candidates.max())
    return Retrieval(figures, NAMES, len(queries.first), count, *numbers)


def queries_of(scores: Scores) -> Queries:
    """The queries in order of first appearance, without those of targets or nontargets only."""
    finite(f"{scores.path}: scores", scores.score)
    query = numbered(zip(scores.condition.tolist(), scores.probe.tolist(), strict=True))
    targets = np.bincount(query, scores.label)
    kept = ((targets > 0) & (targets < np.bincount(query)))[query]
    order = np.flatnonzero(kept)
    order = order[np.lexsort((scores.label[order], -scores.score[order], query[order]))]
    label = scores.label[order]
    _, start, place, candidates = np.unique(
        query[order], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(len(order)) - start[place] + 1
    before: NDArray[np.intp] = np.cumsum(label) - label
    targets_so_far = before - before[start][place] + 1  # down to here, if here is a target
    precision = np.bincount(place[label], (targets_so_far / rank)[label])
    first = np.full(len(start), len(order))
    np.minimum.at(first, place[label], rank[label])
    recording = numbered(scores.recording[order][start].tolist())
    return Queries(recording, candidates, first, precision / np.bincount(place[label]))


def mean_by_recording(
    values: Floats, recordings: Sequence[Hashable], *, resamples: int = 1000, seed: int = 0
) -> Figure:
    """The mean of values (q,) in [0, 1], and its 95 % interval by recording."""
    numbers = numbered(recordings)
    drawn = draw(int(numbers.max()) + 1, resamples, np.random.default_rng(seed))
    return _figure(values, numbers, drawn)


def _figure(values: Floats, recording: NDArray[np.intp], drawn: Floats) -> Figure:
    """Mean of values (q,) in [0, 1], with its interval for `drawn` recordings (b, recordings)."""
    mean, count = float(values.mean()), drawn.shape[1]
    if not len(drawn):
        return Figure(mean)
    if count < FEWEST_RECORDINGS:
        return Figure(mean, note=TOO_FEW)
    sums, number = np.bincount(recording, values), np.bincount(recording)
    low, high = (float(end) for end in interval(mean, drawn @ sums / (drawn @ number)))
    # Failures may occur unseen at a rate of 3/N, and so may successes if all fail.
    low, high = max(0.0, min(low, 1 - 3 / count)), min(1.0, max(high, 3 / count))
    note = ""
    if mean in (0, 1):
        seen = "none missed: misses" if mean == 1 else "none found: hits"
        note = f"{seen} < 3/{count} (recordings)"
    return Figure(mean, low, high, note, bound=mean == 1)
