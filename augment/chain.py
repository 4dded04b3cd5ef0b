"""Effects one after the other: drawn from a recipe, kept as JSON, applied with one time map."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np

from augment.codec import Codec
from augment.edits import Crop, Cut, InsertSilence
from augment.effect import (
    Altered,
    Effect,
    Range,
    Samples,
    check_sample_rate,
    checked_samples,
    effect_from_dict,
    effect_named,
    range_names,
)
from augment.errors import EffectError
from augment.noise import Background, ColouredNoise, GaussianNoise
from augment.room import Reverb, Room
from augment.tempo import Pitch, Speed, Tempo
from augment.tone import Gain, HardClip, HighPass, LowPass, Telephone

Recipe: TypeAlias = Mapping[str, tuple[float, Mapping[str, Any]]]
"""Effect name → (probability in [0, 1], ranges for its `draw`), in the order of application."""


@dataclass(frozen=True)
class Chain:
    """Drawn effects in the order in which they are applied.

    >>> chain = Chain((Tempo(1.1), Gain(-6.0)))
    >>> altered = chain.apply(samples, 22050)
    >>> altered.time_map.to_source(10.0)  # about 11 s
    """

    effects: tuple[Effect, ...] = ()

    def apply(self, samples: Samples, sample_rate: int) -> Altered:
        """The samples after every effect, with one map from the result back to the input.

        `samples` and `sample_rate` as for `Effect.apply`; without effects, a copy.
        """
        check_sample_rate(sample_rate)
        altered = Altered.unmoved(checked_samples(samples).copy(), sample_rate)
        for effect in self.effects:
            step = effect.apply(altered.samples, sample_rate)
            altered = Altered(step.samples, altered.time_map.then(step.time_map))
        return altered

    def to_json(self) -> str:
        """JSON text that `from_json` turns into an equal chain."""
        return json.dumps({"effects": [effect.to_dict() for effect in self.effects]}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The chain that `to_json` wrote."""
        try:
            record = json.loads(text)
        except ValueError as problem:
            raise EffectError(f"this is not JSON ({problem}); give what a chain wrote") from problem
        if not isinstance(record, dict) or not isinstance(record.get("effects"), list):
            raise EffectError('this is no chain; give {"effects": [{"name": ...}, ...]}')
        return cls(tuple(effect_from_dict(effect) for effect in record["effects"]))


def draw_chain(
    rng: np.random.Generator, recipe: Recipe, *, duration_s: float | None = None
) -> Chain:
    """A chain drawn from a recipe: each effect with its probability, its numbers from its ranges.

    `duration_s` is the length of the recording that the chain is for. A recipe with effects
    that cut or put in needs it: each takes its place by the length that those before it leave.
    """
    check_recipe(recipe, has_duration=duration_s is not None)
    effects: list[Effect] = []
    left_s = duration_s or 0.0
    for name, (probability, ranges) in recipe.items():
        if rng.random() >= probability:
            continue
        effect_class = effect_named(name)
        options = {"duration_s": left_s} if "duration_s" in range_names(effect_class) else {}
        effect = effect_class.draw(rng, **{**options, **ranges})
        left_s = effect.output_duration_s(left_s)
        effects.append(effect)
    return Chain(tuple(effects))


def check_recipe(recipe: Recipe, *, has_duration: bool) -> None:
    """Raise EffectError unless `draw_chain` can draw every effect of the recipe."""
    for name, (probability, ranges) in recipe.items():
        legal = range_names(effect_named(name))
        if not 0 <= probability <= 1:
            raise EffectError(f"{name}: probability {probability} is not within 0 to 1; correct it")
        for key in ranges:
            if key not in legal:
                listed = ", ".join(legal) or "none"
                raise EffectError(f"{name} draws no {key!r}; its ranges: {listed}")
        if "duration_s" in legal and not (has_duration or "duration_s" in ranges):
            raise EffectError(f"{name} takes its place by the recording's length; give duration_s")


PAPER: Recipe = {
    "gaussian_noise": (0.5, {"amplitude": (0.001, 0.015)}),
    "reverb": (
        0.5,
        {"reverberance": (0.0, 20.0), "hf_damping": (0.0, 20.0), "room_scale": (0.0, 20.0)},
    ),
    "pitch": (0.5, {"shift_semitones": (-4.0, 4.0)}),
    "tempo": (0.5, {"factor": (0.8, 1.2)}),
}
"""The paper's augmentation with its ranges. It doesn't say how often each is used nor in which
order: even odds, and the order in which it lists them, are our reading."""

REAL_LIFE: Recipe = {
    "crop": (0.15, {}),
    "cut": (0.15, {}),
    "repeat": (0.1, {}),
    "insert_silence": (0.1, {}),
    "speed": (0.15, {}),
    "tempo": (0.35, {}),
    "pitch": (0.35, {}),
    "room": (0.2, {}),
    "reverb": (0.15, {"reverberance": (0.0, 80.0), "room_scale": (0.0, 100.0)}),
    "audiomentation": (0.1, {"transforms": ("AirAbsorption", "BitCrush", "TanhDistortion")}),
    "gaussian_noise": (0.1, {}),
    "coloured_noise": (0.3, {}),
    "equaliser": (0.3, {}),
    "low_pass": (0.1, {}),
    "high_pass": (0.1, {}),
    "telephone": (0.1, {}),
    "compressor": (0.2, {}),
    "soft_clip": (0.1, {}),
    "hard_clip": (0.1, {}),
    "gain": (0.4, {"gain_db": (-18.0, 0.0)}),
    "invert": (0.1, {}),
    "codec": (0.4, {}),
}
"""Every effect that needs no files, in the order of a recording's life: edited, played at
another speed, in a room, with noise, through equipment, into a file. Effects that bring in
other recordings are added with their files:
`{"background": (0.5, {"paths": paths}), **REAL_LIFE}`. `wsola_tempo` and `wsola_pitch` stay
out: what is measured with them must not be learned from them."""

RECIPES: dict[str, Recipe] = {"paper": PAPER, "real-life": REAL_LIFE}


def recipe_named(name: str) -> Recipe:
    """The recipe with this name, as the command line spells it."""
    if name not in RECIPES:
        raise EffectError(f"no recipe is named {name!r}; choose from {', '.join(RECIPES)}")
    return RECIPES[name]


# A chain from single wishes, in one sensible order whatever order they were made in.


@dataclass(frozen=True)
class Wishes:
    """What is wanted of a recording; what is None, empty or False is not wanted.

    `crop`, `cuts` (start, end) and `silences` (at, length) are seconds of the recording as it
    is given, however many there are: none shifts the times of another.
    """

    crop: Range | None = None
    cuts: tuple[Range, ...] = ()
    silences: tuple[Range, ...] = ()
    speed: float | None = None
    tempo: float | None = None
    shift_semitones: float | None = None
    rt60_s: float | None = None
    reverberance: float | None = None
    background: str | None = None
    background_snr_db: float = 10.0
    noise_snr_db: float | None = None
    noise_colour: str = "white"
    noise_amplitude: float | None = None
    highpass_hz: float | None = None
    lowpass_hz: float | None = None
    telephone: bool = False
    gain_db: float | None = None
    clip_over_db: float | None = None
    codec: str | None = None
    codec_kbps: float = 64.0
    seed: int = 0


def chain_of(wishes: Wishes) -> Chain:
    """The chain that grants the wishes: edits, speed, room, noise, filters, level, codec.

    That is the order of a recording's life, so that the noise is in the room and the codec
    compresses all of it. Edits run from the last to the first, so that each finds its place.
    """
    return Chain((*_edits(wishes), *_motion(wishes), *_surroundings(wishes), *_equipment(wishes)))


def _edits(wishes: Wishes) -> Iterator[Effect]:
    """The crop, then cuts and silences from the last to the first, in the crop's own time."""
    begin_s, end_s = wishes.crop or (0.0, float("inf"))
    if wishes.crop:
        yield Crop(begin_s, end_s)
    # A silence at the moment where a cut begins comes first, so that it isn't cut with it.
    cuts = [(start_s, True, cut_end_s) for start_s, cut_end_s in wishes.cuts]
    silences = [(at_s, False, length_s) for at_s, length_s in wishes.silences]
    next_start_s = end_s
    for at_s, is_cut, value_s in sorted(cuts + silences, reverse=True):
        last_s = value_s if is_cut else at_s
        if at_s < begin_s or last_s > end_s:
            raise EffectError(
                f"edit at {at_s:g} s is outside the crop of {begin_s:g} s to {end_s:g} s; move it"
            )
        if last_s > next_start_s:
            raise EffectError(
                f"edit at {at_s:g} s reaches into the one at {next_start_s:g} s; separate them"
            )
        next_start_s = at_s
        if is_cut:
            yield Cut(at_s - begin_s, value_s - begin_s)
        else:
            yield InsertSilence(at_s - begin_s, value_s)


def _motion(wishes: Wishes) -> Iterator[Effect]:
    if wishes.speed is not None:
        yield Speed(wishes.speed)
    if wishes.tempo is not None:
        yield Tempo(wishes.tempo)
    if wishes.shift_semitones is not None:
        yield Pitch(wishes.shift_semitones)


def _surroundings(wishes: Wishes) -> Iterator[Effect]:
    if wishes.rt60_s is not None:
        yield Room(wishes.rt60_s, direct_to_reverberant_db=3.0, seed=wishes.seed)
    if wishes.reverberance is not None:
        yield Reverb(wishes.reverberance)
    if wishes.background is not None:
        yield Background(wishes.background, offset_s=0.0, snr_db=wishes.background_snr_db)
    if wishes.noise_snr_db is not None:
        yield ColouredNoise(wishes.noise_snr_db, wishes.seed, wishes.noise_colour)
    if wishes.noise_amplitude is not None:
        yield GaussianNoise(wishes.noise_amplitude, wishes.seed)


def _equipment(wishes: Wishes) -> Iterator[Effect]:
    if wishes.highpass_hz is not None:
        yield HighPass(wishes.highpass_hz)
    if wishes.lowpass_hz is not None:
        yield LowPass(wishes.lowpass_hz)
    if wishes.telephone:
        yield Telephone()
    if wishes.gain_db is not None:
        yield Gain(wishes.gain_db)
    if wishes.clip_over_db is not None:
        yield HardClip(wishes.clip_over_db)
    if wishes.codec is not None:
        yield Codec(wishes.codec, wishes.codec_kbps)
