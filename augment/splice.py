"""Recordings put together again from their own stretches and from foreign ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from augment.effect import Altered, Samples
from augment.errors import EffectError
from augment.timemap import Span, TimeMap


@dataclass(frozen=True)
class Own:
    """A stretch of the recording itself, from sample `start` up to but not including `end`."""

    start: int
    end: int


Piece: TypeAlias = Own | Samples


def splice(samples: Samples, sample_rate: int, pieces: Sequence[Piece]) -> Altered:
    """The pieces one after the other, with the map of those that are the recording's own.

    The joins are hard, sample against sample, so that the map is exact to the sample.
    """
    stretches: list[Samples] = []
    spans: list[Span] = []
    position = 0
    for piece in pieces:
        stretch = samples[piece.start : piece.end] if isinstance(piece, Own) else piece
        end = position + stretch.size
        if isinstance(piece, Own) and piece.end > piece.start:
            times = (position, end, piece.start, piece.end)
            spans.append(Span(*(index / sample_rate for index in times)))
        stretches.append(stretch)
        position = end
    return Altered(np.concatenate(stretches), TimeMap.joined(spans))


def sample_index(name: str, time_s: float, n_samples: int, sample_rate: int) -> int:
    """The sample nearest to a time; a time after the end of the recording raises EffectError."""
    index = round(time_s * sample_rate)
    if index > n_samples:
        raise EffectError(
            f"{name}: {time_s:g} s is after the end of the recording at "
            f"{n_samples / sample_rate:g} s; give an earlier time"
        )
    return index


def sample_stretch(
    name: str, start_s: float, end_s: float, n_samples: int, sample_rate: int
) -> tuple[int, int]:
    """First and one-past-last sample of a stretch, which must lie within the recording."""
    start = sample_index(name, start_s, n_samples, sample_rate)
    end = sample_index(name, end_s, n_samples, sample_rate)
    if end <= start:
        raise EffectError(
            f"{name}: {start_s:g} s to {end_s:g} s holds no sample; give an end after the start"
        )
    return start, end
