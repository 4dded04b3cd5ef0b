"""Sound that an archive keeps itself, so that its recordings may be away: Opus, a minute a piece.

From sound, all can be computed that a comparison needs; its features would take four times the
room. Each piece stands for itself and begins with a moment of the one before, in which the codec
settles.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
import soxr

from augment.audio.ffmpeg import reason_of
from augment.tempo import mono_frames
from cqtnet import SAMPLE_RATE
from cqtnet.audio.stream import cut
from verify.features import Floats

KBPS = 32
"""14.4 MB an hour."""
PIECE_S, LEAD_S = 60, 0.5
RATE, FRAME = 24_000, 480
NOTHING = np.zeros(0, np.float32)


def packed(blocks: Iterable[Floats]) -> Iterator[bytes]:
    """The pieces of a recording, given as mono blocks at 22,050 Hz of any size.

    >>> with audio.stream("song.flac") as blocks:
    ...     pieces = tuple(packed(blocks))
    """
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
