"""Which line each moment of A follows: the best way through all lines, and nothing.

A frame counts for a line what `verify.agreement` says; to follow no line counts nothing, and each
change of lines costs. So a line is continued where another one agrees as well, as in music that
repeats itself, and a moment of A comes from one place of B at most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cqtnet.cqt import FRAMES_PER_SECOND
from verify.agreement import agreement
from verify.features import Features, Floats
from verify.places import Candidate
from verify.results import Line

CHANGE_COST_S = 0.35
"""A change of lines costs what so many seconds of agreement count at best."""
FAVOUR = 0.02
"""Share by which the line with most agreement in all is favoured."""
SAME_PLACE_S = 0.02
SAME_TEMPO = 0.004
NOTHING = -1


@dataclass(frozen=True)
class Passage:
    """Frames of A, from `first` up to `end`, that follow a line."""

    first: int
    end: int
    start_s: float  # halfway between two frames
    end_s: float
    line: Line

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.end_s - self.start_s


def passages(
    a: Features, b: Features, lines: Sequence[Candidate], *, usual: float
) -> list[Passage]:
    """The passages of A that follow a line each, in order; `usual` as for `agreement`."""
    if not lines:
        return []
    scores = agreement(a, b, lines, usual=usual)
    totals = np.array([np.maximum(row, 0).sum() for row in scores])
    scores *= (1 + FAVOUR * totals / max(float(totals.max()), 1e-9))[:, None]
    path = best_path(scores, cost=CHANGE_COST_S * usual * FRAMES_PER_SECOND)
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    middles = np.clip(np.array(edges) - 0.5, 0, len(path) - 1)  # the last frame is the end
    times_s = a.start_s + middles / FRAMES_PER_SECOND
    seconds = dict(zip(edges, times_s.tolist(), strict=True))
    found = [
        Passage(first, end, seconds[first], seconds[end], lines[path[first]].line)
        for first, end in pairwise(edges)
        if path[first] != NOTHING
    ]
    return _joined(found)


def best_path(scores: Floats, *, cost: float) -> NDArray[np.int64]:
    """The row of scores (lines, n) that each frame follows, or NOTHING, (n,).

    The sum of the scores along it, less `cost` for each change, is the highest there is.
    """
    n_lines, n = scores.shape
    total = np.zeros(n_lines + 1)
    total[:-1] = -cost
    came_from = np.empty((n, n_lines + 1), np.int16)
    frames = np.concatenate([scores, np.zeros((1, n), np.float32)]).T
    stay = np.arange(n_lines + 1)
    for frame in range(n):
        best = int(total.argmax())
        changed = total[best] - cost
        stays = total >= changed
        came_from[frame] = np.where(stays, stay, best)
        total = np.where(stays, total, changed) + frames[frame]
    path = np.empty(n, np.int64)
    state = int(total.argmax())
    for frame in range(n - 1, -1, -1):
        path[frame] = state
        state = int(came_from[frame, state])
    return np.where(path == n_lines, NOTHING, path)


def _joined(found: Sequence[Passage]) -> list[Passage]:
    """The passages, where neighbours on what is one line are one."""
    kept: list[Passage] = []
    for passage in found:
        if kept and kept[-1].end == passage.first and _run_on(kept[-1], passage):
            before = kept.pop()
            longer = max(before, passage, key=lambda p: p.duration_s)
            passage = Passage(before.first, passage.end, before.start_s, passage.end_s, longer.line)
        kept.append(passage)
    return kept


def _run_on(before: Passage, after: Passage) -> bool:
    one, other, at_s = before.line, after.line, after.start_s
    near = abs(one.to_b(at_s) - other.to_b(at_s)) < SAME_PLACE_S
    return near and abs(one.tempo / other.tempo - 1) < SAME_TEMPO
