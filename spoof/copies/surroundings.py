"""What else is heard where people record: other talkers, the place, music, hum.

None of it needs a file: talkers are made of the voice itself, music is composed.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from augment.effect import Samples, uniform
from augment.level import scaled_to_level
from augment.noise import ColouredNoise
from augment.resample import resample
from cqtnet.music import make_music

Sounds: TypeAlias = Callable[[Samples, int, np.random.Generator], Samples]

MOST_TALKERS = 5
RATE_OF_TALKERS = (0.9, 1.1)
SWELLS_PER_S, SWELL = 3, 0.8
"""How often the noise of a place changes its level, and by how much (nepers, one deviation)."""
PIECES, PIECE_S = 12, 12.0
MAINS_HZ, HARMONICS = (50.0, 60.0), 11


def surroundings_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples with talkers, the noise of a place, music or hum, 3 to 30 dB below them."""
    sounds, below_db = SURROUNDINGS[int(rng.integers(len(SURROUNDINGS)))]
    heard = sounds(samples, rate_hz, rng)
    return samples + scaled_to_level(heard, samples, level_db=-uniform(rng, below_db))


def talkers(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """One to five voices (n,): the same one, moved, perhaps backwards, at another pitch."""
    together = np.zeros_like(samples)
    for _ in range(int(rng.integers(1, MOST_TALKERS + 1))):
        voice = samples if rng.random() < 0.5 else samples[::-1]
        voice = resample(voice, rate_hz, round(rate_hz * uniform(rng, RATE_OF_TALKERS)))
        loudness = np.float32(rng.uniform(0.3, 1.0))
        together += loudness * np.roll(
            np.resize(voice, samples.size), int(rng.integers(voice.size))
        )
    return together


def place(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """White, pink or brown noise (n,) that swells and fades."""
    noise = ColouredNoise.draw(rng, snr_db=(0.0, 0.0)).apply(samples, rate_hz).samples - samples
    count = 2 + round(SWELLS_PER_S * samples.size / rate_hz)
    levels = rng.normal(0, SWELL, count)
    course = np.interp(np.linspace(0, count - 1, samples.size), np.arange(count), levels)
    return (noise * np.exp(course)).astype(np.float32)


def music(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Music (n,) of our own, from anywhere in one of twelve pieces."""
    piece = _piece(int(rng.integers(PIECES)), rate_hz)
    return np.resize(np.roll(piece, -int(rng.integers(piece.size))), samples.size)


def hum(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The mains and its harmonics (n,), each as loud as chance has it."""
    harmonics = np.arange(1, HARMONICS + 1)
    turns = np.arange(samples.size)[:, None] * harmonics * rng.choice(MAINS_HZ) / rate_hz
    loudness = rng.uniform(0, 1, HARMONICS) / harmonics
    waves = np.sin(2 * np.pi * (turns + rng.uniform(0, 1, HARMONICS)))
    return np.asarray(waves @ loudness, np.float32)


@functools.cache
def _piece(number: int, rate_hz: int) -> Samples:
    return make_music(number, duration_s=PIECE_S, sample_rate=rate_hz)


SURROUNDINGS: Sequence[tuple[Sounds, tuple[float, float]]] = (
    (talkers, (3.0, 20.0)),
    (place, (3.0, 25.0)),
    (music, (5.0, 25.0)),
    (hum, (5.0, 30.0)),
)
"""What may be heard beside a voice, and between how many dB below it."""
