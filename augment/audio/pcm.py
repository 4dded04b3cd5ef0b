"""Uncompressed recordings (WAV, RF64, Wave64, AIFF, CAF), read by libsndfile; the mix to mono."""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from augment.audio.files import StrPath
from augment.audio.integrity import AudioInfo, Integrity, chunked_length

PIECE_VALUES = 1 << 17
"""Samples of all channels that are mixed down together."""
LOUDEST = 2.0**32
"""Nothing real is 190 dB over full scale; its square still fits float32."""
FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "f4": 1.0, "f8": 1.0}
"""What stands for 1.0, by numpy type; unsigned bytes also have their zero at 128."""
SAMPLE_FORMATS = {"u8", "s16", "s32", "flt", "dbl"}  # FFmpeg's names of these types


class Mixed(NamedTuple):
    """The mean of the channels, and what it does not show."""

    samples: NDArray[np.float32]  # (n,) in -1 to 1
    not_finite: int  # samples that were no numbers
    energy: float  # sum of squares, mean of the channels: far above that of `samples`, they cancel


def mixed_down(planes: NDArray[Any]) -> Mixed:
    """The mean of `planes`, of shape (channels, n) in one of FFmpeg's sample types.

    NaN, infinities and values beyond `LOUDEST` count as silence.
    """
    not_finite = 0
    if planes.dtype.kind == "f":
        planes, not_finite = _silenced(planes)
    full_scale = FULL_SCALE[planes.dtype.str[1:]]
    channels = planes.shape[0]
    floats = planes.astype(np.float32, copy=False)
    if planes.dtype.kind == "u":
        floats = floats - np.float32(full_scale)
    # A matrix product: numpy's mean over two interleaved channels is six times slower.
    mono = np.full(channels, 1 / (full_scale * channels), dtype=np.float32) @ floats
    energy = float(np.vdot(floats, floats)) / (channels * full_scale**2)
    return Mixed(mono, not_finite, energy)


def _silenced(planes: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The samples with 0 for whatever is no number, and how many these were."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        if planes.min(initial=0) >= -LOUDEST and planes.max(initial=0) <= LOUDEST:  # False for NaN
            return planes, 0
        good = np.abs(planes) <= LOUDEST
    return np.where(good, planes, 0), int(good.size - np.count_nonzero(good))


# FFmpeg's names for libsndfile's formats and sample types. What is not here, such as MP3 in a WAV,
# is left to FFmpeg.
# fmt: off
FORMATS = {
    "WAV": "wav", "WAVEX": "wav", "RF64": "wav", "W64": "w64", "AIFF": "aiff", "CAF": "caf",
}
CODECS = {
    "PCM_S8": "pcm_s8", "PCM_U8": "pcm_u8", "PCM_16": "pcm_s16", "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32", "FLOAT": "pcm_f32", "DOUBLE": "pcm_f64", "ALAW": "pcm_alaw",
    "ULAW": "pcm_mulaw",
}
# fmt: on


class PcmSource:
    """A recording opened by libsndfile."""

    def __init__(
        self, path: StrPath, file: BinaryIO, sound: Any, *, declared_s: float | None
    ) -> None:
        self._file, self._sound = file, sound
        # libsndfile counts the frames that are there, whatever the header declares.
        self.expected_s: float | None = sound.frames / sound.samplerate
        kind, codec = FORMATS[sound.format], CODECS[sound.subtype]
        rate, channels, size = sound.samplerate, sound.channels, os.fstat(file.fileno()).st_size
        self.info = AudioInfo(os.fsdecode(path), kind, codec, rate, channels, declared_s, size)
        self.integrity = Integrity(self.info, left_open=declared_s is None)

    @classmethod
    def opened(cls, path: StrPath, file: BinaryIO) -> Self | None:
        """The recording, or None where FFmpeg should read the file."""
        length = chunked_length(file)
        if length is None:
            return None
        try:
            # By name: through a Python file, a wild offset in a header prints a traceback.
            sound = soundfile.SoundFile(os.fsencode(path))
        except soundfile.SoundFileError:
            return None
        # No frames although the header left the length open: the recorder crashed before it wrote
        # the length. FFmpeg reads such a file to its end.
        lost = sound.frames == 0 and length.seconds is None
        if lost or sound.format not in FORMATS or sound.subtype not in CODECS:
            sound.close()
            return None
        return cls(path, file, sound, declared_s=length.seconds)

    def seek(self, second: int) -> int:
        """Move to a whole second, or stay at the beginning where the file has no such second."""
        rate = self.info.sample_rate
        if not 0 < second * rate < self._sound.frames:
            return 0
        self._sound.seek(second * rate)
        return second

    def planes(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Sample rate in Hz and samples of shape (channels, n), in pieces of useful size."""
        size = max(PIECE_VALUES // self.info.channels, 1)
        while True:
            try:
                frames = self._sound.read(size, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as error:
                self.integrity.stopped = " ".join(str(error).split())
                return
            if not len(frames):
                return
            self.integrity.packets += 1
            yield self.info.sample_rate, frames.T

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._sound.close()
        self._file.close()
