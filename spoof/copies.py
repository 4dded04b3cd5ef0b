"""Altered copies of recordings to train on, so that a detector learns the voice and not the file.

Every copy is a function `copy(samples, rate_hz, rng)`: from mono float32 samples (n,) to as many
that sound different. The effects are those of the package `augment`.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from augment.codec import Codec
from augment.effect import Effect, Range, Samples
from augment.noise import GaussianNoise
from augment.tempo import Pitch, Tempo, resample, with_length
from augment.tone import Gain, LowPass

Copy: TypeAlias = Callable[[Samples, int, np.random.Generator], Samples]

LOW_KBPS = {"mp3": (24, 64), "aac": (24, 64), "opus": (12, 24)}
"""Bit rates at which a codec takes traces of synthesis away."""
CODEC_RATES_HZ = (16_000, 22_050, 24_000)
"""Sample rates of small mp3 and AAC files; a codec discards other things at each."""
BAND_RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000)
BAND_EDGE_HZ: Range = (3_400.0, 8_000.0)


def our_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples through a codec at a low bit rate; a quarter have a narrower band instead."""
    return (band_copy if rng.random() < 0.25 else codec_copy)(samples, rate_hz, rng)


def codec_copy(samples: Samples, rate_hz: int, rng: np.random.Generator) -> Samples:
    """The samples through mp3 or AAC, at one of `CODEC_RATES_HZ`, or Opus."""
    name = str(rng.choice(list(LOW_KBPS)))
    codec = Codec.draw(rng, codecs=(name,), kbps=LOW_KBPS[name])
    own_hz = rate_hz if name == "opus" else int(rng.choice(CODEC_RATES_HZ))
    coded = _applied(codec, resample(samples, rate_hz, own_hz), own_hz)
    return with_length(resample(coded, own_hz, rate_hz), samples.size)


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
