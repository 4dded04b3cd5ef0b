"""Building blocks of timbres: band-limited tables, struck bodies, plucked strings, envelopes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import lfilter

Samples = NDArray[np.float32]
Cycles = NDArray[np.float64]

TABLE_SIZE = 2048
"""Samples in one period of a table: the 40th harmonic is read with an error below -50 dB."""
GUARD = 0.46
"""Partials above this share of the sample rate are left out, so that nothing folds back."""
FOLD_DB = 60.0
"""How far a string's sound beyond its end is pushed below the part we keep."""
BLOCK = 256
"""Samples in a block of a struck body's oscillation."""


@dataclass(frozen=True, slots=True)
class Tone:
    """One note as an instrument sees it."""

    frequency_hz: float
    samples: int
    sample_rate: int
    velocity: float
    brightness: float = 0.5
    vibrato_cents: float = 0.0
    ring: float = 1.0

    def times_s(self) -> Samples:
        """Time of each sample from the note's start, shape (samples,), in seconds."""
        return np.arange(self.samples, dtype=np.float32) * np.float32(1.0 / self.sample_rate)

    def harmonics(self, limit: int = 48) -> NDArray[np.float64]:
        """Numbers 1, 2, 3 … of the harmonics that fit below the guard, at most `limit`."""
        fitting = int(GUARD * self.sample_rate / self.frequency_hz)
        return np.arange(1, max(1, min(limit, fitting)) + 1, dtype=np.float64)


def harmonic_table(amplitudes: NDArray[np.float64], *, spread: bool = True) -> Samples:
    """One period with the given amplitudes of harmonics 1, 2 …; one sample longer, to wrap.

    `spread` turns the phases by Schroeder's rule, which keeps the peak low.
    """
    count = len(amplitudes)
    number = np.arange(1, count + 1)
    phase = -np.pi * number * (number - 1) / count if spread else np.zeros(count)
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=np.complex128)
    spectrum[1 : count + 1] = -0.5j * TABLE_SIZE * amplitudes * np.exp(1j * phase)
    period = irfft(spectrum, TABLE_SIZE)
    return np.append(period, period[0]).astype(np.float32)


def read_table(table: Samples, cycles: Cycles) -> Samples:
    """The table read at a running phase in cycles, with linear interpolation."""
    position = (cycles - np.floor(cycles)) * TABLE_SIZE
    index = position.astype(np.int32)
    fraction = (position - index).astype(np.float32)
    index &= TABLE_SIZE - 1
    left = table[index]
    return left + fraction * (table[index + 1] - left)


def phase_cycles(
    tone: Tone, *, detune_cents: float = 0.0, rate_hz: float = 5.5, delay_s: float = 0.25
) -> Cycles:
    """Running phase of a tone in cycles, shape (samples,), with its vibrato growing in.

    The vibrato swings evenly to both sides, so the mean pitch stays the notated one.
    """
    frequency = tone.frequency_hz * 2.0 ** (detune_cents / 1200.0)
    if tone.vibrato_cents == 0.0:
        steady_cycles: Cycles = np.arange(tone.samples) * (frequency / tone.sample_rate)
        return steady_cycles
    times = tone.times_s()
    depth = np.float32(tone.vibrato_cents * np.log(2.0) / 1200.0)
    growing = np.clip(times / np.float32(max(delay_s, 1e-3)) - 0.5, 0.0, 1.0)
    swing = np.sin(np.float32(2.0 * np.pi * rate_hz) * times) * growing * depth
    cycles: Cycles = np.cumsum(1.0 + swing.astype(np.float64)) * (frequency / tone.sample_rate)
    return cycles


def attack(tone: Tone, rise_s: float) -> Samples:
    """A rise from 0 to 1 that takes about `rise_s`, shape (samples,)."""
    rise: Samples = np.float32(1.0) - np.exp(tone.times_s() * np.float32(-3.0 / max(rise_s, 1e-4)))
    return rise


def decay(tone: Tone, fall_s: float) -> Samples:
    """A fall from 1 by 60 dB within `fall_s`, shape (samples,)."""
    fall: Samples = np.exp(tone.times_s() * np.float32(-np.log(1000.0) / max(fall_s, 1e-4)))
    return fall


def struck_body(
    tone: Tone,
    frequencies_hz: NDArray[np.float64],
    *,
    decays_s: NDArray[np.float64],
    amplitudes: NDArray[np.float64],
) -> Samples:
    """Sum of damped sines, shape (samples,): bars, bells, membranes, piano strings.

    Each mode starts at phase 0 and falls by 60 dB in its decay time. A mode is an outer
    product of one block's oscillation with the blocks' phases: no sine per sample.
    """
    blocks = -(-tone.samples // BLOCK)
    out = np.zeros((blocks, BLOCK), dtype=np.float32)
    inside, across = np.arange(BLOCK), np.arange(blocks) * BLOCK
    for frequency, fall_s, amplitude in zip(frequencies_hz, decays_s, amplitudes, strict=True):
        if not 0.0 < frequency < GUARD * tone.sample_rate:
            continue
        damping = np.log(1000.0) / (fall_s * tone.sample_rate)
        rate = -damping + 2j * np.pi * frequency / tone.sample_rate
        alive = min(blocks, int(11.5 / damping / BLOCK) + 1)  # e^-11.5 is -100 dB
        one, many = np.exp(rate * inside), amplitude * np.exp(rate * across[:alive])
        real, imaginary = one.real.astype(np.float32), one.imag.astype(np.float32)
        out[:alive] += many.imag.astype(np.float32)[:, None] * real
        out[:alive] += many.real.astype(np.float32)[:, None] * imaginary
    return out.ravel()[: tone.samples]


def plucked_string(
    tone: Tone, *, decay_s: float, damping: float, pick: float, rng: np.random.Generator
) -> Samples:
    """A Karplus-Strong string, shape (samples,): a burst that runs round a damped delay loop.

    `damping` in (0, 0.5] dulls each round, `pick` in (0, 0.5] is the plucked place. The
    recursion y = x + g·((1-s) + s/z)·z^-D·y is solved in one Fourier transform, where D may be
    any real number, so that the pitch is exact. The transform runs on a circle of radius > 1:
    what rings on past the end folds back FOLD_DB lower than it was.
    """
    period = tone.sample_rate / tone.frequency_hz
    size = next_fast_len(tone.samples + 2 * int(period) + 512, real=True)
    log_radius = FOLD_DB / 20.0 * np.log(10.0) / size
    omega = 2.0 * np.pi / size * np.arange(size // 2 + 1)
    at_pitch = (1.0 - damping) + damping * np.exp(-2j * np.pi / period)
    delay = period + np.angle(at_pitch) * period / (2.0 * np.pi)
    gain = 10.0 ** (-3.0 * period / (decay_s * tone.sample_rate)) / abs(at_pitch)
    one_sample = np.exp(-1j * omega - log_radius)
    loop = (1.0 - damping) + damping * one_sample
    loop *= min(gain, 0.9995) * np.exp(-delay * (1j * omega + log_radius))
    burst = _burst(tone, period, rng=rng) * np.exp(-log_radius * np.arange(int(period) + 1))
    excitation = rfft(burst, size) * (1.0 - 0.9 * np.exp(-pick * period * (1j * omega)))
    # A broken delay rings at the Nyquist frequency, before its own start too: leave none there.
    excitation *= np.cos(np.pi / 2.0 * np.clip((omega / np.pi - 0.6) / 0.4, 0.0, 1.0)) ** 2
    growth = np.exp(log_radius * np.arange(tone.samples))
    return np.asarray(irfft(excitation / (1.0 - loop), size)[: tone.samples] * growth, np.float32)


def _burst(tone: Tone, period: float, *, rng: np.random.Generator) -> NDArray[np.float64]:
    """What the finger gives the string: one period, rougher when played harder."""
    length = int(period) + 1
    noise = rng.standard_normal(length)
    width = max(1, int(period * (0.25 - 0.2 * tone.velocity * tone.brightness)))
    smooth = np.convolve(noise, np.hanning(width + 2), mode="same")
    push = np.sin(np.pi * np.arange(length) / length) ** 2
    burst = smooth / (np.abs(smooth).max() + 1e-9) + 1.5 * push
    return np.asarray(burst - burst.mean(), dtype=np.float64)


def noise(tone: Tone, *, rng: np.random.Generator) -> Samples:
    """White noise of unit variance, shape (samples,)."""
    return rng.standard_normal(tone.samples, dtype=np.float32)


def resonance(sound: Samples, frequency_hz: float, sample_rate: int, *, q: float = 6.0) -> Samples:
    """The sound through one resonance, unit gain at its peak, shape as given."""
    omega = 2.0 * np.pi * min(frequency_hz, 0.45 * sample_rate) / sample_rate
    alpha = np.sin(omega) / (2.0 * q)
    top = np.asarray([alpha, 0.0, -alpha], dtype=np.float32)
    bottom = np.asarray([1.0 + alpha, -2.0 * np.cos(omega), 1.0 - alpha], dtype=np.float32)
    return np.asarray(lfilter(top, bottom, sound), dtype=np.float32)


def steady(sound: Samples, *, within: int) -> Samples:
    """The sound scaled so that its first `within` samples peak at 1; silence stays silent."""
    peak = float(np.abs(sound[:within]).max(initial=0.0))
    return sound if peak == 0.0 else sound * np.float32(1.0 / peak)
