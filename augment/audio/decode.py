"""A recording decoded piece by piece to mono, within the limits.

libsndfile reads what is uncompressed (WAV, RF64, Wave64, AIFF, CAF), FFmpeg everything else.
"""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO, NamedTuple, Self, TypeAlias, TypeVar, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from augment.audio.ffmpeg import PIECE_VALUES, FFmpegSource
from augment.audio.files import Limits, StrPath, open_regular, shown, unreadable
from augment.audio.integrity import AudioInfo, Coding, Integrity, chunked_length
from augment.errors import NoContentError, NotAudioError

T = TypeVar("T")
Planes: TypeAlias = tuple[int, NDArray[Any]]  # a sample rate in Hz, and samples (channels, n)
Samples: TypeAlias = NDArray[np.float32]

PREROLL_S = 2  # decoding begins so many seconds early: decoders and filters settle by then
PIECES_AHEAD = 4  # pieces that are decoded while those before are mixed down and resampled
FEWEST_GOOD = 0.25
"""Any bytes look like MP3 now and then: a file where fewer packets decode is no recording."""

LOUDEST = 2.0**32  # nothing real is 190 dB over full scale; its square still fits float32
FULL_SCALE = {"u1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31, "f4": 1.0, "f8": 1.0}
"""What stands for 1.0, by numpy type; unsigned bytes also have their zero at 128."""


class Mixed(NamedTuple):
    """The mean of the channels, and what it does not show."""

    samples: Samples  # (n,) in -1 to 1
    not_finite: int  # samples that were no numbers
    energy: float  # sum of squares, mean of the channels: far above that of `samples`, they cancel


def mixed_down(planes: NDArray[Any]) -> Mixed:
    """The mean of `planes`, of shape (channels, n) in one of FFmpeg's sample types.

    NaN, infinities and values beyond `LOUDEST` count as silence.
    """
    full_scale, channels, not_finite = FULL_SCALE[planes.dtype.str[1:]], planes.shape[0], 0
    with np.errstate(over="ignore", invalid="ignore"):
        floats = planes.astype(np.float32, copy=False)
    if planes.dtype.kind == "u":
        floats = floats - np.float32(full_scale)
    squares = float(np.vdot(floats, floats))
    if planes.dtype.kind == "f" and not squares <= LOUDEST**2:  # True for NaN
        good = np.abs(planes) <= LOUDEST
        floats = np.where(good, planes, 0).astype(np.float32)
        not_finite = int(good.size - np.count_nonzero(good))
        squares = float(np.vdot(floats, floats))
    # A matrix product: numpy's mean over two interleaved channels is six times slower.
    mono = np.full(channels, 1 / (full_scale * channels), dtype=np.float32) @ floats
    return Mixed(mono, not_finite, squares / (channels * full_scale**2))


# FFmpeg's names for libsndfile's formats and sample types. What is not here, such as MP3 in a WAV,
# is left to FFmpeg.
FORMATS = {"WAV": "wav", "WAVEX": "wav", "RF64": "wav", "W64": "w64", "AIFF": "aiff", "CAF": "caf"}
CODECS = {
    "PCM_S8": "pcm_s8", "PCM_U8": "pcm_u8", "PCM_16": "pcm_s16", "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32", "FLOAT": "pcm_f32", "DOUBLE": "pcm_f64", "ALAW": "pcm_alaw",
    "ULAW": "pcm_mulaw",
}  # fmt: skip


class PcmSource:
    """A recording opened by libsndfile."""

    def __init__(self, path: StrPath, file: BinaryIO, sound: Any, declared_s: float | None) -> None:
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
        if (length := chunked_length(file)) is None:
            return None
        try:
            # By name: through a Python file, a wild offset in a header prints a traceback.
            sound = soundfile.SoundFile(os.fsencode(path))
        except soundfile.SoundFileError:
            return None
        # No frames although the header left the length open: the recorder crashed before it wrote
        # it. FFmpeg reads such a file to its end.
        lost = sound.frames == 0 and length.seconds is None
        if lost or sound.format not in FORMATS or sound.subtype not in CODECS:
            sound.close()
            return None
        return cls(path, file, sound, length.seconds)

    def seek(self, second: int) -> int:
        """Move to a whole second, or stay at the beginning where the file has no such second."""
        rate = self.info.sample_rate
        if not 0 < second * rate < self._sound.frames:
            return 0
        self._sound.seek(second * rate)
        return second

    def planes(self) -> Generator[Planes]:
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


def open_source(path: StrPath) -> PcmSource | FFmpegSource:
    """The recording opened by libsndfile where it is uncompressed, else by FFmpeg.

    libsndfile opens a WAV in 0.1 ms where FFmpeg takes 30, and reads its very last frame. FFmpeg
    reads everything else. That includes FLAC, where libsndfile stops at the first damaged frame,
    and MP3, where it writes to stderr.
    """
    file = open_regular(path)
    try:
        return PcmSource.opened(path, file) or FFmpegSource(path, file)
    except OSError as error:
        file.close()
        raise unreadable(path, error) from error
    except BaseException:
        file.close()
        raise


def probe(path: StrPath) -> AudioInfo:
    """Format, codec, sample rate, channels and declared length of a recording, without decoding."""
    source = open_source(path)
    source.close()
    return source.info


def coding(path: StrPath) -> Coding:
    """Bits a sample, tags and the encoder that they name, without decoding.

    libsndfile gives few tags, so FFmpeg reads them of every file; of those it can't read, none.
    """
    file = open_regular(path)
    try:
        source = FFmpegSource(path, file)
    except NotAudioError:
        file.close()
        return Coding(None, ())
    source.close()
    return source.coding


def ahead(items: Iterator[T], count: int) -> Generator[T]:
    """The items, up to `count` of them made on another thread before they are asked for."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        made: deque[Future[T | object]] = deque()
        try:
            while True:
                while len(made) < count:
                    made.append(pool.submit(next, items, end))
                if (item := made.popleft().result()) is end:
                    return
                yield cast(T, item)
        finally:
            pool.shutdown(cancel_futures=True)


class Piece(NamedTuple):
    """Mono samples in -1 to 1, shape (n,), and their sample rate in Hz."""

    samples: Samples
    sample_rate: int


class Decoder:
    """The pieces of one recording in order, the mean of its channels, from `begins_s` on.

    `begins_s` is 0 or, where the file allows an exact seek, a whole second at least `PREROLL_S`
    before `start_s`. `stop_s` only says how much will be asked for; None means all.
    """

    def __init__(
        self, path: StrPath, *, start_s: float, stop_s: float | None, limits: Limits
    ) -> None:
        self._path, self._limits = path, limits
        self._source = open_source(path)
        self.info, self.integrity = self._source.info, self._source.integrity
        self.expected_s = self._source.expected_s
        self._planes = self._source.planes()
        if stop_s is None:  # else what is counted would depend on how far the thread has come
            self._planes = ahead(self._planes, PIECES_AHEAD)
        try:
            limits.check_format(path, self.info.sample_rate, self.info.channels)
            self.begins_s = self._source.seek(int(start_s) - PREROLL_S)
            if self.expected_s is not None:
                last_s = self.expected_s if stop_s is None else min(self.expected_s, stop_s)
                wanted_s = last_s - self.begins_s
                values = wanted_s * self.info.sample_rate * self.info.channels
                limits.check_length(path, wanted_s, values)
        except BaseException:
            self.close()
            raise
        self.integrity.decoded_s = float(self.begins_s)

    def __iter__(self) -> Iterator[Piece]:
        counts, limits = self.integrity, self._limits
        for rate, planes in self._planes:
            limits.check_format(self._path, rate, planes.shape[0])
            if rate not in counts.rates:
                counts.rates.append(rate)
            counts.values += planes.size
            counts.decoded_s += planes.shape[1] / rate
            limits.check_length(self._path, counts.decoded_s - self.begins_s, counts.values)
            mixed = mixed_down(planes)
            counts.not_finite += mixed.not_finite
            counts.channels_energy += mixed.energy
            counts.mean_energy += float(np.vdot(mixed.samples, mixed.samples))
            yield Piece(mixed.samples, rate)
        good = counts.packets - counts.damaged
        nothing = not counts.values and (counts.damaged or counts.stopped)
        if nothing or good < FEWEST_GOOD * counts.packets:
            what = f"{shown(self._path)} is not audio that can be decoded"
            decodes = f"only {good} of {counts.packets} packets decode"
            raise NotAudioError(f"{what} (read as {self.info.format}): {decodes}")
        if counts.values and counts.not_finite == counts.values:
            none = f"none of its {counts.values} samples is a finite number"
            raise NoContentError(f"{shown(self._path)}: {none}")
        counts.reached_end = True

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._planes.close()  # no thread reads what is closed
        self._source.close()


def selected(blocks: Iterable[Samples], first: int, count: int | None) -> Iterator[Samples]:
    """Of all samples in the blocks, `count` from the number `first` on; None means all others."""
    for block in blocks:
        chosen = block[first:][:count]
        first = max(first - block.size, 0)
        if chosen.size:
            yield chosen
        if count is not None:
            count -= chosen.size
            if count == 0:
                return
