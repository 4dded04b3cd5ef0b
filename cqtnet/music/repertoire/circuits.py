"""Made by machines: synthesisers, drum machines, tape."""

from __future__ import annotations

from cqtnet.music.harmony import Taste
from cqtnet.music.melody import Manner
from cqtnet.music.style import Part, Style

CIRCUITS: tuple[Style, ...] = (
    Style(
        "ambient",
        (42.0, 76.0),
        ("lydian", "minor", "major", "dorian", "major pentatonic"),
        (
            Part("lead", ("bell", "vibraphone", "flute", "fm_bell", "piano"), (), 0.4, 0.85),
            Part(
                "arpeggio", ("harp", "electric_piano", "kalimba"), ("arpeggio", "broken"), 0.55, 0.6
            ),
            Part("pad", ("saw_pad", "choir", "strings", "organ"), ("block",)),
            Part("bass", ("sub_bass",), ("bass_root",), 0.45, 0.7),
        ),
        ("tide", "arch", "rondo"),
        density=(0.25, 0.6),
        manner=Manner(leaps=0.35, rests=0.3),
        taste=Taste(sevenths=0.5, suspended=0.25),
        rubato=0.04,
        units=(8, 4, 2, 1),
        chords_per_bar=(0.5, 1.0),
        room_s=(1.8, 3.2),
        echo=0.5,
        fades=0.6,
    ),
    Style(
        "techno",
        (118.0, 142.0),
        ("minor", "phrygian", "dorian"),
        (
            Part("lead", ("saw_lead", "square_lead", "fm_bell"), (), 0.75, 0.6),
            Part("chords", ("synth_pluck", "saw_pad", "organ"), ("offbeat", "comp"), 0.5),
            Part("arpeggio", ("synth_pluck", "pulse_lead"), ("run", "arpeggio")),
            Part("pad", ("saw_pad", "choir"), ("block",), 0.25, 0.7),
            Part(
                "bass",
                ("synth_bass", "sub_bass"),
                ("bass_offbeat", "bass_pulse", "bass_tresillo"),
                0.5,
            ),
        ),
        ("club",),
        grooves=("four",),
        manner=Manner(rests=0.3, syncopation=0.25),
        taste=Taste(sevenths=0.2),
        chords_per_bar=(0.5, 1.0),
        pump=(0.2, 0.7),
        echo=0.5,
        loose_ms=(0.5, 2.0),
        fades=0.3,
    ),
    Style(
        "lofi",
        (66.0, 92.0),
        ("minor", "dorian", "major", "minor pentatonic"),
        (
            Part("lead", ("vibraphone", "electric_piano", "piano", "flute", "kalimba"), (), 0.45),
            Part("chords", ("electric_piano", "nylon", "piano"), ("comp", "block", "beats")),
            Part("pad", ("strings", "choir"), ("block",), 0.8, 0.4),
            Part("bass", ("sub_bass", "upright"), ("bass_groove", "bass_root"), 0.5),
        ),
        ("short", "tide", "rondo"),
        grooves=("lofi", "half"),
        density=(0.6, 1.2),
        taste=Taste(sevenths=0.95),
        chords_per_bar=(1.0, 2.0),
        swing=(0.54, 0.62),
        swing_steps=2,
        loose_ms=(8.0, 16.0),
        drive=(0.2, 0.6),
        hiss=0.8,
        fades=0.4,
    ),
    Style(
        "game",
        (126.0, 184.0),
        ("major", "minor", "dorian", "harmonic minor", "lydian"),
        (
            Part("lead", ("square_lead", "pulse_lead")),
            Part("second", ("pulse_lead", "square_lead"), (), 0.8, 0.6),
            Part("arpeggio", ("pulse_lead", "square_lead"), ("run", "arpeggio")),
            Part(
                "bass",
                ("square_lead", "synth_bass"),
                ("bass_pulse", "bass_tresillo", "bass_beats"),
                0.4,
            ),
        ),
        ("short", "rondo", "song"),
        grooves=("machine", "break", "rock"),
        drums_presence=0.8,
        density=(1.2, 2.4),
        manner=Manner(leaps=0.35),
        loose_ms=(0.0, 1.0),
        room_s=(0.1, 0.3),
        drive=(0.0, 0.2),
    ),
    Style(
        "neon",
        (78.0, 120.0),
        ("minor", "dorian", "minor pentatonic"),
        (
            Part("lead", ("saw_lead", "square_lead", "brass"), (), 0.5),
            Part("solo", ("saw_lead", "fm_bell")),
            Part("arpeggio", ("synth_pluck", "square_lead", "fm_bell"), ("run", "arpeggio")),
            Part("pad", ("saw_pad", "choir", "strings"), ("block",), 0.3),
            Part("bass", ("synth_bass",), ("bass_pulse", "bass_tresillo", "bass_offbeat"), 0.4),
        ),
        ("song", "solo", "club"),
        grooves=("machine", "half", "four", "rock"),
        pump=(0.0, 0.4),
        echo=0.5,
        room_s=(0.8, 1.8),
        loose_ms=(0.5, 3.0),
        fades=0.4,
    ),
)
