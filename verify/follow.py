"""Which line each moment of A follows, once a tempo and a pitch are known.

1. `find_candidates`: the agreement of all moments of A and of B is one product of matrices. Sums
   along its diagonals say how windows agree. Each peak of these sums is a hit, and hits that
   follow each other on one diagonal are a candidate.
2. `agreement`: a frame of A counts for a line by how much its correlation is above a share of
   what is usual for A and B, times how much there is to hear. Changes say when; spectra, ten
   times finer in pitch, tell repetitions of music apart, and quiet parts from foreign ones.
3. `follow`: the best path through all candidates and nothing, where nothing counts 0 and each
   change of lines costs. So a line goes on where another one agrees no better, as in music that
   repeats itself, and each moment of A comes from one place of B at most.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS, SILENCE_LEVEL
from verify.align import LEAST_ENERGY, Candidate, hits_within
from verify.features import (
    COARSE_PER_SECOND,
    SPECTRA_PER_SECOND,
    STEP_CENTS,
    Features,
    Floats,
    Values,
    played_at,
    rows_at,
    sample,
    shifted,
)
from verify.results import Line, Stretch

Part = TypeVar("Part", Candidate, Stretch)

LOOKED_FOR_S = 3.0  # length of the windows of A that are looked for in B
LEAST_CORRELATION, SHARE_OF_BEST = 0.35, 0.6  # of a hit, and by that of the best hit of its moment
HITS_PER_MOMENT = 4
HOP_FRAMES = 4  # coarse frames of A from one window that is looked for to the next
ROOM_S = 4.0  # by so much a candidate goes on beyond its hits, and so far apart these may be
SAME_LAG = 1.5  # coarse frames by which the lags of hits may differ and be one
BLOCK_FRAMES = 1024  # coarse frames of A whose correlations with all of B are held at once
MOST_CANDIDATES = 400  # of music that repeats itself all the time, the strongest ones are kept
EXACT_S, EXACT_REACH_S = 10.0, 0.1
"""A candidate's exact place is measured on so much around its middle, within that reach."""

EVEN = 0.4  # share of the usual correlation at which a frame counts neither for nor against
SMOOTH_FRAMES = 3  # frames over which the correlation of changes is taken
SPECTRA_WEIGHT = 0.5  # what spectra count beside changes
FLOOR_SHARE = 0.05  # share of the frames of A that are at its noise floor, if it has one
AT_FLOOR, DROWNED = 1.3, 0.7
"""Level over the noise floor below which A is nothing but noise, and B would drown in it."""

CHANGE_COST_S = 0.35  # a change of lines costs what so many seconds of agreement count at best
FAVOUR = 0.02  # share by which the line with most agreement in all is favoured
RUN_ON_S = 0.02  # a line runs on in the next one if their places in B differ by less
SAME_TEMPO, SAME_SHIFT = 0.004, 0.35
"""Two lines that differ by less, as a share and in semitones, have the same tempo and pitch."""
NOTHING = -1  # followed by the frames that follow no line
Known = dict[Candidate, tuple[NDArray[np.int64], Values, Values, NDArray[np.int64]]]
"""Of candidates: their frames of A, what counts for and against there, and inaudible frames."""


def same_way(one: Line, other: Line, *, tempo: float = SAME_TEMPO) -> bool:
    """Whether two lines have the same tempo and pitch."""
    near = abs(one.tempo / other.tempo - 1) < tempo
    return near and abs(one.shift_semitones - other.shift_semitones) < SAME_SHIFT


def same_line(one: Line, other: Line, moment_s: float, *, within_s: float) -> bool:
    """Whether two lines of one tempo and pitch put a moment of A at one place of B."""
    return abs(one.to_b(moment_s) - other.to_b(moment_s)) < within_s and same_way(one, other)


@dataclass
class _Run:
    """Hits at one lag, each soon after the one before."""

    first: int
    last: int
    lag_sum: float = 0.0
    weight: float = 0.0

    @property
    def lag(self) -> float:
        return self.lag_sum / self.weight


def find_candidates(a: Features, b: Features, line: Line) -> list[Candidate]:
    """All candidates at the tempo and pitch of a line, those with most hits first."""
    played = shifted(played_at(a.coarse, line.tempo), -line.shift_semitones)
    room = line.tempo * ROOM_S * COARSE_PER_SECOND
    running, ended = list[_Run](), list[_Run]()
    for moment, hits in _hits(played, b.coarse):
        ended += [run for run in running if moment - run.last > room]
        running = [run for run in running if moment - run.last <= room]
        for lag, strength in hits:
            run = next((run for run in running if abs(run.lag - lag) <= SAME_LAG), None)
            if run is None:
                run = _Run(moment, moment)
                running.append(run)
            run.last = moment
            run.lag_sum += strength * lag
            run.weight += strength
    runs = sorted(ended + running, key=lambda run: -run.weight)[:MOST_CANDIDATES]
    return [_candidate(run, a, b, line) for run in runs]


def _candidate(run: _Run, a: Features, b: Features, line: Line) -> Candidate:
    """The candidate of a run, its place made exact."""
    offset_s = b.start_s - line.tempo * a.start_s + run.lag / COARSE_PER_SECOND
    line = replace(line, offset_s=float(offset_s))
    start_s, end_s = (
        a.start_s + frame / COARSE_PER_SECOND / line.tempo for frame in (run.first, run.last)
    )
    middle_s = (start_s + end_s) / 2
    half_s = float(np.clip((end_s - start_s) / 2, LOOKED_FOR_S / 2, EXACT_S / 2))
    part = Candidate(line, middle_s - half_s, middle_s + half_s)
    hits = hits_within(a, b, part, reach_s=EXACT_REACH_S)
    if hits is not None:
        line = replace(line, offset_s=line.offset_s + hits.mean_distance_s(line))
    return Candidate(line, start_s - ROOM_S, end_s + ROOM_S)


def _hits(played: Floats, target: Floats) -> Iterator[tuple[int, list[tuple[float, float]]]]:
    """Moments of A, and the lag and correlation of each hit of the window around it."""
    for begin in range(0, played.shape[1], BLOCK_FRAMES):
        correlations, first_lag = _correlations(played, target, begin)
        for row in range(0, len(correlations), HOP_FRAMES):
            lags, strengths = _peaks(correlations[row])
            found = zip((lags + first_lag).tolist(), strengths.tolist(), strict=True)
            yield begin + row, list(found)


def _correlations(played: Floats, target: Floats, begin: int) -> tuple[Floats, int]:
    """Correlations (frames of A from `begin`, lags) of windows with B, and the first lag."""
    length = round(LOOKED_FOR_S * COARSE_PER_SECOND) | 1
    half = length // 2
    first, last = max(0, begin - half), min(played.shape[1], begin + BLOCK_FRAMES + half)
    some = played[:, first:last]
    rows, columns = some.shape[1], target.shape[1]
    inside = slice(rows - 1, rows - 1 + columns)
    padded = np.zeros((rows, columns + 2 * (rows - 1)), np.float32)
    padded[:, inside] = some.T @ target
    step, item = padded.strides
    diagonals = as_strided(padded, (rows, columns + rows - 1), (step + item, item))
    products = uniform_filter1d(diagonals, length, axis=0, mode="constant")
    energy_a = _mean_energy(some, length)
    energy_b = np.zeros(padded.shape[1], np.float32)
    energy_b[inside] = _mean_energy(target, length)
    energy_b = as_strided(energy_b, products.shape, (item, item))
    found = products / np.maximum(np.sqrt(energy_a[:, None] * energy_b), LEAST_ENERGY)
    kept = slice(begin - first, min(rows, begin - first + BLOCK_FRAMES))
    return np.asarray(found[kept]), -(rows - 1) - first


def _mean_energy(changes: Floats, length: int) -> Floats:
    """The mean energy (n,) of the `length` frames around each."""
    near = uniform_filter1d(np.square(changes).sum(axis=0), length, mode="constant")
    return np.asarray(np.maximum(0, near), np.float32)


def _peaks(row: Floats) -> tuple[Values, Floats]:
    """Where correlations (lags,) peak, to a fraction of a lag, and how high; the best few."""
    inner = row[1:-1]
    least = max(LEAST_CORRELATION, SHARE_OF_BEST * float(inner.max(initial=0.0)))
    tops = np.flatnonzero((inner >= least) & (inner >= row[:-2]) & (inner > row[2:])) + 1
    tops = tops[np.argsort(-row[tops])][:HITS_PER_MOMENT]
    before, at, after = row[tops - 1], row[tops], row[tops + 1]
    fraction = 0.5 * (before - after) / np.minimum(before - 2 * at + after, -1e-6)
    return tops + fraction, at


def agreement(
    a: Features, b: Features, candidates: Sequence[Candidate], *, usual: float,
    known: Known | None = None,
) -> Floats:  # fmt: skip
    """What each frame of A counts for each candidate, (candidates, n): about 1 at best.

    It is -inf outside the candidate. `usual` is the correlation that A and B usually have where
    they are the same. What is `known` of candidates is not measured again.
    """
    known = {} if known is None else known
    floor = float(np.quantile(a.level, FLOOR_SHARE))
    scores = np.full((len(candidates), a.fine.shape[1]), -np.inf, np.float32)
    at_pitch_of_b: dict[float, tuple[Floats, Floats]] = {}
    for row, candidate in zip(scores, candidates, strict=True):
        if candidate not in known:
            shift = candidate.line.shift_semitones
            if shift not in at_pitch_of_b:
                at_pitch_of_b[shift] = shifted(a.smooth, -shift), _lowered(a.spectra, shift)
            known[candidate] = _counts(a, b, candidate, *at_pitch_of_b[shift], floor=floor)
        frames, gain, loss, inaudible = known[candidate]
        row[frames] = gain - EVEN * usual * loss
        row[inaudible] = np.maximum(0, row[inaudible])
    return scores


def _counts(
    a: Features, b: Features, candidate: Candidate, fine: Floats, spectra: Floats, *, floor: float
) -> tuple[NDArray[np.int64], Values, Values, NDArray[np.int64]]:
    """What is `Known` of a candidate; changes and spectra of A are given at the pitch of B."""
    on_a = np.arange(a.fine.shape[1]) / FRAMES_PER_SECOND
    on_b = candidate.line.to_b(a.start_s + on_a) - b.start_s
    inside = (on_b >= 0) & (on_b <= (b.fine.shape[1] - 1) / FRAMES_PER_SECOND)
    inside &= on_a >= candidate.a_start_s - a.start_s
    inside &= on_a <= candidate.a_end_s - a.start_s
    frames = np.flatnonzero(inside)
    if not frames.size:
        return frames, np.zeros(0), np.zeros(0), frames
    on_frames = on_b[frames] * FRAMES_PER_SECOND
    own = fine[:, frames[0] : frames[-1] + 1]
    gain, loss = _of_changes(own, sample(b.smooth, on_frames))
    likeness, energy = _of_spectra(spectra, b.spectra, on_a[frames], on_b[frames])
    level_a, level_b = a.level[frames], b.level[np.rint(on_frames).astype(int)]
    drowned = (level_a < AT_FLOOR * floor) & (level_b < DROWNED * floor)
    inaudible = frames[drowned | (np.maximum(level_a, level_b) < SILENCE_LEVEL)]
    return frames, gain + SPECTRA_WEIGHT * likeness, loss + SPECTRA_WEIGHT * energy, inaudible


def _of_changes(changes_a: Floats, changes_b: Floats) -> tuple[Floats, Floats]:
    """What changes (84, n) of A and of B count for and against, (n,) each.

    Their correlation, not their product: beside something loud, changes are brought down.
    """
    products = np.einsum("bt,bt->t", changes_a, changes_b)
    energy_a, energy_b = (np.einsum("bt,bt->t", x, x) for x in (changes_a, changes_b))
    near = [uniform_filter1d(x, SMOOTH_FRAMES) for x in (products, energy_a, energy_b)]
    norm = np.maximum(np.sqrt(np.maximum(near[1] * near[2], 0)), LEAST_ENERGY)
    correlation = near[0] / norm
    energy = (energy_a + energy_b) / (2 * N_BINS)
    return correlation * energy, energy


def _of_spectra(
    spectra_a: Floats, spectra_b: Floats, on_a: Values, on_b: Values
) -> tuple[Values, Values]:
    """What spectra (n, steps) of both count for and against at those seconds of A and of B."""
    times = np.arange(on_a[0], on_a[-1] + 1 / SPECTRA_PER_SECOND, 1 / SPECTRA_PER_SECOND)
    rows_a = rows_at(spectra_a, times * SPECTRA_PER_SECOND)
    rows_b = rows_at(spectra_b, np.interp(times, on_a, on_b) * SPECTRA_PER_SECOND)
    likeness = np.einsum("ts,ts->t", rows_a, rows_b)
    own, other = (np.einsum("ts,ts->t", rows, rows) for rows in (rows_a, rows_b))
    return np.interp(on_a, times, likeness), np.interp(on_a, times, (own + other) / 2)


def _lowered(spectra: Floats, semitones: float) -> Floats:
    """Spectra (n, steps) at a pitch so much lower."""
    steps = np.asarray(np.arange(spectra.shape[1]) + semitones * 100 / STEP_CENTS, np.float64)
    inside = (steps >= 0) & (steps <= spectra.shape[1] - 1)
    return np.asarray(sample(spectra, steps) * inside, np.float32)


def follow(
    a: Features, b: Features, candidates: Sequence[Candidate], *, usual: float,
    known: Known | None = None,
) -> list[Candidate]:  # fmt: skip
    """The candidates that A follows, in order, each cut to the seconds in which A follows it.

    `usual` and `known` as for `agreement`.
    """
    if not candidates:
        return []
    scores = agreement(a, b, candidates, usual=usual, known=known)
    totals = np.array([np.maximum(row, 0).sum() for row in scores])
    scores *= (1 + FAVOUR * totals / max(float(totals.max()), 1e-9))[:, None]
    path = best_path(scores, cost=CHANGE_COST_S * usual * FRAMES_PER_SECOND)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    between_frames = np.clip(edges - 0.5, 0, len(path) - 1)  # the last frame is the end
    times_s = (a.start_s + between_frames / FRAMES_PER_SECOND).tolist()
    followed = zip(path[edges[:-1]], pairwise(times_s), strict=True)
    return joined([Candidate(candidates[i].line, *s) for i, s in followed if i != NOTHING])


def best_path(scores: Floats, *, cost: float) -> NDArray[np.int64]:
    """The row of scores (lines, n) that each frame follows, or NOTHING, (n,).

    The sum of the scores along it, less `cost` for each change, is the highest there is.
    """
    n_lines, n = scores.shape
    total = np.zeros(n_lines + 1)
    total[:-1] = -cost
    frames = np.concatenate([scores, np.zeros((1, n), np.float32)]).T.astype(np.float64)
    before = np.empty((n, n_lines + 1))
    for now, frame in zip(before, frames, strict=True):
        now[:] = total
        np.maximum(total, total.max() - cost, out=total)
        total += frame
    best = before.argmax(axis=1)
    stays = (before >= before.max(axis=1, keepdims=True) - cost).tolist()
    path, state = np.empty(n, np.int64), int(total.argmax())
    for frame_number in range(n - 1, -1, -1):
        path[frame_number] = state
        state = state if stays[frame_number][state] else int(best[frame_number])
    return np.where(path == n_lines, NOTHING, path)


def joined(parts: Sequence[Part], *, least_gap_s: float = 1e-6) -> list[Part]:
    """Parts of A in order, as one where a line runs on in the next one after no gap to speak of."""
    kept: list[Part] = []
    for after in parts:
        before = kept[-1] if kept else None
        if (
            before is not None
            and after.a_start_s - before.a_end_s < least_gap_s
            and same_line(before.line, after.line, after.a_start_s, within_s=RUN_ON_S)
        ):
            longer = max(before, after, key=lambda part: part.duration_s)
            kept[-1] = replace(longer, a_start_s=before.a_start_s, a_end_s=after.a_end_s)
        else:
            kept.append(after)
    return kept
