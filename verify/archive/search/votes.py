"""From windows that are alike to places: which recording, and where in it, a query agrees with.

Each hit, a window of the query and one of a recording that resemble each other, says where the
query would lie at each tempo. Where hits of several windows say the same, to what the hop of the
index leaves open, is a candidate.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verify.archive.results import Hits, recording_of, row_of

TEMPI = np.exp(np.linspace(np.log(0.7), np.log(1.5), 9))
"""Tempi that are tried; of what lies between, half a minute is within the tolerance."""
MARGIN_S = 1.0
"""How far, beyond half a hop, a window may lie from where it is expected."""
MOST_HITS = 64
"""Hits that are looked at of one recording, the best."""
PLACES = 2
"""Places of one recording, at most: music repeats itself."""

Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A moment of the query and one of a recording that are alike: the middles of two windows."""

    query_s: float
    reference_s: float
    cosine: float


@dataclass(frozen=True)
class Candidate:
    """A place in a recording where the query may lie."""

    recording: int
    score: float  # sum over the query's windows of their squared cosines there
    points: tuple[Point, ...]  # one for each window that agrees, the most alike first


@dataclass(frozen=True)
class _Ballot:
    """Hits of one recording."""

    recording: int
    window: NDArray[np.int64]  # (m,) of the query
    cosine: Seconds  # (m,)
    query_s: Seconds  # (m,) middles
    reference_s: Seconds  # (m,) middles
    most: float  # sum over the windows of their highest squares: no place has more


def vote(
    middles_s: Seconds,
    hits: Hits,
    window_middles_s: Callable[[int], Seconds],
    *,
    hop_s: float,
    count: int,
) -> list[Candidate]:
    """The places where a query's windows agree most, best first, at most `count`.

    `middles_s` (n,) are the middles of the query's windows, `hits` what each resembles, and
    `window_middles_s` gives the middles of all windows of a recording.
    """
    ballots = list(_ballots(middles_s, hits, window_middles_s))
    ballots.sort(key=lambda ballot: -ballot.most)
    found: list[Candidate] = []
    for ballot in ballots:
        if len(found) >= count and ballot.most < found[count - 1].score:
            break
        found += _places(ballot, reach_s=hop_s / 2 + MARGIN_S)
        found.sort(key=lambda candidate: -candidate.score)
    return found[:count]


def _ballots(
    middles_s: Seconds, hits: Hits, window_middles_s: Callable[[int], Seconds]
) -> Iterator[_Ballot]:
    """The hits of each recording."""
    windows, ranks = np.nonzero((hits.ids >= 0) & (hits.cosines > 0))
    if not len(windows):
        return
    ids = hits.ids[windows, ranks]
    cosines = hits.cosines[windows, ranks].astype(np.float64)
    recordings = recording_of(ids)
    order = np.lexsort((-cosines, recordings))
    edges = np.flatnonzero(np.diff(recordings[order])) + 1
    for rows in np.split(order, edges):
        best = rows[:MOST_HITS]
        recording = int(recordings[best[0]])
        highest = np.zeros(len(middles_s))
        np.maximum.at(highest, windows[best], np.square(cosines[best]))
        yield _Ballot(
            recording,
            windows[best],
            cosines[best],
            middles_s[windows[best]],
            window_middles_s(recording)[row_of(ids[best])],
            float(highest.sum()),
        )


def _places(ballot: _Ballot, *, reach_s: float) -> list[Candidate]:
    """The best places of one recording, apart from each other."""
    origin_s = float(np.median(ballot.query_s))
    places_s = ballot.reference_s - TEMPI[:, None] * (ballot.query_s - origin_s)  # (tempi, hits)
    near = np.abs(places_s[:, :, None] - places_s[:, None]) <= reach_s  # (tempi, places, hits)
    agreeing = np.where(near, np.square(ballot.cosine), 0.0)
    scores = np.zeros(places_s.shape)
    for window in np.unique(ballot.window):
        scores += agreeing[..., ballot.window == window].max(axis=-1)
    found: list[Candidate] = []
    while len(found) < PLACES and scores.max() > 0:
        tempo, place = np.unravel_index(int(scores.argmax()), scores.shape)
        points = _points(ballot, near[tempo, place])
        found.append(Candidate(ballot.recording, float(scores[tempo, place]), points))
        scores[np.abs(places_s - places_s[tempo, place]) <= 2 * reach_s] = 0
    return found


def _points(ballot: _Ballot, agrees: NDArray[np.bool_]) -> tuple[Point, ...]:
    """The best hit of each window among those that agree; a ballot has the best first."""
    rows = np.flatnonzero(agrees)
    first = np.sort(np.unique(ballot.window[rows], return_index=True)[1])
    return tuple(
        Point(float(ballot.query_s[i]), float(ballot.reference_s[i]), float(ballot.cosine[i]))
        for i in rows[first]
    )
