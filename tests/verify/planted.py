"""Features made of noise, and others made from them by a known line: no sound is needed."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS
from verify.align import Candidate, sample, shifted
from verify.features import SPECTRA_PER_SECOND, STEP_CENTS, Features
from verify.results import Line, Stretch

STEPS = 630


def noise(seed, seconds):
    """Features that resemble nothing but themselves."""
    rng = np.random.default_rng(seed)
    fine = gaussian_filter1d(rng.normal(0, 1, (N_BINS, frames(seconds))), 1.5, axis=1)
    spectra = gaussian_filter1d(rng.normal(0, 1, (round(seconds * SPECTRA_PER_SECOND), STEPS)), 2)
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    return of(fine / fine.std(), spectra)


def of(fine, spectra, *, level=0.3):
    loud = np.full(fine.shape[1], level, np.float32)
    return Features(fine.astype(np.float32), spectra.astype(np.float32), loud, loud)


def frames(seconds):
    return round(seconds * FRAMES_PER_SECOND)


def joined(*parts):
    """Features one after the other."""
    fine = np.concatenate([part.fine for part in parts], axis=1)
    made = of(fine, np.concatenate([part.spectra for part in parts]))
    level = np.concatenate([part.level for part in parts])
    return Features(made.fine, made.spectra, made.motion, level)


def made_from(b, line, seconds):
    """Features of A, made from B by a line."""
    times_s = np.arange(frames(seconds)) / FRAMES_PER_SECOND
    fine = shifted(sample(b.fine, line.to_b(times_s) * FRAMES_PER_SECOND), line.shift_semitones)
    slow_s = np.arange(round(seconds * SPECTRA_PER_SECOND)) / SPECTRA_PER_SECOND
    spectra = sample(b.spectra.T, line.to_b(slow_s) * SPECTRA_PER_SECOND)  # (steps, n)
    higher = np.arange(STEPS) - line.shift_semitones * 100 / STEP_CENTS
    return of(fine, sample(spectra.T, higher))


def at(b_s, a_start_s, a_end_s):
    """A candidate at the tempo and pitch of B, that begins at `b_s` of it."""
    return Candidate(Line(1.0, 0.0, b_s - a_start_s), a_start_s, a_end_s)


def stretch(b_s, a_start_s, a_end_s):
    return Stretch(a_start_s, a_end_s, Line(1.0, 0.0, b_s - a_start_s), 0.9, 0.9)
