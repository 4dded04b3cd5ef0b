"""A recording decoded piece by piece to mono, within the limits."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from augment.audio.ffmpeg import FFmpegSource
from augment.audio.files import Limits, StrPath, open_regular, shown, unreadable
from augment.audio.integrity import AudioInfo, Coding
from augment.audio.pcm import PcmSource, mixed_down
from augment.errors import NoContentError, NotAudioError

Samples: TypeAlias = NDArray[np.float32]

PREROLL_S = 2
"""Decoding begins so many seconds early; a decoder and a resampling filter have settled by then."""
FEWEST_GOOD = 0.25
"""Any bytes look like MP3 now and then: a file where fewer packets decode is no recording."""


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
    """Format, codec, sample rate, channels and declared length of a recording, without decoding.

    >>> probe("evidence.m4a").codec
    'aac'
    """
    source = open_source(path)
    source.close()
    return source.info


def coding(path: StrPath) -> Coding:
    """Bits a sample, tags and the encoder that they name, without decoding.

    libsndfile gives few tags, so FFmpeg reads them of every file; of those it can't read, none.

    >>> coding("evidence.mp3").encoder
    'LAME3.100'
    """
    file = open_regular(path)
    try:
        source = FFmpegSource(path, file)
    except NotAudioError:
        file.close()
        return Coding(None, ())
    source.close()
    return source.coding


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
        try:
            limits.check_format(path, self.info.sample_rate, self.info.channels)
            self.begins_s = self._source.seek(int(start_s) - PREROLL_S)
            self._check_expected(stop_s)
        except BaseException:
            self.close()
            raise
        self.integrity.decoded_s = float(self.begins_s)

    def __iter__(self) -> Iterator[Piece]:
        counts, limits = self.integrity, self._limits
        for rate, planes in self._source.planes():
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
        self._check_content()
        counts.reached_end = True

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._source.close()

    def _check_expected(self, stop_s: float | None) -> None:
        """Raise before decoding when the header says that it would be too much."""
        if self.expected_s is not None:
            last_s = self.expected_s if stop_s is None else min(self.expected_s, stop_s)
            wanted_s = last_s - self.begins_s
            values = wanted_s * self.info.sample_rate * self.info.channels
            self._limits.check_length(self._path, wanted_s, values)

    def _check_content(self) -> None:
        """Raise when what was decoded, to the end, is no sound at all."""
        counts = self.integrity
        good = counts.packets - counts.damaged
        nothing = not counts.values and (counts.damaged or counts.stopped)
        if nothing or good < FEWEST_GOOD * counts.packets:
            raise NotAudioError(
                f"{shown(self._path)} is not audio that can be decoded (read as "
                f"{self.info.format}): only {good} of {counts.packets} packets decode"
            )
        if counts.values and counts.not_finite == counts.values:
            raise NoContentError(
                f"{shown(self._path)}: none of its {counts.values} samples is a finite number"
            )


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
