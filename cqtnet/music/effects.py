"""The production chain: room, echo, pumping, tilt, saturation, hiss, fades, level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter, oaconvolve

from cqtnet.music.oscillators import Samples

HIGHEST_PEAK = 0.9
_FADE_IN_S = 0.005
_EDGE_S = 0.02
_ROOM_CORNER_HZ = 1500.0


def room_response(room_s: float, sample_rate: int, *, rng: np.random.Generator) -> Samples:
    """A room's answer to a click: noise that falls by 60 dB in `room_s`, duller as it falls.

    It starts after the way to the nearest wall and has unit energy.
    """
    samples = max(2, int(room_s * sample_rate))
    times = np.arange(samples, dtype=np.float32) / np.float32(sample_rate)
    bright = rng.standard_normal(samples, dtype=np.float32)
    dull = _low_passed(bright, sample_rate, _ROOM_CORNER_HZ)
    fall = np.exp(times * np.float32(-np.log(1000.0) / room_s))
    swift = np.exp(times * np.float32(-np.log(1000.0) / (0.3 * room_s)))
    response = 0.35 * bright * swift + dull * fall
    response[: min(samples // 4, int(0.008 * sample_rate))] = 0.0
    return np.asarray(response / np.sqrt(np.sum(response**2) + 1e-12), dtype=np.float32)


def in_room(sound: Samples, response: Samples, *, level: float) -> Samples:
    """The sound with its room at `level` times its own energy, shape as given."""
    wet = oaconvolve(sound, response)[: len(sound)]
    return np.asarray(sound + np.float32(level) * wet, dtype=np.float32)


def echoed(sound: Samples, *, delay: int, level: float, repeats: int = 3) -> Samples:
    """The sound with echoes every `delay` samples, each `level` times the one before."""
    out = sound.copy()
    for repeat in range(1, repeats + 1):
        late = repeat * delay
        if late >= len(sound):
            break
        out[late:] += np.float32(level**repeat) * sound[: len(sound) - late]
    return out


def pumping(samples: int, kicks_s: Sequence[float], sample_rate: int, *, depth: float) -> Samples:
    """A gain that every kick pushes down by `depth` and that recovers in about 0.2 s."""
    gain = np.ones(samples, dtype=np.float32)
    dip = np.arange(int(0.35 * sample_rate), dtype=np.float32) / np.float32(sample_rate)
    shape = np.float32(1.0) - np.float32(depth) * np.exp(-dip / np.float32(0.09))
    for kick_s in kicks_s:
        start = round(kick_s * sample_rate)
        part = gain[start : start + len(shape)]
        np.minimum(part, shape[: len(part)], out=part)
    return gain


def tilted(sound: Samples, sample_rate: int, *, tilt_db: float, pivot_hz: float = 900.0) -> Samples:
    """The sound with everything above the pivot raised, and below it lowered, by half the tilt."""
    low = _low_passed(sound, sample_rate, pivot_hz)
    up, down = 10.0 ** (tilt_db / 40.0), 10.0 ** (-tilt_db / 40.0)
    return np.asarray(np.float32(up) * sound + np.float32(down - up) * low, dtype=np.float32)


def without_rumble(sound: Samples, sample_rate: int, *, corner_hz: float = 25.0) -> Samples:
    """The sound without its mean and what lies below hearing."""
    pole = float(np.exp(-2.0 * np.pi * corner_hz / sample_rate))
    ahead, back = np.asarray([1.0, -1.0], np.float32), np.asarray([1.0, -pole], np.float32)
    return np.asarray(lfilter(ahead, back, sound), dtype=np.float32)


def _low_passed(sound: Samples, sample_rate: int, corner_hz: float) -> Samples:
    """The sound through one pole at the corner and a zero at half the sample rate."""
    bend = np.tan(np.pi * corner_hz / sample_rate)
    ahead = np.asarray([bend, bend], np.float32) / np.float32(1.0 + bend)
    back = np.asarray([1.0, (bend - 1.0) / (bend + 1.0)], np.float32)
    return np.asarray(lfilter(ahead, back, sound), dtype=np.float32)


def driven(sound: Samples, *, drive: float) -> Samples:
    """The sound through a soft saturation; its loudest peaks are rounded, never cut."""
    if drive <= 0.0:
        return sound
    peak = float(np.abs(sound).max(initial=0.0))
    gain = (0.3 + 1.7 * drive) / max(peak, 1e-9)
    return np.asarray(np.tanh(sound * np.float32(gain)) / np.float32(gain), dtype=np.float32)


def faded(sound: Samples, sample_rate: int, *, fade_out_s: float) -> Samples:
    """The sound from silence to silence: a short rise, and a fall of `fade_out_s` or the edge."""
    out = sound.copy()
    rise = min(len(out), int(_FADE_IN_S * sample_rate))
    out[:rise] *= np.linspace(0.0, 1.0, rise, dtype=np.float32)
    fall = min(len(out), int(max(fade_out_s, _EDGE_S) * sample_rate))
    out[len(out) - fall :] *= np.linspace(1.0, 0.0, fall, dtype=np.float32) ** 2
    return out


def levelled(sound: Samples, *, peak: float) -> Samples:
    """The sound scaled to a peak of at most 0.9; silence stays silent."""
    loudest = float(np.abs(sound).max(initial=0.0))
    if loudest == 0.0:
        return sound
    target = min(peak, HIGHEST_PEAK)
    limit = np.float32(HIGHEST_PEAK)
    return np.asarray(np.clip(sound * np.float32(target / loudest), -limit, limit), np.float32)
