"""Data sets of real and synthetic speech: read, split, cut and joined."""

import hashlib
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from augment.audio.files import shown
from cqtnet import audio
from cqtnet.errors import InputError

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


# Training, validation and test parts that share no recording and no speaker.
Shares = tuple[float, float]
"""What a group holds: its share of all real utterances, and of all fake ones."""


@dataclass(frozen=True)
class Split:
    """The utterances of each side; a side may be empty, else it holds both classes."""

    train: list[Utterance]
    valid: list[Utterance]
    test: list[Utterance]

    def require(self, *sides: str) -> Self:
        """The split itself; an InputError where one of these sides is empty."""
        for side in sides:
            if not getattr(self, side):
                counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in SPLITS)
                raise InputError(f"no utterance is left for {side} ({counts}); mark some as {side}")
        return self


def split_by_group(
    utterances: Sequence[Utterance], *, valid: float = 0.1, test: float = 0.2, seed: int = 0
) -> Split:
    """A split in which every group is on one side, with both classes on every side.

    Marks of the data set are kept; an unmarked utterance of a marked group goes with it. A side
    without marks is taken out of the utterances for training: shares `valid` and `test` of its real
    and of its fake ones, in whole groups, the same ones for the same `seed`. Where `valid` is
    marked and `test` is not, the data set holds none for testing, and none is taken.
    """
    shares = {"valid": valid, "test": test}
    for name, share in shares.items():
        if not (math.isfinite(share) and 0 <= share < 1):
            raise InputError(f"{name} share of {share:g} is not within 0 to 1; give one below 1")
    if valid + test >= 1:
        raise InputError(f"shares of {valid:g} and {test:g} leave nothing to train on; lower them")
    marked, rest = _marked(utterances)
    if "valid" in marked:
        shares["test"] = 0.0
    wanted = {side: s for side, s in shares.items() if s and side not in marked and rest}
    if wanted:
        sides = {"train": 1 - sum(wanted.values()), **wanted}
        parts = apportioned(rest, [*sides.values()], seed=seed)
        for side, part in zip(sides, parts, strict=True):
            _require_both(part, side, rest)
        marked |= dict(zip(sides, parts, strict=True))
    elif rest:
        marked["train"] = rest
    for side, part in marked.items():
        if counts := missing_class(part):
            raise InputError(f"{side}, as the data set marks it, holds {counts}; mark both kinds")
    return Split(*(marked.get(side, []) for side in SPLITS))


def folds(utterances: Sequence[Utterance], count: int, seed: int = 0) -> list[Split]:
    """`count` splits whose `valid` parts share no group and together are all utterances given."""
    if count < 2:
        raise InputError(f"{count} folds are too few; give 2 or more")
    parts = apportioned(utterances, [1 / count] * count, seed=seed)
    for part in parts:
        _require_both(part, f"each of {count} folds", utterances)
    return [
        Split([u for other in parts if other is not part for u in other], part, [])
        for part in parts
    ]


def apportioned(
    utterances: Sequence[Utterance], shares: Sequence[float], *, seed: int
) -> list[list[Utterance]]:
    """The utterances of each side: whole groups, about `shares` of the real and of the fake ones.

    Shares sum to 1. Large groups are placed first, each on the side that needs its utterances most;
    `seed` decides the order among groups of about one size. A side without a class gets a group
    that another side can spare.
    """
    counts: dict[str, list[int]] = {}
    for utterance in utterances:
        counts.setdefault(utterance.group, [0, 0])[utterance.is_fake] += 1
    n_real, n_fake = (max(sum(count[c] for count in counts.values()), 1) for c in (0, 1))
    groups = {group: (real / n_real, fake / n_fake) for group, (real, fake) in counts.items()}
    need = [[share, share] for share in shares]  # of real and of fake utterances, on each side
    side_of: dict[str, int] = {}

    def order(group: str) -> tuple[int, bytes]:
        """Largest first, by powers of two, at random among these: else no seed would matter."""
        text = f"{seed}\0{group}".encode("utf-8", "surrogateescape")
        size = round(sum(groups[group]) * len(utterances))
        return -size.bit_length(), hashlib.sha256(text).digest()

    for group in sorted(groups, key=order):
        real, fake = groups[group]
        # This side lowers the sum of squared misses most: (need - x)² - need² = x² - 2·x·need,
        # and x² is the same for all sides.
        side = max(range(len(need)), key=lambda s: real * need[s][0] + fake * need[s][1])
        side_of[group] = side
        need[side][0] -= real
        need[side][1] -= fake
    _give_both(side_of, groups, len(shares))
    parts: list[list[Utterance]] = [[] for _ in shares]
    for utterance in utterances:
        parts[side_of[utterance.group]].append(utterance)
    return parts


def _give_both(side_of: dict[str, int], groups: Mapping[str, Shares], n_sides: int) -> None:
    """Move groups to sides without a class from sides with more than one group of that class."""
    for _ in range(2 * n_sides):
        having = [[0, 0] for _ in range(n_sides)]  # groups with real, and with fake utterances
        for group, side in side_of.items():
            for c in (0, 1):
                having[side][c] += groups[group][c] > 0
        wants = [(side, c) for side in range(n_sides) for c in (0, 1) if not having[side][c]]
        moves = ((_spare(c, side_of, groups, having), side) for side, c in wants)
        group_to_move, side = next((m for m in moves if m[0] is not None), (None, 0))
        if group_to_move is None:
            return
        side_of[group_to_move] = side


def _spare(
    wanted: int, side_of: Mapping[str, int], groups: Mapping[str, Shares],
    having: Sequence[Sequence[int]],
) -> str | None:  # fmt: skip
    """The smallest group with a class whose side does not need it for either class."""
    spare = [
        group
        for group, side in side_of.items()
        if groups[group][wanted] and all(having[side][c] > 1 for c in (0, 1) if groups[group][c])
    ]
    return min(spare, key=lambda group: (sum(groups[group]), group), default=None)


def _marked(utterances: Sequence[Utterance]) -> tuple[dict[str, list[Utterance]], list[Utterance]]:
    """The utterances of sides that are held out by their marks, and all others."""
    sides: dict[str, set[str]] = {}
    for utterance in utterances:
        if utterance.split:
            sides.setdefault(utterance.group, set()).add(utterance.split)
    shared = [group for group, marks in sides.items() if len(marks) > 1]
    if shared:
        names = ", ".join(sorted(sides[shared[0]], key=SPLITS.index))
        message = (
            f"{len(shared)} of {len(sides)} groups are on several sides, as the data set marks "
            f"them; the first, {shown(shared[0])}, in {names}: figures will look too good"
        )
        warnings.warn(message, DataWarning, stacklevel=3)
    marked: dict[str, list[Utterance]] = {}
    rest = []
    for utterance in utterances:
        # The last of SPLITS: an unmarked one never joins training by mistake.
        side = utterance.split or max(sides.get(utterance.group, {"train"}), key=SPLITS.index)
        if side == "train":
            rest.append(utterance)
        else:
            marked.setdefault(side, []).append(utterance)
    return marked, rest


def _require_both(part: Sequence[Utterance], side: str, whole: Sequence[Utterance]) -> None:
    if counts := missing_class(part):
        real, fake = (len({u.group for u in whole if u.is_fake == c}) for c in (False, True))
        raise InputError(
            f"{side} would hold {counts}: {real} groups hold real and {fake} fake utterances, and "
            "none may be on two sides; give more recordings or speakers, or ask for fewer parts"
        )
