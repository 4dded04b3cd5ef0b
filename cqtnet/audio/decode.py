"""A recording decoded piece by piece to mono, within the limits."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cqtnet.audio.account import Account, AudioInfo
from cqtnet.audio.ffmpeg import FFmpegSource
from cqtnet.audio.files import Limits, StrPath, open_regular, shown, unreadable
from cqtnet.audio.pcm import PcmSource, mixed_down
from cqtnet.errors import NoContentError, NotAudioError

# A file opened with the decoder that reads it best.


class Source(Protocol):
    """A recording opened for decoding.

    `expected_s`: seconds that should come out of it; None where nobody says.
    """

    info: AudioInfo
    account: Account
    expected_s: float | None

    def seek(self, second: int) -> int:
        """Move to a whole second before the first read; the second where reading will begin."""

    def planes(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Sample rate in Hz and samples of shape (channels, n), in pieces of useful size."""

    def close(self) -> None:
        """Close the file; a second time does nothing."""


def open_source(path: StrPath) -> Source:
    """The recording opened by libsndfile where it is uncompressed, else by FFmpeg.

    libsndfile opens a WAV in 0.1 ms where FFmpeg takes 30, and reads its very last frame. FFmpeg
    reads everything else: FLAC too, where libsndfile stops at the first damaged frame, and MP3,
    where it writes to stderr.
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


# A recording decoded piece by piece to mono, within the limits.

# A decoder and a resampling filter that start so much earlier have settled.
PREROLL_S = 2
# When fewer of the packets decode, what does is chance: any bytes look like MP3 now and then.
FEWEST_GOOD = 0.25


class Piece(NamedTuple):
    """Mono samples in -1 to 1, shape (n,), and their sample rate in Hz."""

    samples: NDArray[np.float32]
    sample_rate: int


class Decoder:
    """The pieces of one recording in order, the mean of its channels, from `begins_s` on.

    `begins_s` is 0 or, where the file allows an exact seek, a whole second at least `PREROLL_S`
    before `start_s`. `stop_s` only tells how much will be asked for; None means all.
    """

    def __init__(
        self, path: StrPath, *, start_s: float, stop_s: float | None, limits: Limits
    ) -> None:
        self._path, self._limits = path, limits
        self._source = open_source(path)
        self.info, self.account = self._source.info, self._source.account
        self.expected_s = self._source.expected_s
        try:
            limits.check_format(path, self.info.sample_rate, self.info.channels)
            self.begins_s = self._source.seek(int(start_s) - PREROLL_S)
            self._check_expected(stop_s)
        except BaseException:
            self.close()
            raise
        self.account.decoded_s = float(self.begins_s)

    def __iter__(self) -> Iterator[Piece]:
        account, limits = self.account, self._limits
        for rate, planes in self._source.planes():
            limits.check_format(self._path, rate, planes.shape[0])
            if rate not in account.rates:
                account.rates.append(rate)
            account.values += planes.size
            account.decoded_s += planes.shape[1] / rate
            limits.check_length(self._path, account.decoded_s - self.begins_s, account.values)
            mixed = mixed_down(planes)
            account.not_finite += mixed.not_finite
            account.channels_energy += mixed.energy
            account.mean_energy += float(np.vdot(mixed.samples, mixed.samples))
            yield Piece(mixed.samples, rate)
        self._check_content()
        account.reached_end = True

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._source.close()

    def _check_expected(self, stop_s: float | None) -> None:
        """Raise before decoding when the header tells that it would be too much."""
        if self.expected_s is not None:
            last_s = self.expected_s if stop_s is None else min(self.expected_s, stop_s)
            wanted_s = last_s - self.begins_s
            values = wanted_s * self.info.sample_rate * self.info.channels
            self._limits.check_length(self._path, wanted_s, values)

    def _check_content(self) -> None:
        """Raise when what was decoded, to the end, is no sound at all."""
        account = self.account
        good = account.packets - account.damaged
        nothing = not account.values and (account.damaged or account.stopped)
        if nothing or good < FEWEST_GOOD * account.packets:
            raise NotAudioError(
                f"{shown(self._path)} is not audio that can be decoded (read as "
                f"{self.info.format}): only {good} of {account.packets} packets decode"
            )
        if account.values and account.not_finite == account.values:
            raise NoContentError(
                f"{shown(self._path)}: none of its {account.values} samples is a finite number"
            )
