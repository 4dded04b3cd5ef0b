"""A file opened with the decoder that reads it best."""

from collections.abc import Iterator
from typing import Any, Protocol

from numpy.typing import NDArray

from cqtnet.audio.account import Account, AudioInfo
from cqtnet.audio.ffmpeg import FFmpegSource
from cqtnet.audio.files import StrPath, open_regular, unreadable
from cqtnet.audio.pcm import PcmSource


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
