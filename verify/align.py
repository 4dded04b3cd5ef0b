"""Where two recordings agree: every tempo, shift and place at once, by correlation.

For each of up to sixty tempi A is played at that tempo and correlated with B over all places and
all shifts, one product of two-dimensional spectra. What is highest per root of the seconds that
overlap is where A most likely lies; `verify.align` makes it exact.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS
from verify.features import COARSE_PER_SECOND, SPECTRA_PER_SECOND, STEP_CENTS, Features, Floats
from verify.results import Alignment, Line

SLOWEST, FASTEST = 0.66, 1.52
"""Tempo factors between which all are tried."""
TEMPO_DRIFT_S = 0.3
"""How far two neighbouring ones may part over the length of A."""
SHORT_S, LONG_S = 5.0, 20.0
"""Lengths of A that are taken for shorter and longer ones."""
MOST_SHIFT = 8
"""Semitones up and down that are tried."""
LEAST_OVERLAP_S = 3.0
LEAST_ENERGY = 0.05
"""Energy of a bin, 1 being usual, under which agreement counts less: what is mostly silence."""
APART_S = 0.5
"""Two places nearer to each other than that are one."""


@dataclass(frozen=True)
class Peak:
    """A place where A and B agree, and by how much."""

    line: Line
    strength: float  # correlation times the root of the seconds that overlap
    correlation: float


def search(
    a: Features,
    b: Features,
    *,
    most_shift: int = MOST_SHIFT,
    count: int = 3,
) -> list[Peak]:
    """The strongest places of A in B, strongest first; none where they cannot overlap.

    >>> search(Features.of(fragment), Features.of(recording))[0].line
    Line(tempo=1.1, shift_semitones=-2.0, offset_s=21.0)
    """
    tempi = all_tempi(a.duration_s)
    heard = _Heard.of(b, room=math.ceil(a.coarse.shape[1] * max(tempi)), most_shift=most_shift)
    found = [peak for tempo in tempi for peak in heard.peaks(a, float(tempo), count=count)]
    return distinct(found, moment_s=a.start_s + a.duration_s / 2, count=count)


def all_tempi(duration_s: float) -> NDArray[np.float64]:
    """The tempo factors worth trying for so long a recording: 57 of 20 s, 15 of 5 s."""
    step = TEMPO_DRIFT_S / min(LONG_S, max(SHORT_S, duration_s))
    return np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST) + step, step))


def distinct(peaks: list[Peak], *, moment_s: float, count: int) -> list[Peak]:
    """The strongest that do not put the same moment of A at the same place of B."""
    kept: list[Peak] = []
    for peak in sorted(peaks, key=lambda p: -p.strength):
        if len(kept) == count:
            break
        place_s = peak.line.to_b(moment_s)
        if all(abs(place_s - other.line.to_b(moment_s)) > APART_S for other in kept):
            kept.append(peak)
    return kept


def played_at(changes: Floats, tempo: float) -> Floats:
    """Changes (84, n) of A on the clock of B, (84, n * tempo)."""
    n = changes.shape[1]
    times = np.arange(max(2, round(n * tempo))) / tempo
    return sample(changes, times)


def sample(changes: Floats, frames: NDArray[np.float64]) -> Floats:
    """Changes (84, n) at fractional frames (m,): (84, m); beyond the ends, the last one."""
    places = np.clip(frames, 0, changes.shape[1] - 1)
    before = np.minimum(places.astype(int), max(0, changes.shape[1] - 2))
    after = np.minimum(before + 1, changes.shape[1] - 1)
    share = (places - before).astype(np.float32)
    between: Floats = changes[:, before] * (1 - share) + changes[:, after] * share
    return between


@dataclass(frozen=True)
class _Heard:
    """B, made ready to be correlated with A at many tempi."""

    b: Features
    most_shift: int
    shape: tuple[int, int]  # of the transform: shifts and places wrap around without touching
    spectrum: NDArray[np.complex64]
    energy: NDArray[np.float64]  # of the frames before each

    @classmethod
    def of(cls, b: Features, *, room: int, most_shift: int) -> "_Heard":
        """`room`: frames of A, at most."""
        shape = (
            scipy.fft.next_fast_len(N_BINS + most_shift, real=False),
            scipy.fft.next_fast_len(b.coarse.shape[1] + room + 1, real=True),
        )
        spectrum = scipy.fft.rfft2(b.coarse, s=shape)
        return cls(b, most_shift, shape, spectrum, _energy(b.coarse))

    def peaks(self, a: Features, tempo: float, *, count: int) -> list[Peak]:
        """The strongest places of A at one tempo, one of each shift."""
        played = played_at(a.coarse, tempo)
        rows = np.arange(-self.most_shift, self.most_shift + 1)  # semitones that B is above A
        lags = np.arange(-(played.shape[1] - 1), self.b.coarse.shape[1])
        correlations, strengths = self._compared(played, rows, lags)
        best = strengths.argmax(axis=1)
        highest = strengths[np.arange(len(rows)), best]
        start_s = self.b.start_s - tempo * a.start_s
        return [
            Peak(
                Line(tempo, float(-rows[row]), start_s + lags[best[row]] / COARSE_PER_SECOND),
                float(highest[row]),
                float(correlations[row, best[row]]),
            )
            for row in np.argsort(-highest)[:count]
            if np.isfinite(highest[row])
        ]

    def _compared(
        self, played: Floats, rows: NDArray[np.int64], lags: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Correlations and strengths (rows, lags); too short an overlap has a strength of -inf."""
        spectrum = scipy.fft.rfft2(played, s=self.shape)
        np.conj(spectrum, out=spectrum)
        spectrum *= self.spectrum
        products = scipy.fft.irfft2(spectrum, s=self.shape, overwrite_x=True)[rows][:, lags]
        n_a, n_b = played.shape[1], self.b.coarse.shape[1]
        begin, end = np.clip(lags, 0, n_b), np.clip(lags + n_a, 0, n_b)
        own = _energy(played)
        energy_a, energy_b = (
            own[end - lags] - own[begin - lags],
            self.energy[end] - self.energy[begin],
        )
        overlap = end - begin
        floor = np.maximum(LEAST_ENERGY * N_BINS * overlap, 1e-9)
        correlations = products / np.maximum(np.sqrt(np.maximum(0, energy_a * energy_b)), floor)
        least = min(LEAST_OVERLAP_S * COARSE_PER_SECOND, 0.9 * n_a, 0.9 * n_b)
        seconds = np.where(overlap >= least, overlap / COARSE_PER_SECOND, np.nan)
        strengths = correlations * np.sqrt(seconds)
        return correlations, np.where(np.isnan(strengths), -np.inf, strengths)


def _energy(changes: Floats) -> NDArray[np.float64]:
    """Energy of the frames before each, (n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(np.square(changes).sum(axis=0), dtype=np.float64)])


# Tempo, pitch and place made exact: pieces of A sought near where a line says they are in B.
# Each piece of two seconds is moved by up to a third of a second and stays where it correlates
# best, to a fraction of a frame; a robust line through all pieces is the tempo and the place. The
# pitch is where the spectra of both, taken along that line, agree best, to a fraction of ten cents.
# Then all is measured once more at exactly that tempo and pitch.

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
