"""What each moment of A speaks for or against a line: the changes of both there, and their spectra.

A frame counts by how much its correlation is above a share of what is usual for the two
recordings, times how much there is to hear. Changes tell when; spectra, ten times finer in pitch,
tell repetitions of music apart, and quiet passages from foreign ones.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS, SILENCE_LEVEL
from verify.align import LEAST_ENERGY, sample
from verify.features import SPECTRA_PER_SECOND, STEP_CENTS, Features, Floats
from verify.places import Candidate
from verify.warp import shifted

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
