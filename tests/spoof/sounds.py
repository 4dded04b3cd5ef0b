"""Sounds with known content for the tests of features."""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000


def sine(hz: float, *, seconds: float = 3.0, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """A sine of amplitude 0.5."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def noise(
    rng: np.random.Generator, *, seconds: float = 3.0, rate_hz: int = RATE_HZ
) -> NDArray[np.float32]:
    """White noise, loud in every band, with a gliding tone."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    glide = 0.2 * np.sin(2 * np.pi * (200 + 300 * time_s) * time_s)
    return (rng.normal(0, 0.1, len(time_s)) + glide).astype(np.float32)
