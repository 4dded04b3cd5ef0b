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
from augment.background import Background
from augment.chain import PAPER, REAL_LIFE, RECIPES, Chain, Recipe, draw_chain
from augment.clip import HardClip, SoftClip
from augment.codec import Codec
from augment.compress import Compressor
from augment.cut import Crop, Cut
from augment.effect import EFFECTS, Altered, Effect, effect_from_dict
from augment.equaliser import Equaliser
from augment.errors import EffectError, InputError
from augment.filters import HighPass, LowPass, Telephone
from augment.gain import Gain, Invert
from augment.insert import InsertRecording, InsertSilence
from augment.mix import Mix
from augment.noise import ColouredNoise, GaussianNoise
from augment.pitch import Pitch
from augment.repeat import Repeat
from augment.reverb import Reverb
from augment.room import Room, RoomResponse
from augment.speed import Speed
from augment.tempo import Tempo
from augment.timemap import Span, TimeMap
from augment.wsola import WsolaPitch, WsolaTempo

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
