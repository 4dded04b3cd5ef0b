"""Whether A can be a copy of B along a line: what a filter and a noise floor leave unexplained.

A copy differs from its source by a filter (equaliser, loudspeaker, codec), by noise, and by some
smearing. So in every narrow band the power of A is the power of B times one gain, plus a floor.
In another performance, take or synthesis the notes decay, swell and balance their partials in
another way. What this model does not explain is small in copies, whatever the noise, and large
in renditions. The model is fitted both ways, to A from B and to B from A.

A second model is for copies in a room: the power of A is that of B, its echoes and a noise, in
wider bands and over a longer time. How much it may leave depends on the echoes and the noise.

Two small networks judge too. They see the levels of both in narrow bands. One learned to tell
copies from renditions that were changed alike, the other from two mixes of one stem, where A and B
each hold a sound that the other lacks. `scripts/train-copy-test` trains them.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from cqtnet import SAMPLE_RATE
from cqtnet.checkpoint import read_card, read_tensors, stated_sha256
from cqtnet.device import one_thread
from cqtnet.graph import session
from verify.features import Floats, Read
from verify.results import Alignment, Line

Values = NDArray[np.float64]

LONGEST_S, PARTS = 20.0, 4
"""At most so many seconds are measured; of longer stretches, parts that are spread evenly."""
FRAME, HOP = 2048, 330  # samples of a frame, and from one frame to the next: 93 ms and 15 ms
BINS_PER_OCTAVE, OCTAVES, LOWEST_HZ = 36, 5, 110.0
N_BINS = BINS_PER_OCTAVE * OCTAVES
FEWEST_FRAMES, FEWEST_CELLS, FEWEST_BINS = 60, 12, 8
"""Fewer frames, fewer frames with signal in a bin, or fewer such bins are not measured."""
FLOOR_QUANTILE = 0.1  # of a bin's power: its noise floor
OVER_FLOOR = 2.0  # a cell holds signal where the model expects so many times the floor
SMOOTH_S = 0.05  # powers are averaged over so long: echoes and codecs move energy within that
LAG_FRAMES = 8  # by which a second of sound is moved, at most, to find its own lag
TINY = 1e-12

ECHOES_S = (0.0, 0.4, 0.8, 1.5, 2.5)  # the reverberation time is the best of these; 0: no room
ROUGH, FINE = (12, 0.165, 40), (3, 0.135, 25)
"""Bins in a band, seconds that are averaged, and steps of the fit:
to find the reverberation time, and to measure."""
FEWEST_BANDS = 3
UNEXPLAINED_DB = 40.0  # what is said where too few bands hold anything to be explained

NETWORKS = Path(__file__).parent / "weights"
RENDITION, MIX = "copy-test", "mix-test"
"""The networks, each with its weights (.safetensors) and card (.json); they have one graph."""
SEEN_HOP, SEEN_PER_OCTAVE = 661, 18
"""Samples from frame to frame, 30 ms, and bins an octave, of what the network sees."""
DEEPEST_DB, LOUDEST_DB = 90.0, 40.0
"""What lies so far below the loudest cell is silence; levels over a floor count to the second."""


@dataclass(frozen=True)
class CopyTest:
    """What tells a copy from a rendition: `verify.copytest` measures it along the alignment."""

    unexplained_db: float  # of A, by B through a filter and over a noise floor
    unexplained_back_db: float  # of B, by A
    best_half_db: float  # as unexplained_db, of the half of the bands that is explained best
    best_half_back_db: float
    band_correlation: float  # of log powers over time, median over narrow bands, in [-1, 1]
    lag_spread_s: float  # of single seconds of A about the line
    lag_share: float  # of seconds that have such a lag, in [0, 1]
    signal_share: float  # of bins and frames that hold anything to be explained, in [0, 1]
    in_room_db: float  # as unexplained_db, with echoes, in wide bands; the better direction
    echo_share: float  # of the explained power in echoes, in [0, 1]
    heard_snr_db: float  # of the one that is explained: signal over its quietest moments
    network_score: float  # of a network: above 0 A is more like a copy, below a rendition
    mix_score: float  # of a network: above 0 as in copies, below as in two mixes of one stem


def copy_test(read_a: Read, read_b: Read, alignment: Alignment) -> CopyTest | None:
    """What tells a copy from a rendition along an alignment; None: too little to tell by."""
    fine_a, fine_b = _fine_powers(read_a, read_b, alignment)
    if len(fine_a) < FEWEST_FRAMES:
        return None
    n = _frames(SMOOTH_S)
    a, b = (uniform_filter1d(power, n, axis=0) for power in (fine_a, fine_b))
    forth, share = _residuals(a, b)
    back, share_back = _residuals(b, a)
    if forth is None or back is None:
        return None
    moving_a, moving_b = _moving(fine_a), _moving(fine_b)
    energy = np.sqrt(np.square(moving_a).sum(axis=0) * np.square(moving_b).sum(axis=0))
    correlations = (moving_a * moving_b).sum(axis=0) / np.maximum(energy, TINY)
    banks = seen_bank(0.0), seen_bank(-alignment.line.shift_semitones)
    wide = powers_along(read_a, read_b, alignment, alignment.line, banks, hop=SEEN_HOP)
    lag_spread_s, lag_share = _lags(moving_a, moving_b)
    room = min(_in_room(fine_a, fine_b), _in_room(fine_b, fine_a))
    levels = {"levels": seen(*wide)[None]}
    scores = [float(network(name).run(None, levels)[0][0]) for name in (RENDITION, MIX)]
    return CopyTest(
        unexplained_db=_mean(forth), unexplained_back_db=_mean(back),
        best_half_db=_mean(forth, share=0.5), best_half_back_db=_mean(back, share=0.5),
        band_correlation=float(np.median(correlations)),
        lag_spread_s=lag_spread_s, lag_share=lag_share, signal_share=min(share, share_back),
        in_room_db=room[0], echo_share=room[1], heard_snr_db=room[2],
        network_score=scores[0], mix_score=scores[1],
    )  # fmt: skip


def _fine_powers(read_a: Read, read_b: Read, alignment: Alignment) -> tuple[Floats, Floats]:
    """The powers of A on a scale of octaves, and of B at the pitch of A."""
    shift = alignment.line.shift_semitones * BINS_PER_OCTAVE / 12
    extra = math.ceil(abs(shift)) + 1
    banks = _bank(0), _bank(extra)
    power_a, power_b = powers_along(read_a, read_b, alignment, alignment.line, banks, hop=HOP)
    first = extra - shift  # bin k of A is bin k - shift of B
    below = math.floor(first)
    part = np.float32(first - below)
    low, high = (power_b[:, k : k + N_BINS] for k in (below, below + 1))
    return power_a, low * (1 - part) + high * part


def powers_along(
    read_a: Read, read_b: Read, alignment: Alignment, line: Line, banks: tuple[Floats, Floats], *,
    hop: int,
) -> tuple[Floats, Floats]:  # fmt: skip
    """Powers of A by one bank, and by the other those of B where A's frames come from.

    (frames, bins) each, of the stretch, or of parts of it if it is long.
    """
    parts, part_s = [(alignment.a_start_s, alignment.a_end_s)], LONGEST_S / PARTS
    if alignment.duration_s > LONGEST_S:
        starts_s = np.linspace(alignment.a_start_s, alignment.a_end_s - part_s, PARTS).tolist()
        parts = [(s, s + part_s) for s in starts_s]
    rows_a, rows_b = [], []
    for start_s, end_s in parts:
        start_s = max(0.0, start_s)
        b_start_s = max(0.0, line.to_b(start_s) - 0.1)
        a, b = read_a(start_s, end_s), read_b(b_start_s, line.to_b(end_s) + 0.1)
        on_a = np.arange(0, len(a), hop) / SAMPLE_RATE
        on_b = line.to_b(start_s + on_a) - b_start_s
        inside = (on_b >= 0) & (on_b < len(b) / SAMPLE_RATE)
        rows_a.append(powers(a, on_a[inside], banks[0]))
        rows_b.append(powers(b, on_b[inside], banks[1]))
    return np.concatenate(rows_a), np.concatenate(rows_b)


def powers(samples: Floats, seconds: Values, bank: Floats) -> Floats:
    """Powers (n, bands) around these seconds (n,); the bank (FRAME // 2 + 1, bands) sums them."""
    if not len(seconds):
        return np.zeros((0, bank.shape[1]), np.float32)
    padded = np.pad(samples, FRAME // 2 + 1)
    at = np.clip(np.rint(seconds * SAMPLE_RATE).astype(int), 0, len(samples) - 1) + 1
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)
    window = np.hanning(FRAME).astype(np.float32)
    bank = bank[: np.flatnonzero(bank.any(axis=1))[-1] + 1]  # higher up it weighs nothing
    found = []
    for some in np.array_split(at, max(1, len(at) // 256)):
        spectra = scipy.fft.rfft(frames[some] * window, axis=1)[:, : len(bank)]
        found.append((np.square(spectra.real) + np.square(spectra.imag)) @ bank)
    return np.concatenate(found).astype(np.float32)


@cache
def _bank(extra: int) -> Floats:
    """Triangles (FRAME // 2 + 1, bins) on a scale of octaves, `extra` more bins on both sides."""
    centres = LOWEST_HZ * 2 ** (np.arange(-extra, N_BINS + extra) / BINS_PER_OCTAVE)
    return triangles(centres, centres * (2 ** (1 / BINS_PER_OCTAVE) - 1))


def triangles(centres_hz: Values, widths_hz: Values) -> Floats:
    """A bank (FRAME // 2 + 1, bands) that weighs a spectrum around each centre, 1 in all."""
    hz = np.arange(FRAME // 2 + 1) * SAMPLE_RATE / FRAME
    widths_hz = np.maximum(widths_hz, SAMPLE_RATE / FRAME)
    weights = np.maximum(0, 1 - np.abs(hz[:, None] - centres_hz) / widths_hz)
    return np.asarray(weights / np.maximum(weights.sum(axis=0), TINY), np.float32)


def _residuals(a: Floats, b: Floats) -> tuple[Floats | None, float]:
    """What the model leaves (frames, bins), dB, NaN where there is no signal; share of signal."""
    floor = _floor(a) + TINY
    ratio = (a - floor) / (b + TINY)
    where = a > OVER_FLOOR * floor
    gain = medians(ratio, where)
    for _ in range(3):
        before, where = where, np.nan_to_num(gain) * b > OVER_FLOOR * floor
        if np.array_equal(before, where):
            break
        gain = medians(ratio, where)
    gain = np.maximum(np.nan_to_num(gain), 0)
    signal = gain * b > OVER_FLOOR * floor
    if (signal.sum(axis=0) >= FEWEST_CELLS).sum() < FEWEST_BINS:
        return None, float(signal.mean())
    residual = np.abs(10 * np.log10(np.maximum(a, TINY) / (gain * b + floor)))
    return np.where(signal, residual, np.nan).astype(np.float32), float(signal.mean())


def _floor(power: Floats) -> Floats:
    """The noise floor of each bin (bins,): what np.quantile gives, but in a fifth of the time."""
    place = FLOOR_QUANTILE * (len(power) - 1)
    below = min(int(place), len(power) - 2)
    rows = np.partition(power.T.copy(), below, axis=1)  # fast along rows
    least, following = rows[:, below], rows[:, below + 1 :].min(axis=1)
    return np.asarray(least + (place - below) * (following - least), np.float32)


def medians(table: Floats, where: NDArray[np.bool_]) -> Floats:
    """Medians (bins,) of the cells in each column; NaN where there are too few."""
    ordered = np.sort(np.where(where, table, np.inf).T.copy(), axis=1)  # fast along rows
    count = where.sum(axis=0)
    middle = np.maximum(count - 1, 0)
    columns = np.arange(table.shape[1])
    found = (ordered[columns, middle // 2] + ordered[columns, (middle + 1) // 2]) / 2
    return np.where(count >= FEWEST_CELLS, found, np.nan).astype(np.float32)


def _mean(residuals: Floats, *, share: float = 1.0) -> float:
    """The mean of the bins' medians, in dB, over the share of the bins explained best."""
    of_bins = medians(residuals, np.isfinite(residuals))
    ordered = np.sort(of_bins[np.isfinite(of_bins)])
    if not len(ordered):
        return math.inf
    return float(ordered[: max(FEWEST_BINS // 2, int(len(ordered) * share))].mean())


def _in_room(a: Floats, b: Floats) -> tuple[float, float, float]:
    """How B in a room explains A: dB left, share of echoes; and signal over the noise of A, dB."""
    rough, rough_b = _wide(a, *ROUGH[:2]), _wide(b, *ROUGH[:2])
    n = len(ECHOES_S)
    tried = [_echoes(rough_b, time_s) for time_s in ECHOES_S]
    left, parts, _ = _fit_room(
        np.tile(rough, n), np.tile(rough_b, n), np.concatenate(tried, axis=1), ROUGH[2]
    )
    best = int(np.median(np.abs(left), axis=0).reshape(n, -1).mean(axis=1).argmin())
    direct, echoes, _ = parts.reshape(3, n, -1)[:, best].sum(axis=1).tolist()
    wide, wide_b = _wide(a, *FINE[:2]), _wide(b, *FINE[:2])
    left, _, signal = _fit_room(wide, wide_b, _echoes(wide_b, ECHOES_S[best]), FINE[2])
    bands = medians(np.abs(left), signal)
    known = np.isfinite(bands)
    floor = _floor(wide) / np.maximum(wide.mean(axis=0), TINY)
    return (
        float(bands[known].mean()) if known.sum() >= FEWEST_BANDS else UNEXPLAINED_DB,
        echoes / max(direct + echoes, TINY),
        10 * math.log10(((1 - floor).sum() + TINY) / (floor.sum() + TINY)),
    )


def _wide(power: Floats, bins: int, seconds: float) -> Floats:
    """Powers in bands of so many bins, averaged over so many seconds."""
    bands = power.reshape(len(power), -1, bins).mean(axis=2)
    averaged = uniform_filter1d(bands, _frames(seconds), axis=0)
    return np.asarray(averaged.clip(0))  # the running sum of silence may be less


def _fit_room(
    a: Floats, b: Floats, echoes: Floats, steps: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """A as B, echoes of B and noise, none of them below 0, by the divergence of Itakura and Saito.

    What is left (frames, bands) in dB, the mean powers of the three parts (3, bands), where the
    mean of A is 1, and where there is signal.
    """
    hop = _frames(SMOOTH_S)
    sources = np.stack([x[::hop].T for x in (b, echoes, np.ones_like(b))], axis=1)
    sources /= sources.mean(axis=2, keepdims=True) + TINY  # (bands, 3, frames)
    power = (a / np.maximum(a.mean(axis=0), TINY))[::hop].T[:, None]
    gains = np.full((len(sources), 1, 3), 0.4, np.float32)
    across = sources.swapaxes(1, 2)
    for _ in range(steps):  # multiplicative updates
        inverse = 1 / (gains @ sources + 1e-9)
        gains *= np.sqrt((power * inverse * inverse) @ across / (inverse @ across + TINY))
    model = (gains @ sources)[:, 0].T + 1e-9
    left = 10 * np.log10(power[:, 0].T / model + 1e-9)
    noise = gains[:, 0, 2]
    return left, (gains[:, 0] * sources.mean(axis=2)).T, model - noise > noise


def _echoes(power: Floats, time_s: float) -> Floats:
    """Powers (frames, bands) that arrive later and decay by 60 dB in that time; 0 s: none."""
    if not time_s:
        return np.zeros_like(power)
    n, tail = len(power), np.exp(-13.8 * HOP / SAMPLE_RATE / time_s * np.arange(_frames(time_s)))
    size = scipy.fft.next_fast_len(n + len(tail), real=True)
    response = scipy.fft.rfft(np.append(0, tail / tail.sum()).astype(np.float32), size)
    spectra = scipy.fft.rfft(power, size, axis=0) * response[:, None]
    return np.asarray(scipy.fft.irfft(spectra, size, axis=0)[:n].clip(0))


@lru_cache(maxsize=8)  # shifts are endless
def seen_bank(shift_semitones: float) -> Floats:
    """The bands in which the network sees a recording, moved up."""
    centres = LOWEST_HZ * 2 ** (np.arange(SEEN_PER_OCTAVE * OCTAVES) / SEEN_PER_OCTAVE)
    centres = centres * 2 ** (shift_semitones / 12)
    return triangles(centres, centres * (2 ** (1 / SEEN_PER_OCTAVE) - 1))


def seen(a: Floats, b: Floats) -> Floats:
    """What the network sees (4, frames, bins) of two powers (frames, bins), the noisier one first.

    Of each, levels over the quietest tenth of a bin, and how far the bin's mean is above that.
    """
    return np.concatenate(sorted(map(_levels, (a, b)), key=lambda levels: float(levels[1].mean())))


def _levels(power: Floats) -> Floats:
    """Levels over the floors of the bins, and those of the bins' means, (2, frames, bins)."""
    power = np.maximum(power + TINY, power.max() * 10 ** (-DEEPEST_DB / 10))
    level = (10 * np.log10(power)).astype(np.float32)
    floor = _floor(level)
    mean = 10 * np.log10(power.mean(axis=0)) - floor
    over = np.clip(level - floor, -6, LOUDEST_DB) / 12
    return np.stack([over, np.broadcast_to(np.clip(mean, 0, LOUDEST_DB) / 20, over.shape)])


@cache
def networks_sha256() -> str:
    """One SHA-256 that names the weights of both networks, by those that their cards state."""
    paths = [(NETWORKS / name).with_suffix(".safetensors") for name in (RENDITION, MIX)]
    known = "".join(str(read_card(path, "versions")["sha256"]) for path in paths)
    return hashlib.sha256(known.encode()).hexdigest()


@cache
def network(name: str) -> Any:
    """One of the networks, ready to run on one thread: they are small."""
    path = (NETWORKS / name).with_suffix(".safetensors")
    stated_sha256(path, read_card(path, "versions"))
    with one_thread():
        return session((NETWORKS / RENDITION).with_suffix(".onnx"), read_tensors(path))


def _moving(power: Floats) -> Floats:
    """Log powers without what stands still for a second."""
    log = np.log(power + _floor(power) + 1e-9)
    return np.asarray(log - uniform_filter1d(log, _frames(1.0), axis=0))


def _lags(moving_a: Floats, moving_b: Floats) -> tuple[float, float]:
    """The spread of the lags of single seconds about the line, s; share of seconds with a peak."""
    a, b = (np.diff(moving, axis=0) for moving in (moving_a, moving_b))
    n, reach, lags = _frames(1.0), LAG_FRAMES, []
    starts = range(reach, len(a) - n - reach + 1, max(1, n // 2))
    for start in starts:
        own, first = a[start : start + n], start - reach
        curve = np.array([np.vdot(own, b[k : k + n]) for k in range(first, first + 2 * reach + 1)])
        top = int(curve.argmax())
        if 0 < top < 2 * reach and curve[top] > 0:
            before, at, after = curve[top - 1 : top + 2].tolist()
            bend = before - 2 * at + after  # of the parabola through the three
            lags.append(top + (0.5 * (before - after) / bend if bend else 0.0) - reach)
    if len(lags) < 2:
        return reach * HOP / SAMPLE_RATE, len(lags) / max(1, len(starts))
    spread = 1.4826 * float(np.median(np.abs(np.array(lags) - np.median(lags))))
    return spread * HOP / SAMPLE_RATE, len(lags) / len(starts)


def _frames(seconds: float) -> int:
    return max(1, round(seconds * SAMPLE_RATE / HOP))
