"""Tempo, pitch and place made exact: pieces of A sought near where a line says they are in B.

Each piece of two seconds is moved by up to a third of a second and stays where it correlates
best, to a fraction of a frame; a robust line through all pieces is the tempo and the place. The
pitch is where the spectra of both, taken along that line, agree best, to a fraction of ten cents.
Then all is measured once more at exactly that tempo and pitch.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS
from verify.align import LEAST_ENERGY, sample
from verify.features import SPECTRA_PER_SECOND, STEP_CENTS, Features, Floats
from verify.results import Alignment, Line

PIECE_S = 2.0
REACHES_S = (0.3, 0.15, 0.1)
"""How far pieces are moved, round by round."""
INLIER_S = 0.05
TYPICAL_S = 0.02
"""Distance from the line at which a piece counts half."""
MOST_TEMPO_CHANGE = 0.04
REACH_CENTS = 80
LEAST_S = 1.0
"""Less than that in common is not measured."""


@dataclass(frozen=True)
class Pieces:
    """Pieces of A and where each lies in B."""

    a_s: NDArray[np.float64]  # (n,) their middles
    b_s: NDArray[np.float64]  # (n,)
    correlation: NDArray[np.float64]  # (n,) there
    along: float  # correlation of the whole, without moving anything


def refine(a: Features, b: Features, line: Line) -> Alignment | None:
    """The alignment near a line, exact; None where too little is common to both."""
    for reach_s in REACHES_S:
        pieces = pieces_along(a, b, line, reach_s=reach_s)
        if pieces is None:
            return None
        line = fitted(line, pieces)
        shift, coherence = pitch(a, b, line)
        line = replace(line, shift_semitones=shift)
    pieces = pieces_along(a, b, line, reach_s=REACHES_S[-1])
    if pieces is None:
        return None
    distance_s = pieces.b_s - line.to_b(pieces.a_s)
    weight = np.maximum(pieces.correlation, 0) ** 2 + 1e-6
    inliers = np.abs(distance_s) <= INLIER_S
    begin_s, end_s = common(a, b, line)
    return Alignment(
        begin_s,
        end_s,
        line,
        correlation=pieces.along,
        coherence=coherence,
        residual_s=float(np.sqrt(np.average(distance_s**2, weights=weight))),
        inliers=float(np.average(inliers, weights=weight)),
    )


def common(a: Features, b: Features, line: Line) -> tuple[float, float]:
    """The seconds of A that lie in B by that line: first and last."""
    begin_s = max(a.start_s, line.to_a(b.start_s))
    end_s = min(a.end_s, line.to_a(b.end_s))
    return begin_s, end_s


def pieces_along(a: Features, b: Features, line: Line, *, reach_s: float) -> Pieces | None:
    """Where the pieces of A lie in B, sought within `reach_s` of the line."""
    begin_s, end_s = common(a, b, line)
    first, last = (
        round((line.to_b(second) - b.start_s) * FRAMES_PER_SECOND) for second in (begin_s, end_s)
    )
    first, last = max(0, first), min(b.fine.shape[1], last)
    if last - first < LEAST_S * FRAMES_PER_SECOND:
        return None
    frames = np.arange(first, last)
    on_a = line.to_a(b.start_s + frames / FRAMES_PER_SECOND) - a.start_s
    played = shifted(sample(a.fine, on_a * FRAMES_PER_SECOND), -line.shift_semitones)
    reach = int(np.ceil(reach_s * FRAMES_PER_SECOND))
    padded = np.pad(b.fine[:, max(0, first - reach) : last + reach], [
        (0, 0), (max(0, reach - first), max(0, last + reach - b.fine.shape[1])),
    ])  # fmt: skip
    near = sliding_window_view(padded, len(frames), axis=1)  # (84, lags, frames)
    products = np.einsum("blt,bt->lt", near, played, optimize=True)
    energy_b = sliding_window_view(np.square(padded).sum(axis=0), len(frames))  # (lags, frames)
    energy_a = np.square(played).sum(axis=0)
    length = min(round(PIECE_S * FRAMES_PER_SECOND), len(frames) // 2)
    starts = np.arange(0, len(frames) - length + 1, max(1, length // 4))
    sums = (_sums(x, starts, length) for x in (products, energy_b, energy_a))
    found, heard_b, heard_a = sums
    floor = LEAST_ENERGY * N_BINS * length
    correlations = found / np.maximum(np.sqrt(heard_b * heard_a), floor)
    best, correlation = _highest(correlations)
    middles = np.asarray(first + starts + (length - 1) / 2, np.float64)
    middles_s: NDArray[np.float64] = b.start_s + middles / FRAMES_PER_SECOND
    whole = np.sqrt(energy_b[reach].sum() * energy_a.sum())
    return Pieces(
        line.to_a(middles_s),
        middles_s + (best - reach) / FRAMES_PER_SECOND,
        correlation,
        float(products[reach].sum() / max(whole, LEAST_ENERGY * N_BINS * len(frames))),
    )


def fitted(line: Line, pieces: Pieces) -> Line:
    """The line through the pieces, far ones counting little; the given tempo if they disagree."""
    weight = np.maximum(pieces.correlation, 0) ** 2 + 1e-6
    if len(weight) < 3:
        distance_s = np.average(pieces.b_s - line.to_b(pieces.a_s), weights=weight)
        return replace(line, offset_s=line.offset_s + float(distance_s))
    centre_s = float(np.average(pieces.a_s, weights=weight))
    trusted = weight
    for _ in range(10):
        root = np.sqrt(trusted)
        unknowns = np.stack([pieces.a_s - centre_s, np.ones(len(weight))], axis=1)
        solution = np.linalg.lstsq(unknowns * root[:, None], pieces.b_s * root, rcond=None)[0]
        distance_s = pieces.b_s - unknowns @ solution
        trusted = weight / (1 + (distance_s / TYPICAL_S) ** 2)
    tempo, at_centre_s = map(float, solution)
    if abs(tempo / line.tempo - 1) > MOST_TEMPO_CHANGE:
        return line
    return Line(tempo, line.shift_semitones, at_centre_s - tempo * centre_s)


def pitch(a: Features, b: Features, line: Line) -> tuple[float, float]:
    """Semitones that A is above B along the line, and how well the spectra agree there."""
    begin_s, end_s = common(a, b, line)
    times_s: NDArray[np.float64] = np.arange(begin_s, end_s, 1 / SPECTRA_PER_SECOND)
    if not len(times_s):
        return line.shift_semitones, 0.0
    rows_a, rows_b = (
        sample(f.spectra.T, (times - f.start_s) * SPECTRA_PER_SECOND).T
        for f, times in ((a, times_s), (b, line.to_b(times_s)))
    )
    n = scipy.fft.next_fast_len(2 * rows_a.shape[1], real=True)
    spectrum_a, spectrum_b = (scipy.fft.rfft(rows, n, axis=1) for rows in (rows_a, rows_b))
    agreement = scipy.fft.irfft((spectrum_a * np.conj(spectrum_b)).sum(axis=0), n)
    middle, reach = round(100 * line.shift_semitones / STEP_CENTS), REACH_CENTS // STEP_CENTS
    steps = np.arange(middle - reach, middle + reach + 1)
    norm = np.sqrt(np.square(rows_a).sum() * np.square(rows_b).sum())
    best, coherence = _highest(agreement[steps][:, None] / max(float(norm), 1e-6))
    return float(steps[0] + best[0]) * STEP_CENTS / 100, float(coherence[0])


def shifted(changes: Floats, semitones: float) -> Floats:
    """Changes (84, n) moved up by semitones, fractions between bins shared."""
    source = np.arange(N_BINS) - semitones
    below = np.floor(source).astype(int)
    share = np.float32(semitones * -1 - np.floor(-semitones))
    rows = np.pad(changes, ((1, 1), (0, 0)))
    at = (rows[np.clip(bins + 1, 0, N_BINS + 1)] for bins in (below, below + 1))
    return np.asarray(next(at) * (1 - share) + next(at) * share, np.float32)


def _sums(values: NDArray[np.float32], starts: NDArray[np.int64], length: int) -> Floats:
    """Sums over frames starts … starts + length, along the last axis."""
    sums = np.cumsum(values, axis=-1, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
    return np.asarray(sums[..., starts + length] - sums[..., starts], np.float32)


def _highest(rows: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each column (rows, n) is highest, to a fraction by a parabola, and how high it is."""
    top = rows.argmax(axis=0)
    columns = np.arange(rows.shape[1])
    inside = np.clip(top, 1, len(rows) - 2)
    before, at, after = (rows[inside + step, columns] for step in (-1, 0, 1))
    bend = before - 2 * at + after
    peaked = (top == inside) & (bend < 0)
    fraction = np.where(peaked, 0.5 * (before - after) / np.where(peaked, bend, -1), 0)
    return top + fraction, np.asarray(rows[top, columns], np.float64)
