"""What a file's header says, and what is wrong with the file: truncation, damage, gaps."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, NamedTuple

JUMP_S = 0.05  # a larger step between two time stamps is a gap; a smaller one is rounding
LOSSLESS_TOLERANCE_S = 0.002
LOSSY_TOLERANCE_S = 0.25
"""How far the decoded length may differ from the declared one. Lossless codecs are exact to the
sample, others add and drop a frame or two at both ends."""
CANCELLED = 0.01
"""Share of the channels' energy below which their mean is called cancelled: the mean of unlike
channels has half of their energy, the mean of like channels all of it."""
ENCODER_TAGS = {"encoder", "encoded_by", "encoded-by", "encoding", "software", "tool"}
LOSSLESS_CODECS = {"alac", "ape", "flac", "tta", "wavpack"}


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says about its sound; nothing was decoded to get it.

    `format` and `codec` have FFmpeg's names (libsndfile's without the byte order).
    """

    path: str
    format: str
    codec: str
    sample_rate: int
    channels: int
    declared_duration_s: float | None  # None where the header does not say it
    bytes: int  # of the file


@dataclass(frozen=True)
class Coding:
    """What a file says of how it was coded: bits a sample, None where lossy or unknown, and tags.

    Tags are those of the file, then those of the sound track, as FFmpeg names them.
    """

    bits: int | None
    tags: tuple[tuple[str, str], ...]

    @property
    def encoder(self) -> str:
        """The program that the tags name; empty where they name none."""
        named = (value for name, value in self.tags if name.lower() in ENCODER_TAGS)
        return ", ".join(dict.fromkeys(named))


@dataclass
class Integrity:
    """Facts and counts of one decoding; `notes` puts what is wrong into words."""

    info: AudioInfo
    left_open: bool = False  # the header has a place for the length, and it is not filled in
    end_missing: bool = False  # the format marks its end, and the mark is not there
    cut_short: bool = False  # the file has fewer bytes than its header says
    track: int = 1  # which of the sound tracks is read
    tracks: int = 1
    origin_s: float = 0.0  # time stamp of the first sample
    decoded_s: float = 0.0
    values: int = 0  # samples of all channels
    not_finite: int = 0
    channels_energy: float = 0.0  # sum of squares, mean of the channels
    mean_energy: float = 0.0  # sum of squares of the channels' mean
    packets: int = 0
    damaged: int = 0
    stopped: str = ""  # why reading ended early
    reached_end: bool = False
    rates: list[int] = field(default_factory=list)
    gaps: int = 0
    gaps_s: float = 0.0
    first_gap: str = ""
    _next_stamp_s: float | None = None

    def follow(self, frame: Any) -> None:
        """Compare the time stamp of an FFmpeg frame with the end of the frame before."""
        lasts_s = frame.samples / frame.sample_rate if frame.sample_rate else 0.0
        stamp_s: float | None = frame.time
        if stamp_s is None:
            if self._next_stamp_s is not None:
                self._next_stamp_s += lasts_s
            return
        if self._next_stamp_s is not None and abs(stamp_s - self._next_stamp_s) > JUMP_S:
            gap_s, at_s = stamp_s - self._next_stamp_s, self._next_stamp_s - self.origin_s
            self.gaps += 1
            self.gaps_s += max(gap_s, 0.0)
            self.first_gap = self.first_gap or f"{gap_s:.2f} s at {at_s:.2f} s"
        self._next_stamp_s = stamp_s + lasts_s

    def forget_decoding(self) -> None:
        """Begin again, after decoding from a place that turned out to be wrong."""
        self.packets = self.damaged = self.gaps = 0
        self.gaps_s, self.first_gap, self.stopped = 0.0, "", ""
        self._next_stamp_s = None

    def notes(self) -> tuple[str, ...]:
        """What an examiner must know about the file, as far as it was read; mostly nothing."""
        notes = self._length_notes() if self.reached_end else []
        if self.stopped:
            notes.append(f"reading stopped at {self.decoded_s:.2f} s: {self.stopped}")
        if self.not_finite:
            notes.append(f"{self.not_finite} non-finite or huge samples taken as silence")
        if self.mean_energy < CANCELLED * self.channels_energy:
            notes.append("the channels cancel each other, and only their mean is used; extract one")
        if self.damaged:
            notes.append(f"damaged: {self.damaged} of {self.packets} packets do not decode")
        if self.gaps:
            notes.append(
                f"{self.gaps} jump(s) in the time stamps, the first of {self.first_gap}; both "
                "sides were joined"
            )
        if len(self.rates) > 1:
            rates = ", ".join(map(str, self.rates[:5]))
            notes.append(f"the sample rate changes between {rates} Hz")
        if self.tracks > 1:
            notes.append(f"{self.tracks} sound tracks; only number {self.track} was read")
        return tuple(notes)

    def _length_notes(self) -> list[str]:
        declared_s, decoded_s = self.info.declared_duration_s, self.decoded_s
        lengths = f"the header declares {declared_s or 0:.2f} s, {decoded_s:.2f} s decoded"
        notes = []
        if self.left_open:
            notes.append(f"the header leaves the length open, {decoded_s:.2f} s decoded")
        elif declared_s is not None:
            lossless = self.info.codec.startswith("pcm_") or self.info.codec in LOSSLESS_CODECS
            tolerance_s = LOSSLESS_TOLERANCE_S if lossless else LOSSY_TOLERANCE_S
            if decoded_s + self.gaps_s < declared_s - tolerance_s:
                notes.append(f"truncated or damaged: {lengths}")
            elif decoded_s > declared_s + tolerance_s:
                notes.append(f"longer than declared: {lengths}")
        if self.end_missing:
            notes.append(f"truncated or damaged: no end-of-stream mark, {decoded_s:.2f} s decoded")
        if self.cut_short and not any(note.startswith("truncated") for note in notes):
            why = "the file has fewer bytes than its header says"
            notes.append(f"truncated or damaged: {why}, {decoded_s:.2f} s decoded")
        return notes


# FFmpeg and libsndfile shorten the declared length of a cut-off WAV to what the file holds. An
# examiner must be told of the difference, so the declared length is read from the file itself.

MAX_CHUNKS = 1_000  # enough for any real file; a hostile one may chain millions of empty chunks
PCM_TAGS = {1, 3, 6, 7, 0xFFFE}  # integer, float, A-law, µ-law, "extensible"


@dataclass(frozen=True)
class HeaderLength:
    """Seconds of sound that a header declares; None where its writer did not fill them in."""

    seconds: float | None


class _Layout(NamedTuple):
    """How a family of formats writes its chunks: a name, a size, the body."""

    first: int
    name_bytes: int = 4
    size_bytes: int = 4
    order: Literal["little", "big"] = "little"
    size_counts_head: bool = False
    align: int = 2

    @property
    def head_bytes(self) -> int:
        return self.name_bytes + self.size_bytes


_LAYOUTS = {
    b"RIFF": _Layout(12),
    b"RIFX": _Layout(12, order="big"),
    b"RF64": _Layout(12),
    b"BW64": _Layout(12),
    b"riff": _Layout(40, 16, 8, size_counts_head=True, align=8),  # Sony Wave64
    b"FORM": _Layout(12, order="big"),  # AIFF
    b"caff": _Layout(8, size_bytes=8, order="big", align=1),
}


def chunked_length(file: BinaryIO) -> HeaderLength | None:
    """Length that a WAV, RF64, Wave64, AIFF or CAF header declares; None for any other file."""
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if (layout := _LAYOUTS.get(file.read(4))) is None:
        return None
    bytes_per_s, size64 = 0.0, None
    for name, size, body in _chunks(file, layout, file_bytes):
        if name == b"COMM":
            return _aiff_length(file.read(18))
        if name == b"fmt ":
            # For compressed sound the header has only a rough rate: 0, so nothing is declared.
            bytes_per_s = _wav_bytes_per_s(file.read(16), layout.order)
        elif name == b"desc":
            bytes_per_s = _caf_bytes_per_s(file.read(32))
        elif name == b"ds64":
            size64 = int.from_bytes(file.read(16)[8:], "little")
        elif name == b"data":
            if not bytes_per_s > 0:  # also when it is not a number
                return None
            unknown = size == 2 ** (8 * layout.size_bytes) - 1
            if unknown and size64 is not None:
                size, unknown = size64, False
            crashed = size == 0 and body < file_bytes
            return HeaderLength(None if unknown or crashed else size / bytes_per_s)
    return None


def _chunks(file: BinaryIO, layout: _Layout, file_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and offset of each chunk; the file is positioned at its body."""
    offset = layout.first
    for _ in range(MAX_CHUNKS):
        if offset + layout.head_bytes > file_bytes:
            return
        file.seek(offset)
        head = file.read(layout.head_bytes)
        size = int.from_bytes(head[layout.name_bytes :], layout.order)
        if layout.size_counts_head:
            size = max(size - layout.head_bytes, 0)
        body = offset + layout.head_bytes
        yield head[:4], size, body
        offset = body + size + -size % layout.align


def _wav_bytes_per_s(fmt: bytes, order: str) -> float:
    if len(fmt) < 16:
        return 0.0
    kind = "<HHIIHH" if order == "little" else ">HHIIHH"
    tag, _, rate, _, block_align, _ = struct.unpack(kind, fmt)
    return float(rate * block_align) if tag in PCM_TAGS else 0.0


def _aiff_length(comm: bytes) -> HeaderLength | None:
    if len(comm) < 18:
        return None
    _, frames, _, exponent, mantissa = struct.unpack(">hIhHQ", comm)
    # The sample rate is an 80-bit float; a real one lies between 1 and 2^31.
    if not 0 <= exponent - 16383 < 31 or not mantissa:
        return None
    return HeaderLength(frames / (mantissa * 2.0 ** (exponent - 16383 - 63)))


def _caf_bytes_per_s(desc: bytes) -> float:
    if len(desc) < 32:
        return 0.0
    rate, _, _, packet_bytes, packet_frames, _, _ = struct.unpack(">d4sIIIII", desc)
    return float(rate * packet_bytes / packet_frames) if packet_frames and rate < 1e12 else 0.0


def mp3_counts_frames(file: BinaryIO) -> bool:
    """Whether an MP3's first frame states its length; if not, FFmpeg only guesses it."""
    file.seek(0)
    head = file.read(10)
    tag_bytes = 0
    if head[:3] == b"ID3":
        for byte in head[6:]:
            tag_bytes = tag_bytes << 7 | byte & 127
        tag_bytes += 10
    file.seek(tag_bytes)
    first_frame = file.read(2_048)
    return any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))


def ogg_is_cut_off(file: BinaryIO) -> bool:
    """Whether this is an Ogg file whose last page is broken or not marked as the last."""
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(4) != b"OggS":
        return False
    file.seek(max(file_bytes - 2 * 65_307, 0))  # the largest page is 65,307 bytes
    tail = file.read()
    page = tail[tail.rfind(b"OggS\0") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    is_last = bool(page[5] & 4)
    return not is_last or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def is_cut_short(file: BinaryIO) -> bool:
    """Whether a RIFF (WAV, AVI), Matroska, WebM or VOC file is shorter than its header says."""
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(64)
    if head[:4] == b"RIFF":
        declared = int.from_bytes(head[4:8], "little")
        # The last chunk may lack its padding.
        return 0 < declared < 2**32 - 1 and 8 + declared > file_bytes + 1
    if head[:4] == b"\x1aE\xdf\xa3":
        size, begin = _ebml_size(head, 4)
        segment = begin + (size or 0)
        file.seek(segment)
        head = file.read(12)
        size, begin = _ebml_size(head, 4)
        is_segment = head[:4] == b"\x18S\x80g"
        return is_segment and size is not None and segment + begin + size > file_bytes
    if head[:20] == b"Creative Voice File\x1a":
        return _voc_ends(file, int.from_bytes(head[20:22], "little")) > file_bytes
    return False


def _ebml_size(data: bytes, at: int) -> tuple[int | None, int]:
    """The size that Matroska writes at a place, None where it is left open; and where it ends."""
    first = data[at] if at < len(data) else 0
    length = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + length]) & ((1 << 7 * length) - 1)
    is_open = not first or value == (1 << 7 * length) - 1
    return None if is_open else value, at + length


def _voc_ends(file: BinaryIO, offset: int) -> int:
    """Where the last block of a VOC file ends by what the blocks say."""
    for _ in range(MAX_CHUNKS):
        file.seek(offset)
        head = file.read(4)
        if len(head) < 4 or not head[0]:
            break
        offset += 4 + int.from_bytes(head[1:], "little")
    return offset
