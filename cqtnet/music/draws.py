"""Named streams of chance: every decision of a piece has its own, so none disturbs another."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def stream(seed: int, *name: str | int) -> np.random.Generator:
    """A generator that belongs to `name` within `seed`; the same arguments give the same draws.

    Example:
        >>> stream(7, "melody", "A").integers(100) == stream(7, "melody", "A").integers(100)
        True
    """
    label = "/".join(str(part) for part in name)
    return np.random.default_rng([seed, zlib.crc32(label.encode())])


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of `options`, each as likely as the others."""
    return options[int(rng.integers(len(options)))]


def pick_weighted(rng: np.random.Generator, weights: Mapping[T, float]) -> T:
    """One key of `weights`, as likely as its share of the sum."""
    names = list(weights)
    share = np.asarray([weights[name] for name in names], dtype=np.float64)
    edge = np.cumsum(share) / share.sum()
    return names[int(np.searchsorted(edge, rng.random(), side="right"))]


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability in [0, 1]."""
    return bool(rng.random() < probability)


def between(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A number drawn evenly between two limits."""
    return float(rng.uniform(limits[0], limits[1]))
