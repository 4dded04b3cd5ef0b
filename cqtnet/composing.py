"""Composing by rule and by seed: plan, form, chords, and what each part and the drums play."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, cycle, pairwise
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from augment.effect import log_uniform, uniform
from cqtnet.errors import InputError
from cqtnet.midi import Note, Score

T = TypeVar("T")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of one decision: a change to one decision leaves the others as they are."""
    label = "/".join(map(str, names))
    return np.random.default_rng([seed, zlib.crc32(label.encode())])


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options; an option that stands there twice is twice as likely."""
    return options[int(rng.integers(len(options)))]


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
    if not 1 <= duration_s <= 1800:  # rendering holds the whole piece in memory several times
        raise InputError(f"duration of {duration_s:g} s is outside 1 to 1800 s; give one within")
    plan = _draw_plan(seed)
    starts_s = _draw_bars(plan, duration_s)
    bars = len(starts_s) - 1
    sections = _draw_form(plan, bars)
    chords = [chord for section in sections for chord in _draw_chords(plan, section)]
    chords[-1] = tuple(plan.pitch(degree) % 12 for degree in (0, 2, 4))
    parts = [[e for s in sections for e in _play(plan, s, role, chords)] for role in plan.roles]
    parts.append([event for section in sections for event in _play_drums(plan, section)])
    timed = [_timed(plan, part, starts_s, duration_s, str(n)) for n, part in enumerate(parts)]
    tempo_bpm = 15.0 * plan.steps * bars / float(starts_s[-1] - starts_s[0])
    plan, score = replace(plan, tempo_bpm=tempo_bpm), Score(tuple(timed[:-1]), timed[-1])
    bar_starts_s = tuple(starts_s[:-1].tolist())
    return Piece(plan, duration_s, bar_starts_s, tuple(chords), tuple(sections), score)


def _draw_plan(seed: int) -> Plan:
    rng = stream(seed, "plan")
    roles = [name for name, role in ROLES.items() if rng.random() < role.presence]
    if not {"chords", "arpeggio"} & set(roles):
        roles.append("chords")
    groups, tonic, mode = pick(rng, METERS), pick(rng, range(12)), pick(rng, tuple(MODES))
    return Plan(
        seed=seed, key=f"{KEYS[tonic]} {mode}", tonic=tonic, mode=MODES[mode],
        tempo_bpm=log_uniform(rng, (64.0, 172.0)),
        tuning_cents=float(np.clip(rng.normal(0.0, 15.0), -50.0, 50.0)), groups=groups,
        swing=uniform(rng, (0.2, 0.7)) if set(groups) == {4} and rng.random() < 0.35 else 0.0,
        roles=tuple(roles), has_drums=bool(rng.random() < 0.65),
        density=log_uniform(rng, (0.7, 2.2)), sevenths=uniform(rng, (0.0, 0.7)),
        loose_s=uniform(rng, (0.003, 0.012)),
    )  # fmt: skip


def _draw_bars(plan: Plan, duration_s: float) -> NDArray[np.float64]:
    """The time at which each bar starts, and the last one ends, in s; the tempo breathes."""
    rng = stream(plan.seed, "bars")
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
    middle = cycle(pick(stream(plan.seed, "form"), FORMS).split())
    form, left = [("intro", edge)] if edge else [], bars - 2 * edge
    while left > 0:
        form.append((next(middle), unit if left >= 1.5 * unit else left))
        left -= form[-1][1]
    form += [("outro", edge)] if edge else []
    kinds, lengths = zip(*form, strict=True)
    starts = accumulate(lengths, initial=0)
    return [Section(k, kinds[:i].count(k), next(starts), n) for i, (k, n) in enumerate(form)]


ROOT_MOVES = (3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 1, 1, 6, 2)
"""Steps of the scale from one root up to the next: most often a fourth, then a fifth."""


def _draw_chords(plan: Plan, section: Section) -> Chords:
    """The chord of each bar: those of the theme, with another one here and there."""
    rng = stream(plan.seed, section.theme, "chords")
    degrees = [pick(rng, (0, 0, 0, 5, 3))]
    while len(degrees) < 8:
        degrees.append((degrees[-1] + pick(rng, ROOT_MOVES)) % 7)
    if rng.random() < 0.6:  # a turn of four chords that returns with another end
        degrees[4:7] = degrees[:3]
    theme = [_draw_chord(plan, degree, rng) for degree in degrees]
    rng = stream(plan.seed, section.name, "chords")
    chords = [theme[bar % 8] for bar in range(section.bars)]
    for bar in range(1, section.bars):
        if rng.random() < 0.1 + 0.1 * min(section.occurrence, 2):
            chords[bar] = _draw_chord(plan, pick(rng, range(7)), rng)
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
    drawn = energy + uniform(stream(plan.seed, section.name, "enters", role), (-0.12, 0.12))
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
    rng = stream(plan.seed, section.theme, "melody")
    wanted = plan.density * len(plan.groups) * uniform(rng, (0.8, 1.25))
    motifs = [_draw_rhythm(plan, notes, rng) for notes in (wanted, wanted, 1.5)]
    skips = [rng.choice(SKIPS, plan.steps).tolist() for _ in motifs]
    order, degree = pick(rng, MOTIFS), int(rng.integers(1, 7))
    rng = stream(plan.seed, section.name, "melody")
    low = ROLES[role].lowest + (12 if section.occurrence and rng.random() < 0.25 else 0)
    events = []
    for bar in range(section.bars):
        chord, motif = chords[section.start_bar + bar], order[bar % 4]
        steps = motifs[motif] if rng.random() < 0.8 else _draw_rhythm(plan, wanted, rng)
        for number, (step, until) in enumerate(pairwise((*steps, plan.steps))):
            skip = skips[motif][number] if rng.random() < 0.75 else pick(rng, SKIPS)
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
    rng = stream(plan.seed, section.name, "figure", role)
    changed = section.kind in ("intro", "outro") or rng.random() < 0.25 * section.occurrence
    theme = stream(plan.seed, section.theme, "figure", role)
    figure = _draw_figure(plan, role, rng if changed else theme)
    low = ROLES[role].lowest + (0 if role == "bass" else pick(rng, (0, 0, 4, -4)))
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
    steps = pick(rng, ([0], plan.heads, off_beat, pulse, free, free))
    share = rng.uniform(0.35, 1.0)
    voices: list[tuple[int, ...]] = [(0, 1, 2)]
    if role == "bass":
        voices = [(0,), *((pick(rng, (0, 0, 0, 1, 2, 3)),) for _ in steps[1:])]
    elif role == "pad":
        steps, share, voices = [0], 1.0, [pick(rng, ((0, 1, 2), (0, 1, 2, 3)))]
    elif role == "arpeggio":
        steps, share = list(range(0, plan.steps, pick(rng, (1, 2, 2)))), 1.5
        voices = [(voice,) for voice in pick(rng, (range(4), (0, 2, 1, 2), (0, 1, 2, 4, 3, 2)))]
    lengths = [share * (until - step) for step, until in pairwise((*steps, plan.steps))]
    return list(zip(steps, lengths, cycle(voices)))


KICK, RIM, SNARE, HAT, LOW_TOM, CRASH, HIGH_TOM, RIDE = 36, 37, 38, 42, 45, 49, 50, 51
"""Drums by their numbers in General MIDI."""


def _play_drums(plan: Plan, section: Section) -> list[Event]:
    """The groove of the theme, a little different in each bar, with a fill at the end."""
    rng = stream(plan.seed, section.name, "drums")
    rests = {"intro": 0.5, "outro": 0.3}.get(section.kind, 0.05)
    if not plan.has_drums or rng.random() < rests:
        return []
    groove = _draw_groove(plan, stream(plan.seed, section.theme, "groove"))
    loud = 0.4 + 0.6 * ENERGIES[section.kind]
    start, end = section.start_bar * plan.steps, (section.start_bar + section.bars) * plan.steps
    fill = end - 2 * pick(rng, (2, 3, 4))
    events: list[Event] = [(start, 4, CRASH, 0.8 * loud)]
    for drum, strengths in groove.items():
        heard = np.tile(strengths, section.bars)[: fill - start]
        heard[rng.random(heard.size) < 0.05] = 0.0
        heard[rng.random(heard.size) < 0.02] = 0.4
        steps = np.flatnonzero(heard).tolist()
        events += [(start + step, 1, drum, loud * float(heard[step])) for step in steps]
    tried = [step for step in range(fill, end) if rng.random() < 0.7]
    return events + [(step, 1, pick(rng, (SNARE, HIGH_TOM, LOW_TOM)), 0.7) for step in tried]


def _draw_groove(plan: Plan, rng: np.random.Generator) -> dict[int, NDArray[np.float64]]:
    """How strongly each drum is struck at each step of a bar, from 0 (not) to 1."""
    time, kick, back = (np.zeros(plan.steps) for _ in range(3))
    time[:: pick(rng, (1, 2, 2, 2, 4))] = 0.5
    time[plan.heads] = 0.75
    kick[rng.random(plan.steps) < 0.25 * plan.weights] = 0.8
    kick[plan.heads if rng.random() < 0.3 else 0] = 1.0
    back[rng.random(plan.steps) < 0.05] = 0.25
    back[plan.heads[1::2] if rng.random() < 0.75 else plan.heads[-1:]] = 0.9
    return {pick(rng, (HAT, HAT, RIDE)): time, KICK: kick, pick(rng, (SNARE, SNARE, RIM)): back}


def _timed(
    plan: Plan, events: list[Event], starts_s: NDArray[np.float64], duration_s: float, name: str
) -> tuple[Note, ...]:
    """The events as notes in order: swung, not quite in time, over when the piece is."""
    if not events:
        return ()
    rng = stream(plan.seed, "hand", name)
    bars = np.arange(len(starts_s)) * plan.steps
    steps, lengths, midi, velocities = map(np.asarray, zip(*events, strict=True))
    late = steps + plan.swing * np.sin(np.pi * (steps % 4) / 4) ** 2
    placed_s = np.interp(late, bars, starts_s) + plan.loose_s * rng.normal(size=late.size)
    placed_s = np.maximum(placed_s, 0.0)
    lengths_s = np.interp(steps + lengths, bars, starts_s, right=duration_s) - placed_s
    loud = np.clip(velocities * (1.0 + 0.08 * rng.normal(size=late.size)), 0.05, 1.0)
    notes = map(Note, placed_s.tolist(), lengths_s.tolist(), midi.tolist(), loud.tolist())
    return tuple(sorted(note for note in notes if note.duration_s > 0.01))
