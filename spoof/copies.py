"""Altered copies of recordings to train on, so that a detector learns the voice and not the file.

Every copy is a function `copy(samples, rate_hz, rng)`: from mono float32 samples (n,) to as many
that sound different. The effects are those of the package `augment`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from augment.codec import Codec
from augment.effect import Effect, Range, Samples, uniform
from augment.noise import ColouredNoise, GaussianNoise, scaled_to_level
from augment.room import Room
from augment.tempo import Pitch, Tempo, resample, with_length
from augment.tone import Compressor, Equaliser, Gain, HighPass, Invert, LowPass, SoftClip
from cqtnet.music import make_music

Copy: TypeAlias = Callable[[Samples, int, np.random.Generator], Samples]

# Background sounds. No files are needed: talkers are made of the voice itself, music is composed.

MOST_TALKERS = 5
TALKER_RATES = (0.9, 1.1)
"""Limits of the speed of the voices in the background."""
SWELLS_PER_S, SWELL = 3, 0.8
"""How often the noise of a place changes its level, and the standard deviation in nepers."""
PIECES, PIECE_S = 12, 12.0
"""Pieces of music, and the seconds of each."""
MAINS_HZ, HARMONICS = (50.0, 60.0), 11
_piece = functools.cache(make_music)


def surroundings_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples with talkers, the noise of a place, music or hum, 3 to 30 dB below them."""
    make, below_db = SURROUNDINGS[int(rng.integers(len(SURROUNDINGS)))]
    background = make(samples, rate_hz, rng)
    return samples + scaled_to_level(background, samples, level_db=-uniform(rng, below_db))


def talkers(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """One to five voices (n,): the same one, moved, perhaps backwards, at another pitch."""
    total = np.zeros_like(samples)
    for _ in range(int(rng.integers(1, MOST_TALKERS + 1))):
        voice = samples if rng.random() < 0.5 else samples[::-1]
        voice = resample(voice, rate_hz, round(rate_hz * uniform(rng, TALKER_RATES)))
        loudness = np.float32(rng.uniform(0.3, 1.0))
        total += loudness * np.roll(np.resize(voice, samples.size), int(rng.integers(voice.size)))
    return total


def place(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """White, pink or brown noise (n,) that swells and fades."""
    noise = ColouredNoise.draw(rng, snr_db=(0.0, 0.0)).apply(samples, rate_hz).samples - samples
    count = 2 + round(SWELLS_PER_S * samples.size / rate_hz)
    levels = rng.normal(0, SWELL, count)
    course = np.interp(np.linspace(0, count - 1, samples.size), np.arange(count), levels)
    return (noise * np.exp(course)).astype(np.float32)


def music(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """Music (n,) of our own, from anywhere in one of twelve pieces."""
    piece = _piece(int(rng.integers(PIECES)), duration_s=PIECE_S, sample_rate=rate_hz)
    return np.resize(np.roll(piece, -int(rng.integers(piece.size))), samples.size)


def hum(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The mains frequency and its harmonics (n,), at random levels."""
    harmonics = np.arange(1, HARMONICS + 1)
    turns = np.arange(samples.size)[:, None] * harmonics * rng.choice(MAINS_HZ) / rate_hz
    loudness = rng.uniform(0, 1, HARMONICS) / harmonics
    waves = np.sin(2 * np.pi * (turns + rng.uniform(0, 1, HARMONICS)))
    return np.asarray(waves @ loudness, np.float32)


SURROUNDINGS: Sequence[tuple[Copy, tuple[float, float]]] = (
    (talkers, (3.0, 20.0)), (place, (3.0, 25.0)), (music, (5.0, 25.0)), (hum, (5.0, 30.0)),
)  # fmt: skip
"""Background sounds, and how many dB below the voice they are."""

# Formats, noise and equipment.

CODEC_FAMILIES: Sequence[Sequence[str]] = (
    ("mp3",), ("aac",), ("opus", "opus_voip"), ("vorbis",),
    ("amr_nb", "g711_alaw", "g711_mulaw", "g722"),
)  # fmt: skip
"""All families are equally likely: the many codecs of telephones would dominate otherwise."""
LOW_KBPS = {"mp3": (12, 64), "aac": (12, 64), "opus": (6, 32), "vorbis": (32, 64)}
"""Bit rates at which a codec is audibly worse, by a family's first codec."""
CODEC_RATES_HZ = (16_000, 22_050, 24_000, 32_000)
"""Sample rates of small mp3 and AAC files; a codec discards other things at each."""
BAND_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000)
BAND_EDGE_HZ: Range = (3_400.0, 8_000.0)
DC_OFFSET: Range = (-0.02, 0.02)


def codec_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples through a lossy codec: mp3, AAC, Opus, Vorbis, or one of telephones.

    Half the time bit rates are low (`LOW_KBPS`), and mp3 and AAC code at one of `CODEC_RATES_HZ`.
    """
    family = CODEC_FAMILIES[int(rng.integers(len(CODEC_FAMILIES)))]
    if rng.random() < 0.5:
        return _applied(Codec.draw(rng, codecs=family), samples, rate_hz)
    codec = Codec.draw(rng, codecs=family, kbps=LOW_KBPS.get(family[0]))
    if codec.codec not in ("mp3", "aac"):
        return _applied(codec, samples, rate_hz)
    own_hz = CODEC_RATES_HZ[int(rng.integers(len(CODEC_RATES_HZ)))]
    coded = _applied(codec, resample(samples, rate_hz, own_hz), own_hz)
    return with_length(resample(coded, own_hz, rate_hz), samples.size)


def noise_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples with white, pink or brown noise, 10 to 40 dB below them."""
    return _applied(ColouredNoise.draw(rng, snr_db=(10.0, 40.0)), samples, rate_hz)


def band_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples without their upper band: a low-pass at 3.4 to 8 kHz, or a lower rate and back.

    The low-pass stays below half the rate, so that something is always taken away.
    """
    lower = [rate for rate in BAND_RATES_HZ if rate < rate_hz]
    if lower and rng.random() < 0.5:
        rate = lower[int(rng.integers(len(lower)))]
        restored = resample(resample(samples, rate_hz, rate), rate, rate_hz)
        return with_length(restored, samples.size)
    highest_hz = min(BAND_EDGE_HZ[1], 0.45 * rate_hz)
    edge_hz = (min(BAND_EDGE_HZ[0], 0.9 * highest_hz), highest_hz)
    return _applied(LowPass.draw(rng, cutoff_hz=edge_hz), samples, rate_hz)


def level_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples 24 dB softer to 6 dB louder; at times compressed or softly clipped."""
    if rng.random() < 0.3:
        samples = _applied(Compressor.draw(rng), samples, rate_hz)
    if rng.random() < 0.2:
        samples = _applied(SoftClip.draw(rng), samples, rate_hz)
    return _applied(Gain.draw(rng, gain_db=(-24.0, 6.0)), samples, rate_hz)


def room_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples in a simulated room of 0.1 to 0.8 s, near the microphone or further off."""
    room = Room.draw(rng, rt60_s=(0.1, 0.8), direct_to_reverberant_db=(0.0, 20.0))
    return _applied(room, samples, rate_hz)


def equipment_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples equalised by ±6 dB; at times inverted, high-passed or with a DC offset."""
    samples = _applied(Equaliser.draw(rng, gain_db=(-6.0, 6.0)), samples, rate_hz)
    if rng.random() < 0.5:
        samples = _applied(Invert.draw(rng), samples, rate_hz)
    if rng.random() < 0.3:
        samples = _applied(HighPass.draw(rng, cutoff_hz=(40.0, 200.0)), samples, rate_hz)
    if rng.random() < 0.3:
        samples = samples + np.float32(uniform(rng, DC_OFFSET))
    return samples


def _applied(effect: Effect, samples: Samples, rate_hz: int) -> Samples:
    return effect.apply(samples, rate_hz).samples


def s2_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples as one of S2's sixty: noise, tempo, pitch, shift and gain, each at even odds.

    S2 says "60×" and no more. These are the first example of the library audiomentations, ranges
    included, and gain. A faster tempo is filled up from the beginning.
    """
    noise, tempo, pitch, shift, gain = rng.random(5) < 0.5
    altered = samples.copy()
    if noise:
        altered = _applied(GaussianNoise.draw(rng, amplitude=(0.001, 0.015)), altered, rate_hz)
    if tempo:
        faster = _applied(Tempo.draw(rng, factor=(0.8, 1.25)), altered, rate_hz)
        altered = np.resize(faster, samples.size)
    if pitch:
        altered = _applied(Pitch.draw(rng, shift_semitones=(-4.0, 4.0)), altered, rate_hz)
    if shift:
        altered = np.roll(altered, int(rng.integers(samples.size)))
    if gain:
        altered = _applied(Gain.draw(rng, gain_db=(-12.0, 6.0)), altered, rate_hz)
    return altered


REAL_LIFE: Sequence[tuple[Copy, float]] = (
    (surroundings_copy, 0.5), (room_copy, 0.25), (equipment_copy, 0.5), (noise_copy, 0.25),
    (level_copy, 0.5), (band_copy, 0.4), (codec_copy, 0.6),
)  # fmt: skip
"""What happens to a recording before it reaches us, in this order, with probabilities."""


def our_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples with a narrower band, or through a codec, or altered as in `REAL_LIFE`.

    Half of the copies have the first or the second alone, since rooms and noise would hide them.
    The others have three of the seven on average, one at least.
    """
    if rng.random() < 0.5:
        alone = band_copy if rng.random() < 0.5 else codec_copy
        return alone(samples, rate_hz, rng)
    chosen = [copy for copy, probability in REAL_LIFE if rng.random() < probability]
    for copy in chosen or [codec_copy]:
        samples = copy(samples, rate_hz, rng)
    return samples
