"""The instruments by name: who plays them, how they end and where they lie."""

from __future__ import annotations

from dataclasses import dataclass

from cqtnet.music.players import (
    Player,
    body,
    brass,
    electric_piano,
    ensemble,
    fm_bell,
    organ,
    piano,
    pulse,
    reed,
    saws,
    string,
    sub_bass,
    synth_bass,
)


@dataclass(frozen=True, slots=True)
class Timbre:
    """How an instrument sounds, how it ends and where it lies."""

    play: Player
    release_s: float
    """Time in which a note dies away after its end."""
    lowest: int = 36
    highest: int = 96
    """Range as MIDI notes."""


_SINGERS = ((650.0, 160.0), (1100.0, 200.0), (2600.0, 350.0))
_BOXES = ((300.0, 150.0), (900.0, 350.0), (2500.0, 900.0))
_FLUTE = (1.0, 0.35, 0.12, 0.05, 0.03)
_CLARINET = (1.0, 0.05, 0.55, 0.06, 0.4, 0.05, 0.2, 0.03, 0.1)
_ACCORDION = (1.0, 0.6, 0.7, 0.5, 0.35, 0.3, 0.22, 0.16, 0.12, 0.08)
_WHISTLE = (1.0, 0.06, 0.02)

TIMBRES: dict[str, Timbre] = {
    "nylon": Timbre(string(0.42, 0.28, 2.2), 0.25, 38, 84),
    "steel": Timbre(string(0.18, 0.14, 3.2), 0.20, 38, 86),
    "harp": Timbre(string(0.36, 0.45, 3.0), 0.60, 36, 98),
    "koto": Timbre(string(0.22, 0.08, 1.8), 0.40, 43, 91),
    "harpsichord": Timbre(string(0.06, 0.11, 2.6), 0.12, 36, 88),
    "finger_bass": Timbre(string(0.35, 0.20, 2.6), 0.08, 24, 60),
    "upright": Timbre(string(0.47, 0.33, 1.5), 0.10, 24, 60),
    "piano": Timbre(piano, 0.18, 24, 103),
    "electric_piano": Timbre(electric_piano, 0.15, 30, 96),
    "marimba": Timbre(body((1.0, 3.93, 9.2), (1.0, 0.4, 0.15), decay_s=0.9), 0.30, 40, 96),
    "vibraphone": Timbre(
        body((1.0, 4.0, 10.1), (1.0, 0.25, 0.06), decay_s=4.0, knock=0.05, tremolo=0.4),
        0.35,
        48,
        93,
    ),
    "bell": Timbre(
        body(
            (1.0, 2.0, 2.4, 3.01, 4.17, 5.43, 6.79),
            (1.0, 0.5, 0.4, 0.35, 0.3, 0.25, 0.15),
            decay_s=3.5,
            knock=0.03,
        ),
        0.90,
        55,
        100,
    ),
    "music_box": Timbre(
        body((1.0, 2.01, 6.27, 9.1), (1.0, 0.12, 0.3, 0.1), decay_s=2.2, knock=0.12), 0.60, 60, 103
    ),
    "kalimba": Timbre(
        body((1.0, 2.99, 5.4, 8.9), (1.0, 0.12, 0.25, 0.1), decay_s=1.3, knock=0.2), 0.35, 48, 91
    ),
    "fm_bell": Timbre(fm_bell, 0.60, 52, 98),
    "organ": Timbre(organ, 0.06, 36, 96),
    "accordion": Timbre(reed(_ACCORDION, breath=0.02, rise_s=0.05, twin_cents=5.0), 0.08, 41, 91),
    "flute": Timbre(reed(_FLUTE, breath=0.25, rise_s=0.07, twin_cents=0.0), 0.09, 58, 96),
    "clarinet": Timbre(reed(_CLARINET, breath=0.06, rise_s=0.04, twin_cents=0.0), 0.07, 48, 91),
    "whistle": Timbre(reed(_WHISTLE, breath=0.12, rise_s=0.05, twin_cents=0.0), 0.10, 62, 98),
    "brass": Timbre(brass, 0.09, 34, 86),
    "strings": Timbre(ensemble(_BOXES, 0.18), 0.35, 33, 96),
    "choir": Timbre(ensemble(_SINGERS, 0.25), 0.40, 40, 84),
    "saw_pad": Timbre(saws(0.35, 7.0), 0.60, 30, 90),
    "saw_lead": Timbre(saws(0.02, 4.0, slope=0.9), 0.08, 40, 96),
    "synth_pluck": Timbre(saws(0.004, 6.0, sweep_s=0.5), 0.12, 36, 96),
    "square_lead": Timbre(pulse(0.5), 0.05, 36, 98),
    "pulse_lead": Timbre(pulse(0.2), 0.05, 36, 98),
    "synth_bass": Timbre(synth_bass, 0.05, 24, 60),
    "sub_bass": Timbre(sub_bass, 0.08, 24, 60),
}
