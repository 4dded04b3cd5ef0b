"""The same sound at another sample rate."""

import numpy as np

from augment.effect import Samples


def resample(samples: Samples, from_rate: float, to_rate: float) -> Samples:
    """Samples at `to_rate` Hz, as many as the duration asks for (rounded, at least one).

    soxr's linear-phase filter: nothing is delayed.
    """
    if from_rate == to_rate:
        return samples
    import soxr

    length = max(1, round(samples.size * to_rate / from_rate))
    return with_length(np.asarray(soxr.resample(samples, from_rate, to_rate)), length)


def with_length(samples: Samples, length: int) -> Samples:
    """The samples cut, or filled up with zeros at the end, to `length`."""
    if samples.size >= length:
        return samples[:length]
    return np.pad(samples, (0, length - samples.size))
