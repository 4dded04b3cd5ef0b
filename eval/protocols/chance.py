"""Chance that belongs to a name: what one recording draws doesn't depend on the others."""

import hashlib

import numpy as np


def name_hash(*names: object) -> int:
    """A number of 64 bits for these names."""
    text = "\0".join(map(str, names)).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def rng_for(seed: int, *names: object) -> np.random.Generator:
    """A generator that these names have to themselves."""
    return np.random.default_rng([seed, name_hash(*names)])
