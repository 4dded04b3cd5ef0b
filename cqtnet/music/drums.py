"""The drum kit: every drum is synthesised from sweeps, damped modes and noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

from cqtnet.music.oscillators import (
    Samples,
    Tone,
    decay,
    noise,
    resonance,
    steady,
    struck_body,
)
from cqtnet.music.score import Kit

Drum = Callable[[Tone, Kit, np.random.Generator], Samples]

_METAL = np.asarray([205.3, 304.4, 369.6, 522.7, 540.0, 800.0]) * 10.0
"""Hz; modes of a cymbal, which belong to no pitch."""


def _sweep(tone: Tone, from_hz: float, to_hz: float, *, within_s: float) -> Samples:
    """A sine that falls from one frequency to another, shape (samples,)."""
    glide = to_hz + (from_hz - to_hz) * decay(tone, within_s)
    cycles = np.cumsum(glide.astype(np.float64)) / tone.sample_rate
    return np.sin(2.0 * np.pi * (cycles % 1.0)).astype(np.float32)


def _high_passed(sound: Samples, tone: Tone, corner_hz: float) -> Samples:
    """The sound without what lies below the corner, 12 dB an octave."""
    pole = float(np.exp(-2.0 * np.pi * min(corner_hz / tone.sample_rate, 0.35)))
    top, bottom = np.asarray([1.0, -1.0], np.float32), np.asarray([1.0, -pole], np.float32)
    return np.asarray(lfilter(top, bottom, lfilter(top, bottom, sound)), dtype=np.float32)


def kick(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
    """A membrane that drops to its pitch, with the beater's click."""
    body = _sweep(tone, 5.0 * kit.kick_hz, kit.kick_hz, within_s=0.12)
    click = np.float32(0.6 * kit.brightness) * noise(tone, rng=rng) * decay(tone, 0.015)
    return body * decay(tone, 0.45 * kit.decay) + click


def snare(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
    """Two modes of the shell and the rattle of the wires."""
    modes = np.asarray([1.0, 1.6, 2.4]) * kit.snare_hz
    shell = struck_body(
        tone, modes, decays_s=np.full(3, 0.15), amplitudes=np.asarray([1.0, 0.6, 0.3])
    )
    wires = _high_passed(noise(tone, rng=rng), tone, 700.0 + 1500.0 * kit.brightness)
    return shell + np.float32(0.5) * wires * decay(tone, 0.28 * kit.decay)


def _cymbal(fall_s: float, *, metal: float, corner_hz: float = 5500.0) -> Drum:
    """Metal and noise; hats die at once, rides ring, crashes roar."""

    def play(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
        length_s = fall_s * kit.decay
        spread = _METAL * (0.8 + 0.4 * kit.brightness)
        ring = struck_body(
            tone, spread, decays_s=np.full(6, length_s), amplitudes=np.full(6, metal)
        )
        hiss = _high_passed(noise(tone, rng=rng), tone, corner_hz)
        return ring + hiss * decay(tone, 0.8 * length_s)

    return play


def _tom(ratio: float) -> Drum:
    """A tuned membrane at `ratio` times the kit's tom pitch."""

    def play(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
        pitch = kit.tom_hz * ratio
        body = _sweep(tone, 1.7 * pitch, pitch, within_s=0.2) * decay(tone, 0.5 * kit.decay)
        return body + np.float32(0.25) * noise(tone, rng=rng) * decay(tone, 0.03)

    return play


def _hand(ratio: float, fall_s: float) -> Drum:
    """A hand drum: a hard membrane with a slap."""

    def play(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
        modes = np.asarray([1.0, 1.59, 2.14, 2.65]) * kit.tom_hz * ratio
        levels = np.asarray([1.0, 0.5, 0.35, 0.2])
        body = struck_body(
            tone, modes, decays_s=fall_s * kit.decay / np.arange(1.0, 5.0), amplitudes=levels
        )
        return body + np.float32(0.35) * noise(tone, rng=rng) * decay(tone, 0.04)

    return play


def clap(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
    """Several hands within 30 ms, then the room they stand in."""
    times = tone.times_s()
    envelope = 0.4 * decay(tone, 0.35 * kit.decay)
    for late_s in (0.0, 0.011, 0.023):
        since = times - np.float32(late_s)
        envelope += np.where(since >= 0.0, np.exp(-300.0 * np.maximum(since, 0.0)), 0.0)
    hands = resonance(
        noise(tone, rng=rng), 1100.0 + 700.0 * kit.brightness, tone.sample_rate, q=1.5
    )
    return np.asarray(hands * envelope, dtype=np.float32)


def shaker(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
    """Grains that swell and fall."""
    grains = _high_passed(noise(tone, rng=rng), tone, 4500.0)
    swell = np.minimum(tone.times_s() / np.float32(0.02), 1.0)
    return np.asarray(grains * swell * decay(tone, 0.12 * kit.decay), dtype=np.float32)


def rim(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
    """A stick on wood."""
    modes = np.asarray([1.0, 2.35, 3.9]) * (450.0 + 400.0 * kit.brightness)
    return struck_body(
        tone, modes, decays_s=np.full(3, 0.07), amplitudes=np.asarray([1.0, 0.8, 0.5])
    )


def cowbell(tone: Tone, kit: Kit, rng: np.random.Generator) -> Samples:
    """Two clashing bars."""
    modes = np.asarray([540.0, 800.0, 1620.0, 2400.0]) * (0.85 + 0.3 * kit.brightness)
    levels = np.asarray([1.0, 1.0, 0.5, 0.4])
    return struck_body(tone, modes, decays_s=np.full(4, 0.3), amplitudes=levels)


DRUMS: dict[str, tuple[Drum, float, float]] = {
    "kick": (kick, 0.45, 1.0),
    "snare": (snare, 0.35, 0.7),
    "hat": (_cymbal(0.09, metal=0.2), 0.15, 0.3),
    "open_hat": (_cymbal(0.5, metal=0.25), 0.5, 0.32),
    "ride": (_cymbal(1.4, metal=0.35), 1.0, 0.28),
    "crash": (_cymbal(2.2, metal=0.15, corner_hz=2500.0), 1.8, 0.4),
    "brush": (_cymbal(0.25, metal=0.0, corner_hz=1800.0), 0.25, 0.3),
    "tom_low": (_tom(0.75), 0.55, 0.75),
    "tom_mid": (_tom(1.0), 0.5, 0.7),
    "tom_high": (_tom(1.4), 0.45, 0.65),
    "conga_low": (_hand(1.6, 0.5), 0.45, 0.6),
    "conga_high": (_hand(2.3, 0.3), 0.35, 0.55),
    "clap": (clap, 0.3, 0.55),
    "shaker": (shaker, 0.14, 0.25),
    "rim": (rim, 0.1, 0.45),
    "cowbell": (cowbell, 0.3, 0.3),
}
"""Name → how it is played, how long it sounds in s, how loud it is in a kit."""


def play_drum(name: str, kit: Kit, sample_rate: int, *, rng: np.random.Generator) -> Samples:
    """One stroke on a drum at its level in the kit, faded to zero at its end, float32."""
    play, length_s, level = DRUMS[name]
    samples = int(length_s * max(0.6, kit.decay) * sample_rate)
    tone = Tone(frequency_hz=100.0, samples=samples, sample_rate=sample_rate, velocity=0.8)
    sound = steady(play(tone, kit, rng), within=samples) * np.float32(level)
    tail = min(samples, sample_rate // 50)
    sound[samples - tail :] *= np.linspace(1.0, 0.0, tail, dtype=np.float32)
    return sound
