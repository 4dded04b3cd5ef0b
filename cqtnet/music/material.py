"""The material of a piece: the themes that its sections state, repeat and vary."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cqtnet.music.brief import Brief, Player
from cqtnet.music.draws import chance, pick, stream
from cqtnet.music.grooves import Bar, draw_groove
from cqtnet.music.harmony import Chord, chord_on, draw_progression
from cqtnet.music.melody import Manner, Melody, Scale, write_melody
from cqtnet.music.patterns import FIGURES, Figure
from cqtnet.music.score import Meter
from cqtnet.music.timbres import TIMBRES

PHRASE_BARS = 8
"""Longest phrase, except in styles whose sections are longer by nature, as the blues."""
MELODIES = ("lead", "second", "answer", "solo")
"""Roles that play melodies instead of figures."""
_LOWEST = {
    "lead": 62,
    "second": 60,
    "answer": 60,
    "solo": 62,
    "chords": 52,
    "arpeggio": 58,
    "pad": 50,
    "bass": 31,
}
"""About the lowest MIDI note of a role."""


@dataclass(frozen=True, slots=True)
class ChordChange:
    """A chord and the step of the bar on which it enters."""

    step: int
    chord: Chord


Harmony = tuple[tuple[ChordChange, ...], ...]
"""Chord changes, bar by bar; every bar has one on step 0."""


@dataclass(frozen=True, slots=True)
class Material:
    """A theme: chords, a melody, one figure per player, two bars of drums."""

    name: str
    harmony: Harmony
    melody: Melody
    figures: tuple[Figure, ...]
    groove: tuple[Bar, Bar] | None

    @property
    def bars(self) -> int:
        """Length of one pass."""
        return len(self.harmony)

    @property
    def chord_names(self) -> tuple[str, ...]:
        """Names of all chords of one pass."""
        return tuple(change.chord.name for bar in self.harmony for change in bar)

    @property
    def main_chords(self) -> tuple[Chord, ...]:
        """The chord that opens each bar."""
        return tuple(bar[0].chord for bar in self.harmony)


def write_material(brief: Brief, name: str, bars: int) -> Material:
    """The theme called `name`, `bars` bars long; each name has draws of its own."""
    harmony = _write_harmony(brief, bars, rng=stream(brief.seed, "harmony", name))
    rng = stream(brief.seed, "melody", name)
    melody = write_melody(
        tuple(bar[0].chord for bar in harmony),
        lead_scale(brief),
        brief.meter,
        _manner(brief.manner, name, rng=rng),
        rng=rng,
    )
    figures = tuple(
        draw_figure(player, brief.meter, rng=stream(brief.seed, "figure", name, index))
        for index, player in enumerate(brief.players)
    )
    groove = _draw_groove(brief, name)
    return Material(name, harmony, melody, figures, groove)


def _write_harmony(brief: Brief, bars: int, *, rng: np.random.Generator) -> Harmony:
    """The chords of a theme at the style's pace."""
    pace = pick(rng, brief.style.chords_per_bar)
    if len(brief.meter.groups) < 2 or bars == 1:
        pace = min(pace, 1.0)
    count = max(1, int(np.ceil(bars * pace)))
    chords = draw_progression(brief.tonic, brief.mode, count, brief.style.taste, rng=rng)
    if pace == 2.0:
        middle = brief.meter.heads[(len(brief.meter.heads) + 1) // 2]
        pairs = zip(chords[::2], chords[1::2], strict=True)
        return tuple((ChordChange(0, a), ChordChange(middle, b)) for a, b in pairs)
    return tuple((ChordChange(0, chords[int(bar * pace)]),) for bar in range(bars))


def _manner(manner: Manner, name: str, *, rng: np.random.Generator) -> Manner:
    """The piece's manner, turned for a theme: choruses sing, bridges differ more."""
    if name == "A":
        return manner
    spread = 0.15 if name == "B" else 0.35
    factor = float(np.exp(rng.normal(0.0, spread)))
    return replace(manner, density=manner.density * factor, rests=0.7 * manner.rests)


def draw_figure(player: Player, meter: Meter, *, rng: np.random.Generator) -> Figure:
    """A figure for a player, empty for those who play melodies."""
    if not player.part.figures:
        return ()
    return FIGURES[pick(rng, player.part.figures)](meter, rng)


def _draw_groove(brief: Brief, name: str) -> tuple[Bar, Bar] | None:
    """The theme's drums: mostly the piece's groove, other themes sometimes have another."""
    if brief.groove is None:
        return None
    rng = stream(brief.seed, "groove", name)
    groove = brief.groove
    if name != "A" and chance(rng, 0.3):
        groove = pick(rng, brief.style.grooves)
    return draw_groove(groove, brief.meter, rng=rng)


def lead_scale(brief: Brief) -> Scale:
    """The melody's scale with its tonic in the register of a lead."""
    return Scale(tonic_above(_LOWEST["lead"] - 4, brief.tonic), brief.mode.melody)


def tonic_above(lowest: int, tonic: int) -> int:
    """The lowest MIDI note of a pitch class that is not below `lowest`."""
    return lowest + (tonic - lowest) % 12


def register(player: Player) -> int:
    """About the lowest note of a player's part, within the instrument's range."""
    return max(_LOWEST[player.part.role], TIMBRES[player.instrument.timbre].lowest)


def in_range(midi: int, player: Player) -> int:
    """The note, moved by octaves into the instrument's range."""
    timbre = TIMBRES[player.instrument.timbre]
    while midi < timbre.lowest:
        midi += 12
    while midi > timbre.highest:
        midi -= 12
    return midi


def final_chord(brief: Brief) -> Chord:
    """The tonic's chord on which a piece ends."""
    chord = chord_on(0, brief.tonic, brief.mode)
    bare = brief.style.taste.bare >= 0.5
    return Chord(chord.root, (0, 7, 12)) if bare else chord
