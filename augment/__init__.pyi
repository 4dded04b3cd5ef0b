from .codec import Codec
from .edits import Crop, Cut, InsertRecording, InsertSilence, Mix, Repeat
from .effect import (
    EFFECTS,
    PAPER,
    REAL_LIFE,
    RECIPES,
    Altered,
    Chain,
    Effect,
    Recipe,
    draw_chain,
    effect_from_dict,
)
from .errors import EffectError, InputError
from .noise import Background, ColouredNoise, GaussianNoise
from .room import Reverb, Room, RoomResponse
from .tempo import Pitch, Speed, Tempo, WsolaPitch, WsolaTempo
from .timemap import Span, TimeMap
from .tone import (
    Audiomentation,
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

# fmt: off
__all__ = [
    "EFFECTS", "PAPER", "REAL_LIFE", "RECIPES", "Altered", "Audiomentation", "Background", "Chain",
    "Codec", "ColouredNoise", "Compressor", "Crop", "Cut", "Effect", "EffectError", "Equaliser",
    "Gain", "GaussianNoise", "HardClip", "HighPass", "InputError", "InsertRecording",
    "InsertSilence", "Invert", "LowPass", "Mix", "Pitch", "Recipe", "Repeat", "Reverb", "Room",
    "RoomResponse", "SoftClip", "Span", "Speed", "Telephone", "Tempo", "TimeMap", "WsolaPitch",
    "WsolaTempo", "draw_chain", "effect_from_dict",
]
# fmt: on
