"""Accompaniment figures: which voices of a chord sound when, within one bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cqtnet.music.draws import chance, pick
from cqtnet.music.rhythm import step_kinds
from cqtnet.music.score import Meter

ALL = (0, 1, 2, 3, 4)
"""Every voice there is."""
APPROACH = -1
"""A tone that leads to the next chord's root."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One attack in a bar: voices by number (beyond the top, an octave up), accent 0 to 1."""

    step: int
    length: float
    voices: tuple[int, ...]
    accent: float = 0.7
    strum_s: float = 0.0
    """Time between two voices of the stroke; negative plays from the top."""


Figure = tuple[Stroke, ...]
Draw = Callable[[Meter, np.random.Generator], Figure]


def _eighths(meter: Meter) -> tuple[int, ...]:
    kinds = step_kinds(meter)
    return tuple(step for step, kind in enumerate(kinds) if kind != "sixteenth")


def _lengths(steps: tuple[int, ...], meter: Meter) -> tuple[int, ...]:
    """Steps from each onset to the next, the last to the bar's end."""
    return tuple(b - a for a, b in zip(steps, (*steps[1:], meter.steps), strict=True))


def _accent(step: int, meter: Meter) -> float:
    return {"bar": 1.0, "back": 0.8, "beat": 0.8, "eighth": 0.6, "sixteenth": 0.5}[
        step_kinds(meter)[step]
    ]


def _onsets(meter: Meter, rng: np.random.Generator, odds: dict[str, float]) -> tuple[int, ...]:
    """Steps drawn by their kind, never none."""
    drawn = [
        step for step, kind in enumerate(step_kinds(meter)) if chance(rng, odds.get(kind, 0.0))
    ]
    return tuple(drawn) or (0,)


def block(meter: Meter, rng: np.random.Generator) -> Figure:
    """One chord held through the bar."""
    return (Stroke(0, meter.steps, ALL, 0.8, pick(rng, (0.0, 0.0, 0.012, 0.03))),)


def beats(meter: Meter, rng: np.random.Generator) -> Figure:
    """A chord on every beat."""
    held = pick(rng, (0.5, 0.9))
    return tuple(
        Stroke(step, held * group, ALL, _accent(step, meter))
        for step, group in zip(meter.heads, meter.groups, strict=True)
    )


def pulse(meter: Meter, rng: np.random.Generator) -> Figure:
    """The chord in running eighths, with the bar's own accents."""
    pushed = set(_onsets(meter, rng, {"bar": 1.0, "eighth": 0.3, "back": 0.4, "beat": 0.3}))
    held = pick(rng, (0.5, 0.8, 0.95))
    return tuple(
        Stroke(step, 2 * held, ALL, 0.9 if step in pushed else 0.55) for step in _eighths(meter)
    )


def comp(meter: Meter, rng: np.random.Generator) -> Figure:
    """Short syncopated chords."""
    odds = {"bar": 0.7, "back": 0.4, "beat": 0.35, "eighth": 0.4, "sixteenth": 0.12}
    steps = _onsets(meter, rng, odds)
    held = pick(rng, (0.45, 0.7, 1.0))
    return tuple(
        Stroke(step, max(1.0, held * length), ALL, _accent(step, meter))
        for step, length in zip(steps, _lengths(steps, meter), strict=True)
    )


def strum(meter: Meter, rng: np.random.Generator) -> Figure:
    """Down and up strokes over the strings on an own rhythm."""
    odds = {"bar": 1.0, "back": 0.75, "beat": 0.8, "eighth": 0.6, "sixteenth": 0.05}
    steps = _onsets(meter, rng, odds)
    spread = float(rng.uniform(0.008, 0.02))
    kinds = step_kinds(meter)
    return tuple(
        Stroke(
            step,
            length,
            ALL if kinds[step] not in ("eighth", "sixteenth") else ALL[1:],
            _accent(step, meter),
            spread if kinds[step] not in ("eighth", "sixteenth") else -0.6 * spread,
        )
        for step, length in zip(steps, _lengths(steps, meter), strict=True)
    )


def offbeat(meter: Meter, rng: np.random.Generator) -> Figure:
    """Stabs between the beats."""
    kinds = step_kinds(meter)
    held = pick(rng, (0.8, 1.4))
    return tuple(Stroke(s, held, ALL, 0.8) for s, kind in enumerate(kinds) if kind == "eighth")


def oompah(meter: Meter, rng: np.random.Generator) -> Figure:
    """Chords on every beat but the first; the bass plays that."""
    held = pick(rng, (0.4, 0.7))
    later = list(zip(meter.heads, meter.groups, strict=True))[1:]
    return tuple(Stroke(step, held * group, ALL, 0.65) for step, group in later)


def _arpeggio(meter: Meter, order: tuple[int, ...], *, stride: int, ring: float) -> Figure:
    return tuple(
        Stroke(step, ring, (order[index % len(order)],), _accent(step, meter))
        for index, step in enumerate(range(0, meter.steps, stride))
    )


def arpeggio(meter: Meter, rng: np.random.Generator) -> Figure:
    """The chord's notes one after the other in eighths, in a drawn order."""
    orders = ((0, 1, 2, 3), (0, 2, 1, 2), (0, 1, 2, 1), (3, 2, 1, 0), (0, 2, 3, 2, 1), (0, 3, 1, 4))
    return _arpeggio(meter, pick(rng, orders), stride=2, ring=pick(rng, (2.0, 4.0, 6.0)))


def run(meter: Meter, rng: np.random.Generator) -> Figure:
    """The chord's notes in sixteenths over two octaves, in an order of the piece's own."""
    order = tuple(int(v) for v in rng.permutation(pick(rng, (3, 4, 5, 6))))
    figure = _arpeggio(meter, order, stride=1, ring=pick(rng, (1.0, 2.0, 3.0)))
    silent = float(rng.uniform(0.0, 0.35))
    return tuple(s for s in figure if s.step == 0 or not chance(rng, silent))


def broken(meter: Meter, rng: np.random.Generator) -> Figure:
    """Low note, then the rest of the chord wide above it, ringing on."""
    order = pick(rng, ((0, 2, 4, 2), (0, 2, 4, 5), (0, 1, 3, 1), (0, 3, 2, 4)))
    return tuple(
        Stroke(step, meter.steps - step, (order[index % 4],), _accent(step, meter))
        for index, step in enumerate(_eighths(meter))
    )


def bass_root(meter: Meter, rng: np.random.Generator) -> Figure:
    """One long root."""
    return (Stroke(0, 0.95 * meter.steps, (0,), 0.9),)


def bass_beats(meter: Meter, rng: np.random.Generator) -> Figure:
    """Root and fifth in turn on the beats."""
    return tuple(
        Stroke(step, 0.8 * group, ((0, 1)[index % 2],), _accent(step, meter))
        for index, (step, group) in enumerate(zip(meter.heads, meter.groups, strict=True))
    )


def bass_pulse(meter: Meter, rng: np.random.Generator) -> Figure:
    """Running eighths on the root, with octaves now and then and a step to the next chord."""
    high = float(rng.uniform(0.0, 0.4))
    steps = _eighths(meter)
    voices = [2 if chance(rng, high) else 0 for _ in steps]
    voices[-1] = pick(rng, (0, 1, APPROACH))
    return tuple(
        Stroke(s, 1.7, (v,), _accent(s, meter)) for s, v in zip(steps, voices, strict=True)
    )


def bass_walk(meter: Meter, rng: np.random.Generator) -> Figure:
    """A new tone on every beat, the last leads on."""
    inner = [(pick(rng, (1, 3, 2, 1, 3)),) for _ in meter.heads[1:-1]]
    voices = [(0,), *inner, (APPROACH,)][: len(meter.heads)]
    return tuple(
        Stroke(step, 0.95 * group, voice, 0.75)
        for step, group, voice in zip(meter.heads, meter.groups, voices, strict=True)
    )


def bass_groove(meter: Meter, rng: np.random.Generator) -> Figure:
    """A syncopated line on root, octave and fifth."""
    odds = {"bar": 1.0, "back": 0.3, "beat": 0.5, "eighth": 0.45, "sixteenth": 0.22}
    steps = _onsets(meter, rng, odds)
    return tuple(
        Stroke(
            step,
            min(length, 4) * 0.8,
            (0 if step == 0 else pick(rng, (0, 0, 1, 2, APPROACH)),),
            0.8,
        )
        for step, length in zip(steps, _lengths(steps, meter), strict=True)
    )


def bass_tresillo(meter: Meter, rng: np.random.Generator) -> Figure:
    """Threes against the beat."""
    steps = tuple(range(0, meter.steps, 3))
    if meter.steps - steps[-1] < 2:
        steps = steps[:-1]
    return tuple(
        Stroke(step, 0.9 * length, ((0, 1, 2)[index % 3],), 0.85)
        for index, (step, length) in enumerate(zip(steps, _lengths(steps, meter), strict=True))
    )


def bass_offbeat(meter: Meter, rng: np.random.Generator) -> Figure:
    """The root between the kicks."""
    kinds = step_kinds(meter)
    return tuple(Stroke(s, 1.6, (0,), 0.85) for s, kind in enumerate(kinds) if kind == "eighth")


FIGURES: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        block,
        beats,
        pulse,
        comp,
        strum,
        offbeat,
        oompah,
        arpeggio,
        run,
        broken,
        bass_root,
        bass_beats,
        bass_pulse,
        bass_walk,
        bass_groove,
        bass_tresillo,
        bass_offbeat,
    )
}
"""Every figure by name; those of basses count root, fifth, octave and third."""


def varied(figure: Figure, amount: float, *, rng: np.random.Generator) -> Figure:
    """The figure with about `amount` of its strokes dropped, moved to another voice or echoed."""
    out: list[Stroke] = []
    for stroke in figure:
        if stroke.step == 0 or not chance(rng, amount):
            out.append(stroke)
            continue
        change = pick(rng, ("drop", "voice", "echo"))
        if change == "voice" and len(stroke.voices) == 1:
            out.append(replace(stroke, voices=(pick(rng, (0, 1, 2, 3)),)))
        elif change == "echo" and stroke.length >= 2:
            half = stroke.length / 2.0
            later = replace(
                stroke, step=stroke.step + int(half), length=half, accent=0.7 * stroke.accent
            )
            out += [replace(stroke, length=half), later]
        elif change != "drop":
            out.append(stroke)
    return tuple(out)
