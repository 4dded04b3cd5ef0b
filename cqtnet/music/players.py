"""The players: how each family of instruments turns a tone into samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cqtnet.music.oscillators import (
    Samples,
    Tone,
    attack,
    decay,
    harmonic_table,
    noise,
    phase_cycles,
    plucked_string,
    read_table,
    resonance,
    struck_body,
)

Player = Callable[[Tone, np.random.Generator], Samples]


def string(damping: float, pick: float, decay_s: float) -> Player:
    """A plucked string; brighter instruments lose less at every round."""

    def play(tone: Tone, rng: np.random.Generator) -> Samples:
        fall_s = tone.ring * decay_s * float(np.clip((220.0 / tone.frequency_hz) ** 0.5, 0.3, 1.6))
        duller = damping * (1.3 - 0.6 * tone.brightness)
        return plucked_string(tone, decay_s=fall_s, damping=duller, pick=pick, rng=rng)

    return play


def body(
    ratios: tuple[float, ...],
    levels: tuple[float, ...],
    *,
    decay_s: float,
    knock: float = 0.1,
    tremolo: float = 0.0,
) -> Player:
    """A struck bar or bell with modes at `ratios`; high modes die first, knock is the mallet."""

    def play(tone: Tone, rng: np.random.Generator) -> Samples:
        partials, heights = np.asarray(ratios), np.asarray(levels)
        harder = (0.4 + 1.2 * tone.velocity * tone.brightness) ** np.arange(len(partials))
        fall_s = decay_s * tone.ring * (330.0 / tone.frequency_hz) ** 0.4 / partials**0.7
        body = struck_body(
            tone, tone.frequency_hz * partials, decays_s=fall_s, amplitudes=heights * harder
        )
        if tremolo:
            body *= 1.0 - tremolo * (0.5 - 0.5 * np.cos(np.float32(31.0) * tone.times_s()))
        strike = noise(tone, rng=rng) * decay(tone, 0.03)
        return body + np.float32(knock * tone.velocity) * strike

    return play


def piano(tone: Tone, rng: np.random.Generator) -> Samples:
    """Stiff strings: partials slightly sharp, a fast and a slow decay, a felt hammer."""
    number = tone.harmonics(18)
    stiffness = 1.0 + 3.0e-4 * (tone.frequency_hz / 262.0) * (number**2 - 1.0)
    softness = 0.85 - 0.35 * tone.velocity - 0.25 * tone.brightness
    level = np.exp(-softness * (number - 1.0) * 0.8) * (0.4 + np.abs(np.sin(number * np.pi / 7.5)))
    fall_s = 5.0 * tone.ring * (262.0 / tone.frequency_hz) ** 0.5 / (1.0 + 0.3 * (number - 1.0))
    pitches = tone.frequency_hz * number * np.sqrt(stiffness)
    slow = struck_body(tone, pitches, decays_s=fall_s, amplitudes=0.5 * level)
    fast = struck_body(tone, pitches, decays_s=0.2 * fall_s, amplitudes=0.7 * level)
    return slow + fast + np.float32(0.05) * noise(tone, rng=rng) * decay(tone, 0.02)


def electric_piano(tone: Tone, rng: np.random.Generator) -> Samples:
    """Frequency modulation: a bar whose brightness falls, and a short tine far above."""
    angle = (2.0 * np.pi * (phase_cycles(tone) % 1.0)).astype(np.float32)
    index = np.float32((0.4 + 2.2 * tone.velocity) * (0.4 + tone.brightness)) * decay(tone, 1.1)
    body = np.sin(angle + index * np.sin(angle)) * decay(tone, 3.5 * tone.ring)
    if 14.0 * tone.frequency_hz < 0.4 * tone.sample_rate:
        body += np.float32(0.2 * tone.velocity) * np.sin(14.0 * angle) * decay(tone, 0.25)
    return body * attack(tone, 0.004)


def fm_bell(tone: Tone, rng: np.random.Generator) -> Samples:
    """Frequency modulation at an irrational ratio: sidebands that belong to no scale."""
    angle = (2.0 * np.pi * (phase_cycles(tone) % 1.0)).astype(np.float32)
    other = (2.0 * np.pi * ((phase_cycles(tone) * 3.53) % 1.0)).astype(np.float32)
    index = np.float32(0.5 + 1.6 * tone.brightness * tone.velocity) * decay(tone, 1.5)
    return np.sin(angle + index * np.sin(other)) * decay(tone, 3.0 * tone.ring)


def organ(tone: Tone, rng: np.random.Generator) -> Samples:
    """Drawbars: sub-octave, fundamental, twelfth and octaves, turned by a slow speaker."""
    pulled = np.zeros(16)
    pulled[[0, 1, 2, 3, 5, 7, 11, 15]] = [0.35, 1.0, 0.5, 0.6, 0.35, 0.4, 0.2, 0.25]
    pulled[3:] *= 0.3 + 1.2 * tone.brightness
    fitting = int(0.46 * tone.sample_rate / (0.5 * tone.frequency_hz))
    table = harmonic_table(pulled[: max(2, min(16, fitting))])
    turning = 1.0 + 0.12 * np.sin(np.float32(2.0 * np.pi * 5.8) * tone.times_s())
    click = np.float32(0.05) * noise(tone, rng=rng) * decay(tone, 0.02)
    sound = read_table(table, 0.5 * phase_cycles(tone)) * turning.astype(np.float32) + click
    return np.asarray(sound * attack(tone, 0.012), dtype=np.float32)


def _apart(rng: np.random.Generator) -> float:
    """Where in its period one of several voices starts, in cycles.

    They start near each other: voices that begin against each other leave a tone whose pitch
    wanders by more than they are detuned.
    """
    return float(rng.uniform(-0.12, 0.12))


def saws(rise_s: float, detune_cents: float, *, slope: float = 1.0, sweep_s: float = 0.0) -> Player:
    """Three saws around the pitch, through a filter that opens slowly or shuts in `sweep_s`."""

    def play(tone: Tone, rng: np.random.Generator) -> Samples:
        number = tone.harmonics()
        bright = harmonic_table(number**-slope * np.exp(-number / (4.0 + 40.0 * tone.brightness)))
        dark = harmonic_table(number ** -(slope + 1.4))
        if sweep_s:
            opening = np.float32(0.3 + 0.7 * tone.velocity) * decay(tone, sweep_s * tone.ring)
        else:
            wave = np.sin(tone.times_s() * np.float32(rng.uniform(0.6, 1.6)) - np.float32(1.0))
            opening = np.float32(0.45) + np.float32(0.35) * wave
        sound = np.zeros(tone.samples, dtype=np.float32)
        apart = detune_cents * min(1.0, (tone.frequency_hz / 220.0) ** 0.5)  # beats stay slow
        for cents, level in ((0.0, 0.5), (-apart, 0.3), (apart, 0.3)):
            cycles = phase_cycles(tone, detune_cents=cents) + _apart(rng)
            low = read_table(dark, cycles)
            sound += np.float32(level) * (low + opening * (read_table(bright, cycles) - low))
        return sound * attack(tone, rise_s)

    return play


def ensemble(formants: tuple[tuple[float, float], ...], rise_s: float) -> Player:
    """Several players on one note: a spectrum with resonances, each with its own vibrato."""

    def play(tone: Tone, rng: np.random.Generator) -> Samples:
        number = tone.harmonics()
        heard = number * tone.frequency_hz
        body = sum(np.exp(-(((heard - at) / wide) ** 2)) for at, wide in formants)
        table = harmonic_table(number**-1.2 * (0.25 + body + 0.3 * tone.brightness))
        sound = np.zeros(tone.samples, dtype=np.float32)
        for cents, level in ((-3.0, 0.5), (0.0, 1.0), (3.0, 0.5)):
            cycles = phase_cycles(
                tone, detune_cents=cents, rate_hz=rng.uniform(4.6, 6.2), delay_s=0.4
            )
            sound += np.float32(level) * read_table(table, cycles + _apart(rng))
        return sound * attack(tone, rise_s * (1.3 - 0.6 * tone.velocity))

    return play


def reed(levels: tuple[float, ...], *, breath: float, rise_s: float, twin_cents: float) -> Player:
    """A blown tone with given harmonics and breath around its pitch; a twin reed beats."""

    def play(tone: Tone, rng: np.random.Generator) -> Samples:
        count = min(len(levels), len(tone.harmonics()))
        tint = (0.6 + 0.8 * tone.brightness * (0.3 + tone.velocity)) ** np.arange(count)
        table = harmonic_table(np.asarray(levels[:count]) * tint)
        if twin_cents:
            sound = read_table(table, phase_cycles(tone, detune_cents=twin_cents))
            sound += read_table(table, phase_cycles(tone, detune_cents=-twin_cents))
        else:
            sound = read_table(table, phase_cycles(tone))
        sound *= attack(tone, rise_s)
        if breath:
            air = resonance(noise(tone, rng=rng), tone.frequency_hz, tone.sample_rate)
            sound += np.float32(breath) * air * (0.5 + 2.0 * decay(tone, 0.25))
        return sound

    return play


def brass(tone: Tone, rng: np.random.Generator) -> Samples:
    """Brass: the harder it is blown, the more harmonics; they arrive after the low ones."""
    number = tone.harmonics(24)
    dark = harmonic_table(np.exp(-0.9 * (number - 1.0)))
    full = harmonic_table(np.exp(-0.10 * (number - 1.0) * (2.2 - tone.brightness)) / number**0.4)
    cycles = phase_cycles(tone, delay_s=0.5)
    swell = attack(tone, 0.12) * (0.35 + 0.65 * decay(tone, 2.5)) * np.float32(tone.velocity)
    low = read_table(dark, cycles)
    sound = low + swell * (read_table(full, cycles) - low)
    return np.asarray(sound * attack(tone, 0.05), dtype=np.float32)


def pulse(duty: float, rise_s: float = 0.004) -> Player:
    """A pulse wave of the given duty: the voice of the game machines."""

    def play(tone: Tone, rng: np.random.Generator) -> Samples:
        number = tone.harmonics()
        level = np.abs(np.sin(np.pi * number * duty)) / number
        table = harmonic_table(level * np.exp(-number / (6.0 + 50.0 * tone.brightness)))
        sustain = 0.6 + 0.4 * decay(tone, 0.6)
        sound = read_table(table, phase_cycles(tone, delay_s=0.2)) * attack(tone, rise_s) * sustain
        return np.asarray(sound, dtype=np.float32)

    return play


def synth_bass(tone: Tone, rng: np.random.Generator) -> Samples:
    """A sine below, a saw above whose filter shuts after every attack."""
    number = tone.harmonics(32)
    cycles = phase_cycles(tone)
    buzz = read_table(harmonic_table(1.0 / number), cycles)
    deep = read_table(harmonic_table(np.asarray([1.0])), cycles)
    shut = decay(tone, (0.25 + 0.6 * tone.brightness) * tone.ring)
    return (deep + np.float32(0.8 * tone.brightness) * shut * buzz) * attack(tone, 0.005)


def sub_bass(tone: Tone, rng: np.random.Generator) -> Samples:
    """A round bass of three harmonics."""
    levels = np.asarray([1.0, 0.35 * tone.brightness + 0.15, 0.15 * tone.brightness + 0.05])
    return read_table(harmonic_table(levels), phase_cycles(tone)) * attack(tone, 0.012)
