"""The performance: a section's themes played by the band, in seconds and with a human hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cqtnet.music.accompaniment import Event, held, play_figure, voice_harmony
from cqtnet.music.band import drums_enter, stays
from cqtnet.music.brief import Brief, Player
from cqtnet.music.draws import chance, pick, stream
from cqtnet.music.form import Stretch
from cqtnet.music.grooves import Beat, before_fill, fill, play_bar
from cqtnet.music.material import (
    MELODIES,
    Material,
    draw_figure,
    final_chord,
    in_range,
    lead_scale,
    register,
    tonic_above,
)
from cqtnet.music.melody import Melody, answer, parallel, vary_melody, write_melody
from cqtnet.music.patterns import varied
from cqtnet.music.rhythm import Clock, strengths
from cqtnet.music.score import Hit, Note


@dataclass(frozen=True, slots=True)
class Scene:
    """One section at work."""

    brief: Brief
    stretch: Stretch
    index: int
    material: Material
    clock: Clock
    is_last: bool
    end_s: float
    """Where the piece ends."""


def play_part(scene: Scene, number: int) -> list[Note]:
    """The notes of one player in a section, in order of their starts."""
    stay = stays(scene.brief, scene.stretch, scene.index).get(number)
    if stay is None:
        return []
    player = scene.brief.players[number]
    if player.part.role in MELODIES:
        events = _melody_events(scene, player)
    else:
        events = _figure_events(scene, number)
    last = scene.stretch.bars - 1
    events = [event for event in events if stay.enter <= event.bar < stay.leave]
    if scene.is_last and not scene.brief.mix.fade_out_s:
        events = [event for event in events if event.bar < last]
        events += _ending(scene, player)
    return _perform(
        events, scene, player, rng=stream(scene.brief.seed, "hand", number, scene.index)
    )


def _figure_events(scene: Scene, number: int) -> list[Event]:
    """An accompanist's events: the theme's figure, changed a little at every return."""
    brief, material, player = scene.brief, scene.material, scene.brief.players[number]
    rng = stream(brief.seed, "variant", number, scene.stretch.kind, scene.stretch.occurrence)
    figure = material.figures[number]
    if scene.stretch.kind in ("solo", "outro") and chance(rng, 0.5):
        figure = draw_figure(player, brief.meter, rng=rng)
    if scene.stretch.occurrence:
        figure = varied(figure, min(0.3, 0.12 * scene.stretch.occurrence), rng=rng)
    role, low = player.part.role, register(player)
    if scene.stretch.occurrence and role != "bass":
        low += pick(rng, (0, 0, 0, 4, 7, -4))
    voicings = voice_harmony(material.harmony, role=role, low=low)
    events: list[Event] = []
    for bar in range(scene.stretch.bars):
        turn = bar % material.bars
        shown = varied(figure, 0.08 if bar % 4 < 3 else 0.25, rng=rng)
        leading = pick(rng, (1, 2, -1, -2))
        played = play_figure(shown, material.harmony, turn, voicings, leading=leading)
        events += [replace(event, bar=bar) for event in played]
    return events


def _melody_events(scene: Scene, player: Player) -> list[Event]:
    """A singer's events: the theme's melody, its second voice, answers or a solo."""
    scale = lead_scale(scene.brief)
    strong = strengths(scene.brief.meter)
    passes = -(-scene.stretch.bars // scene.material.bars)
    octave = 12 * _octave(scene, player)
    events = []
    for turn in range(passes):
        for note in _pass_melody(scene, player.part.role, turn):
            bar = turn * scene.material.bars + note.bar
            if bar < scene.stretch.bars:
                midi = scale.midi(note.degree) + octave
                events.append(Event(bar, note.step, note.length, midi, strong[note.step]))
    return events


def _octave(scene: Scene, player: Player) -> int:
    """Octaves by which a melody part lies away from the lead."""
    rng = stream(scene.brief.seed, "octave", scene.stretch.kind, scene.stretch.occurrence)
    if player.part.role == "lead" and scene.stretch.occurrence and chance(rng, 0.2):
        return 1
    return 0


def _pass_melody(scene: Scene, role: str, turn: int) -> Melody:
    """The melody of one pass through the theme, for a role."""
    brief, material, stretch = scene.brief, scene.material, scene.stretch
    scale, meter, chords = lead_scale(brief), brief.meter, material.main_chords
    rng = stream(brief.seed, "pass", stretch.kind, stretch.occurrence, turn)
    melody = material.melody
    if stretch.kind == "solo":
        manner = replace(brief.manner, density=1.4 * brief.manner.density)
        melody = write_melody(chords, scale, meter, manner, rng=rng)
    elif stretch.occurrence or turn:
        amount = min(0.3, 0.12 + 0.05 * (stretch.occurrence + turn))
        melody = vary_melody(melody, chords, scale, meter, amount=amount, rng=rng)
    other = stream(brief.seed, "answer", stretch.kind, stretch.occurrence, turn)
    if role == "second":
        return parallel(melody, chords, scale, below=pick(other, (2, 2, 3, 5)))
    if role == "answer":
        return answer(melody, chords, scale, meter, rng=other)
    return melody


def _ending(scene: Scene, player: Player) -> list[Event]:
    """The last bar: the tonic, held until the piece dies away."""
    brief, bar = scene.brief, scene.stretch.bars - 1
    bar_s = scene.clock.bar_starts_s[-1] - scene.clock.bar_starts_s[-2]
    steps = brief.meter.steps * max(1.0, (scene.end_s - scene.clock.bar_starts_s[-2] - 0.7) / bar_s)
    if player.part.role in MELODIES:
        midi = tonic_above(register(player), brief.tonic)
        return [Event(bar, 0.0, steps, midi, 0.9)]
    return held(final_chord(brief), bar, steps, role=player.part.role, low=register(player))


def _perform(
    events: list[Event], scene: Scene, player: Player, *, rng: np.random.Generator
) -> list[Note]:
    """Events as notes: placed by the clock, pushed by hand, as loud as the section wants."""
    notes = []
    for event in sorted(events, key=lambda event: (event.bar, event.step, event.midi)):
        bar = scene.stretch.start_bar + event.bar
        start = scene.clock.at(bar, event.step)
        length = scene.clock.at(bar, event.step + event.length) - start
        start += event.delay_s + player.late_s + scene.brief.loose_s * float(rng.normal())
        start = max(0.0, start)
        length = min(length, scene.end_s - start)
        if length <= 0.02:
            continue
        midi = in_range(event.midi + scene.stretch.transpose_semitones, player)
        velocity = _velocity(scene, event.bar, event.accent, rng=rng)
        notes.append(Note(round(start, 6), round(length, 6), midi, velocity))
    return sorted(notes, key=lambda note: note.start_s)


def _velocity(scene: Scene, bar: int, accent: float, *, rng: np.random.Generator) -> float:
    """Loudness of a stroke in (0, 1]: the section's energy, its course, the accent, the hand."""
    progress = bar / max(1, scene.stretch.bars - 1)
    course = {
        "build": 0.45 * progress - 0.25,
        "intro": 0.2 * progress - 0.1,
        "outro": -0.2 * progress,
    }
    energy = scene.stretch.energy + course.get(scene.stretch.kind, 0.06 * np.sin(np.pi * progress))
    loud = (0.3 + 0.6 * energy) * (0.6 + 0.4 * accent) * (1.0 + 0.06 * float(rng.normal()))
    return round(float(np.clip(loud, 0.05, 1.0)), 3)


def play_drums(scene: Scene) -> list[Hit]:
    """The drum hits of a section, in order: groove, fill, and a crash where it lands."""
    enter = drums_enter(scene.brief, scene.stretch, scene.index)
    if enter is None or scene.material.groove is None:
        return []
    rng = stream(scene.brief.seed, "sticks", scene.index)
    hits: list[Hit] = []
    for bar in range(enter, scene.stretch.bars):
        for beat in _drum_bar(scene, bar, rng=rng):
            start = scene.clock.at(scene.stretch.start_bar + bar, beat.step)
            start += 0.4 * scene.brief.loose_s * float(rng.normal())
            if 0.0 <= start < scene.end_s - 0.05:
                velocity = _velocity(scene, bar, beat.accent, rng=rng)
                hits.append(Hit(round(start, 6), beat.drum, velocity))
    return sorted(hits, key=lambda hit: (hit.start_s, hit.drum))


def _drum_bar(scene: Scene, bar: int, *, rng: np.random.Generator) -> tuple[Beat, ...]:
    """The strokes of one bar."""
    stretch, groove = scene.stretch, scene.material.groove
    if groove is None:
        return ()
    last = bar == stretch.bars - 1
    if scene.is_last and last and not scene.brief.mix.fade_out_s:
        return (Beat(0, "kick", 1.0), Beat(0, "crash", 0.9))
    played = play_bar(groove[bar % 2], energy=stretch.energy, rng=rng)
    if stretch.kind == "build" and bar >= stretch.bars // 2:
        gap = 4 if bar < stretch.bars - 1 else 2
        roll = tuple(Beat(step, "snare", 0.6) for step in range(0, scene.brief.meter.steps, gap))
        return played + roll
    if last and stretch.bars > 1 and chance(rng, 0.85):
        played = before_fill(played, fill(scene.brief.meter, energy=stretch.energy, rng=rng))
    elif bar % 4 == 3 and chance(rng, 0.35):
        extra = fill(scene.brief.meter, energy=0.4 * stretch.energy, rng=rng)
        played = before_fill(played, tuple(beat for beat in extra if beat.step > 8))
    if bar == 0 and stretch.energy > 0.75:
        played += (Beat(0, "crash", 0.9),)
    return played
