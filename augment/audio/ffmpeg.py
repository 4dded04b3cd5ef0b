"""Everything FFmpeg reads, through PyAV: compressed sound, and the sound of films."""

import os
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import cache
from itertools import chain, groupby, pairwise
from operator import attrgetter
from typing import Any, BinaryIO

import av
from numpy.typing import NDArray

from augment.audio import integrity
from augment.audio.files import StrPath, shown
from augment.audio.integrity import AudioInfo, Coding, Integrity
from augment.errors import NotAudioError

PIECE_VALUES = 1 << 17  # samples of all channels that are mixed down together
SAMPLE_FORMATS = {"u8", "s16", "s32", "flt", "dbl"}  # the types of samples that can be mixed down
MOV = "mov,mp4,m4a,3gp,3g2,mj2"
STATES_TRACK_LENGTH = {MOV, "au", "flac", "mp3", "ogg", "tta", "wv"}
"""Formats that state the length of the sound; for others FFmpeg guesses from the bit rate."""
STATES_FILE_LENGTH = {"matroska,webm", "flv"}  # formats that state only the longest track's length
SEEKABLE = {MOV, "flac"}
"""Formats whose time stamps count samples; others are decoded from the beginning."""
FARTHEST_S = 3  # a seek that lands so much too early has missed: the file ends before it should
SAFE_PLANES = 8  # PyAV (14 to 19.0 at least) reads beyond the planes of a frame of so many or more

# What a damaged file can raise; OSError when the disk fails.
_DAMAGE = (av.FFmpegError, OSError, ValueError)

# Tags in another encoding are no reason to fail; from PyAV 19 on they never are one.
_OLD = int(av.__version__.split(".")[0]) < 19
_TAGS: dict[str, Any] = {"metadata_errors": "replace"} if _OLD else {}


class FFmpegSource:
    """A recording opened by FFmpeg; `expected_s` is its length, None if that is unknown."""

    def __init__(self, path: StrPath, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._surplus = 0  # samples that a seek decodes before the place asked for
        self._header_length = integrity.chunked_length(file)
        self._counts_frames = integrity.mp3_counts_frames(file)
        end_missing, cut_short = integrity.ogg_is_cut_off(file), integrity.is_cut_short(file)
        self._open()
        tracks = self._container.streams.audio
        codec = self._stream.codec_context
        if codec is None or not codec.sample_rate or not codec.channels:
            raise NotAudioError(
                f"{shown(path)} is not audio that can be decoded (read as "
                f"{self._container.format.name}, without a sample rate or channels)"
            )
        name, size = os.fsdecode(path), os.fstat(file.fileno()).st_size
        kind, rate, channels = self._container.format.name, codec.sample_rate, codec.channels
        self.info = AudioInfo(name, kind, codec.name, rate, channels, self._declared_s(), size)
        # A WAV may declare more than it holds; FFmpeg knows what is there.
        chunked = self._header_length is not None
        self.expected_s = self._track_s() if chunked else self.info.declared_duration_s
        self.integrity = Integrity(
            self.info, end_missing=end_missing, cut_short=cut_short, tracks=len(tracks),
            left_open=chunked and self.info.declared_duration_s is None,
            track=1 + [track.index for track in tracks].index(self._stream.index),
            origin_s=float((self._stream.start_time or 0) * self._stream.time_base),
        )  # fmt: skip

    def _open(self) -> None:
        self._file.seek(0)
        self._container = _opened(self._path, self._file)
        tracks = self._container.streams.audio
        if not tracks:
            raise NotAudioError(
                f"{shown(self._path)} holds no sound (read as {self._container.format.name}); "
                "give a recording, or a film with a sound track"
            )
        self._stream = self._container.streams.best("audio") or tracks[0]
        self._frames = self._decoded()

    @property
    def coding(self) -> Coding:
        """Bits a sample and tags."""
        tags = {**self._container.metadata, **self._stream.metadata}
        return Coding(bits_of(self._stream.codec_context), tuple(tags.items()))

    def _declared_s(self) -> float | None:
        """Length of the sound that the header states; never one that FFmpeg guesses."""
        if self._header_length is not None:
            return self._header_length.seconds
        name = self._container.format.name
        if name == "mp3" and not self._counts_frames:
            return None
        if name in STATES_TRACK_LENGTH:
            return self._track_s()
        alone = len(self._container.streams) == 1
        stated = name in STATES_FILE_LENGTH and alone and self._container.duration
        return float(self._container.duration / 1e6) if stated else None

    def _track_s(self) -> float | None:
        duration = self._stream.duration
        return float(duration * self._stream.time_base) if duration else None

    def seek(self, second: int) -> int:
        """Move exactly to a whole second, or stay at the beginning where that is not possible."""
        origin_s, rate = self.integrity.origin_s, self.info.sample_rate
        time_base = float(self._stream.time_base or 1)
        exact = self.info.format in SEEKABLE and time_base * rate <= 1.001
        if not exact or not 0 < second < (self._track_s() or 0):
            return 0
        try:
            # A second early: some versions drop the first frame after a seek.
            target = round((origin_s + second - 1) / time_base)
            self._container.seek(target, stream=self._stream)
            first = next(self._frames, None)
        except _DAMAGE:
            first = None
        if first is not None and first.pts is not None:
            at = round((float(first.pts * first.time_base) - origin_s) * rate)
            if max(second - FARTHEST_S, 0) * rate <= at <= second * rate:
                self._frames = chain([first], self._frames)
                self._surplus = second * rate - at
                return second
        self._container.close()
        self._open()
        self.integrity.forget_decoding()
        return 0

    def planes(self) -> Generator[tuple[int, NDArray[Any]]]:
        """Sample rate in Hz and samples of shape (channels, n), in pieces of useful size."""
        for rate, planes in planes_of(self._path, self._frames):
            dropped = min(self._surplus, planes.shape[1])
            self._surplus -= dropped
            if dropped < planes.shape[1]:
                yield rate, planes[:, dropped:]

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._container.close()
        self._file.close()

    def _decoded(self) -> Iterator[Any]:
        """FFmpeg's frames; a packet that does not decode is counted and left out."""
        for packet in self._packets():
            self.integrity.packets += bool(packet.size)  # the last is empty
            try:
                frames = packet.decode()
            except _DAMAGE:
                self.integrity.damaged += 1
                continue
            for frame in frames:
                self.integrity.follow(frame)
                if frame.samples:
                    yield frame

    def _packets(self) -> Iterator[Any]:
        try:
            yield from packets_of(self._container, self._stream)
        except _DAMAGE as error:
            self.integrity.stopped = reason_of(error)


def packets_of(container: Any, track: Any) -> Iterator[Any]:
    """The packets of a track, also where another one begins midway, which PyAV does not expect."""
    while True:
        try:
            for packet in container.demux(track):
                if packet.stream_index == track.index:  # else PyAV mistakes it for ours
                    yield packet
            return
        except IndexError:
            continue  # go on after the packet of a track that PyAV does not know


def planes_of(path: StrPath, frames: Iterable[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Sample rate in Hz and samples of shape (channels, n) of FFmpeg's frames, in larger pieces."""
    kind = attrgetter("sample_rate", "layout.name", "format.name")
    for (rate, _, sample_format), alike in groupby(frames, kind):
        if (packed := sample_format.removesuffix("p")) not in SAMPLE_FORMATS:
            cure = "not supported; convert it to 24-bit or float"
            raise NotAudioError(f"{shown(path)}: samples of type {packed} are {cure}")
        for frame in _joined(alike):
            array: NDArray[Any] = frame.to_ndarray()
            channels = frame.layout.nb_channels
            yield rate, array if frame.format.is_planar else array.reshape(-1, channels).T


def _joined(frames: Iterator[Any]) -> Iterator[Any]:
    """The frames, alike in format, joined by FFmpeg to frames of useful size."""
    first = next(frames)
    size = max(PIECE_VALUES // first.layout.nb_channels, 1)
    graph, rate = av.filter.Graph(), first.sample_rate  # kept here: its ends do not keep it alive
    kind = {"format": first.format.name, "layout": first.layout.name}
    nodes = [graph.add_abuffer(sample_rate=rate, time_base=Fraction(1, rate), **kind)]
    if first.layout.nb_channels >= SAFE_PLANES:
        nodes.append(graph.add("aformat", f"sample_fmts={first.format.packed.name}"))
    nodes += [graph.add("asetnsamples", f"n={size}:p=0"), graph.add("abuffersink")]
    for before, after in pairwise(nodes):
        before.link_to(after)
    graph.configure()
    source, sink, waiting = nodes[0], nodes[-1], 0
    for frame in chain([first], frames):
        source.push(frame)
        waiting += frame.samples
        while waiting >= size:
            yield sink.pull()
            waiting -= size
    source.push(None)
    with suppress(EOFError):
        yield sink.pull()


def bits_of(codec: Any) -> int | None:
    """Bits a sample of uncompressed and lossless sound; None of lossy, or where it is not stated.

    FFmpeg widens samples of 24 bits to 32, so the headers of FLAC and ALAC are read here.
    """
    if found := re.match(r"pcm_[a-z](\d+)", codec.name):
        return int(found[1])
    header = codec.extradata or b""
    if codec.name == "flac" and len(header) >= 34:  # its STREAMINFO
        return 1 + ((header[12] & 1) << 4 | header[13] >> 4)
    if codec.name == "alac" and len(header) >= 36:
        return int(header[17])
    whole = codec.name in integrity.LOSSLESS_CODECS and codec.format is not None
    return 16 if whole and codec.format.bits == 16 else None


class _QuietFile:
    """A file whose seek answers a wild offset with -1: PyAV would print what it raises."""

    def __init__(self, file: BinaryIO) -> None:
        self._seek, self.read, self.tell, self.name = file.seek, file.read, file.tell, file.name

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


def _opened(path: StrPath, file: BinaryIO) -> Any:
    # A playlist, or a film that refers to others, must not make us open files or addresses.
    # Pictures are never wanted; a small cover picture may unpack to gigabytes.
    options = {"protocol_whitelist": "none", "codec_whitelist": sound_decoders()}
    try:
        # Not `options`: up to PyAV 17 it takes the process down on FLV, whose tracks come late.
        return av.open(_QuietFile(file), container_options=options, **_TAGS)
    except _DAMAGE as error:
        raise NotAudioError(
            f"{shown(path)} is not audio that can be decoded, or is cut off: {reason_of(error)}"
        ) from error


def reason_of(error: Exception) -> str:
    """Why, on one line, without the path."""
    return " ".join(str(getattr(error, "strerror", None) or error).split())


@cache
def sound_decoders() -> str:
    """Names of FFmpeg's decoders of sound, joined by commas."""
    names = set()
    for name in av.codecs_available:
        with suppress(ValueError):  # FFmpeg can only encode it
            codec = av.Codec(name, "r")
            if codec.type == "audio":
                names.add(codec.name)
    return ",".join(sorted(names))
