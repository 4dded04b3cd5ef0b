"""Recordings that were never made, for tests of what is drawn from them."""

import numpy as np

from eval.protocols import Source, Survey
from eval.protocols.survey import BLOCK_S


def surveyed(
    name: str,
    collection: str = "",
    *,
    duration_s: float = 70.0,
    quiet: tuple[float, float] = (0, 0),
) -> Survey:
    """A recording that was never made, as loud everywhere but in its quiet stretch."""
    power = np.ones(round(duration_s / BLOCK_S))
    power[round(quiet[0] / BLOCK_S) : round(quiet[1] / BLOCK_S)] = 1e-9
    source = Source(name, f"{name}.wav", f"hash of {name}", collection or name)
    return Survey(source, duration_s, power)


MANY = [surveyed(f"r{i}", f"c{i // 3}") for i in range(30)]
