"""Music of our own: seeded pieces, composed as scores and synthesised.

Composition and sounds have seeds of their own, so one score can be played by other sounds:

>>> piece = compose(7, duration_s=20.0)
>>> samples, same_piece_by_others = render(piece), render(piece, sounds=8)
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle, pairwise
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from augment import Chain, Equaliser, Reverb, SoftClip
from augment.effect import Samples, log_uniform, uniform
from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError

DURATIONS_S = (1.0, 1800.0)
"""Shortest and longest piece: rendering holds the whole piece in memory several times."""
SAMPLE_RATES = (8000, 96000)

T = TypeVar("T")


def make_music(
    seed: int, *, duration_s: float = 60.0, sample_rate: int = SAMPLE_RATE,
    sounds: int | None = None,
) -> Samples:  # fmt: skip
    """The piece with this seed as sound: float32, mono, shape (round(duration_s·sample_rate),).

    `sounds` is the seed of the instruments, the drum kit and the room; without it, `seed`.
    """
    return render(compose(seed, duration_s=duration_s), sample_rate=sample_rate, sounds=sounds)


def _stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of one decision: a change to one decision leaves the others as they are."""
    label = "/".join(map(str, names))
    return np.random.default_rng([seed, zlib.crc32(label.encode())])


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options; an option that stands there twice is twice as likely."""
    return options[int(rng.integers(len(options)))]


def _check_within(what: str, value: float, limits: tuple[float, float], unit: str) -> None:
    if not limits[0] <= value <= limits[1]:
        allowed = f"{limits[0]:g} to {limits[1]:g} {unit}"
        raise InputError(f"{what} {value:g} {unit} is outside {allowed}; give one within")


# The score.


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
class Section:
    """Some bars with one function: intro, verse, chorus, bridge, solo or outro."""

    kind: str
    occurrence: int  # how many sections of this kind came before
    start_bar: int
    bars: int

    @property
    def theme(self) -> str:
        """What sections of one kind share; every bridge and solo is new."""
        kind = {"intro": "verse", "outro": "chorus"}.get(self.kind, self.kind)
        return f"theme {kind} {self.occurrence if kind in ('bridge', 'solo') else ''}"

    @property
    def name(self) -> str:
        """What no other section shares."""
        return f"{self.kind} {self.occurrence}"


@dataclass(frozen=True)
class Plan:
    """What holds for a piece from its first bar to its last."""

    seed: int
    key: str
    tonic: int
    mode: int  # the degree of the major scale on which the scale begins
    tempo_bpm: float  # quarter notes a minute
    tuning_cents: float
    groups: tuple[int, ...]  # the meter: sixteenth notes in each group of a bar
    swing: float  # by how many sixteenth notes an off-beat is late
    roles: tuple[str, ...]
    has_drums: bool
    density: float  # about how many notes a melody has in each group of a bar
    sevenths: float  # share of the chords that have four notes
    loose_s: float  # standard deviation of the notes from their places in time

    @property
    def steps(self) -> int:
        """Sixteenth notes in a bar."""
        return sum(self.groups)

    @cached_property
    def heads(self) -> list[int]:
        """The step on which each group of a bar begins."""
        return [sum(self.groups[:number]) for number in range(len(self.groups))]

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The weight of each step of a bar, shape (steps,): 1 for the first, 0.1 at least."""
        weights = np.where(np.arange(self.steps) % 2 == 0, 0.5, 0.1)
        weights[self.heads] = 0.8
        weights[0] = 1.0
        return weights

    def pitch(self, degree: int, *, low: int = 0) -> int:
        """The MIDI note of a degree of the scale, whose tonic is the first from `low` on."""
        octave, step = divmod(degree + self.mode, 7)
        return low + (self.tonic - low) % 12 + 12 * octave + MAJOR[step] - MAJOR[self.mode]


@dataclass(frozen=True, slots=True)
class Piece:
    """A composed piece: all that `render` needs besides the sounds."""

    plan: Plan
    duration_s: float
    bar_starts_s: tuple[float, ...]
    chords: tuple[tuple[int, ...], ...]  # of each bar, as pitch classes: 0 is C; the root first
    sections: tuple[Section, ...]
    score: Score  # one part for each role of the plan


# Composition.

KEYS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR = (0, 2, 4, 5, 7, 9, 11)
MODES = {"major": 0, "dorian": 1, "lydian": 3, "mixolydian": 4, "minor": 5}
"""Scales of seven steps, by the degree of the major scale on which they begin."""
METERS = (*3 * ((4, 4, 4, 4),), (4, 4, 4), (6, 6), (4, 4, 4, 4, 4), (4, 4, 6))
"""4/4 (most often), 3/4, 6/8, 5/4 and 7/8, as groups of sixteenth notes."""
ENERGIES = {"intro": 0.4, "verse": 0.6, "chorus": 0.9, "bridge": 0.65, "solo": 0.8, "outro": 0.5}
"""How loud and full the sections are, from 0 to 1."""
FORMS = (
    "verse chorus verse chorus bridge chorus",
    "verse chorus verse chorus solo chorus",
    "verse verse bridge verse solo chorus",
    "chorus verse solo chorus verse bridge",
)
"""The sections between intro and outro; a long piece goes round."""


class Role(NamedTuple):
    """What a part of the score does, and which sounds may play it."""

    lowest: int  # about its lowest note, as a MIDI number
    level_db: float
    presence: float  # share of the pieces that have it
    from_energy: float  # it rests in sections of less
    sounds: tuple[str, ...]


ROLES = {
    "lead": Role(62, 0.0, 0.9, 0.5, ("piano", "marimba", "strings", "reed", "saw", "brass")),
    "chords": Role(52, -4.0, 0.85, 0.3, ("piano", "guitar", "bell", "organ", "saw")),
    "arpeggio": Role(60, -6.0, 0.5, 0.5, ("guitar", "marimba", "bell", "piano", "saw")),
    "pad": Role(50, -8.0, 0.5, 0.4, ("strings", "organ", "reed", "brass")),
    "bass": Role(31, 0.0, 0.85, 0.45, ("guitar", "organ", "saw", "piano")),
}

Event: TypeAlias = tuple[int, float, int, float]
"""A note before its time: step from the start of the piece, length in steps, MIDI, velocity."""
Stroke: TypeAlias = tuple[int, float, tuple[int, ...]]
"""Step of a bar, length in steps, and which voices of a chord; 3 of a triad is 0 an octave up."""
Chords: TypeAlias = list[tuple[int, ...]]


def compose(seed: int, *, duration_s: float = 60.0) -> Piece:
    """The score of the piece with this seed, `duration_s` long (1 to 1800 s).

    Another duration keeps key, themes and parts. The last bar ends where the piece does.
    """
    if seed < 0:
        raise InputError(f"seed {seed} is negative; give 0 or more")
    _check_within("duration of", duration_s, DURATIONS_S, "s")
    plan = _draw_plan(seed)
    starts_s = _draw_bars(plan, duration_s)
    bars = len(starts_s) - 1
    sections = _draw_form(plan, bars)
    chords = [chord for section in sections for chord in _draw_chords(plan, section)]
    chords[-1] = tuple(plan.pitch(degree) % 12 for degree in (0, 2, 4))
    parts = [
        [event for section in sections for event in _play(plan, section, role, chords)]
        for role in plan.roles
    ]
    parts.append([event for section in sections for event in _play_drums(plan, section)])
    timed = [_timed(plan, part, starts_s, duration_s, str(n)) for n, part in enumerate(parts)]
    tempo_bpm = 15.0 * plan.steps * bars / float(starts_s[-1] - starts_s[0])
    plan, score = replace(plan, tempo_bpm=tempo_bpm), Score(tuple(timed[:-1]), timed[-1])
    bar_starts_s = tuple(starts_s[:-1].tolist())
    return Piece(plan, duration_s, bar_starts_s, tuple(chords), tuple(sections), score)


def _draw_plan(seed: int) -> Plan:
    rng = _stream(seed, "plan")
    roles = [name for name, role in ROLES.items() if rng.random() < role.presence]
    if not {"chords", "arpeggio"} & set(roles):
        roles.append("chords")
    groups, tonic, mode = _pick(rng, METERS), _pick(rng, range(12)), _pick(rng, tuple(MODES))
    return Plan(
        seed=seed,
        key=f"{KEYS[tonic]} {mode}",
        tonic=tonic,
        mode=MODES[mode],
        tempo_bpm=log_uniform(rng, (64.0, 172.0)),
        tuning_cents=float(np.clip(rng.normal(0.0, 15.0), -50.0, 50.0)),
        groups=groups,
        swing=uniform(rng, (0.2, 0.7)) if set(groups) == {4} and rng.random() < 0.35 else 0.0,
        roles=tuple(roles),
        has_drums=bool(rng.random() < 0.65),
        density=log_uniform(rng, (0.7, 2.2)),
        sevenths=uniform(rng, (0.0, 0.7)),
        loose_s=uniform(rng, (0.003, 0.012)),
    )


def _draw_bars(plan: Plan, duration_s: float) -> NDArray[np.float64]:
    """The time at which each bar starts, and the last one ends, in s; the tempo breathes."""
    rng = _stream(plan.seed, "bars")
    lead_in_s = min(uniform(rng, (0.05, 0.4)), 0.02 * duration_s)
    music_s = duration_s - lead_in_s - min(1.5, 0.025 * duration_s)  # the last notes die away
    bars = max(1, round(music_s * plan.tempo_bpm / (15.0 * plan.steps)))
    lengths = 1.0 + np.diff(rng.normal(0.0, 0.003 if plan.has_drums else 0.015, bars + 1))
    starts_s: NDArray[np.float64] = np.append(0.0, np.cumsum(lengths)) * music_s / lengths.sum()
    return starts_s + lead_in_s


def _draw_form(plan: Plan, bars: int) -> list[Section]:
    """The sections that fill so many bars; a short piece has neither intro nor outro."""
    unit = 8 if bars >= 24 else 4
    edge = unit // 2 if bars >= 12 else 0
    middle = cycle(_pick(_stream(plan.seed, "form"), FORMS).split())
    form, left = [("intro", edge)], bars - 2 * edge
    while left > 0:
        form.append((next(middle), unit if left >= 1.5 * unit else left))
        left -= form[-1][1]
    sections: list[Section] = []
    start_bar = 0
    for kind, length in (*form, ("outro", edge)):
        occurrence = sum(section.kind == kind for section in sections)
        sections += [Section(kind, occurrence, start_bar, length)] if length else []
        start_bar += length
    return sections


ROOT_MOVES = (3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 1, 1, 6, 2)
"""Steps of the scale from one root up to the next: most often a fourth, then a fifth."""


def _draw_chords(plan: Plan, section: Section) -> Chords:
    """The chord of each bar: those of the theme, with another one here and there."""
    rng = _stream(plan.seed, section.theme, "chords")
    degrees = [_pick(rng, (0, 0, 0, 5, 3))]
    while len(degrees) < 8:
        degrees.append((degrees[-1] + _pick(rng, ROOT_MOVES)) % 7)
    if rng.random() < 0.6:  # a turn of four chords that returns with another end
        degrees[4:7] = degrees[:3]
    theme = [_draw_chord(plan, degree, rng) for degree in degrees]
    rng = _stream(plan.seed, section.name, "chords")
    chords = [theme[bar % 8] for bar in range(section.bars)]
    for bar in range(1, section.bars):
        if rng.random() < 0.1 + 0.1 * min(section.occurrence, 2):
            chords[bar] = _draw_chord(plan, _pick(rng, range(7)), rng)
    return chords


def _draw_chord(plan: Plan, degree: int, rng: np.random.Generator) -> tuple[int, ...]:
    """A chord of three or four notes on a degree of the scale, its fifth never diminished."""
    if (plan.pitch(degree + 4) - plan.pitch(degree)) % 12 != 7:
        degree -= 2
    size = 4 if rng.random() < plan.sevenths else 3
    return tuple(plan.pitch(degree + 2 * third) % 12 for third in range(size))


def _play(plan: Plan, section: Section, role: str, chords: Chords) -> list[Event]:
    """What a part plays in a section; nothing where the section is too quiet for it."""
    energy = ENERGIES[section.kind]
    drawn = energy + uniform(_stream(plan.seed, section.name, "enters", role), (-0.12, 0.12))
    backing = next(name for name in plan.roles if name in ("chords", "arpeggio"))
    if role != backing and drawn < ROLES[role].from_energy:
        return []
    play = _play_melody if role == "lead" else _play_figure
    last = plan.steps * (len(chords) - (section.kind == "outro"))  # which ends on a long chord
    return [
        (step, length if step < last else 2 * plan.steps, midi, (0.4 + 0.6 * energy) * accent)
        for step, length, midi, accent in play(plan, section, role, chords)
        if step <= last
    ]


SKIPS = (-4, -2, -2, -1, -1, -1, 0, 1, 1, 1, 2, 2, 3)
"""Steps of the scale from one note of a melody to the next: most often to a neighbour."""
MOTIFS = ((0, 1, 0, 2), (0, 0, 1, 2), (0, 1, 1, 2), (0, 1, 0, 1))
"""The motif of each of four bars; 2 is an end with few notes."""


def _draw_rhythm(plan: Plan, notes: float, rng: np.random.Generator) -> list[int]:
    """About so many steps of a bar, rather the strong ones, in order."""
    count = int(np.clip(round(notes * uniform(rng, (0.8, 1.2))), 1, plan.steps // 2))
    share = plan.weights / plan.weights.sum()
    return sorted(rng.choice(plan.steps, count, replace=False, p=share).tolist())


def _play_melody(plan: Plan, section: Section, role: str, chords: Chords) -> list[Event]:
    """The melody of the theme, varied in every bar; its long notes belong to the chords."""
    rng = _stream(plan.seed, section.theme, "melody")
    wanted = plan.density * len(plan.groups) * uniform(rng, (0.8, 1.25))
    motifs = [_draw_rhythm(plan, notes, rng) for notes in (wanted, wanted, 1.5)]
    skips = [rng.choice(SKIPS, plan.steps).tolist() for _ in motifs]
    order, degree = _pick(rng, MOTIFS), int(rng.integers(1, 7))
    rng = _stream(plan.seed, section.name, "melody")
    low = ROLES[role].lowest + (12 if section.occurrence and rng.random() < 0.25 else 0)
    events = []
    for bar in range(section.bars):
        chord, motif = chords[section.start_bar + bar], order[bar % 4]
        steps = motifs[motif] if rng.random() < 0.8 else _draw_rhythm(plan, wanted, rng)
        for number, (step, until) in enumerate(pairwise((*steps, plan.steps))):
            skip = skips[motif][number] if rng.random() < 0.75 else _pick(rng, SKIPS)
            degree += skip if -2 <= degree + skip <= 10 else -skip
            if step in plan.heads or until - step >= 4:
                near = (degree + away for away in (0, 1, -1, 2, -2))
                degree = next((d for d in near if plan.pitch(d) % 12 in chord), degree)
            if rng.random() < 0.93:
                place = (section.start_bar + bar) * plan.steps + step
                accent = 0.6 + 0.4 * float(plan.weights[step])
                events.append((place, 0.95 * (until - step), plan.pitch(degree, low=low), accent))
    return events


def _play_figure(plan: Plan, section: Section, role: str, chords: Chords) -> list[Event]:
    """The chords in the figure of the theme, with a few strokes left out, inverted or late."""
    rng = _stream(plan.seed, section.name, "figure", role)
    changed = section.kind in ("intro", "outro") or rng.random() < 0.25 * section.occurrence
    theme = _stream(plan.seed, section.theme, "figure", role)
    figure = _draw_figure(plan, role, rng if changed else theme)
    low = ROLES[role].lowest + (0 if role == "bass" else _pick(rng, (0, 0, 4, -4)))
    events = []
    for bar in range(section.start_bar, section.start_bar + section.bars):
        chord = chords[bar]
        voices = sorted(low + (note - low) % 12 for note in chord)
        if role == "bass":
            root = low + (chord[0] - low) % 12
            voices = [root, root + 7, root + 12, root + (chord[1] - chord[0]) % 12]
        for step, length, numbers in figure:
            change = rng.random() if step else 1.0
            late = int(0.16 <= change < 0.22 and step + 1 < plan.steps)
            accent = 0.5 + 0.4 * float(plan.weights[step])
            for number in numbers if change >= 0.08 else ():
                octave, index = divmod(number + (change < 0.16), len(voices))
                midi = voices[index] + 12 * octave
                events.append((bar * plan.steps + step + late, length, midi, accent))
    return events


def _draw_figure(plan: Plan, role: str, rng: np.random.Generator) -> list[Stroke]:
    """How a part plays one bar, from its first step on."""
    free = sorted({0, *_draw_rhythm(plan, 1.3 * len(plan.groups), rng)})
    pulse, off_beat = list(range(0, plan.steps, 2)), [0, *(head + 2 for head in plan.heads)]
    steps, share = (
        _pick(rng, ([0], plan.heads, off_beat, pulse, free, free)),
        rng.uniform(0.35, 1.0),
    )
    voices: list[tuple[int, ...]] = [(0, 1, 2)]
    if role == "bass":
        voices = [(0,), *((_pick(rng, (0, 0, 0, 1, 2, 3)),) for _ in steps[1:])]
    elif role == "pad":
        steps, share, voices = [0], 1.0, [_pick(rng, ((0, 1, 2), (0, 1, 2, 3)))]
    elif role == "arpeggio":
        steps, share = list(range(0, plan.steps, _pick(rng, (1, 2, 2)))), 1.5
        voices = [(voice,) for voice in _pick(rng, (range(4), (0, 2, 1, 2), (0, 1, 2, 4, 3, 2)))]
    lengths = [share * (until - step) for step, until in pairwise((*steps, plan.steps))]
    return list(zip(steps, lengths, cycle(voices)))


KICK, RIM, SNARE, HAT, LOW_TOM, CRASH, HIGH_TOM, RIDE = 36, 37, 38, 42, 45, 49, 50, 51
"""Drums by their numbers in General MIDI."""


def _play_drums(plan: Plan, section: Section) -> list[Event]:
    """The groove of the theme, a little different in each bar, with a fill at the end."""
    rng = _stream(plan.seed, section.name, "drums")
    rests = {"intro": 0.5, "outro": 0.3}.get(section.kind, 0.05)
    if not plan.has_drums or rng.random() < rests:
        return []
    groove = _draw_groove(plan, _stream(plan.seed, section.theme, "groove"))
    loud = 0.4 + 0.6 * ENERGIES[section.kind]
    start, end = section.start_bar * plan.steps, (section.start_bar + section.bars) * plan.steps
    fill = end - 2 * _pick(rng, (2, 3, 4))
    events: list[Event] = [(start, 4, CRASH, 0.8 * loud)]
    for drum, strengths in groove.items():
        heard = np.tile(strengths, section.bars)[: fill - start]
        heard[rng.random(heard.size) < 0.05] = 0.0
        heard[rng.random(heard.size) < 0.02] = 0.4
        steps = np.flatnonzero(heard).tolist()
        events += [(start + step, 1, drum, loud * float(heard[step])) for step in steps]
    tried = [step for step in range(fill, end) if rng.random() < 0.7]
    return events + [(step, 1, _pick(rng, (SNARE, HIGH_TOM, LOW_TOM)), 0.7) for step in tried]


def _draw_groove(plan: Plan, rng: np.random.Generator) -> dict[int, NDArray[np.float64]]:
    """How strongly each drum is struck at each step of a bar, from 0 (not) to 1."""
    time, kick, back = (np.zeros(plan.steps) for _ in range(3))
    time[:: _pick(rng, (1, 2, 2, 2, 4))] = 0.5
    time[plan.heads] = 0.75
    kick[rng.random(plan.steps) < 0.25 * plan.weights] = 0.8
    kick[plan.heads if rng.random() < 0.3 else 0] = 1.0
    back[rng.random(plan.steps) < 0.05] = 0.25
    back[plan.heads[1::2] if rng.random() < 0.75 else plan.heads[-1:]] = 0.9
    return {_pick(rng, (HAT, HAT, RIDE)): time, KICK: kick, _pick(rng, (SNARE, SNARE, RIM)): back}


def _timed(
    plan: Plan, events: list[Event], starts_s: NDArray[np.float64], duration_s: float, name: str
) -> tuple[Note, ...]:
    """The events as notes in order: swung, not quite in time, over when the piece is."""
    if not events:
        return ()
    rng = _stream(plan.seed, "hand", name)
    bars = np.arange(len(starts_s)) * plan.steps
    steps, lengths, midi, velocities = map(np.asarray, zip(*events, strict=True))
    late = steps + plan.swing * np.sin(np.pi * (steps % 4) / 4) ** 2
    placed_s = np.interp(late, bars, starts_s) + plan.loose_s * rng.normal(size=late.size)
    placed_s = np.maximum(placed_s, 0.0)
    ends_s = np.interp(steps + lengths, bars, starts_s, right=duration_s)
    loud = np.clip(velocities * (1.0 + 0.08 * rng.normal(size=late.size)), 0.05, 1.0)
    columns = (placed_s, ends_s - placed_s, midi, loud)
    notes = map(Note, *(column.tolist() for column in columns))
    return tuple(sorted(note for note in notes if note.duration_s > 0.01))


# Sound.


def render(piece: Piece, *, sample_rate: int = SAMPLE_RATE, sounds: int | None = None) -> Samples:
    """The piece as sound: float32, mono, shape (round(duration_s·sample_rate),), peak below 0.9.

    `sample_rate` is in Hz, 8,000 to 96,000. `sounds` is the seed of the instruments, the drum kit
    and the room; without it, that of the piece.
    """
    _check_within("sample rate", sample_rate, SAMPLE_RATES, "Hz")
    seed = piece.plan.seed if sounds is None else sounds
    rng = _stream(seed, "production")
    size = round(piece.duration_s * sample_rate)
    drums = _strokes(piece, sample_rate, seed)
    mixed = _mixed(drums, size, sample_rate, level_db=rng.normal(0.0, 2.0))
    for role, notes in zip(piece.plan.roles, piece.score.parts, strict=True):
        level_db = ROLES[role].level_db + rng.normal(0.0, 1.5)
        part = _tones(piece, role, notes, sample_rate, seed)
        mixed += _mixed(part, size, sample_rate, level_db=level_db)
    room = Reverb.draw(rng, reverberance=(0.0, 70.0), hf_damping=(0.0, 100.0))
    effects = (Equaliser.draw(rng, gain_db=(-6.0, 4.0)), room, SoftClip.draw(rng, over_db=(0, 6)))
    sound = Chain(effects).apply(mixed, sample_rate).samples
    fade = sample_rate // 20
    sound[0] = 0.0
    sound[-fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return sound * np.float32(uniform(rng, (0.5, 0.89)) / max(1e-9, np.abs(sound).max()))


HARMONIC, ODD, STIFF = range(1, 17), range(1, 24, 2), (1.0, 2.0, 3.01, 4.02, 5.04, 6.06, 7.1)
SOUNDS: dict[str, tuple[Sequence[float], float, float, float, float, float]] = {
    "piano": (STIFF, 1.2, 4.0, 0.5, 0.004, 0.2),
    "guitar": (HARMONIC, 1.3, 2.0, 0.0, 0.002, 0.15),
    "marimba": ((1.0, 3.93, 9.2), 0.8, 0.9, 0.0, 0.002, 0.3),
    "bell": ((1.0, 2.0, 2.4, 3.01, 4.17, 5.43), 0.8, 3.0, 0.0, 0.002, 0.6),
    "strings": (HARMONIC, 1.1, 90.0, 5.0, 0.15, 0.3),
    "brass": (HARMONIC, 0.7, 60.0, 0.0, 0.06, 0.1),
    "reed": (ODD, 0.9, 60.0, 0.0, 0.05, 0.08),
    "organ": ((1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0), 0.6, 90.0, 1.5, 0.01, 0.06),
    "saw": (HARMONIC, 0.9, 8.0, 7.0, 0.005, 0.1),
}
"""Partials against the pitch, exponent by which the high ones are weaker, time in s in which one of
220 Hz falls by 60 dB, detuning in cents, time in s to rise and, after the end, to die away."""
FALL = -6.91  # e to this power is 60 dB less


def _tones(
    piece: Piece, role: str, notes: Sequence[Note], rate: int, seed: int
) -> Iterator[tuple[float, Samples]]:
    """Start and sound of each note of a part, in a sound that is drawn for its role."""
    rng = _stream(seed, "sound", role)
    ratios, slope, fall_s, detune, rise_s, release_s = SOUNDS[_pick(rng, ROLES[role].sounds)]
    slope *= log_uniform(rng, (0.7, 1.6))
    cents = np.asarray([-detune, 0.0, detune] if detune else [0.0]) + piece.plan.tuning_cents
    a4_hz = 440.0 * np.outer(2 ** (cents / 1200), ratios).ravel()
    for start_s, duration_s, midi, velocity in notes:
        hz = a4_hz * 2 ** ((midi - 69) / 12)
        hz = hz[hz < 0.45 * rate]
        levels = (hz / hz.min()) ** (-slope * (1.4 - 0.6 * velocity))
        levels = levels * rng.uniform(0.8, 1.2, hz.size) * np.exp(2j * np.pi * rng.random(hz.size))
        turns = (FALL / fall_s * (hz / 220.0) ** 0.6 + 2j * np.pi * hz) / rate
        end_s = duration_s + release_s
        places = np.multiply((0.0, rise_s, max(rise_s, duration_s), end_s), rate)
        shape = np.interp(np.arange(round(end_s * rate)), places, (0, velocity, velocity, 0))
        yield start_s, _ringing(levels, turns, shape.size) * shape.astype(np.float32)


def _ringing(levels: NDArray[Any], turns: NDArray[Any], count: int) -> Samples:
    """The sum of partials, shape (count,), as a product of matrices: blocks, and their samples."""
    block = 128
    inside = np.exp(np.outer(turns, np.arange(block))).astype(np.complex64)
    across = np.exp(np.outer(np.arange(0, count, block), turns)) * levels
    real, imaginary = across.real.astype(np.float32), across.imag.astype(np.float32)
    sound: Samples = imaginary @ inside.real + real @ inside.imag
    return sound.ravel()[:count]


DRUMS = {
    KICK: (52.0, 2.5, 0.4, 0.1, 0.02, 1.0),
    RIM: (620.0, 0.0, 0.06, 0.3, 0.03, 0.4),
    SNARE: (185.0, 0.4, 0.15, 0.8, 0.25, 0.6),
    HAT: (5300.0, 0.0, 0.05, 1.0, 0.08, 0.25),
    LOW_TOM: (95.0, 0.6, 0.5, 0.1, 0.05, 0.7),
    CRASH: (4100.0, 0.0, 0.8, 1.0, 1.3, 0.4),
    HIGH_TOM: (150.0, 0.6, 0.4, 0.1, 0.05, 0.7),
    RIDE: (4700.0, 0.0, 0.7, 0.5, 0.6, 0.25),
}
"""Pitch in Hz, cycles by which it starts ahead, fall in s; level and fall of the hiss; level."""


def _strokes(piece: Piece, rate: int, seed: int) -> Iterator[tuple[float, Samples]]:
    """Start and sound of each drum stroke, on a kit whose pitch and length are drawn."""
    rng = _stream(seed, "kit")
    higher, longer = uniform(rng, (0.8, 1.25)), uniform(rng, (0.6, 1.6))
    for start_s, _, midi, velocity in piece.score.drums:
        hz, bend, tone_s, hiss, hiss_s, level = DRUMS[midi]
        count = round(longer * max(tone_s, hiss_s) * rate)
        times_s = np.arange(count, dtype=np.float32) / np.float32(rate)
        cycles = higher * hz * times_s - bend * np.exp(-30 * times_s)
        noise = np.diff(rng.standard_normal(count + 1, dtype=np.float32))
        sound = np.sin(2 * np.pi * cycles) * np.exp(FALL / longer / tone_s * times_s)
        sound += hiss * noise * np.exp(FALL / longer / hiss_s * times_s)
        yield start_s, np.float32(level * velocity**1.5) * sound


def _mixed(
    sounds: Iterable[tuple[float, Samples]], size: int, rate: int, *, level_db: float
) -> Samples:
    """The sounds in their places, shape (size,), with this level where they are not very quiet."""
    part = np.zeros(size, np.float32)
    for start_s, sound in sounds:
        room = part[round(start_s * rate) :][: sound.size]
        room += sound[: room.size]
    block = rate // 20
    energy = np.square(part[: size // block * block]).reshape(-1, block).mean(axis=1)
    loud = energy[energy >= max(1e-12, 1e-3 * float(energy.max()))]
    return part * np.float32(10 ** (level_db / 20) / np.sqrt(loud.mean()) if loud.size else 0.0)
