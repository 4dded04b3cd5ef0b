"""Music of our own: seeded pieces, composed as scores and synthesised.

Composition and sounds have seeds of their own, so one score can be played by other sounds:

>>> piece = compose(7, duration_s=20.0)
>>> samples, same_piece_by_others = render(piece), render(piece, sounds=8)
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment import Chain, Equaliser, Reverb, SoftClip
from augment.effect import Samples, log_uniform, uniform
from cqtnet import SAMPLE_RATE, composing
from cqtnet.composing import ROLES, Piece, compose, pick, stream
from cqtnet.device import one_thread
from cqtnet.errors import InputError
from cqtnet.midi import Note


def make_music(
    seed: int, *, duration_s: float = 60.0, sample_rate: int = SAMPLE_RATE,
    sounds: int | None = None,
) -> Samples:  # fmt: skip
    """The piece with this seed as sound: float32, mono, shape (round(duration_s·sample_rate),).

    `sounds` is the seed of the instruments, the drum kit and the room; without it, `seed`.
    """
    return render(compose(seed, duration_s=duration_s), sample_rate=sample_rate, sounds=sounds)


@one_thread()  # several share a product otherwise, and round it otherwise
def render(piece: Piece, *, sample_rate: int = SAMPLE_RATE, sounds: int | None = None) -> Samples:
    """The piece as sound: float32, mono, shape (round(duration_s·sample_rate),), peak below 0.9.

    `sample_rate` is in Hz, 8,000 to 96,000. `sounds` is the seed of the instruments, the drum kit
    and the room; without it, that of the piece.
    """
    if not 8000 <= sample_rate <= 96000:
        given = f"sample rate {sample_rate:g} Hz"
        raise InputError(f"{given} is outside 8000 to 96000 Hz; give one within")
    seed = piece.plan.seed if sounds is None else sounds
    rng = stream(seed, "production")
    size = round(piece.duration_s * sample_rate)
    mixed = _mixed(_strokes(piece, sample_rate, seed), size, sample_rate, rng.normal(0.0, 2.0))
    for role, notes in zip(piece.plan.roles, piece.score.parts, strict=True):
        level_db = ROLES[role].level_db + rng.normal(0.0, 1.5)
        mixed += _mixed(_tones(piece, role, notes, sample_rate, seed), size, sample_rate, level_db)
    room = Reverb.draw(rng, reverberance=(0.0, 70.0), hf_damping=(0.0, 100.0))
    effects = (Equaliser.draw(rng, gain_db=(-6.0, 4.0)), room, SoftClip.draw(rng, over_db=(0, 6)))
    sound = Chain(effects).apply(mixed, sample_rate).samples
    fade = sample_rate // 20
    sound[0] = 0.0
    sound[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return sound * np.float32(uniform(rng, (0.5, 0.89)) / max(1e-9, np.abs(sound).max()))


HARMONIC, ODD, STIFF = range(1, 17), range(1, 24, 2), (1.0, 2.0, 3.01, 4.02, 5.04, 6.06, 7.1)
SOUNDS: dict[str, tuple[Sequence[float], float, float, float, float, float]] = {
    "piano": (STIFF, 1.2, 4.0, 0.5, 0.004, 0.2),
    "guitar": (HARMONIC, 1.3, 2.0, 0.0, 0.002, 0.15),
    "marimba": ((1.0, 3.93, 9.2), 0.8, 0.9, 0.0, 0.002, 0.3),
    "bell": ((1.0, 2.0, 2.4, 3.01, 4.17, 5.43), 0.8, 3.0, 0.0, 0.002, 0.6),
    "strings": (HARMONIC, 1.1, 90.0, 5.0, 0.15, 0.3),
    "brass": (HARMONIC, 0.7, 60.0, 0.0, 0.06, 0.1),
    "reed": (ODD, 0.9, 60.0, 0.0, 0.05, 0.08),
    "organ": ((1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0), 0.6, 90.0, 1.5, 0.01, 0.06),
    "saw": (HARMONIC, 0.9, 8.0, 7.0, 0.005, 0.1),
}
"""Partials against the pitch, exponent by which the high ones are weaker, time in s in which one of
220 Hz falls by 60 dB, detuning in cents, time in s to rise and, after the end, to die away."""
FALL = -6.91  # e to this power is 60 dB less


def _tones(
    piece: Piece, role: str, notes: Sequence[Note], rate: int, seed: int
) -> Iterator[tuple[float, Samples]]:
    """Start and sound of each note of a part, in a sound that is drawn for its role."""
    rng = stream(seed, "sound", role)
    ratios, slope, fall_s, detune, rise_s, release_s = SOUNDS[pick(rng, ROLES[role].sounds)]
    slope *= log_uniform(rng, (0.7, 1.6))
    cents = np.asarray([-detune, 0.0, detune] if detune else [0.0]) + piece.plan.tuning_cents
    a4_hz = 440.0 * np.outer(2 ** (cents / 1200), ratios).ravel()
    for start_s, duration_s, midi, velocity in notes:
        hz = a4_hz * 2 ** ((midi - 69) / 12)
        hz = hz[hz < 0.45 * rate]
        levels = (hz / hz.min()) ** (-slope * (1.4 - 0.6 * velocity))
        levels = levels * rng.uniform(0.8, 1.2, hz.size) * np.exp(2j * np.pi * rng.random(hz.size))
        turns = (FALL / fall_s * (hz / 220.0) ** 0.6 + 2j * np.pi * hz) / rate
        end_s = duration_s + release_s
        places = np.multiply((0.0, rise_s, max(rise_s, duration_s), end_s), rate)
        shape = np.interp(np.arange(round(end_s * rate)), places, (0, velocity, velocity, 0))
        yield start_s, _ringing(levels, turns, shape.size) * shape.astype(np.float32)


def _ringing(levels: NDArray[Any], turns: NDArray[Any], count: int) -> Samples:
    """The sum of partials, shape (count,), as a product of matrices: blocks, and their samples."""
    block = 128
    inside = np.exp(np.outer(turns, np.arange(block))).astype(np.complex64)
    across = np.exp(np.outer(np.arange(0, count, block), turns)) * levels
    real, imaginary = across.real.astype(np.float32), across.imag.astype(np.float32)
    sound: Samples = imaginary @ inside.real + real @ inside.imag
    return sound.ravel()[:count]


DRUMS = {
    composing.KICK: (52.0, 2.5, 0.4, 0.1, 0.02, 1.0),
    composing.RIM: (620.0, 0.0, 0.06, 0.3, 0.03, 0.4),
    composing.SNARE: (185.0, 0.4, 0.15, 0.8, 0.25, 0.6),
    composing.HAT: (5300.0, 0.0, 0.05, 1.0, 0.08, 0.25),
    composing.LOW_TOM: (95.0, 0.6, 0.5, 0.1, 0.05, 0.7),
    composing.CRASH: (4100.0, 0.0, 0.8, 1.0, 1.3, 0.4),
    composing.HIGH_TOM: (150.0, 0.6, 0.4, 0.1, 0.05, 0.7),
    composing.RIDE: (4700.0, 0.0, 0.7, 0.5, 0.6, 0.25),
}
"""Pitch in Hz, cycles by which it starts ahead, fall in s; level and fall of the hiss; level."""


def _strokes(piece: Piece, rate: int, seed: int) -> Iterator[tuple[float, Samples]]:
    """Start and sound of each drum stroke, on a kit whose pitch and length are drawn."""
    rng = stream(seed, "kit")
    higher, longer = uniform(rng, (0.8, 1.25)), uniform(rng, (0.6, 1.6))
    for start_s, _, midi, velocity in piece.score.drums:
        hz, bend, tone_s, hiss, hiss_s, level = DRUMS[midi]
        count = round(longer * max(tone_s, hiss_s) * rate)
        times_s = np.arange(count, dtype=np.float32) / np.float32(rate)
        cycles = higher * hz * times_s - bend * np.exp(-30 * times_s)
        noise = np.diff(rng.standard_normal(count + 1, dtype=np.float32))
        sound = np.sin(2 * np.pi * cycles) * np.exp(FALL / longer / tone_s * times_s)
        sound += hiss * noise * np.exp(FALL / longer / hiss_s * times_s)
        yield start_s, np.float32(level * velocity**1.5) * sound


def _mixed(
    sounds: Iterable[tuple[float, Samples]], size: int, rate: int, level_db: float
) -> Samples:
    """The sounds in their places, shape (size,), with this level where they are not very quiet."""
    part = np.zeros(size, np.float32)
    for start_s, sound in sounds:
        room = part[round(start_s * rate) :][: sound.size]
        room += sound[: room.size]
    block = rate // 20
    energy = np.square(part[: size // block * block]).reshape(-1, block).mean(axis=1)
    loud = energy[energy >= max(1e-12, 1e-3 * float(energy.max()))]
    return part * np.float32(10 ** (level_db / 20) / np.sqrt(loud.mean()) if loud.size else 0.0)
