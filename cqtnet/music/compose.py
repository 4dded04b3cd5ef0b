"""Composition: from a seed to a finished score."""

from __future__ import annotations

import math
from dataclasses import replace

from cqtnet.errors import InputError
from cqtnet.music.brief import Brief, draw_brief
from cqtnet.music.draws import between, stream
from cqtnet.music.form import Stretch, plan_form
from cqtnet.music.material import PHRASE_BARS, Material, write_material
from cqtnet.music.performance import Scene, play_drums, play_part
from cqtnet.music.rhythm import Clock, bar_seconds, draw_bar_starts
from cqtnet.music.score import Hit, Piece, Section, Track

SHORTEST_S = 1.0
LONGEST_S = 1800.0
"""Half an hour: a rendering holds the whole piece in memory several times."""
TEMPO_PLAY = 0.04
"""Largest relative change of the tempo that makes the last bar end where the piece does."""


def compose(seed: int, *, duration_s: float = 60.0) -> Piece:
    """The score of the piece with this seed, `duration_s` long (1 to 1800 s).

    The same arguments give the same score. Another duration gives a piece of the same style,
    key, themes and instruments in another form.

    Example:
        >>> piece = compose(3, duration_s=30.0)
        >>> len(piece.sections) > 1
        True
    """
    _check(seed, duration_s)
    brief = _lay_out(draw_brief(seed), duration_s)
    scenes = _stage(brief, duration_s)
    return Piece(
        seed=seed,
        title=brief.title,
        style=brief.style.name,
        key=brief.key,
        mode=brief.mode.name,
        tempo_bpm=brief.tempo_bpm,
        tuning_cents=brief.tuning_cents,
        meter=brief.meter,
        swing=brief.swing,
        duration_s=duration_s,
        bar_starts_s=tuple(round(start, 6) for start in scenes[0].clock.bar_starts_s[:-1]),
        sections=tuple(_section(scene) for scene in scenes),
        tracks=_tracks(brief, scenes),
        hits=_hits(scenes),
        kit=brief.kit,
        mix=brief.mix,
    )


def _check(seed: int, duration_s: float) -> None:
    """Refuse what has no piece."""
    if seed < 0:
        raise InputError(f"seed {seed} is negative; give 0 or more")
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise InputError(
            f"duration of {duration_s:g} s is outside {SHORTEST_S:g} to {LONGEST_S:g} s; "
            "give one within"
        )


def _lay_out(brief: Brief, duration_s: float) -> Brief:
    """The brief with its fade and tempo fitted to the length of the piece."""
    fade_out_s = round(min(brief.mix.fade_out_s, 0.2 * duration_s), 3)
    brief = replace(brief, mix=replace(brief.mix, fade_out_s=fade_out_s))
    if fade_out_s:
        return brief
    exact = (duration_s - _lead_in(brief, duration_s) - _ring(brief, duration_s)) / bar_seconds(
        brief.meter, brief.tempo_bpm
    )
    factor = max(1, round(exact)) / exact
    factor = min(max(factor, 1.0 - TEMPO_PLAY), 1.0 + TEMPO_PLAY)
    return replace(brief, tempo_bpm=round(brief.tempo_bpm * factor, 2))


def _lead_in(brief: Brief, duration_s: float) -> float:
    """Silence before the first bar, in seconds."""
    return min(between(stream(brief.seed, "lead-in"), (0.03, 0.5)), 0.02 * duration_s)


def _ring(brief: Brief, duration_s: float) -> float:
    """Time kept after the last bar for the final chord to die away, in seconds."""
    return min(0.8 + 0.5 * brief.mix.room_s, 0.15 * duration_s)


def _stage(brief: Brief, duration_s: float) -> list[Scene]:
    """The sections with their themes and times."""
    lead_in = _lead_in(brief, duration_s)
    bar_s = bar_seconds(brief.meter, brief.tempo_bpm)
    room = duration_s - lead_in
    if brief.mix.fade_out_s:
        bars = math.ceil(room / bar_s)
    else:
        bars = max(1, round((room - _ring(brief, duration_s)) / bar_s - 0.3))
    starts = draw_bar_starts(
        bars,
        bar_s,
        start_s=lead_in,
        rubato=brief.style.rubato if brief.groove is None else 0.0,
        rng=stream(brief.seed, "rubato"),
    )
    clock = Clock(brief.meter, starts, brief.swing, brief.style.swing_steps)
    style = brief.style
    plan = plan_form(style.forms, bars, units=style.units, rng=stream(brief.seed, "form"))
    themes = _write_materials(brief, plan)
    last = len(plan) - 1
    return [
        Scene(brief, stretch, index, themes[stretch.material], clock, index == last, duration_s)
        for index, stretch in enumerate(plan)
    ]


def _write_materials(brief: Brief, plan: tuple[Stretch, ...]) -> dict[str, Material]:
    """Every theme that the plan calls for, as long as its longest section, up to a phrase."""
    longest: dict[str, int] = {}
    for stretch in plan:
        longest[stretch.material] = max(longest.get(stretch.material, 1), stretch.bars)
    phrase = max(PHRASE_BARS, 12 if 12 in brief.style.units else 0)
    return {name: write_material(brief, name, min(bars, phrase)) for name, bars in longest.items()}


def _section(scene: Scene) -> Section:
    """What the score says about a section."""
    stretch = scene.stretch
    start_s = scene.clock.bar_starts_s[stretch.start_bar]
    end_s = (
        scene.end_s if scene.is_last else scene.clock.bar_starts_s[stretch.start_bar + stretch.bars]
    )
    return Section(
        kind=stretch.kind,
        material=stretch.material,
        occurrence=stretch.occurrence,
        start_bar=stretch.start_bar,
        bars=stretch.bars,
        start_s=round(start_s, 6),
        duration_s=round(end_s - start_s, 6),
        energy=round(stretch.energy, 3),
        transpose_semitones=stretch.transpose_semitones,
        chords=scene.material.chord_names,
    )


def _tracks(brief: Brief, scenes: list[Scene]) -> tuple[Track, ...]:
    """The tracks that have notes."""
    tracks = []
    for number, player in enumerate(brief.players):
        notes = [note for scene in scenes for note in play_part(scene, number)]
        if notes:
            notes.sort(key=lambda note: note.start_s)
            track = Track(player.part.role, player.instrument, player.level_db, tuple(notes))
            tracks.append(track)
    return tuple(tracks)


def _hits(scenes: list[Scene]) -> tuple[Hit, ...]:
    """All drum hits in order."""
    hits = [hit for scene in scenes for hit in play_drums(scene)]
    return tuple(sorted(hits, key=lambda hit: (hit.start_s, hit.drum)))
