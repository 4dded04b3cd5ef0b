"""Segments of one length, cut from a recording of any length."""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.errors import InputError
from spoof.data.utterance import Utterance

Samples = NDArray[np.float32]
Short = Literal["repeat", "pad", "skip"]
SHORT = ("repeat", "pad", "skip")


def segments(
    samples: Samples,
    *,
    rate_hz: int,
    length_s: float,
    hop_s: float | None = None,
    short: Short = "repeat",
) -> Samples:
    """Segments of mono samples (n,): float32 of shape (segments, length).

    They begin every `hop_s` (by default one after the other); what is left at the end and fills
    none is dropped. A recording shorter than one segment is repeated until it fills it, padded
    with silence, or skipped, which gives (0, length).

    >>> segments(np.arange(10.0, dtype=np.float32), rate_hz=1, length_s=4, hop_s=3)[:, 0]
    array([0., 3., 6.], dtype=float32)
    """
    length = segment_length(rate_hz, length_s)
    hop = length if hop_s is None else segment_length(rate_hz, hop_s, what="hop")
    check_short(short)
    if samples.ndim != 1 or samples.size == 0:
        raise InputError(f"samples of shape {samples.shape} can't be cut; give some, mono, (n,)")
    if samples.size < length:
        return filled(samples, length, short)
    windows = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    return np.array(windows, dtype=np.float32)


def filled(samples: Samples, length: int, short: Short) -> Samples:
    """Samples (n,) shorter than a segment as one segment (1, length), or none, (0, length)."""
    if short == "skip":
        return np.zeros((0, length), np.float32)
    if short == "repeat":
        return np.resize(samples, (1, length)).astype(np.float32, copy=False)
    return np.pad(samples, (0, length - samples.size)).astype(np.float32, copy=False)[None]


def segment_length(rate_hz: int, seconds: float, *, what: str = "segment") -> int:
    """Seconds as samples, at least one; what is no length is an InputError."""
    if not (math.isfinite(seconds) and seconds * rate_hz >= 0.5):
        raise InputError(f"{what} of {seconds:g} s holds no sample at {rate_hz} Hz; give more")
    return max(1, round(seconds * rate_hz))


def check_short(short: str) -> None:
    """Raise unless it is known what becomes of short recordings."""
    if short not in SHORT:
        raise InputError(f"short {short!r} is unknown; choose from {', '.join(SHORT)}")


# Short utterances of one speaker joined to long recordings, as S3 does for its 30 s pictures.

BLOCK_S = 30.0


@dataclass(frozen=True)
class Joined:
    """Recordings that follow each other as one; what they share is said as of an `Utterance`."""

    paths: tuple[Path, ...]
    is_fake: bool
    group: str
    speaker: str = ""
    system: str = ""  # "" also where several made them
    split: str = ""
    collection: str = ""


def joined(utterances: Sequence[Utterance]) -> list[Joined]:
    """All utterances of one speaker, label, group and split as one, in the order given.

    Systems are mixed, as in S3. Where no speaker is known an utterance stays alone: nothing says
    whose voice it could continue.
    """
    together: dict[tuple[object, ...], list[Utterance]] = {}
    for number, utterance in enumerate(utterances):
        whose = utterance.speaker or number
        key = (utterance.split, utterance.group, whose, utterance.is_fake)
        together.setdefault(key, []).append(utterance)
    return [_as_one(found) for found in together.values()]


def joined_segments(
    recordings: Joined, *, rate_hz: int, length_s: float, short: Short = "repeat"
) -> Iterator[NDArray[np.float32]]:
    """Segments (length,) of joined recordings, cut one after the other as `segments` cuts them.

    Decoded as they are needed: memory holds one segment, however long the recordings are.
    """
    length = segment_length(rate_hz, length_s)
    check_short(short)
    segment, size, found = np.empty(length, np.float32), 0, False
    for block in _blocks(recordings.paths, rate_hz):
        while block.size:
            part = block[: length - size]
            segment[size : size + part.size] = part
            size, block = size + part.size, block[part.size :]
            if size == length:
                yield segment
                segment, size, found = np.empty(length, np.float32), 0, True
    if size and not found:
        yield from filled(segment[:size], length, short)


def _blocks(paths: Sequence[Path], rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """The samples of recordings, one after the other; what is wrong with one is an AudioWarning."""
    for path in paths:
        with audio.stream(path, sample_rate=rate_hz, block_s=BLOCK_S) as blocks:
            yield from blocks
            for note in blocks.notes:
                message = f"{audio.shown(path)}: {note}"
                warnings.warn(message, audio.AudioWarning, stacklevel=3)


def _as_one(found: Sequence[Utterance]) -> Joined:
    first = found[0]
    systems = {utterance.system for utterance in found}
    collections = {utterance.collection for utterance in found}
    return Joined(
        tuple(utterance.path for utterance in found),
        first.is_fake,
        first.group,
        first.speaker,
        first.system if len(systems) == 1 else "",
        first.split,
        first.collection if len(collections) == 1 else "",
    )
