"""MIDI files: the notes of one, a random variation of it, and that as a MIDI file again.

A variation is drawn first, as plain data, and applied afterwards:

    >>> score = read_midi(Path("song.mid").read_bytes())
    >>> variation = draw_variation(np.random.default_rng(7))
    >>> midi = write_midi(vary(score, variation, duration_s=40.0), variation.programs)

`fluidsynth` makes it sound. The library mido is optional, and imported here alone.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cqtnet.errors import InputError
from cqtnet.music.score import Note

DRUM_CHANNEL = 9
CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
"""The channels that are not drums: as many parts can have a program of their own."""

SHIFTS_SEMITONES = (-6, 6)
TEMPO_FACTORS = (0.75, 1.35)
N_PROGRAMS = 104
"""Thirteen of General MIDI's sixteen families; the others are mostly percussion and noises."""

LONGEST_DELTA = 0x0FFFFFFF  # what the four bytes hold that the standard allows for a time
LARGEST_BYTES = 1_000_000  # read byte by byte; scores of an hour have some 100,000


@dataclass(frozen=True, slots=True)
class Score:
    """The notes of a MIDI file: those of each part, and those of the drums, by their starts."""

    parts: tuple[tuple[Note, ...], ...]
    """One for each channel of each track, in the order in which they begin to play."""
    drums: tuple[Note, ...]

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes, part after part, the drums last."""
        return tuple(note for part in (*self.parts, self.drums) for note in part)


@dataclass(frozen=True, slots=True)
class Variation:
    """What one rendering does to a score, and how it sounds."""

    shift_semitones: int
    tempo_factor: float
    """Above 1 is faster."""
    start: float
    """Where the excerpt begins: 0 at the first note, towards 1 as late as it still is full."""
    programs: tuple[int, ...]
    """General MIDI programs, from 0, of the parts; a later part takes the first again."""
    reverb_level: float
    """From 0, no reverberation, to 1."""
    room_size: float
    chorus: bool


def draw_variation(rng: np.random.Generator) -> Variation:
    """A variation by lot, each of its decisions independent of the others."""
    slowest, fastest = (math.log(factor) for factor in TEMPO_FACTORS)
    lowest, highest = SHIFTS_SEMITONES
    return Variation(
        shift_semitones=int(rng.integers(lowest, highest, endpoint=True)),
        tempo_factor=round(math.exp(rng.uniform(slowest, fastest)), 4),
        start=round(float(rng.random()), 4),
        programs=tuple(rng.integers(0, N_PROGRAMS, size=len(CHANNELS)).tolist()),
        reverb_level=round(float(rng.uniform(0.0, 0.8)), 2) if rng.random() < 0.6 else 0.0,
        room_size=round(float(rng.uniform(0.0, 0.9)), 2),
        chorus=bool(rng.random() < 0.4),
    )


def vary(score: Score, variation: Variation, *, duration_s: float) -> Score:
    """The excerpt of `duration_s`, or of what there is, as the variation has it; begins at 0.

    It holds the notes that begin in it; those that sound on are ended with it. Drums are not
    transposed, and what would leave the range of MIDI goes back by an octave.
    """
    start_s = _excerpt_start(score.notes, variation, duration_s=duration_s)

    def moved(notes: tuple[Note, ...], shift_semitones: int) -> Iterator[Note]:
        for note in notes:
            new_s = (note.start_s - start_s) / variation.tempo_factor
            if 0.0 <= new_s < duration_s:
                length_s = min(note.duration_s / variation.tempo_factor, duration_s - new_s)
                yield Note(new_s, length_s, _in_range(note.midi + shift_semitones), note.velocity)

    return Score(
        parts=tuple(tuple(moved(part, variation.shift_semitones)) for part in score.parts),
        drums=tuple(moved(score.drums, 0)),
    )


def _excerpt_start(notes: tuple[Note, ...], variation: Variation, *, duration_s: float) -> float:
    """The start of the note with which the excerpt begins, in the score's time."""
    starts_s = sorted(note.start_s for note in notes)
    end_s = max((note.start_s + note.duration_s for note in notes), default=0.0)
    latest_s = end_s - duration_s * variation.tempo_factor
    full = [start_s for start_s in starts_s if start_s <= latest_s] or starts_s[:1] or [0.0]
    return full[int(variation.start * len(full))]


def _in_range(pitch: int) -> int:
    if pitch > 127:
        return pitch - 12
    return pitch + 12 if pitch < 0 else pitch


def read_midi(data: bytes) -> Score:
    """The notes of a MIDI file, timed by its tempi; one that cannot be read is an InputError.

    Pedals, bends, volumes and programs are not read. A note lasts until its key is struck again
    or let go, or the file ends.
    """
    if len(data) > LARGEST_BYTES:
        raise InputError(f"{len(data)} bytes of MIDI are above {LARGEST_BYTES}; leave it out")
    mido = require_mido()
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    # What mido lets through where bytes are damaged; its KeySignatureError is an Exception only.
    except (OSError, EOFError, ValueError, LookupError, TypeError, mido.KeySignatureError) as error:
        what = str(error)[:80] or "it ends early"
        raise InputError(f"MIDI file is damaged ({what}); mend it") from error
    if file.type not in (0, 1):
        raise InputError(f"MIDI file of type {file.type} has no common time; save it as type 1")
    if file.ticks_per_beat <= 0:
        raise InputError("MIDI file counts frames, not beats; save it with ticks per beat")
    return _notes(_timed(file))


def require_mido() -> Any:
    """The module mido; an InputError that says how to get it where it is missing."""
    try:
        import mido  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(
            "MIDI files need mido, which is not installed; run: pip install 'cqtnet[midi]'"
        ) from error
    return mido


def _timed(file: Any) -> Iterator[tuple[float, int, Any]]:
    """Time in s, number of the track and message of everything in a file, in order of time."""
    events = []
    for track_number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            if message.time > LONGEST_DELTA:
                raise InputError(f"MIDI file is damaged (a rest of {message.time} ticks); mend it")
            tick += message.time
            events.append((tick, track_number, message))
    events.sort(key=lambda event: event[0])
    now_s, last_tick, seconds_per_tick = 0.0, 0, 0.5 / file.ticks_per_beat
    for tick, track_number, message in events:
        now_s += (tick - last_tick) * seconds_per_tick
        last_tick = tick
        if message.type == "set_tempo":
            seconds_per_tick = message.tempo * 1e-6 / file.ticks_per_beat
        yield now_s, track_number, message


def _notes(events: Iterator[tuple[float, int, Any]]) -> Score:
    """The notes of timed messages."""
    parts: dict[tuple[int, int], list[Note]] = {}
    sounding: dict[tuple[int, int, int], tuple[float, float]] = {}  # key → start, velocity
    now_s = 0.0

    def end(key: tuple[int, int, int]) -> None:
        start_s, velocity = sounding.pop(key)
        parts[key[:2]].append(Note(start_s, now_s - start_s, key[2], velocity))

    for now_s, track_number, message in events:
        if message.type not in ("note_on", "note_off"):
            continue
        key = (track_number, message.channel, message.note)
        if key in sounding:
            end(key)
        if message.type == "note_on" and message.velocity > 0:
            parts.setdefault(key[:2], [])
            sounding[key] = (now_s, message.velocity / 127)
    for key in list(sounding):
        end(key)
    ordered = {key: sorted(notes, key=lambda note: note.start_s) for key, notes in parts.items()}
    drums = [note for key, notes in ordered.items() if key[1] == DRUM_CHANNEL for note in notes]
    return Score(
        parts=tuple(tuple(notes) for key, notes in ordered.items() if key[1] != DRUM_CHANNEL),
        drums=tuple(sorted(drums, key=lambda note: note.start_s)),
    )


def write_midi(score: Score, programs: tuple[int, ...]) -> bytes:
    """A MIDI file of one track that plays the score, a tick a millisecond.

    Each part has a channel and the program of its number; the sixteenth part shares the first's.
    """
    mido = require_mido()
    channels = [CHANNELS[number % len(CHANNELS)] for number in range(len(score.parts))]
    events = []
    for channel, notes in zip((*channels, DRUM_CHANNEL), (*score.parts, score.drums), strict=True):
        for note in notes:
            start = round(note.start_s * 1000)
            end = max(start + 1, round((note.start_s + note.duration_s) * 1000))
            velocity = max(1, round(note.velocity * 127))
            events.append((start, velocity, channel, note.midi))
            events.append((end, 0, channel, note.midi))
    track = mido.MidiTrack(
        mido.Message("program_change", channel=channel, program=program)
        for channel, program in zip(CHANNELS, programs, strict=False)
    )
    now = 0
    # Sorted by velocity too: a key is let go before it is struck again.
    for tick, velocity, channel, pitch in sorted(events):
        message = {"channel": channel, "note": pitch, "velocity": velocity, "time": tick - now}
        track.append(mido.Message("note_on", **message))
        now = tick
    written = io.BytesIO()
    # 500 ticks a beat, of which MIDI has two a second where no tempo is given.
    mido.MidiFile(type=0, ticks_per_beat=500, tracks=[track]).save(file=written)
    return written.getvalue()
