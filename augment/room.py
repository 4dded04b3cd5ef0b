"""Rooms: a simulated one with a reverberation time, or a real one's measured response."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from augment.effect import Altered, Effect, Range, Samples, draw_seed, log_uniform, uniform
from augment.errors import EffectError
from augment.level import scaled_to_level
from augment.recordings import draw_path, read_stretch

FIRST_REFLECTION_S = 0.004
"""The first echo arrives so much after the direct sound: 1.4 m of detour."""

LONGEST_RESPONSE_S = 20.0
ONSET = 0.1
"""Of its peak; where a response first reaches it, the direct sound arrives."""


@dataclass(frozen=True)
class Room(Effect):
    """The sound in a simulated room; the direct sound keeps its place and its level.

    Polack's statistical model: Gaussian noise that decays exponentially, 60 dB in `rt60_s`
    (0.05 to 10 s). `direct_to_reverberant_db` (-30 to 40) is the power of the direct sound
    over that of all echoes: high is close to the microphone. `seed` picks the room.
    """

    name = "room"
    rt60_s: float
    direct_to_reverberant_db: float
    seed: int

    def __post_init__(self) -> None:
        self._check_limits(rt60_s=(0.05, 10), direct_to_reverberant_db=(-30, 40))
        self._check_seed(self.seed)

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        rt60_s: Range = (0.2, 1.5),
        direct_to_reverberant_db: Range = (-3.0, 15.0),
    ) -> Self:
        """A time drawn evenly on a logarithmic scale, a ratio evenly in dB."""
        return cls(log_uniform(rng, rt60_s), uniform(rng, direct_to_reverberant_db), draw_seed(rng))

    def impulse_response(self, sample_rate: int) -> Samples:
        """The room's answer to one sample of 1.0: that sample, a pause, then a decaying tail."""
        times = np.arange(1, round(1.2 * self.rt60_s * sample_rate)) / sample_rate
        noise = np.random.default_rng(self.seed).standard_normal(times.size)
        tail = np.where(times < FIRST_REFLECTION_S, 0, noise * 10 ** (-3 * times / self.rt60_s))
        tail *= np.sqrt(10 ** (-self.direct_to_reverberant_db / 10) / np.sum(tail**2))
        return np.concatenate([[1.0], tail]).astype(np.float32)

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        wet = _in_room(samples, self.impulse_response(sample_rate))
        return Altered.unmoved(wet, sample_rate)


@dataclass(frozen=True)
class RoomResponse(Effect):
    """The sound in the room whose measured impulse response is in a file, as loud as before.

    The response begins where it first comes within 20 dB of its peak, as ISO 3382-1 has it:
    what is before is dropped, so that the direct sound keeps its place. At most 20 s of it are
    used. Measured responses come at any level, so the result gets the power of the recording.
    """

    name = "room_response"
    path: str

    def __post_init__(self) -> None:
        self._check_path(self.path)

    @classmethod
    def draw(cls, rng: np.random.Generator, *, paths: Sequence[str] = ()) -> Self:
        """One of the files."""
        return cls(draw_path(rng, cls.name, paths))

    def _alter(self, samples: Samples, sample_rate: int) -> Altered:
        response = read_stretch(self.path, sample_rate, start_s=0.0, length_s=LONGEST_RESPONSE_S)
        loud = np.abs(response) >= ONSET * np.abs(response).max()
        if not response.any():
            raise EffectError(f"room_response: {self.path!r} is silent; give an impulse response")
        wet = _in_room(samples, response[int(np.argmax(loud)) :])
        return Altered.unmoved(scaled_to_level(wet, samples, level_db=0.0), sample_rate)


def _in_room(samples: Samples, response: Samples) -> Samples:
    from scipy.signal import oaconvolve

    response = response[: samples.size]
    wet = oaconvolve(samples.astype(np.float64), response.astype(np.float64))[: samples.size]
    return np.asarray(wet, dtype=np.float32)
