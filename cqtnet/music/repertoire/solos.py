"""Few players: one or two instruments, free time, old dances."""

from __future__ import annotations

from cqtnet.music.harmony import Taste
from cqtnet.music.melody import Manner
from cqtnet.music.style import Part, Style

SOLOS: tuple[Style, ...] = (
    Style(
        "folk",
        (66.0, 126.0),
        ("major", "dorian", "mixolydian", "minor", "major pentatonic"),
        (
            Part("lead", ("flute", "clarinet", "accordion", "whistle", "nylon")),
            Part("second", ("accordion", "clarinet", "whistle"), (), 0.7, 0.5),
            Part("chords", ("nylon", "steel", "harp"), ("strum", "arpeggio", "broken", "oompah")),
            Part("bass", ("upright",), ("bass_beats", "bass_root"), 0.5, 0.7),
        ),
        ("aaba", "rondo", "strophic", "short"),
        meters=("4/4", "3/4", "6/8", "2/4"),
        grooves=("hands",),
        drums_presence=0.35,
        density=(1.0, 2.2),
        rubato=0.02,
    ),
    Style(
        "solo piano",
        (54.0, 116.0),
        ("major", "minor", "harmonic minor", "lydian", "dorian"),
        (
            Part("lead", ("piano",)),
            Part("chords", ("piano",), ("broken", "arpeggio", "beats", "block", "oompah")),
            Part("bass", ("piano",), ("bass_root", "bass_beats"), 0.5),
        ),
        ("aaba", "rondo", "arch", "tide"),
        meters=("4/4", "3/4", "6/8", "4/4"),
        taste=Taste(sevenths=0.25, suspended=0.08, borrowed=0.15),
        density=(0.8, 2.0),
        rubato=0.05,
        loose_ms=(6.0, 14.0),
    ),
    Style(
        "solo guitar",
        (60.0, 132.0),
        ("minor", "harmonic minor", "major", "phrygian dominant", "dorian"),
        (
            Part("lead", ("nylon", "harp", "steel")),
            Part("chords", ("nylon", "steel"), ("arpeggio", "broken", "strum", "run")),
        ),
        ("aaba", "rondo", "strophic", "tide"),
        meters=("4/4", "3/4", "6/8"),
        taste=Taste(sevenths=0.15, suspended=0.1, borrowed=0.15),
        rubato=0.04,
        loose_ms=(6.0, 14.0),
    ),
    Style(
        "music box",
        (66.0, 126.0),
        ("major", "lydian", "major pentatonic", "minor"),
        (
            Part("lead", ("music_box", "bell", "kalimba", "harp")),
            Part("chords", ("music_box", "kalimba", "harp"), ("arpeggio", "broken", "oompah")),
            Part("pad", ("choir", "strings"), ("block",), 0.75, 0.3),
        ),
        ("aaba", "rondo", "strophic"),
        meters=("3/4", "4/4", "6/8"),
        density=(0.8, 2.0),
        room_s=(0.6, 2.0),
        rubato=0.02,
        weight=0.7,
    ),
    Style(
        "east",
        (58.0, 112.0),
        ("major pentatonic", "minor pentatonic", "hirajoshi"),
        (
            Part("lead", ("koto", "flute", "whistle", "harp")),
            Part("answer", ("koto", "flute", "bell"), (), 0.5, 0.7),
            Part("chords", ("koto", "harp"), ("arpeggio", "broken", "block")),
            Part("pad", ("strings",), ("block",), 0.8, 0.4),
        ),
        ("aaba", "tide", "strophic"),
        meters=("4/4", "4/4", "3/4"),
        grooves=("toms", "hands"),
        drums_presence=0.4,
        density=(0.6, 1.8),
        taste=Taste(suspended=0.4, bare=0.3),
        rubato=0.03,
        room_s=(0.8, 2.0),
    ),
    Style(
        "drone",
        (64.0, 112.0),
        ("phrygian dominant", "dorian", "mixolydian", "phrygian", "harmonic minor"),
        (
            Part("lead", ("clarinet", "koto", "accordion", "choir", "steel")),
            Part("answer", ("koto", "flute", "steel"), (), 0.6, 0.6),
            Part("pad", ("accordion", "organ", "saw_pad"), ("block",)),
            Part("bass", ("strings", "sub_bass"), ("bass_root", "bass_beats"), 0.5, 0.6),
        ),
        ("tide", "strophic", "arch"),
        meters=("4/4", "5/4", "7/8", "6/8"),
        grooves=("hands", "toms"),
        drums_presence=0.75,
        density=(1.0, 2.4),
        manner=Manner(leaps=0.08, syncopation=0.2),
        taste=Taste(suspended=0.2, bare=0.7),
        chords_per_bar=(0.5, 0.5, 1.0),
    ),
)
