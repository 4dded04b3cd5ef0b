"""Loud passages turned down, as broadcasting and loudness-minded mastering do."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from augment.effect import Altered, Effect, Range, Samples, log_uniform, uniform

STEP_S = 0.001
"""The gain is decided once per millisecond and runs straight in between."""


@dataclass(frozen=True)
class Compressor(Effect):
    """The sound with its dynamic range reduced.

    Where the level is above `threshold_db` (dB under the recording's peak, -80 to 0), what is
    over it is divided by `ratio` (1 to 100). `attack_s` and `release_s` (0.0005 to 5) are the
    time constants of turning down and up again. `makeup_db` (-40 to 40) is added everywhere.
    """

    name = "compressor"
    threshold_db: float
    ratio: float
    attack_s: float = 0.005
    release_s: float = 0.1
    makeup_db: float = 0.0

    def __post_init__(self) -> None:
        self._check_limits(threshold_db=(-80, 0), ratio=(1, 100), makeup_db=(-40, 40))
        self._check_limits(attack_s=(0.0005, 5), release_s=(0.0005, 5))

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        threshold_db: Range = (-40.0, -10.0),
        ratio: Range = (2.0, 10.0),
        attack_s: Range = (0.002, 0.05),
        release_s: Range = (0.05, 0.5),
    ) -> Self:
        """A threshold drawn evenly in dB, the rest evenly on a logarithmic scale; no makeup."""
        return cls(
            uniform(rng, threshold_db),
            log_uniform(rng, ratio),
            log_uniform(rng, attack_s),
            log_uniform(rng, release_s),
        )

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        peak = float(np.abs(samples).max())
        if peak == 0:
            return Altered.unmoved(samples, sample_rate)
        step = max(1, round(STEP_S * sample_rate))
        starts = np.arange(0, samples.size, step)
        levels = np.maximum.reduceat(np.abs(samples), starts) / peak
        over_db = 20 * np.log10(np.maximum(levels, 1e-10)) - self.threshold_db
        wanted_db = np.maximum(over_db, 0) * (1 - 1 / self.ratio)
        reduction_db = self._smoothed(wanted_db, step_s=step / sample_rate)
        at_samples = np.interp(np.arange(samples.size), starts + step / 2, reduction_db)
        gain = 10 ** ((self.makeup_db - at_samples) / 20)
        return Altered.unmoved((samples * gain).astype(np.float32), sample_rate)

    def _smoothed(self, wanted_db: NDArray[np.float64], *, step_s: float) -> list[float]:
        """The reduction following what is wanted: by `attack_s` upwards, `release_s` downwards."""
        attack, release = math.exp(-step_s / self.attack_s), math.exp(-step_s / self.release_s)
        current = 0.0
        smoothed = []
        for wanted in wanted_db.tolist():
            keep = attack if wanted > current else release
            current = wanted + keep * (current - wanted)
            smoothed.append(current)
        return smoothed
