"""What a style of music is: the ranges and choices a piece is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from cqtnet.music.harmony import Taste
from cqtnet.music.melody import Manner


@dataclass(frozen=True, slots=True)
class Part:
    """A place in the band."""

    role: str
    """lead, second, answer, solo (melodies), chords, arpeggio, pad or bass."""
    timbres: tuple[str, ...]
    figures: tuple[str, ...] = ()
    """Accompaniment figures to draw from; melodies have none."""
    from_energy: float = 0.0
    """Sections below this energy leave the part out."""
    presence: float = 1.0
    """Chance that a piece has the part at all."""


@dataclass(frozen=True, slots=True)
class Style:
    """A kind of music; pairs of numbers are the limits of an even draw."""

    name: str
    tempo_bpm: tuple[float, float]
    modes: tuple[str, ...]
    parts: tuple[Part, ...]
    forms: tuple[str, ...]
    meters: tuple[str, ...] = ("4/4",)
    grooves: tuple[str, ...] = ()
    """Drum grooves to draw from; none means no drums."""
    drums_presence: float = 1.0
    density: tuple[float, float] = (0.8, 1.5)
    """Melody notes per beat."""
    manner: Manner = Manner()  # noqa: RUF009  a frozen value
    taste: Taste = Taste()  # noqa: RUF009  a frozen value
    swing: tuple[float, float] = (0.5, 0.5)
    swing_steps: int = 4
    rubato: float = 0.0
    """Largest relative change of a bar's length."""
    units: tuple[int, ...] = (16, 8, 4, 2, 1)
    """Bars of a full section, longest first."""
    chords_per_bar: tuple[float, ...] = (1.0, 1.0, 1.0, 2.0, 0.5)
    loose_ms: tuple[float, float] = (4.0, 10.0)
    """Standard deviation of the players' timing."""
    room_s: tuple[float, float] = (0.4, 1.4)
    echo: float = 0.15
    """Chance of an echo in the tempo."""
    pump: tuple[float, float] = (0.0, 0.0)
    drive: tuple[float, float] = (0.0, 0.3)
    hiss: float = 0.0
    """Chance of audible tape hiss."""
    fades: float = 0.15
    """Chance that the piece fades out instead of ending on its tonic."""
    weight: float = 1.0
    """How often the style is drawn."""
