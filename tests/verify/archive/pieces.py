"""Music that is composed for the tests, and what is made of it."""

from functools import cache

import numpy as np

from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from verify.comparison import Comparer

SEEDS = (11, 12, 13, 14)
DURATION_S = 40.0


@cache
def comparer() -> Comparer:
    """The one comparer of these tests."""
    return Comparer.named("default", device="cpu")


@cache
def music(seed: int, duration_s: float = DURATION_S) -> np.ndarray:
    """A piece."""
    return make_music(seed, duration_s=duration_s)


def altered(samples: np.ndarray, *, tempo: float, shift_semitones: float) -> np.ndarray:
    """Samples at another pitch, then at another tempo."""
    shifted = Pitch(shift_semitones).apply(samples, SAMPLE_RATE).samples
    return Tempo(tempo).apply(shifted, SAMPLE_RATE).samples


def seconds(samples: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """A stretch of samples."""
    return samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


def fragment() -> np.ndarray:
    """12 s of piece 12 from 15 s on, played 1.2 times as fast and 2 semitones lower: 10 s."""
    return altered(seconds(music(12), 15, 27), tempo=1.2, shift_semitones=-2)
