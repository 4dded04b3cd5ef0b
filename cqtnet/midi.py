"""Scores, and MIDI files: read, varied at random, written, and played by FluidSynth.

The library mido, which reads and writes the files, is optional: `pip install 'cqtnet[midi]'`.
"""

import hashlib
import io
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from augment.effect import Samples, log_uniform
from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError

DRUM_CHANNEL = 9
CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
LARGEST_BYTES = 1_000_000
"""Largest MIDI file: they are read byte by byte, and scores of an hour have some 100,000."""
SOUND_FONTS = Path("/usr/share/sounds/sf2")
QUIET: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "errors": "replace"}


class Note(NamedTuple):
    """One note; `midi` 69 is the A of 440 Hz, `velocity` is in (0, 1]."""

    start_s: float
    duration_s: float
    midi: int
    velocity: float


@dataclass(frozen=True, slots=True)
class Score:
    """The notes of each part and of the drums, each in order of their starts.

    The pitch of a drum note is the number of the drum in General MIDI: 36 is the kick.
    """

    parts: tuple[tuple[Note, ...], ...]
    drums: tuple[Note, ...]

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes, part after part, the drums last."""
        return tuple(note for part in (*self.parts, self.drums) for note in part)


@dataclass(frozen=True, slots=True)
class Variation:
    """What one rendering does to a score, and how it sounds."""

    shift_semitones: int
    tempo_factor: float  # above 1 is faster
    start: float  # where the excerpt begins: 0 at the first note, 1 as late as it still is full
    programs: tuple[int, ...]  # General MIDI programs of the parts, from 0; they go round
    reverb_level: float  # from 0, no reverberation, to 1
    room_size: float
    chorus: bool


def draw_variation(rng: np.random.Generator) -> Variation:
    """A random variation; its programs are of General MIDI's families but those of effects."""
    return Variation(
        shift_semitones=int(rng.integers(-6, 6, endpoint=True)),
        tempo_factor=round(log_uniform(rng, (0.75, 1.35)), 4), start=round(float(rng.random()), 4),
        programs=tuple(rng.integers(0, 104, size=len(CHANNELS)).tolist()),
        reverb_level=round(float(rng.uniform(0.0, 0.8)), 2) if rng.random() < 0.6 else 0.0,
        room_size=round(float(rng.uniform(0.0, 0.9)), 2), chorus=bool(rng.random() < 0.4),
    )  # fmt: skip


def vary(score: Score, variation: Variation, *, duration_s: float) -> Score:
    """The excerpt of `duration_s`, or of what there is, as the variation has it; begins at 0.

    It holds the notes that begin in it. Drums are not transposed, and a note that would leave the
    range of MIDI goes back by an octave.
    """
    starts_s = sorted(note.start_s for note in score.notes)
    end_s = max((note.start_s + note.duration_s for note in score.notes), default=0.0)
    latest_s = end_s - duration_s * variation.tempo_factor
    full = [start_s for start_s in starts_s if start_s <= latest_s] or starts_s[:1] or [0.0]
    first_s = full[int(variation.start * len(full))]

    def moved(notes: tuple[Note, ...], shift: int) -> Iterator[Note]:
        for start_s, length_s, midi, velocity in notes:
            new_s = (start_s - first_s) / variation.tempo_factor
            if 0.0 <= new_s < duration_s:
                length_s = min(length_s / variation.tempo_factor, duration_s - new_s)
                octave = 12 * ((midi + shift < 0) - (midi + shift > 127))
                yield Note(new_s, length_s, midi + shift + octave, velocity)

    parts = (tuple(moved(part, variation.shift_semitones)) for part in score.parts)
    return Score(tuple(parts), tuple(moved(score.drums, 0)))


def perform(score: Score, rng: np.random.Generator) -> Score:
    """The score as another player might play it: a rendition of it by the same instruments.

    The time wanders by some 40 ms around that of the score, so one line still fits both. Each note
    begins some 10 ms early or late, and has its own strength and length.
    """
    end_s = max((note.start_s for note in score.notes), default=0.0)
    knots_s = np.arange(0.0, end_s + 3.0, 1.5)
    late_s, louder = rng.normal(0, [[0.04], [0.15]], (2, len(knots_s)))

    def played(note: Note) -> Note:
        own_late_s, own_louder, longer = rng.normal(0, (0.01, 0.2, 0.2))
        start_s = note.start_s + np.interp(note.start_s, knots_s, late_s) + own_late_s
        loudness = np.exp(np.interp(note.start_s, knots_s, louder) + own_louder)
        velocity = float(np.clip(note.velocity * loudness, 0.05, 1.0))
        return Note(max(0.0, float(start_s)), note.duration_s * float(np.exp(longer)),
                    note.midi, velocity)  # fmt: skip

    parts = (tuple(sorted(map(played, part))) for part in (*score.parts, score.drums))
    *pitched, drums = parts
    return Score(tuple(pitched), drums)


def require_mido() -> Any:
    """The module mido; an InputError that says how to get it where it is missing."""
    try:
        import mido  # type: ignore[import-untyped]
    except ImportError as error:
        cure = "which is not installed; run: pip install 'cqtnet[midi]'"
        raise InputError(f"MIDI files need mido, {cure}") from error
    return mido


def read_midi(data: bytes) -> Score:
    """The notes of a MIDI file, timed by its tempi; a part is a channel of a track.

    A note lasts until its key is struck again or released, or the file ends. Nothing else is read.
    """
    if len(data) > LARGEST_BYTES:
        raise InputError(f"{len(data)} bytes of MIDI are above {LARGEST_BYTES}; leave it out")
    mido = require_mido()
    damage = (OSError, EOFError, ValueError, LookupError, TypeError)
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
        score = _notes(_timed(file)) if file.type < 2 and file.ticks_per_beat > 0 else None
    except (*damage, mido.KeySignatureError) as error:
        raise InputError(f"MIDI file is damaged ({str(error)[:80] or 'it ends early'})") from error
    if score is None:
        raise InputError("MIDI file has no common beat; save it as type 1 with ticks per beat")
    return score


def _timed(file: Any) -> Iterator[tuple[float, int, Any]]:
    """Time in s, number of the track and message of everything in a file, in order of time."""
    events = []
    for number, track in enumerate(file.tracks):
        tick = 0
        for message in track:
            if message.time > 0x0FFFFFFF:  # what the standard allows
                raise ValueError(f"a rest of {message.time} ticks")
            tick += message.time
            events.append((tick, number, message))
    now_s, last_tick, seconds_per_tick = 0.0, 0, 0.5 / file.ticks_per_beat
    for tick, number, message in sorted(events, key=lambda event: event[0]):
        now_s += (tick - last_tick) * seconds_per_tick
        last_tick = tick
        if message.type == "set_tempo":
            seconds_per_tick = message.tempo * 1e-6 / file.ticks_per_beat
        yield now_s, number, message


def _notes(events: Iterable[tuple[float, int, Any]]) -> Score:
    """The notes of timed messages."""
    pressed: dict[tuple[int, int, int], list[tuple[float, int]]] = defaultdict(list)
    end_s = 0.0
    for end_s, track, message in events:
        if message.type in ("note_on", "note_off"):
            key = (track, message.channel, message.note)
            velocity = message.velocity if message.type == "note_on" else 0
            if velocity > 0 or key in pressed:
                pressed[key].append((end_s, velocity))
    parts: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for (track, channel, pitch), times in pressed.items():
        for (start_s, velocity), (next_s, _) in pairwise((*times, (end_s, 0))):
            note = Note(start_s, next_s - start_s, pitch, velocity / 127)
            parts[track, channel] += [note] if velocity > 0 else []
    drums = [note for key, notes in parts.items() if key[1] == DRUM_CHANNEL for note in notes]
    pitched = (notes for key, notes in parts.items() if key[1] != DRUM_CHANNEL)
    return Score(tuple(tuple(sorted(notes)) for notes in pitched), tuple(sorted(drums)))


def write_midi(score: Score, programs: tuple[int, ...]) -> bytes:
    """A MIDI file of one track that plays the score, a tick a millisecond.

    Each part has a channel and the program of its number; the sixteenth part shares the first's.
    """
    mido = require_mido()
    channels = [CHANNELS[number % len(CHANNELS)] for number in range(len(score.parts))]
    events = []
    for channel, notes in zip((*channels, DRUM_CHANNEL), (*score.parts, score.drums), strict=True):
        for start_s, duration_s, pitch, velocity in notes:
            start, end = round(start_s * 1000), round((start_s + duration_s) * 1000)
            events.append((start, max(1, round(velocity * 127)), channel, pitch))
            events.append((max(start + 1, end), 0, channel, pitch))
    track, now = mido.MidiTrack(), 0
    for channel, program in zip(CHANNELS, programs, strict=False):
        track.append(mido.Message("program_change", channel=channel, program=program))
    # Sorted by velocity too: a key is released before it is struck again.
    for tick, velocity, channel, pitch in sorted(events):
        key = {"channel": channel, "note": pitch}
        track.append(mido.Message("note_on", velocity=velocity, time=tick - now, **key))
        now = tick
    written = io.BytesIO()
    # 500 ticks a beat, of which MIDI has two a second where no tempo is given.
    mido.MidiFile(type=0, ticks_per_beat=500, tracks=[track]).save(file=written)
    return written.getvalue()


@dataclass(frozen=True, slots=True)
class Synthesizer:
    """An installed FluidSynth with a sound font."""

    command: str
    version: str
    sound_font: Path
    sound_font_sha256: str

    def play(self, score: Score, variation: Variation, *, timeout_s: float = 60.0) -> Samples:
        """The score as sound: float32, mono, at `SAMPLE_RATE`, until its last note has died away.

        A TimeoutError after `timeout_s`; an InputError where FluidSynth fails.
        """
        import soundfile  # here, for most that take notes from this file play none of them
        import soxr

        # An empty configuration: the user's own would change the sound.
        words = [self.command, "-n", "-i", "-q", "-f", "/dev/null", "-r", "44100", "-g", "0.5"]
        words += ["-o", f"synth.reverb.active={int(variation.reverb_level > 0)}"]
        words += ["-o", f"synth.reverb.level={variation.reverb_level}"]
        words += ["-o", f"synth.reverb.room-size={variation.room_size}"]
        words += ["-o", f"synth.chorus.active={int(variation.chorus)}"]
        with TemporaryDirectory(prefix="cqtnet-render-") as folder:
            midi, wav = Path(folder) / "score.mid", Path(folder) / "sound.wav"
            midi.write_bytes(write_midi(score, variation.programs))
            words += ["-F", str(wav), str(self.sound_font), str(midi)]
            try:
                done = subprocess.run(words, timeout=timeout_s, **QUIET)
            except subprocess.TimeoutExpired as error:
                raise TimeoutError(f"fluidsynth was cut off after {timeout_s:g} s") from error
            # It ends with 0 after most errors, and replaces a damaged sound font by another one.
            failed = re.search(r"fluidsynth: (?:error|panic): (.*)", done.stderr)
            if failed or done.returncode != 0 or not wav.exists():
                what = failed[1] if failed else f"exit code {done.returncode}"
                raise InputError(
                    f"fluidsynth {self.version} failed with {self.sound_font}: {what}; try another"
                )
            sound, rate = soundfile.read(wav, dtype="float32", always_2d=True)
        mono: Samples = soxr.resample(sound.mean(axis=1), rate, SAMPLE_RATE)
        return mono


def find_synthesizer(sound_font: Path | None = None) -> Synthesizer:
    """The installed FluidSynth, tried out with this sound font or the one that Debian brings."""
    command = shutil.which("fluidsynth")
    fonts = sorted(SOUND_FONTS.glob("*.sf2"), key=lambda f: ("FluidR3_GM" not in f.name, f))
    if command is None:
        raise InputError("FluidSynth is not installed; run: apt install fluidsynth")
    if not (sound_font or fonts):
        cure = "run: apt install fluid-soundfont-gm, or give --sound-font"
        raise InputError(f"no sound font in {SOUND_FONTS}; {cure}")
    path = (sound_font or fonts[0]).resolve()
    content = path.read_bytes() if path.is_file() else b""
    # In the place of another kind of file, FluidSynth would play another sound font.
    if content[:4] + content[8:12] != b"RIFFsfbk":
        raise InputError(f"{path} is not a sound font; give a file in the format SF2 or SF3")
    described = subprocess.run([command, "--version"], **QUIET).stdout
    version = (re.findall(r"version (\S+)", described) or ["unknown"])[0]
    synthesizer = Synthesizer(command, version, path, hashlib.sha256(content).hexdigest())
    # A damaged sound font is one error now, or it would be one for every file.
    one_note = Score(parts=((Note(0.0, 0.1, 60, 1.0),),), drums=())
    synthesizer.play(one_note, draw_variation(np.random.default_rng(0)))
    return synthesizer
