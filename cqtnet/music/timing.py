"""How fast music is made here: `python -m cqtnet.music.timing`."""

from __future__ import annotations

import time

import numpy as np

from cqtnet.music import make_music


def real_time_factors(seeds: range, *, duration_s: float = 60.0) -> list[float]:
    """Seconds of music made per second of processor time, one number for each seed."""
    make_music(0, duration_s=2.0)  # what is loaded and planned once is not counted
    factors = []
    for seed in seeds:
        started = time.process_time()
        make_music(seed, duration_s=duration_s)
        factors.append(duration_s / (time.process_time() - started))
    return factors


if __name__ == "__main__":
    found = real_time_factors(range(40))
    print(
        f"{len(found)} pieces of 60 s on one core: {np.median(found):.0f} times real time in the "
        f"middle, {min(found):.0f} at least, {max(found):.0f} at most"
    )
