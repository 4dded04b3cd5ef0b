"""What only the waveform shows: polarity, gain and the exact sample, where nothing was warped."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from verify.features import Floats, Read
from verify.notebook import Brief
from verify.results import Alignment, Stretch, is_unwarped
from verify.words import NO_CHANGE_DB

DEEPER_DB = 6.0  # of two places, the one where so much less is left is the right one
WINDOW_S, WINDOWS = 2.0, 5  # windows of A that are laid on B
REACH_S = 0.05  # how far they are moved at most
MOST_BESIDE_S = 0.0005  # so near are most of them, the first and the last too, to one line
CLOCK_WINDOW, CLOCK_WINDOWS, CLOCK_REACH = 8192, 10, 256
"""Windows, of so many samples, by which two clocks are compared, and how far each is moved."""
LEAST_CLOCK_CORRELATION, MOST_CLOCK_RESIDUAL, LEAST_CLOCK_WINDOWS, CLOCK_ERRORS = 0.7, 1.0, 0.7, 8.0
"""Windows fit so well and lie on one line within so many samples, so large a share of them, and the
slope of that line is so many standard errors."""
LEAST_CORRELATION = 0.4  # of samples; below that, nothing is said of them
AS_COHERENT = 0.975  # share of the best place's coherence from which spectra do not tell them apart
LEAST_OCTAVES, BANDS_PER_OCTAVE, LEAST_OPPOSITE, LOWEST_BAND_HZ = 2.0, 3, 0.87, 60.0
N_BANDS = int(BANDS_PER_OCTAVE * np.log2(SAMPLE_RATE / 2 / LOWEST_BAND_HZ))
LEAST_OPPOSITE_SHARE = 0.8
"""Polarity is reversed if the phase lies within 30 degrees of 180 in all bands of two octaves, and
in so large a share of all bands that are clear: a filter turns the phase in some bands only."""

Values = NDArray[np.float64]


def left_db(correlation: float) -> float:
    """What is left of samples, in dB, after others of that correlation are taken from them."""
    return 10 * math.log10(max(1e-6, 1 - min(1.0, abs(correlation)) ** 2))


@dataclass(frozen=True)
class Waveform:
    """How the samples of A relate to those of B."""

    correlation: float  # of the samples, in [0, 1]
    inverted: bool  # whether A's polarity is proved to be the reverse of B's
    gain_db: float  # of A over B
    offset_s: float  # exact: time 0 of A is here in B
    windows: tuple[float, ...] = ()  # the correlation of each window that was laid on B
    tempo: float | None = None  # of A by B, by where these lie; None where they lie on no line

    @property
    def is_level_proved(self) -> bool:
        """Whether A is louder or quieter than B, whatever was added to one of them.

        The gain is that of B in A. What was added to B lowers it, by the square of the correlation.
        """
        most_db = self.gain_db - 40 * math.log10(max(1e-3, self.correlation))
        return self.gain_db >= NO_CHANGE_DB or most_db <= -NO_CHANGE_DB

    @property
    def left_db(self) -> float:
        """What is left of A after B at that gain is taken from it, in dB of A: a null test.

        At least -60, for less may be left by rounding alone.
        """
        return left_db(self.correlation)


@dataclass(frozen=True, repr=False)
class Place(Brief):
    """Another place of B where A fits."""

    alignment: Alignment
    waveform: Waveform | None
    is_equal: bool  # whether nothing tells it from the best place

    def to_dict(self) -> dict[str, Any]:
        """The place as plain data."""
        correlation = self.waveform.correlation if self.waveform else None
        own = {"waveform_correlation": correlation, "is_equal": self.is_equal}
        return {**self.alignment.to_dict(), **own}


def left_db_of(read_a: Read, read_b: Read) -> Callable[[Stretch], float]:
    """What is left of a stretch of A, in dB, when its place in B is taken from it."""

    def left(stretch: Stretch) -> float:
        waveform = compare_waveforms(read_a, read_b, stretch)
        return waveform.left_db if waveform else 0.0

    return left


def compare_waveforms(read_a: Read, read_b: Read, alignment: Stretch) -> Waveform | None:
    """How the samples relate along an alignment; None where tempo, pitch or noise hide it."""
    line = alignment.line
    if not is_unwarped(line):
        return None
    length_s = min(WINDOW_S, alignment.duration_s)
    starts_s = np.linspace(alignment.a_start_s, alignment.a_end_s - length_s, WINDOWS)
    found, pairs = [], []
    for start_s in starts_s:
        begin_b_s = max(0.0, start_s + line.offset_s - REACH_S)
        window_a = read_a(start_s, start_s + length_s)
        window_b = read_b(begin_b_s, start_s + line.offset_s + length_s + REACH_S)
        if len(window_b) >= len(window_a) and window_a.any() and window_b.any():
            correlation, lag, gain = _lag(window_a, window_b)
            found.append((correlation, gain, begin_b_s + lag / SAMPLE_RATE - start_s))
            pairs.append((window_a, window_b[lag : lag + len(window_a)]))
    if not found:
        return None
    correlation, gain, offset_s = np.median(np.array(found), axis=0)
    signs = {correlation > 0 for correlation, *_ in found}
    if abs(correlation) < LEAST_CORRELATION or len(signs) > 1:
        return None
    inverted = bool(correlation < 0) and _is_opposite(pairs)
    windows = tuple(abs(float(c)) for c, *_ in found)
    tempo = None
    if len(found) == WINDOWS and alignment.duration_s > 2 * WINDOW_S:
        slope, near = _slope(starts_s, np.array(found)[:, 2], MOST_BESIDE_S)
        if near.sum() > WINDOWS / 2 and near[[0, -1]].all():  # most windows lie on one line
            tempo = 1 + slope
    level_db = float(20 * np.log10(abs(gain)))
    return Waveform(float(abs(correlation)), inverted, level_db, float(offset_s), windows, tempo)


def _slope(x: Values, y: Values, within: float) -> tuple[float, NDArray[np.bool_]]:
    """The median slope from one place (n,) to another, and which lie on a line of that slope."""
    first, second = np.triu_indices(len(x), 1)
    slope = float(np.median((y[second] - y[first]) / (x[second] - x[first])))
    rest = y - slope * x
    return slope, np.abs(rest - np.median(rest)) < within


def clock_ppm(read_a: Read, read_b: Read, alignment: Alignment) -> float | None:
    """By how many millionths A plays faster than B; 0 where nothing shows it, None: not measured.

    The windows are laid on B one by one; a filter moves all of them by the same.
    """
    if not is_unwarped(alignment.line):
        return None
    window_s, reach_s = CLOCK_WINDOW / SAMPLE_RATE, CLOCK_REACH / SAMPLE_RATE
    found = []
    for start_s in np.linspace(alignment.a_start_s, alignment.a_end_s - window_s, CLOCK_WINDOWS):
        first = round(start_s * SAMPLE_RATE)
        begin = max(0, round((alignment.line.to_b(start_s) - reach_s) * SAMPLE_RATE))
        a = read_a(first / SAMPLE_RATE, first / SAMPLE_RATE + window_s)
        b = read_b(begin / SAMPLE_RATE, begin / SAMPLE_RATE + window_s + 2 * reach_s)
        if len(b) >= len(a) > CLOCK_WINDOW // 2 and a.any() and b.any():
            correlation, lag, _ = _lag(a, b)
            if abs(correlation) > LEAST_CLOCK_CORRELATION:
                found.append((first, begin + lag + _fraction(a, b, lag) - first))
    if len(found) < LEAST_CLOCK_WINDOWS * CLOCK_WINDOWS:
        return None
    at, lags = np.array(found, np.float64).T
    _, near = _slope(at, lags, MOST_CLOCK_RESIDUAL)
    if near.sum() < LEAST_CLOCK_WINDOWS * CLOCK_WINDOWS:
        return 0.0
    line = np.polyfit(at[near], lags[near], 1)
    rest = lags[near] - np.polyval(line, at[near])
    error = (float(rest.std()) + 0.02) / (float(at[near].std()) * np.sqrt(near.sum()))
    return 1e6 * float(line[0]) if abs(line[0]) > CLOCK_ERRORS * error else 0.0


def _fraction(a: Floats, b: Floats, lag: int) -> float:
    """How much later than a whole lag B fits best, in samples."""
    if not 0 < lag < len(b) - len(a):
        return 0.0
    before, at, after = (float(np.vdot(a, b[k : k + len(a)])) for k in (lag - 1, lag, lag + 1))
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if bend else 0.0


def with_places(
    read_a: Read, read_b: Read, best: Alignment, others: list[Alignment]
) -> tuple[Alignment, Waveform | None, tuple[Place, ...]]:
    """The place where the waveforms fit best, its waveform, and the other places."""
    found = []
    for place in (best, *others):  # each at the tempo and pitch of the best one
        middle_s = (place.a_start_s + place.a_end_s) / 2
        offset_s = place.line.to_b(middle_s) - best.line.tempo * middle_s
        steady = replace(place, line=replace(best.line, offset_s=offset_s))
        found.append((place, compare_waveforms(read_a, read_b, steady)))
    depths = [waveform.left_db if waveform else 0.0 for _, waveform in found]
    first = int(np.argmin(depths)) if min(depths) < depths[0] - DEEPER_DB else 0
    best, waveform = found.pop(first)
    places = tuple(Place(*one, _is_equal((best, waveform), one)) for one in found)
    if waveform is not None and waveform.tempo is not None:  # its windows lie on this line
        middle_s = (best.a_start_s + best.a_end_s - min(WINDOW_S, best.duration_s)) / 2
        offset_s = middle_s + waveform.offset_s - waveform.tempo * middle_s
        best = replace(best, line=replace(best.line, tempo=waveform.tempo, offset_s=offset_s))
    return best, waveform, places


def _is_equal(
    best: tuple[Alignment, Waveform | None], other: tuple[Alignment, Waveform | None]
) -> bool:
    """Whether nothing tells another place from the best one: no window of the waveform does.

    Without a waveform, the spectra have to agree as well.
    """
    (place, waveform), (other_place, other_waveform) = best, other
    if waveform is None:
        return other_place.coherence >= AS_COHERENT * place.coherence
    if other_waveform is None or len(other_waveform.windows) != len(waveform.windows):
        return False
    pairs = zip(waveform.windows, other_waveform.windows, strict=True)
    return all(left_db(there) < left_db(here) + DEEPER_DB for here, there in pairs)


def _cross_spectrum(a: Floats, b: Floats) -> NDArray[np.complex128]:
    """The products (2, bands) of both in each band, and of their powers."""
    window = np.hanning(len(a))
    own, other = scipy.fft.rfft(a * window), scipy.fft.rfft(b * window)
    hz = np.arange(len(own)) * SAMPLE_RATE / len(a)
    octaves = np.log2(np.maximum(hz, 1e-9) / LOWEST_BAND_HZ) * BANDS_PER_OCTAVE
    band = np.clip(np.floor(octaves).astype(int) + 1, 0, N_BANDS + 1)
    product = own * np.conj(other)
    power = np.abs(own) * np.abs(other)
    real, imaginary, powers = (
        np.bincount(band, weights=part, minlength=N_BANDS + 2)
        for part in (product.real, product.imag, power)
    )
    return np.stack([real + 1j * imaginary, powers])[:, 1:-1]


def _is_opposite(pairs: list[tuple[Floats, Floats]]) -> bool:
    """Whether the phase is near 180 degrees in enough neighbouring bands, and hardly elsewhere."""
    product, power = np.sum([_cross_spectrum(*pair) for pair in pairs], axis=0)
    opposite = -product.real > LEAST_OPPOSITE * np.maximum(np.abs(product), 1e-12)
    clear = np.abs(product) > LEAST_CORRELATION * power.real
    opposite &= clear
    runs = np.split(opposite, np.flatnonzero(~opposite))
    is_long = max(int(run.sum()) for run in runs) >= LEAST_OCTAVES * BANDS_PER_OCTAVE
    return is_long and int(opposite.sum()) >= LEAST_OPPOSITE_SHARE * int(clear.sum())


def _lag(a: Floats, b: Floats) -> tuple[float, int, float]:
    """Correlation of A (n,) with the most similar part of B (m >= n,), its first sample, its gain.

    The gain is the factor that brings B nearest to A.
    """
    n = scipy.fft.next_fast_len(len(b), real=True)  # at these lags nothing wraps around
    products = scipy.fft.irfft(scipy.fft.rfft(b, n) * np.conj(scipy.fft.rfft(a, n)), n)
    products = products[: len(b) - len(a) + 1]
    sums = np.pad(np.cumsum(np.square(b, dtype=np.float64)), (1, 0))
    energy = np.maximum(sums[len(a) :] - sums[: len(sums) - len(a)], 1e-9)
    correlations = products / np.sqrt(energy * max(1e-9, float(np.square(a).sum())))
    lag = int(np.abs(correlations).argmax())
    return float(correlations[lag]), lag, float(products[lag] / energy[lag]) or 1e-9
