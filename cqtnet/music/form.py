"""The form: which sections a piece has, how long they are and how loud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cqtnet.music.draws import chance, pick

FORMS: dict[str, tuple[str, ...]] = {
    "song": ("intro", "verse", "chorus", "verse", "chorus", "bridge", "chorus", "outro"),
    "short": ("verse", "chorus", "verse", "chorus", "outro"),
    "solo": ("intro", "verse", "chorus", "solo", "verse", "chorus", "outro"),
    "aaba": ("intro", "verse", "verse", "bridge", "verse", "outro"),
    "rondo": ("verse", "chorus", "verse", "bridge", "verse", "outro"),
    "arch": ("intro", "verse", "chorus", "bridge", "chorus", "verse", "outro"),
    "club": ("intro", "build", "drop", "break", "build", "drop", "outro"),
    "strophic": ("intro", "verse", "verse", "solo", "verse", "outro"),
    "tide": ("intro", "verse", "bridge", "verse", "chorus", "outro"),
}

_MATERIALS = {
    "intro": "A",
    "verse": "A",
    "chorus": "B",
    "drop": "B",
    "build": "B",
    "bridge": "C",
    "break": "C",
    "solo": "A",
    "outro": "A",
}
_ENERGY = {
    "intro": 0.35,
    "verse": 0.55,
    "chorus": 0.9,
    "bridge": 0.65,
    "solo": 0.8,
    "build": 0.6,
    "drop": 1.0,
    "break": 0.3,
    "outro": 0.4,
}
_SHORT = ("intro", "outro", "build")
"""Sections that take half the bars of the others."""
_EXPENDABLE = ("solo", "bridge", "break")
"""What a form gives up first when there is no room."""
_SMALLEST = 4
"""Bars of a full section below which a form rather gives up sections, if it can."""
_RETURNS = ("verse", "chorus", "drop")
"""Sections that come back when there is time left."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A section before its notes: `occurrence` counts earlier ones of the same kind."""

    kind: str
    material: str
    occurrence: int
    start_bar: int
    bars: int
    energy: float
    transpose_semitones: int


def plan_form(
    names: tuple[str, ...], bars: int, *, units: tuple[int, ...], rng: np.random.Generator
) -> tuple[Stretch, ...]:
    """Sections that fill exactly `bars` bars, in a form drawn from `names`.

    `units` are the lengths a full section may have, in bars, longest first; the longest that
    leaves room for the whole form is taken, or, sometimes, the next.
    """
    kinds = list(FORMS[pick(rng, names)])
    unit = _choose_unit(kinds, bars, units, rng=rng)
    while len(kinds) > 1 and _total(kinds, unit) > bars:
        _give_up(kinds)
    _extend(kinds, unit, bars, rng=rng)
    lengths = _share_out(kinds, unit, bars)
    return _stretches(kinds, lengths, rise=_rise(kinds, rng=rng))


def _choose_unit(
    kinds: list[str], bars: int, units: tuple[int, ...], *, rng: np.random.Generator
) -> int:
    """Bars of a full section: room for the whole form, but no scraps where there are bars."""
    fitting = [unit for unit in units if unit >= _SMALLEST and _total(kinds, unit) <= bars]
    if len(fitting) > 1 and chance(rng, 0.35):
        return fitting[1]
    if fitting:
        return fitting[0]
    short = [unit for unit in units if unit <= _SMALLEST and 3 * unit <= bars]
    return short[0] if short else units[-1]


def _give_up(kinds: list[str]) -> None:
    """Take one section out: a contrast, then a third return, then the frame, then a return."""
    for kind in _EXPENDABLE:
        if kind in kinds:
            kinds.remove(kind)
            return
    for kind, kept in (("chorus", 2), ("verse", 2), ("outro", 0), ("intro", 0), ("verse", 1)):
        if kinds.count(kind) > kept:
            kinds.pop(len(kinds) - 1 - kinds[::-1].index(kind))
            return
    kinds.pop()


def _length(kind: str, unit: int) -> int:
    return max(1, unit // 2) if kind in _SHORT else unit


def _total(kinds: list[str], unit: int) -> int:
    return sum(_length(kind, unit) for kind in kinds)


def _extend(kinds: list[str], unit: int, bars: int, *, rng: np.random.Generator) -> None:
    """Put further sections before the last full one while a whole unit is left."""
    body = [kind for kind in kinds if kind not in _SHORT] or ["verse"]
    if not {"chorus", "drop"} & set(body):
        body.insert(0, "chorus")
    position = 0
    while _total(kinds, unit) + unit <= bars:
        kind = body[position % len(body)]
        if position % 5 == 4:
            kind = pick(rng, ("bridge", "solo"))
        place = len(kinds) - (1 if kinds[-1] == "outro" else 0)
        kinds.insert(place, kind)
        position += 1


def _share_out(kinds: list[str], unit: int, bars: int) -> list[int]:
    """Bars of every section; what is left over lengthens the outro, the intro or the end."""
    lengths = [_length(kind, unit) for kind in kinds]
    left = bars - sum(lengths)
    if left > 0 and "outro" in kinds:
        more = left if left <= 2 else (left + 1) // 2
        lengths[kinds.index("outro")] += more
        left -= more
    lengths[0 if "intro" in kinds else -1] += left
    return lengths


def _rise(kinds: list[str], *, rng: np.random.Generator) -> int:
    """Semitones by which the last return of the piece is lifted, mostly 0."""
    lifted = pick(rng, (1, 2, 2, 3)) if chance(rng, 0.18) else 0
    returns = max((kinds.count(kind) for kind in _RETURNS), default=0)
    return lifted if returns > 1 else 0


def _stretches(kinds: list[str], lengths: list[int], *, rise: int) -> tuple[Stretch, ...]:
    """The sections in order, each return a little louder than the last."""
    out: list[Stretch] = []
    counts: dict[str, int] = {}
    last_return = max((i for i, kind in enumerate(kinds) if kind in _RETURNS[1:]), default=-1)
    start = 0
    for index, (kind, bars) in enumerate(zip(kinds, lengths, strict=True)):
        seen = counts.get(kind, 0)
        counts[kind] = seen + 1
        material = _MATERIALS[kind]
        if material == "C":  # every bridge and break is new
            counts["C"] = counts.get("C", 0) + 1
            material = f"C{counts['C']}"
        energy = min(1.0, _ENERGY[kind] + 0.07 * seen)
        lifted = rise if 0 <= last_return <= index else 0
        out.append(Stretch(kind, material, seen, start, bars, energy, lifted))
        start += bars
    return tuple(out)
