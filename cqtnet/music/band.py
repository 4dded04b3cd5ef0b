"""Who plays where: the players that a section calls, and when each enters and leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cqtnet.music.brief import Brief
from cqtnet.music.draws import chance, pick, stream
from cqtnet.music.form import Stretch
from cqtnet.music.material import MELODIES

_GROWING = ("intro", "build")
"""Sections whose players come in one after the other."""


@dataclass(frozen=True, slots=True)
class Stay:
    """The bars of a section in which a player plays: from `enter` up to, not with, `leave`."""

    enter: int
    leave: int


def stays(brief: Brief, stretch: Stretch, index: int) -> dict[int, Stay]:
    """When each player of the section plays, by the player's number; never nobody."""
    rng = stream(brief.seed, "band", index)
    numbers = range(len(brief.players))
    called = [number for number in numbers if _plays(brief, stretch, number, rng=rng)]
    if not called:
        called = [_fallback(brief, rng=rng)]
    bars = stretch.bars
    order = [called[int(place)] for place in rng.permutation(len(called))]
    whole = {number: Stay(0, bars) for number in called}
    if bars < 2 or len(called) < 2:
        return whole
    steps = {number: place * bars // (len(order) + 1) for place, number in enumerate(order)}
    if stretch.kind in _GROWING:
        return {number: Stay(step, bars) for number, step in steps.items()}
    if stretch.kind == "outro":  # thins out, and meets again on the last bar
        return {number: Stay(0, bars - step) for number, step in steps.items()}
    return whole | _held_back(brief, order, bars, rng=rng)


def _held_back(
    brief: Brief, order: list[int], bars: int, *, rng: np.random.Generator
) -> dict[int, Stay]:
    """An accompanist or two who wait for the second half, or stop before the end."""
    backing = [n for n in order if brief.players[n].part.role not in MELODIES]
    stays: dict[int, Stay] = {}
    if len(backing) > 1 and chance(rng, 0.3):
        stays[backing[0]] = Stay(bars // 2, bars)
    if len(backing) > 1 and bars >= 4 and chance(rng, 0.25):
        stays[backing[1]] = Stay(0, bars - pick(rng, (1, 1, 2)))
    return stays


def _plays(brief: Brief, stretch: Stretch, number: int, *, rng: np.random.Generator) -> bool:
    """Whether a player has something to do in the section."""
    part = brief.players[number].part
    wanted = stretch.energy + float(rng.uniform(-0.1, 0.1)) >= part.from_energy
    if part.role in MELODIES:
        return wanted and _sings(brief, stretch, part.role, rng=rng)
    if stretch.kind in ("intro", "outro", "break") and len(brief.players) > 3:
        return wanted and chance(rng, 0.75)
    return wanted


def _sings(brief: Brief, stretch: Stretch, role: str, *, rng: np.random.Generator) -> bool:
    """Whether a melody part takes part: one singer at a time, helpers on the returns."""
    soloists = any(player.part.role == "solo" for player in brief.players)
    if role == "solo":
        return stretch.kind == "solo" or (stretch.kind in ("bridge", "outro") and chance(rng, 0.5))
    if role == "lead":
        share = {"intro": 0.2, "build": 0.15, "break": 0.5, "outro": 0.6, "bridge": 0.75}
        if stretch.kind == "solo":
            return not soloists
        return chance(rng, share.get(stretch.kind, 1.0))
    if role == "second":
        return stretch.occurrence > 0 or chance(rng, 0.4)
    return stretch.kind not in ("intro", "build") and chance(rng, 0.75)


def _fallback(brief: Brief, *, rng: np.random.Generator) -> int:
    """Somebody who plays when nobody was called: rather an accompanist."""
    numbers = range(len(brief.players))
    backing = [n for n in numbers if brief.players[n].part.role not in MELODIES]
    return pick(rng, backing or list(numbers))


def drums_enter(brief: Brief, stretch: Stretch, index: int) -> int | None:
    """Bar of the section on which the drums enter, or None where they rest."""
    if brief.groove is None:
        return None
    rng = stream(brief.seed, "drums", index)
    rest = {"break": 0.8, "intro": 0.35, "outro": 0.25, "bridge": 0.25}
    if chance(rng, rest.get(stretch.kind, 0.0)):
        return None
    if stretch.kind in _GROWING:
        return stretch.bars // 2
    return 0
