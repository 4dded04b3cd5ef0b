"""Uncompressed recordings (WAV, RF64, Wave64, AIFF, CAF), read by libsndfile."""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO, Self

import soundfile
from numpy.typing import NDArray

from cqtnet.audio.account import Account, AudioInfo
from cqtnet.audio.files import StrPath
from cqtnet.audio.header import chunked_length
from cqtnet.audio.mixdown import PIECE_VALUES

# FFmpeg's names for libsndfile's formats and sample types. Whatever is not here, MP3 in a WAV for
# one, is left to FFmpeg.
FORMATS = {
    "WAV": "wav",
    "WAVEX": "wav",
    "RF64": "wav",
    "W64": "w64",
    "AIFF": "aiff",
    "CAF": "caf",
}
CODECS = {
    "PCM_S8": "pcm_s8",
    "PCM_U8": "pcm_u8",
    "PCM_16": "pcm_s16",
    "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32",
    "FLOAT": "pcm_f32",
    "DOUBLE": "pcm_f64",
    "ALAW": "pcm_alaw",
    "ULAW": "pcm_mulaw",
}


class PcmSource:
    """A recording opened by libsndfile; see `cqtnet.audio.source.Source`."""

    def __init__(
        self, path: StrPath, file: BinaryIO, sound: Any, *, declared_s: float | None
    ) -> None:
        self._file, self._sound = file, sound
        # libsndfile counts the frames that are there, whatever the header declares.
        self.expected_s: float | None = sound.frames / sound.samplerate
        self.info = AudioInfo(
            path=os.fsdecode(path),
            format=FORMATS[sound.format],
            codec=CODECS[sound.subtype],
            sample_rate=sound.samplerate,
            channels=sound.channels,
            declared_duration_s=declared_s,
            bytes=os.fstat(file.fileno()).st_size,
        )
        self.account = Account(self.info, left_open=declared_s is None)

    @classmethod
    def opened(cls, path: StrPath, file: BinaryIO) -> Self | None:
        """The recording, or None where FFmpeg had better read the file."""
        length = chunked_length(file)
        if length is None:
            return None
        try:
            # By name: through a Python file, a wild offset in a header prints a traceback.
            sound = soundfile.SoundFile(os.fsencode(path))
        except soundfile.SoundFileError:
            return None
        # No frames, but the header says nothing of the kind: the recorder crashed before it wrote
        # the length, and FFmpeg reads to the end of the file.
        lost = sound.frames == 0 and length.seconds is None
        if lost or sound.format not in FORMATS or sound.subtype not in CODECS:
            sound.close()
            return None
        return cls(path, file, sound, declared_s=length.seconds)

    def seek(self, second: int) -> int:
        """Move to a whole second, or to the beginning when there is none such."""
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
                self.account.stopped = " ".join(str(error).split())
                return
            if not len(frames):
                return
            self.account.packets += 1
            yield self.info.sample_rate, frames.T

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._sound.close()
        self._file.close()
