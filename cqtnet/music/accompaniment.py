"""Accompaniment: figures set to chords become events with pitches."""

from __future__ import annotations

from dataclasses import dataclass

from cqtnet.music.harmony import Chord, bass_voicing, voice
from cqtnet.music.material import ChordChange, Harmony
from cqtnet.music.patterns import APPROACH, Figure, Stroke


@dataclass(frozen=True, slots=True)
class Event:
    """A note before it has a time in seconds; steps count from the start of its bar."""

    bar: int
    step: float
    length: float
    midi: int
    accent: float
    delay_s: float = 0.0


Voicings = dict[tuple[int, int], tuple[int, ...]]
"""The voices of each chord change, by bar and step."""


def voice_harmony(harmony: Harmony, *, role: str, low: int) -> Voicings:
    """Every chord of a pass as notes from about `low`, each voiced near the one before."""
    voicings: Voicings = {}
    previous: tuple[int, ...] = ()
    for bar, changes in enumerate(harmony):
        for change in changes:
            if role == "bass":
                notes = bass_voicing(change.chord, low=low)
            else:
                size = max(3, min(4, len(change.chord.intervals)))
                notes = voice(change.chord, previous, low=low, size=size)
            voicings[bar, change.step] = previous = notes
    return voicings


def play_figure(
    figure: Figure, harmony: Harmony, bar: int, voicings: Voicings, *, leading: int
) -> list[Event]:
    """The figure in one bar of the harmony; a held stroke is struck again at a new chord.

    `leading` is the distance in semitones from which an approach tone leads to the next root.
    """
    changes = harmony[bar]
    events: list[Event] = []
    for stroke in figure:
        for step, length, change in _pieces(stroke, changes):
            voices = voicings[bar, change.step]
            following = _next_root(harmony, bar, change.step, voicings)
            notes = [_pitch(number, voices, following - leading) for number in stroke.voices]
            events.extend(_spread(stroke, bar, step, length, tuple(dict.fromkeys(notes))))
    return events


def _pieces(
    stroke: Stroke, changes: tuple[ChordChange, ...]
) -> list[tuple[float, float, ChordChange]]:
    """The parts of a stroke between chord changes: step, length and chord of each."""
    pieces = []
    end = stroke.step + stroke.length
    for index, change in enumerate(changes):
        until = changes[index + 1].step if index + 1 < len(changes) else 10_000
        start = max(float(stroke.step), float(change.step))
        length = min(end, float(until)) - start
        if length > 0.0 and start < until:
            pieces.append((start, length, change))
    return pieces


def _next_root(harmony: Harmony, bar: int, step: int, voicings: Voicings) -> int:
    """The lowest note of the chord that follows, round the end to the beginning."""
    later = [change.step for change in harmony[bar] if change.step > step]
    place = (bar, later[0]) if later else ((bar + 1) % len(harmony), 0)
    return voicings[place][0]


def _pitch(number: int, voices: tuple[int, ...], approach: int) -> int:
    """The note of a voice number; beyond the top it is an octave higher."""
    if number == APPROACH:
        return approach
    octave, index = divmod(number, len(voices))
    return voices[index] + 12 * octave


def _spread(
    stroke: Stroke, bar: int, step: float, length: float, notes: tuple[int, ...]
) -> list[Event]:
    """The notes of a stroke, together or strummed from the bottom or the top."""
    order = sorted(notes, reverse=stroke.strum_s < 0.0)
    gap = abs(stroke.strum_s)
    return [
        Event(bar, step, length, midi, stroke.accent, index * gap)
        for index, midi in enumerate(order)
    ]


def held(chord: Chord, bar: int, steps: float, *, role: str, low: int) -> list[Event]:
    """The chord held for `steps` from the start of a bar; a bass holds its root alone."""
    if role == "bass":
        return [Event(bar, 0.0, steps, bass_voicing(chord, low=low)[0], 1.0)]
    notes = voice(chord, (), low=low, size=4)
    return [Event(bar, 0.0, steps, midi, 0.9, 0.012 * index) for index, midi in enumerate(notes)]
