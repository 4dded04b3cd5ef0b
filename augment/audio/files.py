"""Which files are read (regular ones, each once, under any name), and within which limits."""

import hashlib
import os
import stat
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from augment.errors import NotAudioError, UnsafeAudioError

StrPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

AUDIO_SUFFIXES = frozenset({
    ".3g2", ".3gp", ".3gpp", ".aac", ".ac3", ".adts", ".aif", ".aifc", ".aiff", ".amr",
    ".ape", ".asf", ".au", ".avi", ".awb", ".bwf", ".caf", ".dff", ".dsf", ".dts", ".eac3",
    ".f4v", ".flac", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov",
    ".mp1", ".mp2", ".mp3", ".mp4", ".mpc", ".mpeg", ".mpg", ".mpga", ".mts", ".mxf",
    ".oga", ".ogg", ".ogv", ".opus", ".ra", ".rf64", ".rm", ".snd", ".sph", ".spx", ".tak",
    ".ts", ".tta", ".vob", ".voc", ".w64", ".wav", ".wave", ".webm", ".wma", ".wmv", ".wv",
})  # fmt: skip
"""What counts as a recording inside a folder; a file that is named is tried whatever its suffix."""


class AudioWarning(UserWarning):
    """A recording was read, but something about the file an examiner must know."""


def shown(path: StrPath) -> str:
    r"""The path as one printable line, whatever bytes its name holds.

    >>> shown(b"caf\xe9\n.wav")
    'caf\\xe9\\n.wav'
    """
    name: str = getattr(path, "shown_as", "") or os.fsdecode(path)  # sound in memory has one
    return "".join(c if c.isprintable() else _escaped(c) for c in name)


def _escaped(character: str) -> str:
    is_byte = "\udc80" <= character <= "\udcff"  # of a name that is not UTF-8
    return f"\\x{ord(character) - 0xDC00:02x}" if is_byte else ascii(character)[1:-1]


def told(text: object, *, most: int = 200) -> str:
    r"""Text of others as one printable line, at most so long; its middle gives way.

    >>> told("title\x1b[2J\n" + 500 * "a", most=30)
    'title\\x1b[2J\\naa … aaaaaaaaaa'
    """
    whole = str(text)
    line = shown(whole if len(whole) <= 2 * most else whole[:most] + whole[-most:])
    end = most // 3
    return line if len(line) <= most else f"{line[: most - end - 3]} … {line[-end:]}"


def open_regular(path: StrPath) -> BufferedReader:
    """The file opened for reading; a folder, pipe, device or empty file is a NotAudioError."""
    status = _status(path)
    if not stat.S_ISREG(status.st_mode):
        # Checked before opening: opening a pipe waits for somebody to write to it.
        raise NotAudioError(f"{shown(path)} is {_kind(status.st_mode)}; give a regular audio file")
    if status.st_size == 0:
        raise NotAudioError(f"{shown(path)} is empty (0 bytes)")
    try:
        # As a str: FFmpeg takes the suffix of the name as a hint.
        return open(os.fsdecode(path), "rb")
    except OSError as error:
        raise unreadable(path, error) from error


@dataclass(frozen=True)
class FileStatus:
    """What tells, without reading it, that a file is as it was."""

    size: int
    modified_ns: int
    changed: tuple[int, int]  # its number and when anything of it was set: nobody can set these

    @classmethod
    def of(cls, path: StrPath) -> "FileStatus":
        """The status of a file as it is now."""
        status = _status(path)
        return cls(status.st_size, status.st_mtime_ns, (status.st_ino, status.st_ctime_ns))

    @property
    def noted(self) -> tuple[int, int]:
        """Size and time of change, which a copy may share."""
        return self.size, self.modified_ns

    def refuse_other(self, path: StrPath) -> None:
        """Raise unless the file still has this status."""
        if FileStatus.of(path) != self:
            raise NotAudioError(f"{shown(path)} was changed while it was read; read it again")


@contextmanager
def unchanged(path: StrPath) -> Iterator[None]:
    """A block in which a file is read; an error at its end if it was changed meanwhile."""
    status = FileStatus.of(path)
    yield
    status.refuse_other(path)


def file_sha256(path: StrPath) -> str:
    """Hexadecimal SHA-256 of a regular file's bytes, as `sha256sum` prints it."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_audio(
    paths: Iterable[StrPath], *, passed_over: Counter[str] | None = None
) -> Iterator[Path]:
    """Recordings among files and, recursively, folders; in a fixed order, each file once.

    Inside a folder the suffix decides (`AUDIO_SUFFIXES`), and the order is that of the names'
    bytes; a file that is named itself is taken whatever its suffix. Links are followed, but no
    file is visited twice, so a loop ends. A named path that cannot be read is a NotAudioError.
    Inside a folder, pipes, devices and dead links are skipped, and a locked folder is an
    AudioWarning. `passed_over` counts the files in folders that are left out, by their suffix.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        named = True
        # A stack, not recursion: folders may be nested deeper than Python's call stack.
        waiting = [Path(os.fsdecode(path))]
        while waiting:
            current = waiting.pop()
            status = _usable(current, named=named)
            if status is not None and (identity := (status.st_dev, status.st_ino)) not in seen:
                if stat.S_ISDIR(status.st_mode):
                    seen.add(identity)
                    waiting.extend(reversed(_inside(current, named=named)))
                elif named or current.suffix.lower() in AUDIO_SUFFIXES:
                    seen.add(identity)
                    yield current
                elif passed_over is not None:
                    passed_over[current.suffix.lower()] += 1
            named = False


def _status(path: StrPath) -> os.stat_result:
    try:
        return os.stat(path)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _usable(path: Path, *, named: bool) -> os.stat_result | None:
    """The status of a folder or regular file; None for anything else that was not named."""
    try:
        status = _status(path)
    except NotAudioError:
        if named:
            raise
        return None
    is_usable = stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)
    if named and not is_usable:
        kind = _kind(status.st_mode)
        raise NotAudioError(f"{shown(path)} is {kind}; give a regular audio file or a folder")
    return status if is_usable else None


def _inside(folder: Path, *, named: bool) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=os.fsencode)
    except OSError as error:
        if named:
            raise unreadable(folder, error) from error
        warnings.warn(f"left out: {unreadable(folder, error)}", AudioWarning, stacklevel=3)
        return []


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((kind for is_so, kind in kinds if is_so(mode)), "a device")


def unreadable(path: StrPath, error: OSError | ValueError) -> NotAudioError:
    """The error to raise when the system does not give us a file."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return NotAudioError(f"{shown(path)} cannot be read: {reason}")


@dataclass(frozen=True)
class Limits:
    """Limits that keep time and memory bounded; a recording beyond any is an UnsafeAudioError.

    A header that declares too much is refused before decoding; one that declares too little is
    stopped while decoding. Raise a limit only on purpose: `Limits(max_stream_s=7 * 86_400)`.
    """

    min_rate_hz: int = 4_000
    max_rate_hz: int = 768_000
    max_channels: int = 64
    max_stream_s: float = 24 * 3600.0
    max_values: int = 10_000_000_000
    """Samples decoded, all channels counted: 24 hours at 48 kHz in stereo are 8.3e9."""
    max_load_s: float = 3 * 3600.0
    """Seconds that `load` holds in memory: 0.95 GB at 22,050 Hz."""

    def check_format(self, path: StrPath, rate_hz: int, channels: int) -> None:
        """Raise unless the sample rate and the number of channels are within the limits."""
        if not self.min_rate_hz <= rate_hz <= self.max_rate_hz:
            raise UnsafeAudioError(
                f"{shown(path)}: sample rate {rate_hz} Hz is outside {self.min_rate_hz} to "
                f"{self.max_rate_hz} Hz; resample it, or set min_rate_hz or max_rate_hz in Limits"
            )
        if not 1 <= channels <= self.max_channels:
            # FFmpeg gives 0 for a header that declares more than it can decode.
            count = channels or "0, or more than 512,"
            raise UnsafeAudioError(
                f"{shown(path)}: {count} channels, the limit is {self.max_channels}; mix them "
                "down, or set max_channels in Limits"
            )

    def check_length(self, path: StrPath, seconds: float, values: float) -> None:
        """Raise unless so many seconds, and so many samples of all channels, may be decoded."""
        if seconds > self.max_stream_s:
            raise UnsafeAudioError(
                f"{shown(path)}: {_hours(seconds)} of audio or more, the limit is "
                f"{_hours(self.max_stream_s)}; give duration_s, or set max_stream_s in Limits"
            )
        if values > self.max_values:
            raise UnsafeAudioError(
                f"{shown(path)}: {values:.3g} samples in all channels or more, the limit is "
                f"{self.max_values:.3g}; give duration_s, or set max_values in Limits"
            )

    def check_load(self, path: StrPath, seconds: float) -> None:
        """Raise unless so many seconds may be held in memory."""
        if seconds > self.max_load_s:
            raise UnsafeAudioError(
                f"{shown(path)}: {_hours(seconds)} or more to hold in memory, the limit is "
                f"{_hours(self.max_load_s)}; give duration_s, or use stream()"
            )


DEFAULT_LIMITS = Limits()


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds:.2f} s"
