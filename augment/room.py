"""Reverberation: SoX's reverb, simulated rooms, and real rooms by their measured response."""

import math
from collections.abc import Sequence
from typing import Annotated, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from augment.effect import Effect, Number, Path, Rng, Samples, Seed, draw_path
from augment.errors import EffectError
from augment.noise import read_stretch, scaled_to_level

# Jezar's Freeverb (public domain): delays in samples at 44,100 Hz.
COMB_DELAYS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
ALLPASS_DELAYS = (225, 341, 441, 556)
ALLPASS_FEEDBACK = 0.5
WET_GAIN = 0.015
MIN_FEEDBACK, MAX_FEEDBACK = 0.3, 0.98
INAUDIBLE = 1e-7  # the impulse response is computed until its echoes have fallen to this: -140 dB

PerCent: TypeAlias = Annotated[float, Number(0, 100, drawn=(0.0, 20.0))]


class Reverb(Effect):
    """The sound with SoX's reverberation added, which lasts up to some seconds.

    `reverberance` (how long), `hf_damping` (how dull) and `room_scale` (how large) are SoX's per
    cent scales with SoX's defaults; the ranges for drawing are the paper's. As in SoX, the dry
    sound keeps its level and the tail after the last sample is dropped.
    """

    reverberance: PerCent = 50.0
    hf_damping: PerCent = 50.0
    room_scale: PerCent = 100.0

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        return _convolved(samples, self.impulse_response(sample_rate))

    def impulse_response(self, sample_rate: int) -> NDArray[np.float64]:
        """What one sample of 1.0 becomes, dry sound included, down to -140 dB.

        The response of the linear filters is known in closed form on the frequency axis; one
        inverse transform replaces eight feedback loops.
        """
        from scipy.fft import irfft, next_fast_len

        # SoX's mappings of its scales: the share of a comb's echo that is fed back, and the pole of
        # the low-pass in each comb.
        a = -1 / math.log(1 - MIN_FEEDBACK)
        b = 100 / (math.log(1 - MAX_FEEDBACK) * a + 1)
        feedback = 1 - math.exp((self.reverberance - b) / (a * b))
        damping = self.hf_damping / 100 * 0.3 + 0.2
        scale, per_44100 = self.room_scale / 100 * 0.9 + 0.1, sample_rate / 44100
        combs = [int(scale * per_44100 * delay + 0.5) for delay in COMB_DELAYS]
        allpasses = [int(per_44100 * delay + 0.5) for delay in ALLPASS_DELAYS]
        # So long that every echo falls to INAUDIBLE, and none wraps around.
        comb_echoes, allpass_echoes = (
            math.log(INAUDIBLE) / math.log(share) for share in (feedback, ALLPASS_FEEDBACK)
        )
        least = math.ceil(comb_echoes * max(combs) + allpass_echoes * sum(allpasses)) + 1
        length = next_fast_len(least, real=True)
        low_pass = (1 - damping) / (1 - damping * _delayed(length, 1))
        delays = (_delayed(length, delay) for delay in combs)
        wet = sum(delayed / (1 - feedback * low_pass * delayed) for delayed in delays)
        for delay in allpasses:
            delayed = _delayed(length, delay)
            wet *= ((1 + ALLPASS_FEEDBACK) * delayed - 1) / (1 - ALLPASS_FEEDBACK * delayed)
        return np.asarray(irfft(1 + WET_GAIN * wet, length), dtype=np.float64)


def _delayed(length: int, delay: int) -> NDArray[np.complex128]:
    """Frequency response, on the axis of a real transform of `length`, of a delay in samples."""
    turns = (np.arange(length // 2 + 1) * delay % length) / length
    return np.asarray(np.exp(-2j * np.pi * turns), dtype=np.complex128)


FIRST_REFLECTION_S = 0.004  # the first echo arrives so much after the direct sound: 1.4 m of detour

LONGEST_RESPONSE_S = 20.0
ONSET = 0.1  # direct sound arrives where a measured response first reaches this share of its peak


class Room(Effect):
    """The sound in a simulated room; the direct sound keeps its place and its level.

    Polack's statistical model: Gaussian noise that decays exponentially, 60 dB in `rt60_s`.
    `direct_to_reverberant_db` is the power of the direct sound over that of all echoes: a high
    value means close to the microphone. `seed` picks the room.
    """

    rt60_s: Annotated[float, Number(0.05, 10, drawn=(0.2, 1.5), log=True)]
    direct_to_reverberant_db: Annotated[float, Number(-30, 40, drawn=(-3.0, 15.0))]
    seed: Seed

    def impulse_response(self, sample_rate: int) -> Samples:
        """The room's answer to one sample of 1.0: that sample, a pause, then a decaying tail."""
        times = np.arange(1, round(1.2 * self.rt60_s * sample_rate)) / sample_rate
        noise = np.random.default_rng(self.seed).standard_normal(times.size)
        tail = np.where(times < FIRST_REFLECTION_S, 0, noise * 10 ** (-3 * times / self.rt60_s))
        tail *= np.sqrt(10 ** (-self.direct_to_reverberant_db / 10) / np.sum(tail**2))
        return np.concatenate([[1.0], tail]).astype(np.float32)

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        return _convolved(samples, self.impulse_response(sample_rate).astype(np.float64))


class RoomResponse(Effect):
    """The sound in a room whose measured impulse response is in a file, as loud as before.

    As in ISO 3382-1, the response begins where it first comes within 20 dB of its peak; what is
    before is dropped, so the direct sound keeps its place. At most 20 s of the response are
    used. Measured responses come at any level, so the result gets the power of the recording.
    """

    path: Path

    @classmethod
    def draw(cls, rng: Rng, *, paths: Sequence[str] = ()) -> Self:
        """One of the files."""
        return cls(draw_path(rng, cls.name, paths))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        response = read_stretch(self.path, sample_rate, start_s=0.0, length_s=LONGEST_RESPONSE_S)
        if not response.any():
            raise EffectError(f"room_response: {self.path!r} is silent; give an impulse response")
        onset = int(np.argmax(np.abs(response) >= ONSET * np.abs(response).max()))
        wet = _convolved(samples, response[onset:].astype(np.float64))
        return scaled_to_level(wet, samples, level_db=0.0)


def _convolved(samples: Samples, response: NDArray[np.float64]) -> Samples:
    """The samples with an impulse response, as long as they were."""
    from scipy.signal import oaconvolve

    response = response[: samples.size]
    wet = oaconvolve(samples.astype(np.float64), response)[: samples.size]
    return np.asarray(wet, dtype=np.float32)
