"""Short utterances of one speaker joined to long recordings, as S3 does for its 30 s pictures."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from spoof.data.segments import Short, check_short, filled, segment_length
from spoof.data.utterance import Utterance

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
