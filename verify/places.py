"""Every place where pieces of A are heard in B, once a tempo and a pitch are known.

At one tempo and shift the agreement of each moment of A with each moment of B is one product of
matrices; sums along its diagonals are how pieces of A agree with every place of B. Where they
peak, a line begins.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from cqtnet.cqt import N_BINS
from verify.align import LEAST_ENERGY, played_at
from verify.features import COARSE_PER_SECOND, Features, Floats
from verify.results import Line
from verify.warp import Pieces, pieces_along, shifted

PIECE_S = 3.0
"""Pieces of A that are looked for."""
LEAST_CORRELATION = 0.35
BESIDE_BEST = 0.6
"""Places that agree less than that share of the best one of their moment are not looked at."""
PER_MOMENT = 4
HOP_FRAMES = 4
ROOM_S = 4.0
"""How far a line may go on beyond the pieces that were found on it."""
SAME_LAG = 1.5
"""Frames by which two lags may differ and be one."""
BLOCK_FRAMES = 1024
MOST_PLACES = 400
"""Of music that repeats itself all the time, the lines with most agreement are kept."""
EXACT_REACH_S = 0.1
EXACT_S = 10.0
"""How much of a line, around its middle, its exact place is taken from."""


@dataclass(frozen=True)
class Candidate:
    """A line, and the seconds of A in which it may hold."""

    line: Line
    a_start_s: float
    a_end_s: float


@dataclass
class _Run:
    """Pieces on one lag, one soon after the other."""

    first: float
    last: float
    lag_sum: float
    weight: float

    @property
    def lag(self) -> float:
        return self.lag_sum / self.weight


def candidates(a: Features, b: Features, line: Line) -> list[Candidate]:
    """All lines of this one's tempo and shift on which pieces of A agree with B."""
    played = shifted(played_at(a.coarse, line.tempo), -line.shift_semitones)
    heard = b.coarse
    room = line.tempo * ROOM_S * COARSE_PER_SECOND
    open_runs: list[_Run] = []
    runs: list[_Run] = []
    for begin in range(0, played.shape[1], BLOCK_FRAMES):
        correlations, first_lag = _block(played, heard, begin)
        for row in range(0, len(correlations), HOP_FRAMES):
            moment = begin + row
            still_open = [run for run in open_runs if moment - run.last <= room]
            runs += [run for run in open_runs if moment - run.last > room]
            open_runs = still_open
            for lag, strength in _peaks(correlations[row]):
                _enter(open_runs, moment, lag + first_lag, strength)
    runs = sorted(runs + open_runs, key=lambda run: -run.weight)[:MOST_PLACES]
    return [_candidate(run, a, b, line) for run in runs]


def _enter(runs: list[_Run], moment: float, lag: float, strength: float) -> None:
    """Put a peak on the run of its lag, or begin one."""
    for run in runs:
        if abs(run.lag - lag) <= SAME_LAG:
            run.last = moment
            run.lag_sum += strength * lag
            run.weight += strength
            return
    runs.append(_Run(moment, moment, strength * lag, strength))


def _candidate(run: _Run, a: Features, b: Features, line: Line) -> Candidate:
    """The line of a run, its place made exact, with the seconds in which it may hold."""
    offset_s = b.start_s - line.tempo * a.start_s + run.lag / COARSE_PER_SECOND
    line = replace(line, offset_s=float(offset_s))
    start_s, end_s = (
        a.start_s + frame / COARSE_PER_SECOND / line.tempo for frame in (run.first, run.last)
    )
    middle_s = (start_s + end_s) / 2
    half_s = float(np.clip((end_s - start_s) / 2, PIECE_S / 2, EXACT_S / 2))
    away_s = _away(a, b, line, middle_s - half_s, middle_s + half_s)
    line = replace(line, offset_s=line.offset_s + away_s)
    return Candidate(line, start_s - ROOM_S, end_s + ROOM_S)


def _away(a: Features, b: Features, line: Line, start_s: float, end_s: float) -> float:
    """How far a stretch of A lies from a line, in seconds of B."""
    pieces = pieces_between(a, b, line, start_s, end_s, reach_s=EXACT_REACH_S)
    if pieces is None:
        return 0.0
    weight = np.maximum(pieces.correlation, 0) ** 2 + 1e-6
    return float(np.average(pieces.b_s - line.to_b(pieces.a_s), weights=weight))


def pieces_between(
    a: Features, b: Features, line: Line, start_s: float, end_s: float, *, reach_s: float
) -> Pieces | None:
    """The pieces of a stretch of A, and where they lie in B near a line; None where too short."""
    part_b = b.part(line.to_b(start_s) - 2 * reach_s, line.to_b(end_s) + 2 * reach_s)
    return pieces_along(a.part(start_s, end_s), part_b, line, reach_s=reach_s)


def _block(played: Floats, heard: Floats, begin: int) -> tuple[Floats, int]:
    """Correlations (frames of A from `begin`, lags) of pieces with B, and what the first lag is."""
    length = round(PIECE_S * COARSE_PER_SECOND) | 1
    half = length // 2
    first, last = max(0, begin - half), min(played.shape[1], begin + BLOCK_FRAMES + half)
    some = played[:, first:last]
    rows, columns = some.shape[1], heard.shape[1]
    padded = np.zeros((rows, columns + 2 * (rows - 1)), np.float32)
    padded[:, rows - 1 : rows - 1 + columns] = some.T @ heard
    step, item = padded.strides
    diagonals = as_strided(padded, (rows, columns + rows - 1), (step + item, item))
    products = uniform_filter1d(diagonals, length, axis=0, mode="constant")
    energy_a = _smooth(np.square(some).sum(axis=0), length)
    energy_b = np.zeros(columns + 2 * (rows - 1), np.float32)
    energy_b[rows - 1 : rows - 1 + columns] = _smooth(np.square(heard).sum(axis=0), length)
    energy_b = as_strided(energy_b, products.shape, (item, item))
    floor = LEAST_ENERGY * N_BINS
    found = products / np.maximum(np.sqrt(energy_a[:, None] * energy_b), floor)
    kept = slice(begin - first, min(rows, begin - first + BLOCK_FRAMES))
    return np.asarray(found[kept]), -(rows - 1) - first


def _smooth(energy: Floats, length: int) -> Floats:
    near = uniform_filter1d(energy, length, mode="constant")
    return np.asarray(np.maximum(0, near), np.float32)


def _peaks(row: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Where correlations (lags,) peak, to a fraction of a lag, and how high; the best few."""
    inner = row[1:-1]
    least = max(LEAST_CORRELATION, BESIDE_BEST * float(inner.max(initial=0.0)))
    tops = np.flatnonzero((inner >= least) & (inner >= row[:-2]) & (inner > row[2:])) + 1
    tops = tops[np.argsort(-row[tops])][:PER_MOMENT]
    before, at, after = row[tops - 1], row[tops], row[tops + 1]
    fraction = 0.5 * (before - after) / np.minimum(before - 2 * at + after, -1e-6)
    return list(zip((tops + fraction).tolist(), at.tolist(), strict=True))
