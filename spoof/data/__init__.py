"""Data sets of real and synthetic speech: read, split, cut and joined."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio

SPLITS = ("train", "valid", "test")
Samples = NDArray[np.float32]
BLOCK_S = 30.0
"""Seconds that are decoded at once."""


class DataWarning(UserWarning):
    """The data can be used, but something about them makes figures look better than they are."""


@dataclass(frozen=True)
class Utterance:
    """A recording of one voice with what its data set states about it; "" where it states nothing.

    `group` is the recording or speaker that it comes from: a group never stands on two sides of a
    split. `speaker` is the person whose voice it is. `system` made a fake. `split` is one of
    `SPLITS`. `collection` is a repository or a part of a data set. `more` are files that follow the
    first.
    """

    path: Path
    is_fake: bool
    group: str
    speaker: str = ""
    system: str = ""
    split: str = ""
    collection: str = ""
    more: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files of the recording."""
        return (self.path, *self.more)

    @property
    def name(self) -> str:
        """The file as errors and lists name it, or the first of several."""
        more = f" and {len(self.more)} more" if self.more else ""
        return audio.shown(self.path) + more


def class_counts(utterances: Sequence[Utterance]) -> tuple[int, int]:
    """How many utterances are real, and how many fake."""
    n_fake = sum(u.is_fake for u in utterances)
    return len(utterances) - n_fake, n_fake


def missing_class(utterances: Sequence[Utterance]) -> str:
    """The counts of both classes in words where one of them is empty, else ""."""
    n_real, n_fake = class_counts(utterances)
    if n_real and n_fake:
        return ""
    return f"{n_real or 'no'} real and {n_fake or 'no'} fake utterances"


def balance(utterances: Sequence[Utterance]) -> str:
    """How many utterances are real and fake: `303 real, 2615 fake: 8.63 fake to 1 real`."""
    n_real, n_fake = class_counts(utterances)
    ratio = n_fake / n_real if n_real else float("inf")
    return f"{n_real} real, {n_fake} fake: {ratio:.2f} fake to 1 real"


def segments(
    blocks: Iterable[Samples], *, rate_hz: int, length_s: float, hop_s: float | None = None
) -> Iterator[Samples]:
    """Segments (length,) of mono samples that come in blocks (n,): memory holds a block.

    They begin every `hop_s`, by default one after the other. A rest is dropped, but what is shorter
    than one segment is repeated until it fills it.

    >>> [s[0] for s in segments([np.arange(10.0)], rate_hz=1, length_s=4, hop_s=3)]
    [0.0, 3.0, 6.0]
    """
    length, hop = (max(1, round(s * rate_hz)) for s in (length_s, hop_s or length_s))
    rest, start, n_segments = np.zeros(0, np.float32), 0, 0
    for block in blocks:
        rest = np.concatenate([rest, block])
        while rest.size >= start + length:
            yield rest[start : start + length].copy()
            start, n_segments = start + hop, n_segments + 1
        done = min(start, rest.size)
        rest, start = rest[done:], start - done
    if rest.size and not n_segments:
        yield filled(rest, length)


def file_blocks(paths: Sequence[Path], rate_hz: int) -> Iterator[Samples]:
    """The samples of files, one after the other; their defects become AudioWarnings."""
    for path in paths:
        with audio.stream(path, sample_rate=rate_hz, block_s=BLOCK_S) as blocks:
            yield from blocks
            for note in blocks.notes:
                message = f"{audio.shown(path)}: {note}"
                warnings.warn(message, audio.AudioWarning, stacklevel=3)


def filled(samples: Samples, length: int) -> Samples:
    """Samples (n,) shorter than a segment, repeated until they fill it, (length,)."""
    return np.resize(samples, length).astype(np.float32, copy=False)


def joined(utterances: Sequence[Utterance]) -> list[Utterance]:
    """All utterances of one known speaker and class as one, in the order given, as S3 joins them.

    Groups and splits stay apart. Systems and collections that differ become "".
    """
    together: dict[tuple[object, ...], list[Utterance]] = {}
    for number, u in enumerate(utterances):
        together.setdefault((u.split, u.group, u.speaker or number, u.is_fake), []).append(u)
    return [
        replace(
            same[0], system=_common({u.system for u in same}), more=tuple(u.path for u in same[1:]),
            collection=_common({u.collection for u in same}),
        )
        for same in together.values()
    ]  # fmt: skip


def _common(labels: set[str]) -> str:
    return labels.pop() if len(labels) == 1 else ""
