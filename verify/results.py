"""The vocabulary of comparison: what is found, said and drawn about two recordings, A and B."""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Times = TypeVar("Times", float, NDArray[np.float64])

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
class Alignment:
    """How well the stretch that one line leaves common to A and B really agrees."""

    line: Line
    a_start_s: float
    a_end_s: float
    correlation: float  # of both along the line, in [-1, 1]
    coherence: float  # of their spectra at the pitch found, in [-1, 1]
    residual_s: float  # how far pieces lie from the line, as a typical distance
    inliers: float  # share of pieces within INLIER_S of it, in [0, 1]

    @property
    def b_start_s(self) -> float:
        """Where the stretch begins in B."""
        return self.line.to_b(self.a_start_s)

    @property
    def b_end_s(self) -> float:
        """Where the stretch ends in B."""
        return self.line.to_b(self.a_end_s)

    @property
    def overlap_s(self) -> float:
        """How long the stretch lasts, in A."""
        return self.a_end_s - self.a_start_s
