"""Where A lies in B: a coarse search at every tempo, pitch and place, then one exact line.

`search` plays A at up to 99 tempi and correlates it with B at all places and all shifts, one
product of two-dimensional spectra for each tempo. It returns candidates. `refine` makes one of
them exact. It moves each window of A near the candidate's line to the place of B where it
correlates best, to a fraction of a frame, and fits a robust line through these hits: tempo and
place. The pitch is where the spectra of both, taken along the line, agree best, to a fraction of
ten cents. All is measured three times, within a shorter reach each time.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS
from verify.features import (
    COARSE_PER_SECOND,
    SPECTRA_PER_SECOND,
    STEP_CENTS,
    Features,
    Floats,
    Values,
    padded,
    played_at,
    rows_at,
    sample,
    shifted,
)
from verify.results import Alignment, Line

SLOWEST, FASTEST = 0.48, 2.08  # tempo factors of the coarse search
TEMPO_STEP_S = 0.3  # by so much A gets longer from one tempo of the coarse search to the next
SHORTEST_S, LONGEST_S = 5.0, 20.0  # lengths of A beyond which the tempo step stays the same
MOST_SHIFT = 13  # semitones up and down that the coarse search tries
SHIFTS = np.arange(MOST_SHIFT, -MOST_SHIFT - 1, -1)  # semitones that A may be above B
LEAST_OVERLAP_S = 3.0  # that A and B share at a place; or nine tenths of the shorter one
LEAST_ENERGY = 0.05 * N_BINS  # of a frame; a bin of usual sound has 1: what has less is silent
SAME_CANDIDATE_S = 0.5  # two candidates of the coarse search that are closer in B are one

AS_WELL_COARSE, AS_WELL, AS_COHERENT = 0.65, 0.72, 0.9
"""Another place fits as well if it has this share of the best correlation, before and after it is
made exact, and of the best coherence. Between two frames the correlation of the same is less."""
AT_FIRST = 0.95 * AS_WELL  # of the windows, each at its best place; else it is not made exact
MOST_PLACES = 12

WINDOW_S = 2.0  # length of the windows of A that are moved to where they agree with B best
REACHES_S = (0.3, 0.15, 0.1)  # how far they are moved at most, round by round
INLIER_S = 0.05  # a hit is on the line if it is at most so far from it
HALF_WEIGHT_S = 0.02  # at that distance from the line, a hit counts half in the robust fit
MOST_TEMPO_CHANGE = 0.04  # a fit that changes the tempo by a larger share is wrong
PITCH_REACH_CENTS = 80  # how far from the candidate's shift the exact pitch may be
LEAST_COMMON_S = 1.0  # less than that in common is not measured


@dataclass(frozen=True)
class Candidate:
    """A place to look: a line, and the seconds of A in which it may hold."""

    line: Line
    a_start_s: float = -math.inf
    a_end_s: float = math.inf
    strength: float = 0.0  # of the coarse search: correlation times root of the seconds in common

    @property
    def duration_s(self) -> float:
        """Seconds of A in which it may hold."""
        return self.a_end_s - self.a_start_s

    @property
    def middle_s(self) -> float:
        """The middle of these seconds."""
        return (self.a_start_s + self.a_end_s) / 2


@dataclass(frozen=True)
class Hits:
    """Pairs of windows that agree: n windows of A, and for each the best place in B near a line."""

    a_s: Values  # (n,) middles in A
    b_s: Values  # (n,) middles in B
    correlation: Values  # (n,) of each pair
    along: float  # correlation of all of A with B on the line itself, nothing moved

    @property
    def weight(self) -> Values:
        """How much each hit counts in a fit, (n,)."""
        return np.asarray(np.maximum(self.correlation, 0) ** 2 + 1e-6)

    def distance_s(self, line: Line) -> Values:
        """How far each hit is from a line, (n,) seconds of B."""
        return self.b_s - line.to_b(self.a_s)

    def mean_distance_s(self, line: Line) -> float:
        """How far the hits are from a line on average, in seconds of B."""
        return float(np.average(self.distance_s(line), weights=self.weight))


class HasChanges(Protocol):
    """What a search needs of a stretch of sound."""

    @property
    def coarse(self) -> Floats:
        """Its changes, (84, n), COARSE_PER_SECOND."""

    @property
    def start_s(self) -> float:
        """Where it begins, on the clock of its recording."""

    @property
    def duration_s(self) -> float:
        """How long it lasts."""


class HasParts(HasChanges, Protocol):
    """A recording in which other places are looked for."""

    def part(self, start_s: float, end_s: float) -> Features:
        """The features from one time to another, cut to what there is."""


class Sought:
    """A stretch of sound that is looked for at many places: at each tempo it is played once.

    `room_s` is the longest stretch in which it will be looked for. Where it would stick out of
    such a stretch, it is not looked for.
    """

    def __init__(self, a: HasChanges, tempi: Values, *, room_s: float) -> None:
        self._a = a
        self._shape = _shape(math.ceil(room_s * COARSE_PER_SECOND) + 1)
        self._played = [_Played.at(a.coarse, tempo, self._shape) for tempo in tempi.tolist()]

    def search(
        self, b: HasChanges, *, start_s: float, end_s: float, count: int = 3
    ) -> list[Candidate]:
        """The strongest candidates for A in a stretch, of which B is what there is."""
        before = round((b.start_s - start_s) * COARSE_PER_SECOND)
        after = round((end_s - b.start_s) * COARSE_PER_SECOND)
        return _search(self._a, b, self._played, self._shape, count, (-before, after))


@dataclass(frozen=True)
class _Played:
    """A at one tempo, made ready to be looked for."""

    tempo: float
    spectrum: NDArray[np.complex64]  # conjugate
    energy: Values  # (n + 1,)

    @classmethod
    def at(cls, coarse: Floats, tempo: float, shape: tuple[int, int]) -> Self:
        """Changes (84, n) at a tempo."""
        played = played_at(coarse, tempo)
        spectrum = scipy.fft.rfft2(played, s=shape)
        np.conj(spectrum, out=spectrum)
        return cls(tempo, spectrum, _energy_before(played))


def search(a: HasChanges, b: HasChanges, *, count: int = 3) -> list[Candidate]:
    """The strongest candidates for A in B, strongest first; none where they cannot overlap."""
    tempi = all_tempi(a.duration_s)
    shape = _shape(b.coarse.shape[1] + math.ceil(a.coarse.shape[1] * tempi.max()) + 1)
    played = (_Played.at(a.coarse, tempo, shape) for tempo in tempi.tolist())
    return _search(a, b, played, shape, count, None)


def all_tempi(duration_s: float) -> Values:
    """The tempi to look at for a stretch of that length: 99 for 20 s."""
    step = TEMPO_STEP_S / min(LONGEST_S, max(SHORTEST_S, duration_s))
    return np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST) + step, step))


def _shape(n_frames: int) -> tuple[int, int]:
    """Of transforms that are large enough that nothing wraps around in so many frames."""
    return (
        scipy.fft.next_fast_len(N_BINS + MOST_SHIFT, real=False),
        scipy.fft.next_fast_len(n_frames, real=True),
    )


def _search(
    a: HasChanges, b: HasChanges, played: Iterable[_Played], shape: tuple[int, int], count: int,
    frames: tuple[int, int] | None,
) -> list[Candidate]:  # fmt: skip
    """The strongest candidates; with `frames` of B, those where all of A lies between them."""
    spectrum_b, energy_b = scipy.fft.rfft2(b.coarse, s=shape), _energy_before(b.coarse)
    found, kept = list[Candidate](), list[Candidate]()
    for one in played:
        n_a, n_b = len(one.energy) - 1, b.coarse.shape[1]
        first, end = (1 - n_a, n_b) if frames is None else (frames[0], frames[1] - n_a + 1)
        lags = np.arange(max(first, 1 - n_a), min(end, n_b))
        if not len(lags):
            continue
        rows = scipy.fft.ifft(one.spectrum * spectrum_b, axis=0, overwrite_x=True)[-SHIFTS]
        products = scipy.fft.irfft(rows, shape[1], axis=1, overwrite_x=True)
        strengths = _strengths(products[:, lags], lags, one.energy, energy_b)
        best, highest = strengths.argmax(axis=1), strengths.max(axis=1)
        offsets_s = b.start_s - one.tempo * a.start_s + lags[best] / COARSE_PER_SECOND
        for row in np.argsort(-highest)[:count]:
            if np.isfinite(highest[row]):
                line = Line(one.tempo, float(SHIFTS[row]), float(offsets_s[row]))
                found.append(Candidate(line, strength=float(highest[row])))
    middle_s = a.start_s + a.duration_s / 2
    for candidate in sorted(found, key=lambda c: -c.strength):
        b_s = candidate.line.to_b(middle_s)
        if all(abs(b_s - other.line.to_b(middle_s)) > SAME_CANDIDATE_S for other in kept):
            kept.append(candidate)
    return kept[:count]


def other_places(a: Features, b: HasParts, best: Alignment) -> list[Alignment]:
    """Where else in B the stretch of A lies as well, at the same tempo and pitch, by time in B."""
    own = a.part(best.a_start_s, best.a_end_s)
    played = shifted(played_at(own.coarse, best.line.tempo), -best.line.shift_semitones)
    size = scipy.fft.next_fast_len(played.shape[1] + b.coarse.shape[1], real=True)
    spectra = scipy.fft.rfft(b.coarse, size) * np.conj(scipy.fft.rfft(played, size))
    n = b.coarse.shape[1] - played.shape[1] + 1
    if n < 1:
        return []
    energy = _energy_before(b.coarse)
    norm = np.sqrt((energy[played.shape[1] :] - energy[:n]) * np.square(played).sum())
    likeness = scipy.fft.irfft(spectra.sum(axis=0), size)[:n] / np.maximum(norm, 1e-9)
    here = round((best.b_start_s - b.start_s) * COARSE_PER_SECOND)
    least = AS_WELL_COARSE * likeness[max(0, here - 2) : here + 3].max(initial=0.0)
    near = round(SAME_CANDIDATE_S * COARSE_PER_SECOND)
    found: list[Alignment] = []
    likeness[max(0, here - near) : here + near + 1] = 0
    while len(found) < MOST_PLACES and likeness.max() > max(least, 1e-6):
        at = int(likeness.argmax())
        likeness[max(0, at - near) : at + near + 1] = 0
        b_s = b.start_s + at / COARSE_PER_SECOND
        line = replace(best.line, offset_s=b_s - best.line.tempo * own.start_s)
        length_s = best.b_end_s - best.b_start_s
        part = b.part(b_s - SAME_CANDIDATE_S, b_s + length_s + SAME_CANDIDATE_S)
        hits = hits_along(own, part, line, reach_s=REACHES_S[0])
        if hits is None or hits.correlation.mean() < AT_FIRST * best.correlation:
            continue
        place = refine(own, part, line)
        if (
            place is not None
            and place.correlation >= AS_WELL * best.correlation
            and place.coherence >= AS_COHERENT * best.coherence
            and place.duration_s > AS_COHERENT * best.duration_s
            and abs(place.line.tempo / best.line.tempo - 1) < 0.005
        ):
            found.append(place)
    return sorted(found, key=lambda place: place.b_start_s)


def _strengths(
    products: Floats, lags: NDArray[np.int64], energy_a: Values, energy_b: Values
) -> Floats:
    """Strengths (shifts, lags) of products of A and B; -inf where too little overlaps."""
    n_a, n_b = len(energy_a) - 1, len(energy_b) - 1
    begin, end = np.clip(lags, 0, n_b), np.clip(lags + n_a, 0, n_b)
    common_a = energy_a[end - lags] - energy_a[begin - lags]
    common_b = energy_b[end] - energy_b[begin]
    overlap = end - begin
    floor = np.maximum(LEAST_ENERGY * overlap, 1e-9)
    norm = np.maximum(np.sqrt(np.maximum(0, common_a * common_b)), floor)
    least = min(LEAST_OVERLAP_S * COARSE_PER_SECOND, 0.9 * n_a, 0.9 * n_b)
    weight = np.asarray(np.sqrt(overlap / COARSE_PER_SECOND) / norm, np.float32)
    strengths: Floats = products * weight
    strengths[:, overlap < least] = -np.inf
    return strengths


def _energy_before(changes: Floats) -> Values:
    """The energy of all frames before each, (n + 1,)."""
    return np.concatenate([[0.0], np.cumsum(np.square(changes).sum(axis=0), dtype=np.float64)])


def refine(
    a: Features, b: Features, line: Line, *, reaches_s: tuple[float, ...] = REACHES_S
) -> Alignment | None:
    """The exact alignment near a line; None where too little is common to both."""
    for reach_s in reaches_s:
        hits = hits_along(a, b, line, reach_s=reach_s)
        if hits is None:
            return None
        line = fitted(line, hits)
        shift, coherence = pitch(a, b, line)
        line = replace(line, shift_semitones=shift)
    hits = hits_along(a, b, line, reach_s=reaches_s[-1])
    if hits is None:
        return None
    distance_s = hits.distance_s(line)
    residual_s = float(np.sqrt(np.average(distance_s**2, weights=hits.weight)))
    inliers = float(np.average(np.abs(distance_s) <= INLIER_S, weights=hits.weight))
    return Alignment(*common(a, b, line), line, hits.along, coherence, residual_s, inliers)


def common(a: Features, b: Features, line: Line) -> tuple[float, float]:
    """The first and the last second of A that lie in B by that line."""
    return max(a.start_s, line.to_a(b.start_s)), min(a.end_s, line.to_a(b.end_s))


def hits_along(a: Features, b: Features, line: Line, *, reach_s: float) -> Hits | None:
    """The windows of A with their best places in B within `reach_s` of a line; None: too short."""
    seconds = common(a, b, line)
    first, last = (round((line.to_b(s) - b.start_s) * FRAMES_PER_SECOND) for s in seconds)
    first, last = max(0, first), min(b.fine.shape[1], last)
    n = last - first
    if n < LEAST_COMMON_S * FRAMES_PER_SECOND:
        return None
    reach = math.ceil(reach_s * FRAMES_PER_SECOND)
    on_a = line.to_a(b.start_s + np.arange(first, last) / FRAMES_PER_SECOND) - a.start_s
    played = shifted(sample(a.fine, on_a * FRAMES_PER_SECOND), -line.shift_semitones)
    around = padded(b.fine, first - reach, last + reach)
    near = sliding_window_view(around, n, axis=1)  # (84, lags, frames)
    products = np.einsum("blt,bt->lt", near, played, optimize=True)
    energy_b = sliding_window_view(np.square(around).sum(axis=0), n)  # (lags, frames)
    energy_a = np.square(played).sum(axis=0)
    length = min(round(WINDOW_S * FRAMES_PER_SECOND), n // 2)
    starts = np.arange(0, n - length + 1, max(1, length // 4))
    product, own_b, own_a = (_sums(x, starts, length) for x in (products, energy_b, energy_a))
    norm = np.maximum(np.sqrt(own_b * own_a), LEAST_ENERGY * length)
    best, correlation = _highest(product / norm)
    middles = np.asarray(first + starts + (length - 1) / 2, np.float64)
    middles_s: Values = b.start_s + middles / FRAMES_PER_SECOND
    whole = np.sqrt(energy_b[reach].sum() * energy_a.sum())
    along = float(products[reach].sum() / max(whole, LEAST_ENERGY * n))
    b_s = middles_s + (best - reach) / FRAMES_PER_SECOND
    return Hits(line.to_a(middles_s), b_s, correlation, along)


def hits_within(a: Features, b: Features, part: Candidate, *, reach_s: float) -> Hits | None:
    """The hits near a line within a candidate's seconds of A; None where these are too short."""
    line, start_s, end_s = part.line, part.a_start_s, part.a_end_s
    part_b = b.part(line.to_b(start_s) - 2 * reach_s, line.to_b(end_s) + 2 * reach_s)
    return hits_along(a.part(start_s, end_s), part_b, line, reach_s=reach_s)


def fitted(line: Line, hits: Hits) -> Line:
    """The robust line through hits; the line as it was where its tempo would change too much."""
    if len(hits.a_s) < 3:
        return replace(line, offset_s=line.offset_s + hits.mean_distance_s(line))
    centre_s = float(np.average(hits.a_s, weights=hits.weight))
    from_centre_s, weight = hits.a_s - centre_s, hits.weight
    for _ in range(10):
        share = weight / weight.sum()
        mean_a_s, mean_b_s = float(share @ from_centre_s), float(share @ hits.b_s)
        apart_s = share * (from_centre_s - mean_a_s)
        tempo = float(apart_s @ hits.b_s) / float(apart_s @ from_centre_s)
        at_centre_s = mean_b_s - tempo * mean_a_s
        distance_s = hits.b_s - at_centre_s - tempo * from_centre_s
        weight = hits.weight / (1 + (distance_s / HALF_WEIGHT_S) ** 2)
    if abs(tempo / line.tempo - 1) > MOST_TEMPO_CHANGE:
        return line
    return Line(tempo, line.shift_semitones, at_centre_s - tempo * centre_s)


def pitch(a: Features, b: Features, line: Line) -> tuple[float, float]:
    """Semitones that A is above B along the line, and how well the spectra agree there."""
    times_s: Values = np.arange(*common(a, b, line), 1 / SPECTRA_PER_SECOND)
    if not len(times_s):
        return line.shift_semitones, 0.0
    middle, reach = round(100 * line.shift_semitones / STEP_CENTS), PITCH_REACH_CENTS // STEP_CENTS
    steps = np.arange(middle - reach, middle + reach + 1)
    margin = int(np.abs(steps).max())  # of zeros, so that no row reaches into the next
    rows_a, rows_b = (
        rows_at(f.spectra, (times - f.start_s) * SPECTRA_PER_SECOND, margin=margin).ravel()
        for f, times in ((a, times_s), (b, line.to_b(times_s)))
    )
    norm = np.sqrt(np.dot(rows_a, rows_a) * np.dot(rows_b, rows_b))
    n = rows_a.size
    agreement = np.array([
        np.dot(rows_a[max(0, step) : n + min(0, step)], rows_b[max(0, -step) : n - max(0, step)])
        for step in steps.tolist()
    ])  # fmt: skip
    best, coherence = _highest(agreement[:, None] / max(float(norm), 1e-6))
    return float(steps[0] + best[0]) * STEP_CENTS / 100, float(coherence[0])


def _sums(values: Floats, starts: NDArray[np.int64], length: int) -> Floats:
    """Sums over `length` frames from each start, along the last axis."""
    sums = np.cumsum(values, axis=-1, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
    return np.asarray(sums[..., starts + length] - sums[..., starts], np.float32)


def _highest(rows: NDArray[np.floating]) -> tuple[Values, Values]:
    """Where each column (rows, n) is highest, to a fraction by a parabola, and how high it is."""
    top = rows.argmax(axis=0)
    columns = np.arange(rows.shape[1])
    inside = np.clip(top, 1, len(rows) - 2)
    before, at, after = (rows[inside + step, columns] for step in (-1, 0, 1))
    bend = before - 2 * at + after
    peaked = (top == inside) & (bend < 0)
    fraction = np.where(peaked, 0.5 * (before - after) / np.where(peaked, bend, -1), 0)
    return top + fraction, np.asarray(rows[top, columns], np.float64)
