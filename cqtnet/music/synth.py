"""Rendering: a score becomes samples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from cqtnet.music.draws import stream
from cqtnet.music.drums import play_drum
from cqtnet.music.effects import (
    driven,
    echoed,
    faded,
    in_room,
    levelled,
    pumping,
    room_response,
    tilted,
    without_rumble,
)
from cqtnet.music.oscillators import Samples, Tone, steady
from cqtnet.music.score import Hit, Note, Piece, Track
from cqtnet.music.timbres import TIMBRES

LOWEST_RATE, HIGHEST_RATE = 8000, 96000
VELOCITY_CLASSES = (0.3, 0.55, 0.8)
"""Strengths at which notes are synthesised; between them only the loudness differs."""
TAKES = 3
"""Different strokes of each drum, played in turn."""


def render(piece: Piece, *, sample_rate: int = SAMPLE_RATE) -> Samples:
    """The piece as sound: float32, mono, shape (round(duration_s · sample_rate),), peak ≤ 0.9.

    The same score and rate give the same samples, bit for bit, on one machine. `sample_rate`
    is in Hz, 8,000 to 96,000.

    Example:
        >>> from cqtnet.music import compose
        >>> render(compose(3, duration_s=2.0)).shape
        (44100,)
    """
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise InputError(
            f"sample rate {sample_rate} Hz is outside {LOWEST_RATE} to {HIGHEST_RATE} Hz; "
            "give one within"
        )
    samples = round(piece.duration_s * sample_rate)
    mix = piece.mix
    pitched = _mix_tracks(piece, samples, sample_rate)
    if mix.pump and piece.hits:
        kicks = [hit.start_s for hit in piece.hits if hit.drum == "kick"]
        pitched *= pumping(samples, kicks, sample_rate, depth=mix.pump)
    sound = pitched + _render_drums(piece, samples, sample_rate)
    room = room_response(mix.room_s, sample_rate, rng=stream(piece.seed, "room"))
    sound = in_room(sound, room, level=mix.room_level)
    sound = tilted(without_rumble(sound, sample_rate), sample_rate, tilt_db=mix.tilt_db)
    sound = driven(sound, drive=mix.drive)
    if mix.hiss_db is not None:
        tape = stream(piece.seed, "hiss").standard_normal(samples, dtype=np.float32)
        loudest = float(np.abs(sound).max(initial=1e-9))
        sound += tape * np.float32(loudest * 10.0 ** (mix.hiss_db / 20.0))
    return levelled(faded(sound, sample_rate, fade_out_s=mix.fade_out_s), peak=mix.peak)


def render_note(
    piece: Piece, track: Track, note: Note, *, sample_rate: int = SAMPLE_RATE
) -> Samples:
    """One note of a track, dry, with its release, peak at its velocity; for tests and study."""
    strength = _velocity_class(note.velocity)
    sound = _synthesise(piece, track, note.midi, strength, note.duration_s, sample_rate=sample_rate)
    release = _release_ramp(track, sample_rate)
    held = round(note.duration_s * sample_rate)
    out = sound[: held + len(release)].copy()
    tail = out[held:]
    tail *= release[: len(tail)]
    return out * np.float32(note.velocity)


def _mix_tracks(piece: Piece, samples: int, sample_rate: int) -> Samples:
    """All pitched tracks at their levels; melodies go through the echo."""
    mix = piece.mix
    total = np.zeros(samples, dtype=np.float32)
    for track in piece.tracks:
        sound = _render_track(piece, track, samples, sample_rate)
        if mix.echo_level and track.role in ("lead", "solo", "answer", "arpeggio"):
            delay = max(1, round(mix.echo_s * sample_rate))
            sound = echoed(sound, delay=delay, level=mix.echo_level)
        sound *= np.float32(10.0 ** (track.level_db / 20.0) / _loudness(sound, sample_rate))
        total += sound
    return total


def _loudness(sound: Samples, sample_rate: int) -> float:
    """Root mean square of the blocks of 50 ms in which the sound is not far below its best."""
    block = sample_rate // 20
    count = max(1, len(sound) // block)
    energy = np.square(sound[: count * block], dtype=np.float64).reshape(count, -1).mean(axis=1)
    heard = energy[energy > 1e-3 * energy.max()]
    return float(np.sqrt(heard.mean())) if len(heard) else 1.0


def _render_track(piece: Piece, track: Track, samples: int, sample_rate: int) -> Samples:
    """The notes of a track in place; notes of one pitch and strength are synthesised once."""
    out = np.zeros(samples, dtype=np.float32)
    release = _release_ramp(track, sample_rate)
    for (midi, strength), notes in _alike(track.notes).items():
        longest = max(note.duration_s for note in notes)
        sound = _synthesise(piece, track, midi, strength, longest, sample_rate=sample_rate)
        for note in notes:
            _place(out, sound, note, release, sample_rate)
    return out


def _alike(notes: Iterable[Note]) -> dict[tuple[int, float], list[Note]]:
    """Notes that share one synthesis, by pitch and velocity class."""
    groups: dict[tuple[int, float], list[Note]] = {}
    for note in notes:
        groups.setdefault((note.midi, _velocity_class(note.velocity)), []).append(note)
    return groups


def _velocity_class(velocity: float) -> float:
    """The strength of synthesis nearest to a velocity."""
    return min(VELOCITY_CLASSES, key=lambda strength: abs(strength - velocity))


def _synthesise(
    piece: Piece, track: Track, midi: int, strength: float, duration_s: float, *, sample_rate: int
) -> Samples:
    """One pitch of a track's instrument, with room for its release, peak 1 in its attack."""
    instrument = track.instrument
    timbre = TIMBRES[instrument.timbre]
    samples = round(duration_s * sample_rate) + int(timbre.release_s * sample_rate) + 1
    tone = Tone(
        frequency_hz=piece.frequency_hz(midi),
        samples=samples,
        sample_rate=sample_rate,
        velocity=strength,
        brightness=instrument.brightness,
        vibrato_cents=instrument.vibrato_cents,
        ring=instrument.ring,
    )
    rng = stream(piece.seed, "tone", track.role, instrument.timbre, midi, round(100 * strength))
    return steady(timbre.play(tone, rng), within=sample_rate)


def _release_ramp(track: Track, sample_rate: int) -> Samples:
    """How a note dies after its end: half a cosine."""
    length = int(TIMBRES[track.instrument.timbre].release_s * sample_rate)
    return (0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, length))).astype(np.float32)


def _place(out: Samples, sound: Samples, note: Note, release: Samples, sample_rate: int) -> None:
    """Add a note to the track `out`: its held part, then its release."""
    start = round(note.start_s * sample_rate)
    end = min(start + round(note.duration_s * sample_rate), len(out))
    held = end - start
    if held <= 0:
        return
    gain = np.float32(note.velocity)
    out[start:end] += gain * sound[:held]
    tail = sound[held : held + min(len(release), len(out) - end)]
    out[end : end + len(tail)] += gain * release[: len(tail)] * tail


def _render_drums(piece: Piece, samples: int, sample_rate: int) -> Samples:
    """All drum hits in place, at the kit's level; strokes of a drum take turns."""
    out = np.zeros(samples, dtype=np.float32)
    if not piece.hits:
        return out
    takes: dict[tuple[str, int], Samples] = {}
    turns: dict[str, int] = {}
    for hit in piece.hits:
        turn = turns.get(hit.drum, 0)
        turns[hit.drum] = turn + 1
        place = hit.drum, turn % TAKES
        if place not in takes:
            rng = stream(piece.seed, "drum", *place)
            takes[place] = play_drum(hit.drum, piece.kit, sample_rate, rng=rng)
        _strike(out, takes[place], hit, sample_rate)
    level = 10.0 ** ((piece.mix.drums_db + 2.0) / 20.0) / _loudness(out, sample_rate)
    return out * np.float32(level)


def _strike(out: Samples, sound: Samples, hit: Hit, sample_rate: int) -> None:
    """Add one hit to the drums `out`; soft strokes are softer than their velocity."""
    start = round(hit.start_s * sample_rate)
    end = min(start + len(sound), len(out))
    out[start:end] += np.float32(hit.velocity**1.5) * sound[: end - start]
