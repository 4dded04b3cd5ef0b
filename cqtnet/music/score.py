"""The score: what a piece is before it sounds, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass

A4_HZ = 440.0
"""Concert pitch before a piece's own tuning."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note of a track; `midi` 69 is A4, `velocity` is in (0, 1]."""

    start_s: float
    duration_s: float
    midi: int
    velocity: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One stroke on a drum of the kit."""

    start_s: float
    drum: str
    velocity: float


@dataclass(frozen=True, slots=True)
class Instrument:
    """A timbre and how this piece's copy of it is built."""

    timbre: str
    brightness: float = 0.5
    """From 0 (dull) to 1 (sharp)."""
    vibrato_cents: float = 0.0
    """Swing to either side of the pitch; instruments that cannot vibrate ignore it."""
    ring: float = 1.0
    """Factor on the time the timbre takes to decay."""


@dataclass(frozen=True, slots=True)
class Kit:
    """How this piece's drums are built and tuned."""

    kick_hz: float = 50.0
    snare_hz: float = 190.0
    tom_hz: float = 110.0
    brightness: float = 0.5
    decay: float = 1.0
    """Factor on every drum's decay time."""


@dataclass(frozen=True, slots=True)
class Track:
    """The notes one instrument plays, in order of their starts."""

    role: str
    instrument: Instrument
    level_db: float
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """A bar as groups of sixteenth steps: 4/4 is (4, 4, 4, 4), 6/8 is (6, 6)."""

    name: str
    groups: tuple[int, ...]
    steps_per_beat: int
    """Steps in the beat that `tempo_bpm` counts: 4 is a quarter, 6 a dotted quarter."""

    @property
    def steps(self) -> int:
        """Steps in a bar."""
        return sum(self.groups)

    @property
    def heads(self) -> tuple[int, ...]:
        """The step on which each group starts."""
        return tuple(sum(self.groups[:index]) for index in range(len(self.groups)))


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of bars with one function; sections of the same material repeat it, varied."""

    kind: str
    material: str
    occurrence: int
    start_bar: int
    bars: int
    start_s: float
    duration_s: float
    energy: float
    transpose_semitones: int
    chords: tuple[str, ...]
    """Names of the chords of one pass through the material, before the transposition."""


@dataclass(frozen=True, slots=True)
class Mix:
    """The production: what happens to the tracks on their way to the listener."""

    room_s: float = 0.6
    """Time in which the room's sound falls by 60 dB."""
    room_level: float = 0.15
    echo_s: float = 0.0
    echo_level: float = 0.0
    pump: float = 0.0
    """How far every kick pushes the pitched tracks down, 0 to 1."""
    tilt_db: float = 0.0
    """Treble against bass."""
    drive: float = 0.0
    """Saturation of the sum, 0 to 1."""
    drums_db: float = 0.0
    hiss_db: float | None = None
    """Tape hiss against full scale; None leaves it out."""
    fade_out_s: float = 0.0
    peak: float = 0.8


@dataclass(frozen=True, slots=True)
class Piece:
    """A composed piece: everything `render` needs, and the truth that tests compare with."""

    seed: int
    title: str
    style: str
    key: str
    mode: str
    tempo_bpm: float
    tuning_cents: float
    meter: Meter
    swing: float
    """Where the off-beat falls between two beats: 0.5 is straight, 0.67 a triplet."""
    duration_s: float
    bar_starts_s: tuple[float, ...]
    sections: tuple[Section, ...]
    tracks: tuple[Track, ...]
    hits: tuple[Hit, ...]
    kit: Kit
    mix: Mix

    @property
    def progression(self) -> tuple[str, ...]:
        """The chords of every material, each once, in order of appearance."""
        seen = {section.material: section.chords for section in self.sections}
        return tuple(chord for chords in seen.values() for chord in chords)

    def frequency_hz(self, midi: int) -> float:
        """The pitch of a note number in this piece's tuning, in Hz."""
        return float(A4_HZ * 2.0 ** ((midi - 69 + self.tuning_cents / 100.0) / 12.0))
