"""How well a probe finds its recording among candidates: top-k, mean reciprocal rank, mAP.

A query is a probe in one condition; its candidates are the references it was scored against.
Equal scores are ordered against the system: it is not credited for what it cannot tell apart.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.eer import Floats, finite
from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, draw, interval, numbered
from eval.trials import Scores

_DEPTHS = (1, 5, 10)
_NAMES = {
    **{f"top{depth}": f"top-{depth}" for depth in _DEPTHS},
    "mrr": "MRR",
    "mean_average_precision": "mAP",
}


@dataclass(frozen=True)
class Retrieval:
    """How many queries were asked of how many candidates, and the figures by key."""

    queries: int
    recordings: int
    fewest_candidates: int
    median_candidates: float
    most_candidates: int
    figures: Mapping[str, Figure]

    def __getitem__(self, key: str) -> Figure:
        return self.figures[key]

    def rows(self) -> list[tuple[str, Figure]]:
        """The figures by the names that people know."""
        return [(_NAMES[key], figure) for key, figure in self.figures.items()]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "queries": self.queries,
            "recordings": self.recordings,
            "fewest_candidates": self.fewest_candidates,
            "median_candidates": self.median_candidates,
            "most_candidates": self.most_candidates,
            "figures": {key: figure.to_dict() for key, figure in self.figures.items()},
        }


@dataclass(frozen=True, eq=False)
class Queries:
    """What came of each query that has a target and a nontarget among its candidates, (q,) each."""

    recording: NDArray[np.intp]  # numbered from 0
    candidates: NDArray[np.intp]
    first: NDArray[np.intp]  # rank of the first target, from 1
    average_precision: Floats  # mean over its targets of the share of targets down to their rank


def retrieve(scores: Scores, *, resamples: int = 1000, seed: int = 0) -> Retrieval | None:
    """The figures of retrieval; None where no probe has a target and a nontarget to choose from.

    The 95 % intervals are for other queries of the same candidates, by the query's recording.

    >>> retrieve(scores)["top1"].value
    0.97
    """
    queries = queries_of(scores)
    if not len(queries.first):
        return None
    found = {f"top{depth}": (queries.first <= depth).astype(np.float64) for depth in _DEPTHS}
    found |= {"mrr": 1 / queries.first, "mean_average_precision": queries.average_precision}
    count = int(queries.recording.max()) + 1
    drawn = draw(count, resamples, np.random.default_rng(seed))
    figures = {key: _figure(values, queries.recording, drawn) for key, values in found.items()}
    for depth in _DEPTHS:
        if queries.candidates.max() <= depth:
            reason = f"no query has more than {depth} candidates"
            figures[f"top{depth}"] = Figure(None, note=reason)
    return Retrieval(
        len(queries.first),
        count,
        int(queries.candidates.min()),
        float(np.median(queries.candidates)),
        int(queries.candidates.max()),
        figures,
    )


def queries_of(scores: Scores) -> Queries:
    """The queries in order of first appearance; those with nothing to get wrong are left out."""
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
    found = before - before[start][place] + 1  # targets down to here, where here is one
    precision = np.bincount(place[label], (found / rank)[label])
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
    """Mean of values (q,) in [0, 1], its interval by recording as `drawn` (b, recordings)."""
    mean, count = float(values.mean()), drawn.shape[1]
    if not len(drawn):
        return Figure(mean)
    if count < FEWEST_RECORDINGS:
        return Figure(mean, note=TOO_FEW)
    sums, number = np.bincount(recording, values), np.bincount(recording)
    low, high = (float(end) for end in interval(mean, drawn @ sums / (drawn @ number)))
    note = ""
    if mean in (0, 1):
        seen = "none missed: misses" if mean == 1 else "none found: hits"
        note = f"{seen} < 3/{count} (recordings)"
    # Failures as frequent as 3/N may be there unseen, and where all fail, so may successes.
    return Figure(
        mean,
        max(0.0, min(low, 1 - 3 / count)),
        min(1.0, max(high, 3 / count)),
        note,
        bound=mean == 1,
    )
