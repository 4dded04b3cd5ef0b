"""Drum grooves: odds for every kind of step, drawn once into a bar, then played with fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cqtnet.music.draws import chance, pick
from cqtnet.music.rhythm import step_kinds
from cqtnet.music.score import Meter

Odds = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Beat:
    """A stroke of the kit on a step of the bar, accent 0 to 1."""

    step: int
    drum: str
    accent: float


Bar = tuple[Beat, ...]

GROOVES: dict[str, dict[str, Odds]] = {
    "rock": {
        "kick": {"bar": 1.0, "beat": 0.75, "eighth": 0.25, "sixteenth": 0.04},
        "snare": {"back": 1.0, "sixteenth": 0.03},
        "hat": {"bar": 1.0, "back": 1.0, "beat": 1.0, "eighth": 0.9},
    },
    "four": {
        "kick": {"bar": 1.0, "back": 1.0, "beat": 1.0, "sixteenth": 0.03},
        "clap": {"back": 0.95},
        "open_hat": {"eighth": 0.9},
        "shaker": {"eighth": 0.7, "sixteenth": 0.6},
    },
    "funk": {
        "kick": {"bar": 1.0, "beat": 0.45, "eighth": 0.3, "sixteenth": 0.2},
        "snare": {"back": 1.0, "sixteenth": 0.18},
        "hat": {"bar": 1.0, "back": 0.9, "beat": 1.0, "eighth": 0.95, "sixteenth": 0.65},
    },
    "half": {
        "kick": {"bar": 1.0, "eighth": 0.2, "sixteenth": 0.12},
        "snare": {"beat": 1.0},
        "hat": {"bar": 1.0, "back": 0.9, "beat": 0.9, "eighth": 0.8, "sixteenth": 0.2},
    },
    "lofi": {
        "kick": {"bar": 1.0, "beat": 0.4, "eighth": 0.35, "sixteenth": 0.1},
        "snare": {"back": 0.9},
        "rim": {"back": 0.2, "sixteenth": 0.06},
        "hat": {"bar": 0.9, "back": 0.8, "beat": 0.9, "eighth": 0.8, "sixteenth": 0.1},
    },
    "break": {
        "kick": {"bar": 1.0, "beat": 0.3, "eighth": 0.4, "sixteenth": 0.18},
        "snare": {"back": 0.95, "eighth": 0.1, "sixteenth": 0.2},
        "ride": {"bar": 0.9, "back": 0.9, "beat": 0.9, "eighth": 0.8},
    },
    "swing": {
        "ride": {"bar": 1.0, "back": 1.0, "beat": 1.0, "eighth": 0.5},
        "hat": {"back": 1.0},
        "brush": {"bar": 0.6, "back": 0.8, "beat": 0.6, "eighth": 0.2},
        "kick": {"bar": 0.5, "beat": 0.25, "eighth": 0.08},
    },
    "waltz": {
        "kick": {"bar": 1.0},
        "brush": {"back": 0.9, "beat": 0.9},
        "hat": {"back": 0.5, "beat": 0.5, "eighth": 0.2},
    },
    "latin": {
        "conga_low": {"beat": 0.5, "eighth": 0.35, "sixteenth": 0.1},
        "conga_high": {"back": 0.6, "eighth": 0.4, "sixteenth": 0.25},
        "rim": {"bar": 0.7, "beat": 0.3, "eighth": 0.35},
        "shaker": {"bar": 1.0, "back": 1.0, "beat": 1.0, "eighth": 1.0, "sixteenth": 0.5},
        "kick": {"bar": 0.9, "beat": 0.5},
    },
    "hands": {
        "conga_low": {"bar": 1.0, "beat": 0.4, "eighth": 0.2},
        "conga_high": {"back": 0.7, "beat": 0.3, "eighth": 0.45, "sixteenth": 0.15},
        "shaker": {"back": 0.5, "eighth": 0.4},
    },
    "march": {
        "kick": {"bar": 1.0, "beat": 1.0, "back": 0.4},
        "snare": {"bar": 0.8, "back": 1.0, "beat": 0.8, "eighth": 0.6, "sixteenth": 0.35},
        "crash": {"bar": 0.1},
    },
    "toms": {
        "tom_low": {"bar": 1.0, "beat": 0.5, "eighth": 0.3},
        "tom_mid": {"back": 0.6, "eighth": 0.35, "sixteenth": 0.1},
        "tom_high": {"sixteenth": 0.1, "eighth": 0.15},
        "shaker": {"back": 0.8, "eighth": 0.6},
    },
    "machine": {
        "kick": {"bar": 1.0, "beat": 0.6, "eighth": 0.25, "sixteenth": 0.1},
        "snare": {"back": 1.0},
        "hat": {"bar": 0.9, "back": 0.9, "beat": 0.9, "eighth": 0.9, "sixteenth": 0.45},
        "cowbell": {"beat": 0.15, "eighth": 0.2, "sixteenth": 0.08},
        "clap": {"back": 0.4},
    },
}
"""Chance that a lane strikes on each kind of step."""

_ACCENTS = {"bar": 1.0, "back": 0.9, "beat": 0.9, "eighth": 0.7, "sixteenth": 0.45}
_SMALL = ("hat", "shaker", "ride", "open_hat", "brush")
"""Lanes that quiet sections keep; the others they thin out."""


def draw_groove(name: str, meter: Meter, *, rng: np.random.Generator) -> tuple[Bar, Bar]:
    """Two bars of a groove that play in turn; the second differs in a few strokes."""
    first = _draw_bar(GROOVES[name], meter, rng=rng)
    second = _draw_bar(GROOVES[name], meter, rng=rng)
    shared = tuple(beat for beat in first if beat.accent >= 0.7 or chance(rng, 0.6))
    added = tuple(
        beat
        for beat in second
        if chance(rng, 0.35) and (beat.step, beat.drum) not in {(b.step, b.drum) for b in first}
    )
    return first, shared + added


def _draw_bar(lanes: Mapping[str, Odds], meter: Meter, *, rng: np.random.Generator) -> Bar:
    beats = []
    for drum, odds in lanes.items():
        for step, kind in enumerate(step_kinds(meter)):
            if chance(rng, odds.get(kind, 0.0)):
                beats.append(Beat(step, drum, _ACCENTS[kind]))
    return tuple(beats)


def play_bar(bar: Bar, *, energy: float, rng: np.random.Generator) -> Bar:
    """The bar as played once: quiet sections thin it out, and no two bars are quite alike."""
    played = []
    for beat in bar:
        keep = 0.97 if beat.accent >= 0.7 or energy > 0.7 else 0.85
        if energy < 0.5 and beat.drum not in _SMALL and beat.accent < 0.9:
            keep = 0.3
        if chance(rng, keep):
            played.append(beat)
    return tuple(played)


def fill(meter: Meter, *, energy: float, rng: np.random.Generator) -> Bar:
    """The last bar of a section: a run over snare and toms, a roll, or a stop."""
    kind = pick(rng, ("run", "run", "roll", "stop", "claps"))
    start = int(pick(rng, meter.heads[len(meter.heads) // 2 :]))
    steps = range(start, meter.steps)
    if kind == "stop":
        return (Beat(0, "kick", 1.0),)
    if kind == "claps":
        return tuple(Beat(step, "clap", 0.8) for step in steps if (step - start) % 2 == 0)
    if kind == "roll":
        loud = np.linspace(0.35, 0.6 + 0.4 * energy, len(steps))
        return tuple(Beat(s, "snare", float(a)) for s, a in zip(steps, loud, strict=True))
    order = pick(
        rng,
        (
            ("snare", "tom_high", "tom_mid", "tom_low"),
            ("tom_high", "tom_low"),
            ("snare", "snare", "tom_mid", "tom_low"),
            ("tom_low", "tom_mid", "tom_high", "snare"),
        ),
    )
    beats = []
    for step in steps:
        if (step - start) % 2 == 0 or chance(rng, 0.6):
            place = (step - start) * len(order) // len(steps)
            beats.append(Beat(step, order[place], 0.6 + 0.3 * energy))
    return tuple(beats)


def before_fill(bar: Bar, filled: Bar) -> Bar:
    """The groove up to the fill's first stroke, then the fill."""
    if not filled:
        return bar
    first = min(beat.step for beat in filled)
    return tuple(beat for beat in bar if beat.step < first) + filled
