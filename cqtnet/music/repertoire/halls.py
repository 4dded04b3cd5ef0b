"""Written for players in a room: several voices, from chorales to marches."""

from __future__ import annotations

from cqtnet.music.harmony import Taste
from cqtnet.music.melody import Manner
from cqtnet.music.style import Part, Style

HALLS: tuple[Style, ...] = (
    Style(
        "chorale",
        (52.0, 92.0),
        ("major", "minor", "harmonic minor", "dorian", "phrygian"),
        (
            Part("lead", ("choir", "organ", "strings", "brass")),
            Part("second", ("choir", "organ", "strings"), (), 0.5),
            Part("chords", ("organ", "choir", "strings"), ("beats", "block")),
            Part("bass", ("organ", "strings"), ("bass_beats", "bass_walk", "bass_root"), 0.3),
        ),
        ("aaba", "strophic", "tide"),
        meters=("4/4", "3/4"),
        density=(0.6, 1.2),
        manner=Manner(leaps=0.1, rests=0.05, syncopation=0.0, legato=0.95),
        taste=Taste(sevenths=0.15, borrowed=0.3, suspended=0.15),
        chords_per_bar=(1.0, 2.0),
        rubato=0.04,
        room_s=(1.4, 3.0),
        weight=0.8,
    ),
    Style(
        "minimal",
        (96.0, 152.0),
        ("dorian", "lydian", "major", "mixolydian"),
        (
            Part("lead", ("vibraphone", "piano", "clarinet", "flute"), (), 0.6),
            Part("arpeggio", ("marimba", "piano", "kalimba", "harp"), ("run", "run", "arpeggio")),
            Part(
                "chords",
                ("marimba", "vibraphone", "electric_piano"),
                ("comp", "pulse", "arpeggio"),
                0.5,
            ),
            Part("pad", ("strings", "organ"), ("block",), 0.8, 0.6),
            Part("bass", ("upright", "clarinet"), ("bass_tresillo", "bass_root"), 0.6, 0.7),
        ),
        ("tide", "arch", "rondo"),
        meters=("4/4", "5/4", "7/8", "12/8"),
        density=(0.5, 1.2),
        taste=Taste(sevenths=0.4, suspended=0.3),
        chords_per_bar=(0.5, 1.0),
        loose_ms=(2.0, 6.0),
    ),
    Style(
        "baroque",
        (66.0, 126.0),
        ("major", "harmonic minor", "minor"),
        (
            Part("lead", ("harpsichord", "flute", "strings", "brass")),
            Part("second", ("strings", "flute", "harpsichord"), (), 0.75, 0.7),
            Part("chords", ("harpsichord", "harp"), ("arpeggio", "beats", "run")),
            Part(
                "bass", ("strings", "harpsichord"), ("bass_walk", "bass_beats", "bass_pulse"), 0.3
            ),
        ),
        ("rondo", "aaba", "arch"),
        meters=("4/4", "3/4", "6/8"),
        density=(1.6, 3.0),
        manner=Manner(leaps=0.15, syncopation=0.02, rests=0.05, legato=0.75),
        taste=Taste(borrowed=0.35, sevenths=0.12),
        chords_per_bar=(1.0, 2.0),
        room_s=(0.7, 2.0),
    ),
    Style(
        "march",
        (100.0, 128.0),
        ("major", "minor", "mixolydian"),
        (
            Part("lead", ("brass", "clarinet", "whistle")),
            Part("second", ("brass", "clarinet"), (), 0.7),
            Part("chords", ("brass", "accordion", "clarinet"), ("oompah", "offbeat", "beats")),
            Part("bass", ("brass",), ("bass_beats", "bass_walk")),
        ),
        ("rondo", "aaba", "short"),
        meters=("4/4", "2/4", "6/8"),
        grooves=("march",),
        density=(1.0, 2.0),
        manner=Manner(syncopation=0.02, legato=0.6),
        weight=0.7,
    ),
    Style(
        "waltz",
        (112.0, 188.0),
        ("major", "minor", "harmonic minor"),
        (
            Part("lead", ("accordion", "strings", "clarinet", "piano")),
            Part("second", ("strings", "accordion"), (), 0.75, 0.6),
            Part("chords", ("piano", "strings", "accordion", "nylon"), ("oompah",)),
            Part("bass", ("upright", "strings"), ("bass_root", "bass_beats"), 0.2),
        ),
        ("rondo", "aaba", "arch"),
        meters=("3/4",),
        grooves=("waltz",),
        drums_presence=0.5,
        manner=Manner(syncopation=0.02),
        taste=Taste(borrowed=0.2, sevenths=0.15),
        rubato=0.02,
    ),
)
