"""Melodies: motifs, how a phrase is made of them, and how a return varies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from cqtnet.music.draws import between, chance, pick, pick_weighted
from cqtnet.music.harmony import Chord
from cqtnet.music.rhythm import strengths
from cqtnet.music.score import Meter

PHRASES = ("aaba", "abab", "abac", "aabc", "abcb", "abbc", "aaab", "abcd")
"""How the bars of a phrase use its motifs."""


@dataclass(frozen=True, slots=True)
class MelodyNote:
    """A note of a phrase; `degree` counts scale steps from the tonic at or below the register."""

    bar: int
    step: int
    length: int
    degree: int


Melody = tuple[MelodyNote, ...]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a piece's melodies move."""

    density: float = 1.0
    """Notes per beat."""
    syncopation: float = 0.1
    """Share of notes that are pushed off their step, 0 to 1."""
    leaps: float = 0.2
    """Chance that a move is wider than a step."""
    rests: float = 0.15
    """Chance that a bar of a phrase stays empty."""
    legato: float = 0.9
    """Share of the time to the next note that a note sounds."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The notes a melody may use: intervals above a tonic, which is a MIDI note."""

    tonic: int
    steps: tuple[int, ...]

    def midi(self, degree: int) -> int:
        """The MIDI note of a degree; each `len(steps)` degrees are an octave."""
        octave, step = divmod(degree, len(self.steps))
        return self.tonic + 12 * octave + self.steps[step]

    def nearest(self, degree: int, chord: Chord) -> int:
        """The degree in the chord that is nearest to the given one, or the same if none is."""
        for distance in range(len(self.steps)):
            for candidate in (degree + distance, degree - distance):
                if self.midi(candidate) % 12 in chord.pitch_classes:
                    return candidate
        return degree


@dataclass(frozen=True, slots=True)
class _Motif:
    """Onset steps, their lengths, and the contour in scale steps from the first note."""

    steps: tuple[int, ...]
    lengths: tuple[int, ...]
    contour: tuple[int, ...]


def write_melody(
    harmony: tuple[Chord, ...],
    scale: Scale,
    meter: Meter,
    manner: Manner,
    *,
    rng: np.random.Generator,
) -> Melody:
    """A melody with one bar for each chord of `harmony`: motifs that return, then a cadence."""
    letters = pick(rng, PHRASES)
    motifs = {letter: _draw_motif(meter, manner, rng=rng) for letter in sorted(set(letters))}
    centre = int(rng.integers(3, 8))
    arch = between(rng, (-3.0, 4.0))
    notes: list[MelodyNote] = []
    previous = centre
    for bar, chord in enumerate(harmony):
        motif = motifs[letters[bar % 4]]
        if bar % 4 == 3 and bar >= 4:  # the second half ends otherwise than the first
            motif = _draw_motif(meter, manner, rng=rng)
        if bar % 4 > 0 and chance(rng, manner.rests):
            continue
        target = centre + arch * np.sin(np.pi * bar / max(1, len(harmony) - 1))
        anchor = round(0.5 * previous + 0.5 * float(target)) + int(rng.integers(-1, 2))
        fitted = _fit(motif, bar, scale.nearest(anchor, chord), chord, scale, meter)
        notes.extend(fitted)
        previous = fitted[-1].degree
    return _cadence(tuple(notes), len(harmony), harmony[-1], scale, meter, rng=rng)


def _draw_motif(meter: Meter, manner: Manner, *, rng: np.random.Generator) -> _Motif:
    """A bar's rhythm and contour."""
    weights = np.asarray(strengths(meter)) ** (0.5 / max(0.25, manner.density))
    beats = meter.steps / meter.steps_per_beat
    count = int(np.clip(rng.poisson(manner.density * beats), 1, meter.steps - 1))
    order = np.argsort(-(np.log(weights) + rng.gumbel(size=meter.steps)))
    chosen = sorted(int(step) for step in order[:count])
    pushed = {s - 1 if s > 0 and chance(rng, manner.syncopation) else s for s in chosen}
    onsets = tuple(sorted(pushed))
    gaps = [after - step for step, after in zip(onsets, (*onsets[1:], meter.steps), strict=True)]
    lengths = tuple(max(1, round(manner.legato * gap)) for gap in gaps)
    return _Motif(onsets, lengths, _draw_contour(len(onsets), manner, rng=rng))


def _draw_contour(count: int, manner: Manner, *, rng: np.random.Generator) -> tuple[int, ...]:
    """Scale steps from the first note: mostly neighbours, a leap is answered backwards."""
    steps: Mapping[int, float] = {0: 0.5, 1: 1.0, -1: 1.0}
    wide: Mapping[int, float] = {2: 1.0, -2: 1.0, 3: 0.5, -3: 0.5, 4: 0.4, -4: 0.3, 5: 0.2}
    contour, last = [0], 0
    while len(contour) < count:
        move = pick_weighted(rng, wide if chance(rng, manner.leaps) else steps)
        if abs(last) > 2:
            move = -abs(move) if last > 0 else abs(move)
        contour.append(int(np.clip(contour[-1] + move, -6, 7)))
        last = move
    return tuple(contour)


def _fit(
    motif: _Motif, bar: int, anchor: int, chord: Chord, scale: Scale, meter: Meter
) -> list[MelodyNote]:
    """The motif from `anchor` on; what falls on a strong step goes to the chord's notes."""
    strong = strengths(meter)
    notes = []
    for step, length, move in zip(motif.steps, motif.lengths, motif.contour, strict=True):
        degree = _within(anchor + move, scale)
        if strong[step] >= 0.7 or length >= 6:
            degree = scale.nearest(degree, chord)
        notes.append(MelodyNote(bar, step, length, degree))
    return notes


def _within(degree: int, scale: Scale) -> int:
    """The degree, brought back by octaves into two octaves above the tonic."""
    size = len(scale.steps)
    while degree < -2:
        degree += size
    while degree > 2 * size:
        degree -= size
    return degree


def _cadence(
    notes: Melody,
    bars: int,
    chord: Chord,
    scale: Scale,
    meter: Meter,
    *,
    rng: np.random.Generator,
) -> Melody:
    """The melody with its last bar ended on a long chord tone, and room to breathe after it."""
    if bars < 2:
        return notes
    rest_from = int(pick(rng, meter.heads[len(meter.heads) // 2 :]))
    kept = [note for note in notes if note.bar < bars - 1 or note.step < rest_from]
    before = kept[-1].degree if kept else 0
    length = max(2, (meter.steps - rest_from) * 3 // 4)
    goal = scale.nearest(before + int(rng.integers(-1, 2)), chord)
    return (*kept, MelodyNote(bars - 1, rest_from, length, goal))


def vary_melody(
    melody: Melody,
    harmony: tuple[Chord, ...],
    scale: Scale,
    meter: Meter,
    *,
    amount: float,
    rng: np.random.Generator,
) -> Melody:
    """The melody with about `amount` of its notes ornamented, moved, split or left out.

    The last two notes before the end are most likely to change, as singers do.
    """
    out: list[MelodyNote] = []
    for index, note in enumerate(melody):
        late = 1.8 if index >= len(melody) - 3 else 1.0
        if not chance(rng, min(0.9, amount * late)):
            out.append(note)
            continue
        out.extend(_changed(note, harmony[note.bar], scale, meter, rng=rng))
    return tuple(sorted(out, key=lambda note: (note.bar, note.step)))


def _changed(
    note: MelodyNote, chord: Chord, scale: Scale, meter: Meter, *, rng: np.random.Generator
) -> list[MelodyNote]:
    """One note in another form."""
    neighbour = note.degree + pick(rng, (-1, 1))
    change = pick(rng, ("split", "pitch", "pitch", "late", "drop", "grace"))
    if change == "split" and note.length >= 2:
        half = note.length // 2
        later = MelodyNote(note.bar, note.step + half, note.length - half, neighbour)
        return [replace(note, length=half), later]
    if change == "late" and note.length >= 2 and note.step + 1 < meter.steps:
        return [replace(note, step=note.step + 1, length=note.length - 1)]
    if change == "grace" and note.length >= 4:
        first = MelodyNote(note.bar, note.step, 1, neighbour)
        return [first, replace(note, step=note.step + 1, length=note.length - 1)]
    if change == "drop":
        return []
    return [replace(note, degree=scale.nearest(note.degree + pick(rng, (-3, -2, 2, 3)), chord))]


def parallel(melody: Melody, harmony: tuple[Chord, ...], scale: Scale, *, below: int) -> Melody:
    """A second voice `below` scale steps under the melody; its long notes go to the chord."""
    out = []
    for note in melody:
        degree = note.degree - below
        if note.length >= 4:
            degree = scale.nearest(degree, harmony[note.bar])
        out.append(replace(note, degree=degree))
    return tuple(out)


def answer(
    melody: Melody,
    harmony: tuple[Chord, ...],
    scale: Scale,
    meter: Meter,
    *,
    rng: np.random.Generator,
) -> Melody:
    """Short replies in the gaps of a melody of at least half a bar, made of chord tones."""
    busy = np.zeros(len(harmony) * meter.steps + 1, dtype=bool)
    for note in melody:
        start = note.bar * meter.steps + note.step
        busy[start : start + note.length] = True
    out, clock = [], 0
    gap = max(4, meter.steps // 2)
    while clock + gap <= len(busy) - 1:
        if busy[clock : clock + gap].any():
            clock += 2
            continue
        bar, step = divmod(clock, meter.steps)
        degree = scale.nearest(int(rng.integers(4, 12)), harmony[bar])
        for offset in range(0, gap, pick(rng, (1, 2, 2, 4))):
            place = min(bar * meter.steps + step + offset, len(busy) - 2)
            out.append(MelodyNote(place // meter.steps, place % meter.steps, 2, degree))
            degree += pick(rng, (-2, -1, 1, 2))
        clock += 2 * gap
    return tuple(out)
