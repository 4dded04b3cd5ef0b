"""What a header says about length, where FFmpeg would quietly correct it.

FFmpeg, like libsndfile, shortens the length of a cut-off WAV to what the file holds. An examiner
must hear of the difference, so the declared length is read from the file itself.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

# Enough for any real file; a hostile one may be a chain of millions of empty chunks.
MAX_CHUNKS = 1_000
PCM_TAGS = {1, 3, 6, 7, 0xFFFE}  # integer, float, A-law, µ-law, "extensible"


@dataclass(frozen=True)
class HeaderLength:
    """Seconds of sound that a header declares; None where it leaves the length open.

    Open: written by a program that could not go back to fill it in, or crashed before it did.
    """

    seconds: float | None


@dataclass(frozen=True)
class _Layout:
    """How a family of formats writes its chunks: a name, a size, the body."""

    first: int
    name_bytes: int
    size_bytes: int
    order: Literal["little", "big"]
    size_counts_head: bool
    align: int

    @property
    def head_bytes(self) -> int:
        return self.name_bytes + self.size_bytes


_LAYOUTS = {
    b"RIFF": _Layout(12, 4, 4, "little", False, 2),
    b"RIFX": _Layout(12, 4, 4, "big", False, 2),
    b"RF64": _Layout(12, 4, 4, "little", False, 2),
    b"BW64": _Layout(12, 4, 4, "little", False, 2),
    b"riff": _Layout(40, 16, 8, "little", True, 8),  # Sony Wave64
    b"FORM": _Layout(12, 4, 4, "big", False, 2),  # AIFF
    b"caff": _Layout(8, 4, 8, "big", False, 1),
}


def chunked_length(file: BinaryIO) -> HeaderLength | None:
    """Length that a WAV, RF64, Wave64, AIFF or CAF header declares; None for any other file."""
    file_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    layout = _LAYOUTS.get(file.read(4))
    if layout is None:
        return None
    bytes_per_s, size64 = 0.0, None
    for name, size, body in _chunks(file, layout, file_bytes):
        if name == b"COMM":
            return _aiff_length(file.read(18))
        if name == b"fmt ":
            # Of compressed sound the header tells only a rough rate: 0, and nothing is declared.
            bytes_per_s = _wav_bytes_per_s(file.read(16), layout.order)
        elif name == b"desc":
            bytes_per_s = _caf_bytes_per_s(file.read(32))
        elif name == b"ds64":
            size64 = int.from_bytes(file.read(16)[8:], "little")
        elif name == b"data":
            if not bytes_per_s > 0:  # nor when it is not a number
                return None
            unknown = size == 2 ** (8 * layout.size_bytes) - 1
            if unknown and size64 is not None:
                size, unknown = size64, False
            crashed = size == 0 and body < file_bytes
            return HeaderLength(None if unknown or crashed else size / bytes_per_s)
    return None


def _chunks(file: BinaryIO, layout: _Layout, file_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, size and place of each chunk; the file stands at its body."""
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
    tag, _, rate, _, block_align, _ = struct.unpack(
        "<HHIIHH" if order == "little" else ">HHIIHH", fmt
    )
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
    """Whether an MP3's first frame states its length; without, FFmpeg only guesses it."""
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
