"""Alterations of audio: arrays in, arrays out, every draw replayable, every time shift mapped.

An effect is drawn first and applied after; what was drawn is plain data that replays bit for
bit, and what comes back says where each moment came from.

>>> rng = np.random.default_rng(0)
>>> chain = draw_chain(rng, PAPER)
>>> altered = chain.apply(samples, 22050)  # altered.samples, altered.time_map
>>> Chain.from_json(chain.to_json()) == chain
True
"""

from augment.audiomentation import Audiomentation
from augment.chain import PAPER, REAL_LIFE, RECIPES, Chain, Recipe, draw_chain
from augment.codec import Codec
from augment.edits import Crop, Cut, InsertRecording, InsertSilence, Mix, Repeat
from augment.effect import EFFECTS, Altered, Effect, effect_from_dict
from augment.errors import EffectError, InputError
from augment.noise import Background, ColouredNoise, GaussianNoise
from augment.room import Reverb, Room, RoomResponse
from augment.tempo import Pitch, Speed, Tempo, WsolaPitch, WsolaTempo
from augment.timemap import Span, TimeMap
from augment.tone import (
    Compressor,
    Equaliser,
    Gain,
    HardClip,
    HighPass,
    Invert,
    LowPass,
    SoftClip,
    Telephone,
)

__all__ = [
    "EFFECTS",
    "PAPER",
    "REAL_LIFE",
    "RECIPES",
    "Altered",
    "Audiomentation",
    "Background",
    "Chain",
    "Codec",
    "ColouredNoise",
    "Compressor",
    "Crop",
    "Cut",
    "Effect",
    "EffectError",
    "Equaliser",
    "Gain",
    "GaussianNoise",
    "HardClip",
    "HighPass",
    "InputError",
    "InsertRecording",
    "InsertSilence",
    "Invert",
    "LowPass",
    "Mix",
    "Pitch",
    "Recipe",
    "Repeat",
    "Reverb",
    "Room",
    "RoomResponse",
    "SoftClip",
    "Span",
    "Speed",
    "Telephone",
    "Tempo",
    "TimeMap",
    "WsolaPitch",
    "WsolaTempo",
    "draw_chain",
    "effect_from_dict",
]
