"""A stretch of sound, and what alignment and the network see of it, computed where asked."""

from dataclasses import dataclass
from functools import cached_property

from cqtnet import SAMPLE_RATE
from cqtnet.embed import Embedder, Trace
from cqtnet.errors import FragmentTooShortError, NoContentError
from verify.features import Features, Floats


@dataclass(frozen=True)
class Sound:
    """A stretch of a query or of a recording: mono samples (n,) at 22,050 Hz."""

    start_s: float
    samples: Floats
    embedder: Embedder

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.samples.size / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self.start_s + self.duration_s

    @cached_property
    def features(self) -> Features:
        """What alignment sees of it, on the clock of its recording."""
        return Features.of(self.samples, start_s=self.start_s)

    @cached_property
    def trace(self) -> Trace | None:
        """What the network sees of it, from second 0 on; None where there is nothing to see."""
        try:
            return self.embedder.trace(self.samples)
        except (FragmentTooShortError, NoContentError):
            return None

    def part(self, start_s: float, end_s: float) -> "Sound":
        """What lies between two times, cut to what there is."""
        first, last = (
            min(self.samples.size, max(0, round((second - self.start_s) * SAMPLE_RATE)))
            for second in (start_s, end_s)
        )
        start_s = self.start_s + first / SAMPLE_RATE
        return Sound(start_s, self.samples[first:last], self.embedder)
