"""What an archive keeps of a recording: vectors in 16 bits, a sketch, and perhaps its sound.

A sketch is for a first look: the coarse changes, a byte each, at 2 MB an hour. They say at which
place, tempo and pitch a query may lie in a recording, and how far both agree there, as exactly as
the sound itself. Only where they agree, the sound is read.

Sound is kept so that recordings may be away: Opus, a minute a piece. From sound, all can be
computed that a comparison needs; its features would take four times the room. Each piece stands for
itself and begins with a moment of the one before, in which the codec settles.
"""

import io
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from augment.audio.ffmpeg import reason_of
from augment.tempo import mono_frames
from cqtnet import SAMPLE_RATE
from cqtnet.audio.stream import cut
from cqtnet.cqt import N_BINS
from verify.features import COARSE_PER_SECOND, Floats, changes

STEP = 1 / 8  # changes, whose mean square is about 1, are kept to so much
ROW_FRAMES = 640  # coarse frames that are kept, and read, together: a minute
ROW_S = ROW_FRAMES / COARSE_PER_SECOND
NO_ROOTS = np.zeros((0, N_BINS), np.float32)
KBPS = 32  # 14.4 MB an hour
PIECE_S, LEAD_S = 60, 0.5
RATE, FRAME = 24_000, 480
NOTHING = np.zeros(0, np.float32)


def as_float32(numbers: NDArray[np.float16]) -> Floats:
    """Finite 16-bit floats as float32: exactly, and five times as fast as numpy converts them.

    All bits go where float32 has them; a factor makes up for the other bias of the exponent.
    """
    bits = numbers.view("<i2").astype("<i4")  # which fills the upper half with the sign
    bits <<= 13
    bits &= -0x70000001
    floats = bits.view("<f4")
    floats *= np.float32(2.0**112)
    return floats


@dataclass(frozen=True)
class Sketch:
    """The coarse changes of a stretch of sound; enough for `verify.align.search`."""

    coarse: Floats  # (84, n), COARSE_PER_SECOND
    start_s: float = 0.0

    @classmethod
    def of(cls, roots: Floats, *, start_s: float = 0.0) -> "Sketch":
        """The sketch of the roots (n, 84) that a trace keeps."""
        if not len(roots):
            return cls(roots.T, start_s)
        return cls(changes(roots.T.copy(), per_second=COARSE_PER_SECOND)[0], start_s)

    @classmethod
    def unpacked(cls, rows: Sequence[bytes]) -> "Sketch":
        """What consecutive rows of `packed` hold; a ValueError where they are none."""
        data = np.frombuffer(b"".join(map(_row, rows)), np.int8)
        return cls(data.reshape(-1, N_BINS).T.astype(np.float32) * np.float32(STEP))

    def packed(self) -> tuple[bytes, ...]:
        """It as rows of a minute."""
        steps = np.clip(np.rint(self.coarse.T / STEP), -127, 127).astype(np.int8)
        rows = np.split(steps, range(ROW_FRAMES, len(steps), ROW_FRAMES)) if len(steps) else []
        return tuple(zlib.compress(row.tobytes()) for row in rows)

    @property
    def duration_s(self) -> float:
        """How long it lasts, to a frame."""
        return float(self.coarse.shape[1] / COARSE_PER_SECOND)

    def part(self, start_s: float, end_s: float) -> "Sketch":
        """What lies between two times, cut to what there is."""
        first = max(0, math.floor((start_s - self.start_s) * COARSE_PER_SECOND))
        last = max(first, math.ceil((end_s - self.start_s) * COARSE_PER_SECOND))
        return Sketch(self.coarse[:, first:last], self.start_s + first / COARSE_PER_SECOND)


def _row(packed: bytes) -> bytes:
    """A row unpacked; a ValueError where it is none, or would be longer than one."""
    unpacking = zlib.decompressobj()
    try:
        row = unpacking.decompress(packed, ROW_FRAMES * N_BINS + 1)
    except zlib.error as error:
        raise ValueError(f"a row of a sketch does not unpack: {error}") from error
    if not unpacking.eof:
        raise ValueError("a row of a sketch is cut off, or too long")
    return row


def packed(blocks: Iterable[Floats]) -> Iterator[bytes]:
    """The pieces of a recording, given as mono blocks at 22,050 Hz of any size."""
    lead = np.zeros(round(LEAD_S * SAMPLE_RATE), np.float32)
    for samples in cut(blocks, PIECE_S * SAMPLE_RATE):
        yield _encoded(np.concatenate([lead, samples]))
        lead = samples[-lead.size :].copy()


def unpacked(pieces: Sequence[bytes]) -> Floats:
    """The samples of consecutive pieces."""
    return np.concatenate([_decoded(piece) for piece in pieces])


def _encoded(samples: Floats) -> bytes:
    memory = io.BytesIO()
    sound = soxr.resample(samples, SAMPLE_RATE, RATE, quality="HQ").astype(np.float32)
    sound = np.pad(sound, (0, -sound.size % FRAME + FRAME))
    with av.open(memory, "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE)
        stream.bit_rate, stream.time_base = KBPS * 1000, Fraction(1, RATE)
        stream.layout, stream.format = "mono", "flt"
        stream.metadata["samples"] = str(samples.size)
        for frame in mono_frames(sound, RATE, "flt", FRAME):
            file.mux(stream.encode(frame))
    return memory.getvalue()


def _decoded(piece: bytes) -> Floats:
    most = round((PIECE_S + 2 * LEAD_S) * RATE)
    options = {"codec_whitelist": "opus,libopus", "protocol_whitelist": "none"}
    parts, n_samples = [NOTHING], 0
    try:
        with av.open(io.BytesIO(piece), format="ogg", container_options=options) as file:
            stream = file.streams.audio[0]
            for frame in file.decode(stream):
                parts.append(frame.to_ndarray()[0].astype(np.float32))
                n_samples += frame.samples
                if frame.sample_rate not in (RATE, 2 * RATE) or n_samples > 2 * most:
                    raise ValueError("it is longer than it may be")
            rate, count = stream.rate, int(stream.metadata["samples"])
    except (av.FFmpegError, OSError, LookupError, ValueError) as error:
        raise ValueError(f"a piece of sound does not decode: {reason_of(error)}") from error
    found = soxr.resample(np.concatenate(parts), rate, SAMPLE_RATE, quality="HQ")
    lead = round(LEAD_S * SAMPLE_RATE)
    return np.asarray(found[lead:count], np.float32)
