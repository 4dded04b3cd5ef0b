"""The vocabulary of comparison: what is found, said and drawn about two recordings, A and B."""

import math
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Times = TypeVar("Times", float, NDArray[np.float64])

SAME_TEMPO = 0.001
SAME_SHIFT_SEMITONES = 0.1
SPEED_TOLERANCE_SEMITONES = 0.05
"""How far tempo and pitch may be from each other to be one change of speed."""


@dataclass(frozen=True)
class Line:
    """One steady way in which A was made from B: where in B each second of A is.

    Second t of A is second ``offset_s + tempo * t`` of B, and sounds `shift_semitones` higher.
    """

    tempo: float  # 1.1: A plays ten per cent faster than B
    shift_semitones: float
    offset_s: float

    def to_b(self, a_s: Times) -> Times:
        """The time in B of a time in A, or of several."""
        return self.offset_s + self.tempo * a_s

    def to_a(self, b_s: Times) -> Times:
        """The time in A of a time in B, or of several."""
        return (b_s - self.offset_s) / self.tempo

    @property
    def speed_semitones(self) -> float:
        """By how much a change of speed of this tempo would raise the pitch."""
        return 12 * math.log2(self.tempo)

    @property
    def is_speed(self) -> bool:
        """Whether tempo and pitch moved together, as when a tape runs fast."""
        together = abs(self.speed_semitones - self.shift_semitones) <= SPEED_TOLERANCE_SEMITONES
        return together and abs(self.shift_semitones) > SPEED_TOLERANCE_SEMITONES


@dataclass(frozen=True)
class Stretch:
    """A stretch of A that is a stretch of B, played in one steady way."""

    a_start_s: float
    a_end_s: float
    line: Line
    correlation: float  # of both along the line, in [-1, 1]
    coherence: float  # of their spectra at the pitch found, in [-1, 1]

    @property
    def b_start_s(self) -> float:
        """Where it begins in B."""
        return self.line.to_b(self.a_start_s)

    @property
    def b_end_s(self) -> float:
        """Where it ends in B."""
        return self.line.to_b(self.a_end_s)

    @property
    def duration_s(self) -> float:
        """How long it lasts in A."""
        return self.a_end_s - self.a_start_s

    @property
    def strength(self) -> float:
        """Correlation times the root of the seconds, as places are ranked by."""
        return self.correlation * math.sqrt(max(0.0, self.duration_s))

    @property
    def is_altered(self) -> bool:
        """Whether tempo or pitch is another than in B."""
        tempo, shift = abs(self.line.tempo - 1), abs(self.line.shift_semitones)
        return tempo > SAME_TEMPO or shift > SAME_SHIFT_SEMITONES

    def to_dict(self) -> dict[str, Any]:
        """The stretch as plain data: seconds to the millisecond, pitch in semitones."""
        return {
            "a_start_s": round(self.a_start_s, 3),
            "a_end_s": round(self.a_end_s, 3),
            "b_start_s": round(self.b_start_s, 3),
            "b_end_s": round(self.b_end_s, 3),
            "tempo": round(self.line.tempo, 5),
            "shift_semitones": round(self.line.shift_semitones, 3) + 0.0,  # not -0.0
            "is_speed": self.line.is_speed,
            "correlation": round(self.correlation, 3),
            "coherence": round(self.coherence, 3),
        }


@dataclass(frozen=True)
class Alignment(Stretch):
    """The stretch that one line leaves common to A and B, and how well its pieces lie on it."""

    residual_s: float  # how far pieces lie from the line, as a typical distance
    inliers: float  # share of pieces within INLIER_S of it, in [0, 1]
