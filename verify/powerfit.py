"""The power of one recording in narrow bands as a sum of what another one could have left in it.

Along a line, the power of A in a band is that of B times a gain, plus B's power of the moments
before (an echo), plus a constant (noise), plus what neighbouring bands spill over (coding).
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from verify.copytest import FRAME, TINY, powers_along, triangles
from verify.features import Floats, Read
from verify.results import Alignment, Line

Doubles = NDArray[np.float64]

HOP = 661  # samples from one frame to the next: 30 ms
LOWEST_HZ, HIGHEST_HZ, BANDS_PER_OCTAVE = 43.0, 10_000.0, 8
"""Bands are an eighth of an octave apart, but at least two bins of a spectrum."""
FLOOR = 1e-6  # of the loudest band: what is 60 dB below is hardly heard; there both lie on a floor
DECAYS_S = (0.4, 1.2, 3.5)  # an echo is a mixture of these: times in which it falls by 60 dB
ECHO_AFTER = 4  # frames from a moment to its echo, so that the frames do not overlap
DIRECT, ECHOES = 0, tuple(range(1, 1 + len(DECAYS_S)))
NOISE, SPILL = ECHOES[-1] + 1, ECHOES[-1] + 2
PARTS = (DIRECT, *ECHOES, NOISE, SPILL)
SPILL_BANDS, SPILL_FALL = 6, 0.6  # what a band spills over falls by this from band to band
ROUNDS, SWEEPS, MORE_SWEEPS = 3, 15, 6
OUTLIER = 8.0  # while fitting, power counts as so many times the model's at most


@dataclass(frozen=True)
class Fit:
    """One recording's powers (frames, bands), explained by another's."""

    own: Floats
    other: Floats
    model: Floats  # (frames, bands): the sum of all parts
    share: Doubles  # (parts, bands): of the mean power, what each part gives
    rest: Doubles  # (bands,): mean squared relative error, about the variance of the log powers
    gram: Doubles  # (bands, parts, parts), by which the error without some parts is found
    products: Doubles  # (bands, parts)
    square: Doubles  # (bands,)

    def without(self, *parts: int) -> Doubles:
        """How much larger the error (bands,) is at best without some parts."""
        kept = [part for part in PARTS if part not in parts]
        gram, products = self.gram[:, kept][:, :, kept], self.products[:, kept]
        share = _solved(gram, products, self.share.T[:, kept])
        return np.asarray(_error(gram, products, self.square, share) - self.rest)

    @property
    def gain(self) -> Doubles:
        """The gain of power (bands,) from the other one."""
        return np.asarray(self.share[DIRECT] * self.own.mean(axis=0) / self.other.mean(axis=0))

    @cached_property
    def above_floor(self) -> Doubles:
        """The mean power (bands,) over its floor."""
        return np.asarray(self.own.mean(axis=0) / _floor(self.own))

    @cached_property
    def other_above_floor(self) -> Doubles:
        """The same of the other one."""
        return np.asarray(self.other.mean(axis=0) / _floor(self.other))


def bands_hz() -> Doubles:
    """The centres of the bands (bands,)."""
    return _bank(0.0)[0]


def band_powers(
    read_a: Read, read_b: Read, alignment: Alignment, line: Line
) -> tuple[Floats, Floats]:
    """Powers of A, and of B where the line says that A's frames come from, over their floors."""
    banks = _bank(0.0)[1], _bank(-line.shift_semitones)[1]
    found = powers_along(read_a, read_b, alignment, line, banks, hop=HOP)
    a, b = (x + np.asarray(_floor(x), np.float32) if len(x) else x for x in found)
    return a, b


def _floor(power: Floats) -> Doubles:
    """The floor (bands,): the power of a band counts by its width."""
    width = np.gradient(bands_hz())
    return np.asarray(FLOOR * (power.mean(axis=0) * width).max() / width + TINY)


@lru_cache(maxsize=8)  # shifts are endless
def _bank(shift_semitones: float) -> tuple[Doubles, Floats]:
    """Centres of the bands, and triangles (FRAME // 2 + 1, bands) around them, moved up."""
    centres = [LOWEST_HZ]
    while centres[-1] < HIGHEST_HZ:
        wide = centres[-1] * (2 ** (1 / BANDS_PER_OCTAVE) - 1)
        centres.append(centres[-1] + max(2 * SAMPLE_RATE / FRAME, wide))
    moved = np.array(centres) * 2 ** (shift_semitones / 12)
    return np.array(centres), triangles(moved, np.gradient(moved))


def fitted(own: Floats, other: Floats) -> Fit:
    """What the powers of the other explain of one's own, (frames, bands) each."""
    parts = _parts(other)  # (parts, frames, bands)
    scale = own.mean(axis=0) / np.maximum(parts.mean(axis=1), TINY)
    parts = (parts * scale[:, None]).transpose(2, 0, 1).copy()  # (bands, parts, frames)
    power, n = own.T.copy(), len(own)
    model = power.mean(axis=1, keepdims=True) * 0.5 + 0.5 * power
    share: Doubles | None = None
    for _ in range(ROUNDS + 1):
        weighted = parts / model[:, None]
        relative = np.minimum(power / model, OUTLIER)[:, :, None]
        gram = np.asarray(weighted @ weighted.transpose(0, 2, 1), np.float64) / n
        products = np.asarray(weighted @ relative, np.float64)[:, :, 0] / n
        square = np.square(relative[:, :, 0], dtype=np.float64).mean(axis=1)
        share = _solved(gram, products, share)
        rest = _error(gram, products, square, share)
        model = np.maximum((share[:, None].astype(np.float32) @ parts)[:, 0], TINY)
    assert share is not None
    return Fit(own, other, model.T, share.T, rest, gram, products, square)


def _parts(power: Floats) -> Floats:
    """What each part would be (parts, frames, bands), at any level."""
    echoes = [_echo(power, decay_s) for decay_s in DECAYS_S]
    relative = power / power.mean(axis=0)
    wide = np.pad(relative, ((0, 0), (SPILL_BANDS, SPILL_BANDS)), mode="edge")
    around = range(2 * SPILL_BANDS + 1)
    falls = [SPILL_FALL ** abs(k - SPILL_BANDS) for k in around]
    spill = sum(falls[k] * wide[:, k : k + power.shape[1]] for k in around)
    return np.stack([power, *echoes, np.ones_like(power), spill]).astype(np.float32)


def _echo(power: Floats, decay_s: float) -> Floats:
    """What is left of the power of earlier frames: the sum of what decays exponentially."""
    keep = 10 ** (-6 * HOP / SAMPLE_RATE / decay_s)
    total, step = power.copy(), 1
    while step < len(power) and keep**step > 1e-3:  # twice as many frames with every round
        total[step:] = total[step:] + np.float32(keep**step) * total[:-step]
        step *= 2
    echo = np.full_like(power, TINY)
    echo[ECHO_AFTER:] += total[:-ECHO_AFTER]
    return echo


def _solved(gram: Doubles, products: Doubles, start: Doubles | None = None) -> Doubles:
    """The shares (bands, parts), none below zero, with the least error: one by one, in turns."""
    own = np.maximum(np.diagonal(gram, axis1=1, axis2=2), TINY)
    share = np.zeros_like(products) if start is None else start.copy()
    for _ in range(SWEEPS if start is None else MORE_SWEEPS):
        for part in range(products.shape[1]):
            left = products[:, part] - np.einsum("bk,bk->b", gram[:, part], share)
            share[:, part] = np.maximum(0, share[:, part] + left / own[:, part])
    return share


def _error(gram: Doubles, products: Doubles, square: Doubles, share: Doubles) -> Doubles:
    """The mean squared relative error (bands,)."""
    fitted_square = np.einsum("bk,bkl,bl->b", share, gram, share)
    return np.asarray(square - 2 * (products * share).sum(axis=1) + fitted_square)


def decay_s(fit: Fit, bands: NDArray[np.bool_]) -> float:
    """The time in which the echoes of these bands fall by 60 dB, from their first 5 dB."""
    frames = np.arange(1, round(4.0 * SAMPLE_RATE / HOP))
    falls = np.array([10 ** (-6 * HOP / SAMPLE_RATE / d) for d in DECAYS_S])
    shares = fit.share[list(ECHOES)][:, bands].sum(axis=1)
    curves = shares[:, None] * falls[:, None] ** frames  # what is still to come, of each
    curve = 10 * np.log10(np.maximum(curves.sum(axis=0), TINY))
    after = int(np.argmax(curve < curve[0] - 5.0)) or len(curve) - 1
    return float(-60 * frames[after] * HOP / SAMPLE_RATE / (curve[after] - curve[0]))
