"""Any transform of the audiomentations library that leaves every moment in its place."""

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

import numpy as np

from augment.effect import Effect, Rng, Samples, Seed, draw_seed, one_of
from augment.errors import EffectError

TRANSFORMS = (
    "AddColorNoise", "AddGaussianNoise", "AddGaussianSNR", "AirAbsorption", "Aliasing",
    "BandPassFilter", "BandStopFilter", "BitCrush", "Clip", "ClippingDistortion", "Gain",
    "GainTransition", "HighPassFilter", "HighShelfFilter", "LowPassFilter", "LowShelfFilter",
    "Normalize", "PeakingFilter", "PitchShift", "PolarityInversion", "SevenBandParametricEQ",
    "TanhDistortion", "TimeMask",
)  # fmt: skip
"""Those that keep time and need nothing beyond what audiomentations itself installs."""


@dataclass(frozen=True)
class Audiomentation(Effect):
    """A transform of audiomentations, by its class name, made replayable by a seed.

    `options`: its arguments as in audiomentations, such as ``{"min_temperature": 10.0}``. The
    library draws the other arguments itself, from `seed`.
    """

    name = "audiomentation"
    transform: Annotated[str, one_of(TRANSFORMS)]
    seed: Seed
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.options, dict):
            raise EffectError(f"{self.name}: options {self.options!r} are no dictionary; give one")

    @classmethod
    def draw(cls, rng: Rng, *, transforms: Sequence[str] = ("AirAbsorption",)) -> Self:
        """One of the transforms, with its own default ranges."""
        return cls(str(rng.choice(list(transforms))), draw_seed(rng))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        import audiomentations

        try:
            transform = getattr(audiomentations, self.transform)(p=1.0, **self.options)
        except (TypeError, ValueError) as problem:
            raise EffectError(f"{self.transform} refuses {self.options}: {problem}") from problem
        with _global_randomness(self.seed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of very short input, say; the result is as good
            altered: Samples = transform(samples.copy(), sample_rate)
        return altered


@contextmanager
def _global_randomness(seed: int) -> Iterator[None]:
    """Python's and numpy's global generators, which the library uses, seeded and then restored."""
    before, before_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(before_numpy)  # noqa: NPY002
