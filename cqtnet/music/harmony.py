"""Keys, modes, chords, progressions and how a chord is voiced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cqtnet.music.draws import chance, pick, pick_weighted

KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""Names of the twelve pitch classes."""

LOOPS: tuple[tuple[int, ...], ...] = (
    (0, 4, 5, 3),
    (5, 3, 0, 4),
    (0, 5, 3, 4),
    (0, 3, 5, 4),
    (1, 4, 0, 5),
    (0, 2, 3, 4),
    (3, 4, 2, 5),
    (0, 6, 5, 4),
    (0, 6, 3, 0),
    (0, 3, 0, 4),
    (5, 4, 3, 4),
    (0, 1, 3, 0),
    (3, 0, 4, 5),
    (0, 5, 1, 4),
    (0, 2, 5, 3),
    (5, 0, 3, 1),
    (0, 3, 6, 2),
    (3, 3, 0, 4),
)
"""Turns of four chords that songs are made of, as degrees counted from 0."""

BLUES = (0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4)
"""The twelve bars."""

_LEADS: tuple[tuple[float, ...], ...] = (
    (0.0, 2.0, 1.0, 3.0, 2.5, 3.0, 0.8),
    (0.5, 0.0, 1.0, 1.0, 4.0, 1.0, 0.5),
    (0.5, 1.0, 0.0, 3.0, 0.5, 3.0, 0.2),
    (2.5, 2.0, 0.5, 0.0, 3.0, 1.0, 0.8),
    (4.0, 0.3, 0.5, 1.5, 0.0, 3.0, 0.2),
    (1.0, 2.5, 1.0, 3.0, 2.0, 0.0, 0.8),
    (3.0, 0.2, 1.5, 1.5, 0.3, 1.0, 0.0),
)
"""How readily a degree (row) moves on to another (column)."""

_COLOURS = {"dorian": 3, "phrygian": 1, "lydian": 1, "mixolydian": 6, "phrygian dominant": 1}
"""The degree that makes a mode heard."""

_NAMES: dict[tuple[int, ...], str] = {
    (0, 4, 7): "",
    (0, 3, 7): "m",
    (0, 3, 6): "dim",
    (0, 4, 8): "aug",
    (0, 2, 7): "sus2",
    (0, 5, 7): "sus4",
    (0, 7, 12): "5",
    (0, 4, 7, 9): "6",
    (0, 4, 7, 10): "7",
    (0, 4, 7, 11): "maj7",
    (0, 3, 7, 10): "m7",
    (0, 3, 7, 11): "mmaj7",
    (0, 3, 6, 10): "m7b5",
    (0, 3, 6, 9): "dim7",
    (0, 4, 8, 11): "maj7#5",
    (0, 4, 7, 14): "add9",
    (0, 3, 7, 14): "madd9",
    (0, 4, 7, 11, 14): "maj9",
    (0, 4, 7, 10, 14): "9",
    (0, 3, 7, 10, 14): "m9",
}


@dataclass(frozen=True, slots=True)
class Mode:
    """A scale of seven steps for the harmony, and the part of it that melodies use."""

    name: str
    scale: tuple[int, ...]
    melody: tuple[int, ...]


def _mode(name: str, scale: tuple[int, ...], melody: tuple[int, ...] = ()) -> tuple[str, Mode]:
    return name, Mode(name, scale, melody or scale)


MODES: dict[str, Mode] = dict(
    (
        _mode("major", (0, 2, 4, 5, 7, 9, 11)),
        _mode("minor", (0, 2, 3, 5, 7, 8, 10)),
        _mode("harmonic minor", (0, 2, 3, 5, 7, 8, 11)),
        _mode("dorian", (0, 2, 3, 5, 7, 9, 10)),
        _mode("phrygian", (0, 1, 3, 5, 7, 8, 10)),
        _mode("lydian", (0, 2, 4, 6, 7, 9, 11)),
        _mode("mixolydian", (0, 2, 4, 5, 7, 9, 10)),
        _mode("phrygian dominant", (0, 1, 4, 5, 7, 8, 10)),
        _mode("major pentatonic", (0, 2, 4, 5, 7, 9, 11), (0, 2, 4, 7, 9)),
        _mode("minor pentatonic", (0, 2, 3, 5, 7, 8, 10), (0, 3, 5, 7, 10)),
        _mode("hirajoshi", (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 7, 8)),
        _mode("blues", (0, 2, 4, 5, 7, 9, 10), (0, 3, 5, 6, 7, 10)),
    )
)


@dataclass(frozen=True, slots=True)
class Chord:
    """A root as pitch class and the intervals above it, in semitones."""

    root: int
    intervals: tuple[int, ...]

    @property
    def pitch_classes(self) -> frozenset[int]:
        """The pitch classes that sound."""
        return frozenset((self.root + interval) % 12 for interval in self.intervals)

    @property
    def name(self) -> str:
        """For example `Am7`; a chord without a usual name lists its intervals."""
        suffix = _NAMES.get(self.intervals)
        if suffix is None:
            suffix = "(" + ",".join(str(interval) for interval in self.intervals[1:]) + ")"
        return KEYS[self.root] + suffix


@dataclass(frozen=True, slots=True)
class Taste:
    """How a piece likes its chords; all in [0, 1] except the size."""

    sevenths: float = 0.1
    suspended: float = 0.05
    borrowed: float = 0.05
    """Chance of a major dominant in minor, or of a dominant of the next chord."""
    bare: float = 0.0
    """Chance that every chord is a fifth without a third."""


def chord_on(degree: int, tonic: int, mode: Mode, *, size: int = 3) -> Chord:
    """The chord of `size` notes in thirds on a degree (0 is the tonic) of the mode."""
    root = mode.scale[degree % 7]
    tones = [mode.scale[(degree + 2 * step) % 7] for step in range(size)]
    intervals = [(tone - root) % 12 for tone in tones]
    if size == 5:
        intervals[4] += 12
    return Chord((tonic + root) % 12, tuple(intervals))


def draw_degrees(mode: Mode, length: int, *, rng: np.random.Generator) -> tuple[int, ...]:
    """Degrees of a progression: a known turn, repeated with another end, or a walk."""
    if mode.name == "blues" and length % 12 == 0:
        return BLUES * (length // 12)
    if chance(rng, 0.5):
        loop = pick(rng, LOOPS)
        degrees = [loop[index % 4] for index in range(length)]
        if length >= 8:
            degrees[-2:] = pick(rng, ((3, 4), (1, 4), (4, 0), (5, 4), (3, 0), (6, 0)))
        return tuple(_sound(degree, mode) for degree in degrees)
    degrees = [pick(rng, (0, 0, 0, 5, 3, 1))]
    while len(degrees) < length:
        weights = {to: _weight(degrees[-1], to, mode) for to in range(7)}
        degrees.append(pick_weighted(rng, weights))
    degrees[-1] = pick(rng, (0, 4, 4, 3)) if length > 1 else 0
    return tuple(_sound(degree, mode) for degree in degrees)


def _weight(source: int, target: int, mode: Mode) -> float:
    """How likely a degree follows another in this mode."""
    lift = 2.5 if _COLOURS.get(mode.name) == target else 1.0
    return _LEADS[source][target] * lift


def _sound(degree: int, mode: Mode) -> int:
    """The degree, or its neighbour a third below where its own triad is diminished."""
    triad = chord_on(degree, 0, mode)
    return degree if triad.intervals[2] == 7 else (degree - 2) % 7


def draw_progression(
    tonic: int, mode: Mode, length: int, taste: Taste, *, rng: np.random.Generator
) -> tuple[Chord, ...]:
    """`length` chords in a key, coloured after the piece's taste."""
    degrees = draw_degrees(mode, length, rng=rng)
    chords = [_coloured(degree, tonic, mode, taste, rng=rng) for degree in degrees]
    for index in range(length - 1):
        following = degrees[index + 1]
        if degrees[index] == following or taste.bare or not chance(rng, taste.borrowed):
            continue
        if mode.name in ("minor", "minor pentatonic") and degrees[index] == 4:
            chords[index] = Chord(chords[index].root, (0, 4, 7))
        elif index % 4 == 3:
            chords[index] = Chord((chords[index + 1].root + 7) % 12, (0, 4, 7, 10))
    return tuple(chords)


def _coloured(
    degree: int, tonic: int, mode: Mode, taste: Taste, *, rng: np.random.Generator
) -> Chord:
    """The chord on a degree: bare, suspended, with a seventh or plain."""
    plain = chord_on(degree, tonic, mode)
    if chance(rng, taste.bare):
        return Chord(plain.root, (0, 7, 12))
    if mode.name == "blues":
        return Chord(plain.root, (0, 4, 7, 10))
    if chance(rng, taste.suspended):
        return Chord(plain.root, pick(rng, ((0, 2, 7), (0, 5, 7))))
    if chance(rng, taste.sevenths):
        return chord_on(degree, tonic, mode, size=5 if chance(rng, 0.3 * taste.sevenths) else 4)
    return plain


def voice(chord: Chord, previous: tuple[int, ...], *, low: int, size: int) -> tuple[int, ...]:
    """The chord as `size` ascending MIDI notes from about `low`, near to the previous voicing.

    Every inversion within the octave above `low` is tried; the one whose middle moves least
    wins, and without a previous voicing the lowest.
    """
    candidates = []
    for start in range(low, low + 12):
        if start % 12 in chord.pitch_classes:
            notes = [n for n in range(start, start + 36) if n % 12 in chord.pitch_classes]
            candidates.append(tuple(notes[:size]))
    if not previous:
        return candidates[0]
    middle = sum(previous) / len(previous)
    return min(candidates, key=lambda notes: abs(sum(notes) / len(notes) - middle))


def bass_voicing(chord: Chord, *, low: int) -> tuple[int, ...]:
    """Root, fifth, octave and third for a bass, as MIDI notes; the root lies above `low`."""
    root = low + (chord.root - low) % 12
    third = next((step for step in chord.intervals if step % 12 in (3, 4)), 12)
    fifth = next((step for step in chord.intervals if step % 12 in (6, 7, 8)), 7)
    return (root, root + fifth % 12, root + 12, root + third % 12)
