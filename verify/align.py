"""Where two recordings agree: every tempo, shift and place at once, by correlation.

For each of up to sixty tempi A is played at that tempo and correlated with B over all places and
all shifts, one product of two-dimensional spectra. What is highest per root of the seconds that
overlap is where A most likely lies; `verify.warp` makes it exact.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from cqtnet.cqt import N_BINS
from verify.features import COARSE_PER_SECOND, Features, Floats
from verify.results import Line

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
