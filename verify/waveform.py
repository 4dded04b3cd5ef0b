"""What only the waveform tells: polarity, gain and the exact sample, where nothing was warped."""

import numpy as np
import scipy.fft

from cqtnet import SAMPLE_RATE
from verify.features import Floats
from verify.recording import Recording
from verify.results import Alignment, Waveform

PIECE_S, PIECES = 2.0, 5
REACH_S = 0.05
LEAST_CORRELATION = 0.4
"""Of samples; under that nothing is said of them."""
MOST_TEMPO, MOST_SEMITONES = 2e-4, 0.02
"""Changes of tempo and pitch under which samples still lie on samples for a while."""


def compare_waveforms(a: Recording, b: Recording, alignment: Alignment) -> Waveform | None:
    """How the samples relate along an alignment; None where tempo, pitch or noise hide it."""
    line = alignment.line
    if abs(line.tempo - 1) > MOST_TEMPO or abs(line.shift_semitones) > MOST_SEMITONES:
        return None
    length_s = min(PIECE_S, alignment.duration_s)
    starts_s = np.linspace(alignment.a_start_s, alignment.a_end_s - length_s, PIECES)
    found = []
    for start_s in starts_s:
        begin_b_s = max(0.0, start_s + line.offset_s - REACH_S)
        piece_a = a.samples(start_s, start_s + length_s)
        piece_b = b.samples(begin_b_s, start_s + line.offset_s + length_s + REACH_S)
        if len(piece_b) < len(piece_a) or not (piece_a.any() and piece_b.any()):
            continue
        correlation, lag, gain = _lag(piece_a, piece_b)
        found.append((correlation, gain, begin_b_s + lag / SAMPLE_RATE - start_s))
    if not found:
        return None
    correlation, gain, offset_s = np.median(np.array(found), axis=0)
    signs = {correlation > 0 for correlation, *_ in found}
    if abs(correlation) < LEAST_CORRELATION or len(signs) > 1:
        return None
    level_db = float(20 * np.log10(abs(gain)))
    return Waveform(float(abs(correlation)), bool(correlation < 0), level_db, float(offset_s))


def _lag(a: Floats, b: Floats) -> tuple[float, int, float]:
    """Correlation of A (n,) with the stretch of B (m >= n,) most like it, its first sample, gain.

    The gain is by what B must be multiplied to be nearest to A.
    """
    n = scipy.fft.next_fast_len(len(a) + len(b), real=True)
    products = scipy.fft.irfft(scipy.fft.rfft(b, n) * np.conj(scipy.fft.rfft(a, n)), n)
    products = products[: len(b) - len(a) + 1]
    sums = np.concatenate([[0.0], np.cumsum(np.square(b, dtype=np.float64))])
    energy = np.maximum(sums[len(a) :] - sums[: len(sums) - len(a)], 1e-9)
    correlations = products / np.sqrt(energy * max(1e-9, float(np.square(a).sum())))
    lag = int(np.abs(correlations).argmax())
    return float(correlations[lag]), lag, float(products[lag] / energy[lag]) or 1e-9
