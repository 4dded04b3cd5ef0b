"""Every place where pieces of A are heard in B, once a tempo and a pitch are known.

At one tempo and shift the agreement of each moment of A with each moment of B is one product of
matrices; sums along its diagonals are how pieces of A agree with every place of B. Where they
peak, a line begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS, SILENCE_LEVEL
from verify.align import LEAST_ENERGY, Pieces, pieces_along, played_at, sample, shifted
from verify.features import COARSE_PER_SECOND, SPECTRA_PER_SECOND, STEP_CENTS, Features, Floats
from verify.results import Line

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


# What each moment of A speaks for or against a line: the changes of both there, and their spectra.
# A frame counts by how much its correlation is above a share of what is usual for the two
# recordings, times how much there is to hear. Changes tell when; spectra, ten times finer in pitch,
# tell repetitions of music apart, and quiet passages from foreign ones.

EVEN = 0.4
"""Share of the usual correlation at which a frame speaks neither for nor against a line."""
SMOOTH_FRAMES = 3
FLOOR_SHARE = 0.05
"""Share of the frames of A that are at its noise floor, if it has one."""
AT_FLOOR, DROWNED = 1.3, 0.7
"""Level over that floor of what is taken as nothing but noise, and of what drowns in it."""
BETWEEN_FRAMES = 0.8
"""Both are smoothed by so much, or a line that falls between frames of B would agree less."""
SPECTRA_WEIGHT = 0.5
"""What spectra count beside changes."""


def agreement(a: Features, b: Features, lines: Sequence[Candidate], *, usual: float) -> Floats:
    """What each frame of A counts for each line, (lines, n): about 1 at best; -inf elsewhere.

    `usual` is the correlation that A and B usually have where they are the same.
    """
    n = a.fine.shape[1]
    on_a = np.arange(n) / FRAMES_PER_SECOND
    fine_a, fine_b = (gaussian_filter1d(f.fine, BETWEEN_FRAMES, axis=1) for f in (a, b))
    floor = float(np.quantile(a.level, FLOOR_SHARE))
    scores = np.full((len(lines), n), -np.inf, np.float32)
    lowered: dict[float, tuple[Floats, Floats]] = {}
    for row, candidate in zip(scores, lines, strict=True):
        line = candidate.line
        on_b = line.to_b(a.start_s + on_a) - b.start_s
        inside = (on_b >= 0) & (on_b <= (b.fine.shape[1] - 1) / FRAMES_PER_SECOND)
        inside &= on_a >= candidate.a_start_s - a.start_s
        inside &= on_a <= candidate.a_end_s - a.start_s
        frames = np.flatnonzero(inside)
        if not frames.size:
            continue
        shift = line.shift_semitones
        if shift not in lowered:
            lowered[shift] = shifted(fine_a, -shift), _lowered(a.spectra, shift)
        fine, spectra = lowered[shift]
        heard = sample(fine_b, on_b[frames] * FRAMES_PER_SECOND)
        row[frames] = _of_changes(fine[:, frames], heard, even=EVEN * usual)
        row[frames] += SPECTRA_WEIGHT * _of_spectra(
            spectra, b.spectra, on_a[frames], on_b[frames], even=EVEN * usual
        )
        on_frames = np.rint(on_b[frames] * FRAMES_PER_SECOND).astype(int)
        unheard = _unheard(a.level[frames], b.level[on_frames], floor=floor)
        row[frames[unheard]] = np.maximum(0, row[frames[unheard]])
    return scores


def _unheard(level_a: Floats, level_b: Floats, *, floor: float) -> NDArray[np.bool_]:
    """Where nothing can be heard of what both would share, (n,).

    Both are silent, or A is at its noise floor and B is quieter than that.
    """
    drowned = (level_a < AT_FLOOR * floor) & (level_b < DROWNED * floor)
    return np.asarray(drowned | (np.maximum(level_a, level_b) < SILENCE_LEVEL))


def _of_changes(played: Floats, heard: Floats, *, even: float) -> Floats:
    """What changes (84, n) of A and of B count.

    Their correlation, not their product: beside something loud, changes are brought down.
    """
    products = np.einsum("bt,bt->t", played, heard)
    energy_a, energy_b = np.square(played).sum(axis=0), np.square(heard).sum(axis=0)
    near = [uniform_filter1d(x, SMOOTH_FRAMES) for x in (products, energy_a, energy_b)]
    floor = LEAST_ENERGY * N_BINS
    correlation = near[0] / np.maximum(np.sqrt(np.maximum(near[1] * near[2], 0)), floor)
    return np.asarray((correlation - even) * (energy_a + energy_b) / (2 * N_BINS), np.float32)


def _of_spectra(
    spectra_a: Floats,
    spectra_b: Floats,
    on_a: NDArray[np.float64],
    on_b: NDArray[np.float64],
    *,
    even: float,
) -> NDArray[np.float64]:
    """What spectra (n, steps) of both count at those seconds of A and of B."""
    step = 1 / SPECTRA_PER_SECOND
    times = np.arange(on_a[0], on_a[-1] + step, step)
    rows_a = sample(spectra_a.T, times * SPECTRA_PER_SECOND)
    rows_b = sample(spectra_b.T, np.interp(times, on_a, on_b) * SPECTRA_PER_SECOND)
    products = np.einsum("bt,bt->t", rows_a, rows_b)
    there = (np.square(rows_a).sum(axis=0) + np.square(rows_b).sum(axis=0)) / 2
    return np.asarray(np.interp(on_a, times, products - even * there))


def _lowered(spectra: Floats, semitones: float) -> Floats:
    """Spectra (n, steps) at a pitch so much lower."""
    steps = np.asarray(np.arange(spectra.shape[1]) + semitones * 100 / STEP_CENTS, np.float64)
    inside = (steps >= 0) & (steps <= spectra.shape[1] - 1)
    return np.asarray(sample(spectra, steps) * inside, np.float32)


# Which line each moment of A follows: the best way through all lines, and nothing.
# A frame counts for a line what `verify.follow` says; to follow no line counts nothing, and each
# change of lines costs. So a line is continued where another one agrees as well, as in music that
# repeats itself, and a moment of A comes from one place of B at most.

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
