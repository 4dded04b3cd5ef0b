"""Loudness of samples, and a second sound set to a level relative to the first."""

import math

import numpy as np

from augment.effect import Samples


def mean_square(samples: Samples) -> float:
    """Power of the samples: the mean of their squares, summed in double precision."""
    return float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0


def scaled_to_level(sound: Samples, reference: Samples, *, level_db: float) -> Samples:
    """`sound` with its power `level_db` above that of `reference` (negative: below).

    The power is taken over the whole of each. Next to silence every level is silence: the
    result is then all zeros. A silent `sound` stays silent.
    """
    power = mean_square(sound)
    if power == 0:
        return np.zeros_like(sound)
    wanted = mean_square(reference) * 10 ** (level_db / 10)
    return sound * np.float32(math.sqrt(wanted / power))
