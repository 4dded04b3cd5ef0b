"""Altered copies of recordings to train on, so that a detector learns the voice and not the file.

Every copy is a function `copy(samples, rate_hz, rng)`: from mono float32 samples (n,) to as many
that sound different. The effects are those of the package `augment`.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from augment.codec import Codec
from augment.effect import Effect, Range, Samples, uniform
from augment.noise import ColouredNoise, GaussianNoise, scaled_to_level
from augment.room import Room
from augment.tempo import Pitch, Tempo, resample, with_length
from augment.tone import Compressor, Equaliser, Gain, HighPass, LowPass

Copy: TypeAlias = Callable[[Samples, int, np.random.Generator], Samples]

# Formats: what is left of a voice in a small file, or in a narrow band.

LOW_KBPS = {"mp3": (24, 64), "aac": (24, 64), "opus": (12, 24)}
"""Bit rates at which a codec takes traces of synthesis away."""
CODEC_RATES_HZ = (16_000, 22_050, 24_000, 32_000, 44_100)
"""Sample rates of small mp3 and AAC files; a codec discards other things at each."""
BAND_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000)
BAND_EDGE_HZ: Range = (3_400.0, 8_000.0)


def codec_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples through mp3 or AAC, at one of `CODEC_RATES_HZ`, or Opus."""
    name = str(rng.choice(list(LOW_KBPS)))
    codec = Codec.draw(rng, codecs=(name,), kbps=LOW_KBPS[name])
    return _coded(
        codec, samples, rate_hz, rate_hz if name == "opus" else rng.choice(CODEC_RATES_HZ)
    )


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


def _coded(codec: Codec, samples: Samples, rate_hz: int, own_hz: int) -> Samples:
    """The samples after a codec that works at a rate of its own."""
    coded = _applied(codec, resample(samples, rate_hz, int(own_hz)), int(own_hz))
    return with_length(resample(coded, int(own_hz), rate_hz), samples.size)


# Scenes: what real recordings have and demonstrations of synthesisers lack.

TALKER_SPEED, TALKER_BELOW_DB = (0.8, 1.25), (0.0, 15.0)
TELEPHONES = ("g711_mulaw", "g711_alaw", "amr_nb", "opus_voip")
TELEPHONE_HZ = 8_000


def talker_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples with a second talker: the same voice at another speed, at times backwards.

    So a human voice stays human throughout, and a synthetic one synthetic.
    """
    voice = samples if rng.random() < 0.7 else samples[::-1]
    voice = resample(voice, rate_hz, round(rate_hz * uniform(rng, TALKER_SPEED)))
    voice = np.roll(np.resize(voice, samples.size), int(rng.integers(samples.size)))
    below_db = uniform(rng, TALKER_BELOW_DB)
    return samples + scaled_to_level(voice, samples, level_db=-below_db)


def room_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples in a simulated room of 0.1 to 0.8 s, near the microphone or further off."""
    room = Room.draw(rng, rt60_s=(0.1, 0.8), direct_to_reverberant_db=(0.0, 20.0))
    return _applied(room, samples, rate_hz)


def noise_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples with white, pink or brown noise, 5 to 35 dB below them."""
    return _applied(ColouredNoise.draw(rng, snr_db=(5.0, 35.0)), samples, rate_hz)


def telephone_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples without their lowest band, through a telephone's codec at 8 kHz."""
    samples = _applied(HighPass.draw(rng, cutoff_hz=(150.0, 350.0)), samples, rate_hz)
    return _coded(Codec.draw(rng, codecs=TELEPHONES), samples, rate_hz, TELEPHONE_HZ)


def equipment_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples equalised by ±6 dB, at times compressed."""
    samples = _applied(Equaliser.draw(rng, gain_db=(-6.0, 6.0)), samples, rate_hz)
    return _applied(Compressor.draw(rng), samples, rate_hz) if rng.random() < 0.3 else samples


SCENES: Sequence[tuple[Copy, float]] = (
    (talker_copy, 0.35), (room_copy, 0.35), (noise_copy, 0.35), (equipment_copy, 0.3),
    (telephone_copy, 0.3),
)  # fmt: skip
"""What happens to a voice before it is recorded, in this order, with probabilities."""


def scene_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples as in `SCENES`, altered in one way at least."""
    chosen = [copy for copy, probability in SCENES if rng.random() < probability]
    for copy in chosen or [SCENES[int(rng.integers(len(SCENES)))][0]]:
        samples = copy(samples, rate_hz, rng)
    return samples


def our_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples through a codec (half of all), in a scene (three eighths) or in a narrow band."""
    copy = (scene_copy, scene_copy, scene_copy, codec_copy, codec_copy, codec_copy, codec_copy,
            band_copy)[int(rng.integers(8))]  # fmt: skip
    return copy(samples, rate_hz, rng)


def _applied(effect: Effect, samples: Samples, rate_hz: int) -> Samples:
    return with_length(effect.apply(samples, rate_hz).samples, samples.size)


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
        effect = Tempo.draw(rng, factor=(0.8, 1.25))
        altered = np.resize(effect.apply(altered, rate_hz).samples, samples.size)
    if pitch:
        altered = _applied(Pitch.draw(rng, shift_semitones=(-4.0, 4.0)), altered, rate_hz)
    if shift:
        altered = np.roll(altered, int(rng.integers(samples.size)))
    if gain:
        altered = _applied(Gain.draw(rng, gain_db=(-12.0, 6.0)), altered, rate_hz)
    return altered
