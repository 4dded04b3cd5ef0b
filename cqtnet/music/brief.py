"""The brief of a piece: all decisions that are made before its first note."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cqtnet.music.draws import between, chance, pick, pick_weighted, stream
from cqtnet.music.harmony import KEYS, MODES, Mode
from cqtnet.music.melody import Manner
from cqtnet.music.repertoire import STYLES
from cqtnet.music.rhythm import METERS
from cqtnet.music.score import Instrument, Kit, Meter, Mix
from cqtnet.music.style import Part, Style
from cqtnet.music.titles import draw_title

TUNING_LIMIT_CENTS = 50.0

_LEVELS_DB = {
    "lead": 0.0,
    "solo": 0.0,
    "second": -6.0,
    "answer": -4.0,
    "chords": -4.5,
    "arpeggio": -6.0,
    "pad": -9.0,
    "bass": 0.5,
}


@dataclass(frozen=True, slots=True)
class Player:
    """A part that this piece has: who plays it, how loud, and how late against the beat."""

    part: Part
    instrument: Instrument
    level_db: float
    late_s: float


@dataclass(frozen=True, slots=True)
class Brief:
    """What the piece will be; the seed's own streams decide the rest."""

    seed: int
    title: str
    style: Style
    tonic: int
    mode: Mode
    tempo_bpm: float
    tuning_cents: float
    meter: Meter
    swing: float
    manner: Manner
    players: tuple[Player, ...]
    groove: str | None
    kit: Kit
    mix: Mix
    loose_s: float

    @property
    def key(self) -> str:
        """Name of the tonic."""
        return KEYS[self.tonic]


def draw_brief(seed: int) -> Brief:
    """The brief of the piece with this seed; its length plays no role."""
    rng = stream(seed, "brief")
    style = pick_weighted(rng, {style: style.weight for style in STYLES})
    tempo_bpm = round(between(rng, style.tempo_bpm), 1)
    groove = None
    if style.grooves and chance(rng, style.drums_presence):
        groove = pick(rng, style.grooves)
    manner = replace(style.manner, density=between(rng, style.density))
    return Brief(
        seed=seed,
        title=draw_title(stream(seed, "title")),
        style=style,
        tonic=int(rng.integers(12)),
        mode=MODES[pick(rng, style.modes)],
        tempo_bpm=tempo_bpm,
        tuning_cents=round(_draw_tuning(rng), 1),
        meter=METERS[pick(rng, style.meters)],
        swing=round(between(rng, style.swing), 3),
        manner=manner,
        players=_draw_players(style, rng=stream(seed, "players")),
        groove=groove,
        kit=_draw_kit(stream(seed, "kit")),
        mix=_draw_mix(style, tempo_bpm, rng=stream(seed, "mix")),
        loose_s=between(rng, style.loose_ms) / 1000.0,
    )


def _draw_tuning(rng: np.random.Generator) -> float:
    """Cents against 440 Hz: mostly near, sometimes anywhere a recording may be."""
    if chance(rng, 0.5):
        return float(np.clip(rng.normal(0.0, 8.0), -TUNING_LIMIT_CENTS, TUNING_LIMIT_CENTS))
    return between(rng, (-TUNING_LIMIT_CENTS, TUNING_LIMIT_CENTS))


def _draw_players(style: Style, *, rng: np.random.Generator) -> tuple[Player, ...]:
    """The band: no two parts share a timbre while the style offers another."""
    used: set[str] = set()
    players = []
    for part in style.parts:
        if not chance(rng, part.presence):
            continue
        free = [name for name in part.timbres if name not in used] or list(part.timbres)
        timbre = pick(rng, free)
        used.add(timbre)
        instrument = Instrument(
            timbre,
            brightness=round(between(rng, (0.15, 0.9)), 3),
            vibrato_cents=round(between(rng, (4.0, 18.0)), 1) if chance(rng, 0.7) else 0.0,
            ring=round(between(rng, (0.7, 1.5)), 3),
        )
        level_db = round(_LEVELS_DB[part.role] + float(rng.normal(0.0, 1.5)), 2)
        late_s = between(rng, (-0.006, 0.014)) if style.loose_ms[1] > 3.0 else 0.0
        players.append(Player(part, instrument, level_db, late_s))
    return tuple(players)


def _draw_kit(rng: np.random.Generator) -> Kit:
    """Drums of the piece's own."""
    return Kit(
        kick_hz=round(between(rng, (42.0, 68.0)), 1),
        snare_hz=round(between(rng, (150.0, 260.0)), 1),
        tom_hz=round(between(rng, (80.0, 150.0)), 1),
        brightness=round(float(rng.random()), 3),
        decay=round(between(rng, (0.6, 1.6)), 3),
    )


def _draw_mix(style: Style, tempo_bpm: float, *, rng: np.random.Generator) -> Mix:
    """The production."""
    beat_s = 60.0 / tempo_bpm
    echoes = chance(rng, style.echo)
    return Mix(
        room_s=round(between(rng, style.room_s), 3),
        room_level=round(between(rng, (0.05, 0.35)), 3),
        echo_s=round(beat_s * pick(rng, (0.5, 0.75, 1.0)), 4) if echoes else 0.0,
        echo_level=round(between(rng, (0.15, 0.4)), 3) if echoes else 0.0,
        pump=round(between(rng, style.pump), 3),
        tilt_db=round(float(np.clip(rng.normal(-2.5, 3.0), -8.0, 5.0)), 2),
        drive=round(0.15 + 0.85 * between(rng, style.drive), 3),
        drums_db=round(float(rng.normal(-1.0, 1.8)), 2),
        hiss_db=round(between(rng, (-62.0, -48.0)), 1) if chance(rng, style.hiss) else None,
        fade_out_s=round(between(rng, (4.0, 9.0)), 2) if chance(rng, style.fades) else 0.0,
        peak=round(between(rng, (0.5, 0.89)), 3),
    )
