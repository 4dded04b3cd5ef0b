"""Training, validation and test parts that share no recording and no speaker."""

import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from cqtnet.audio.files import shown
from cqtnet.errors import InputError
from spoof.data.utterance import SPLITS, DataWarning, Utterance, missing_class

# Groups handed out to the sides of a split, so that each gets its share of real and of fake.

Pair = tuple[float, float]
"""What a group holds: its share of all real utterances, and of all fake ones."""


def apportioned(
    utterances: Sequence[Utterance], shares: Sequence[float], *, seed: int
) -> list[list[Utterance]]:
    """The utterances of each side: whole groups, about `shares` of the real and of the fake ones.

    Shares are above 0 and sum to 1. Large groups are placed first, each where most is missing of
    what it brings; `seed` decides the order among groups of about one size. Where a side comes
    out without a class and a group can be spared elsewhere, that group moves.
    """
    groups = _groups(utterances)
    lack = [[share, share] for share in shares]  # what each side still needs of real and of fake
    place: dict[str, int] = {}
    for group in _in_order(groups, utterances, seed):
        real, fake = groups[group]
        # Of all sides this lowers the sum of squared misses most: (lack - x)² - lack² is
        # x² - 2·x·lack, and x² is the same everywhere.
        place[group] = max(range(len(lack)), key=lambda s: real * lack[s][0] + fake * lack[s][1])
        lack[place[group]][0] -= real
        lack[place[group]][1] -= fake
    _give_each_side_both(place, groups, len(shares))
    chosen: list[list[Utterance]] = [[] for _ in shares]
    for utterance in utterances:
        chosen[place[utterance.group]].append(utterance)
    return chosen


def _groups(utterances: Sequence[Utterance]) -> dict[str, Pair]:
    counts: dict[str, list[int]] = {}
    for utterance in utterances:
        counts.setdefault(utterance.group, [0, 0])[utterance.is_fake] += 1
    n_real = max(sum(real for real, _ in counts.values()), 1)
    n_fake = max(sum(fake for _, fake in counts.values()), 1)
    return {group: (real / n_real, fake / n_fake) for group, (real, fake) in counts.items()}


def _in_order(groups: Mapping[str, Pair], utterances: Sequence[Utterance], seed: int) -> list[str]:
    """The largest first, by powers of two, and by chance among these: else no seed would matter."""

    def key(group: str) -> tuple[int, bytes]:
        text = f"{seed}\0{group}".encode("utf-8", "surrogateescape")
        size = round(sum(groups[group]) * len(utterances))
        return -size.bit_length(), hashlib.sha256(text).digest()

    return sorted(groups, key=key)


def _give_each_side_both(place: dict[str, int], groups: Mapping[str, Pair], n_sides: int) -> None:
    """Move groups to sides that lack a class from sides that have more than one with it."""
    for _ in range(2 * n_sides):
        having = _groups_with_class(place, groups, n_sides)
        wants = [(side, c) for side in range(n_sides) for c in (0, 1) if not having[side][c]]
        moves = ((_spare(c, place, groups, having), side) for side, c in wants)
        group, side = next((move for move in moves if move[0] is not None), (None, 0))
        if group is None:
            return
        place[group] = side


def _groups_with_class(
    place: Mapping[str, int], groups: Mapping[str, Pair], n_sides: int
) -> list[list[int]]:
    """How many groups with real and how many with fake utterances every side has."""
    having = [[0, 0] for _ in range(n_sides)]
    for group, side in place.items():
        for c in (0, 1):
            having[side][c] += groups[group][c] > 0
    return having


def _spare(
    wanted: int,
    place: Mapping[str, int],
    groups: Mapping[str, Pair],
    having: Sequence[Sequence[int]],
) -> str | None:
    """The smallest group with a class whose side does not need it for either class."""
    spare = [
        group
        for group, side in place.items()
        if groups[group][wanted] and all(having[side][c] > 1 for c in (0, 1) if groups[group][c])
    ]
    return min(spare, key=lambda group: (sum(groups[group]), group), default=None)


# Training, validation and test parts that share no recording and no speaker.


@dataclass(frozen=True)
class Split:
    """The utterances of each side; a side may be empty, else it holds both classes."""

    train: list[Utterance]
    valid: list[Utterance]
    test: list[Utterance]

    def require(self, *sides: str) -> Self:
        """The split itself, after making sure that these sides are not empty."""
        for side in sides:
            if not getattr(self, side):
                counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in SPLITS)
                raise InputError(f"no utterance is left for {side} ({counts}); mark some as {side}")
        return self


def split_by_group(
    utterances: Sequence[Utterance], *, valid: float = 0.1, test: float = 0.2, seed: int = 0
) -> Split:
    """A split in which every group is on one side, with both classes on every side.

    What the data set itself marks stays where it is; an unmarked utterance whose group is marked
    goes with it. A side that nothing is marked for is taken out of the rest, the utterances for
    training: shares `valid` and `test` of its real and of its fake ones, in whole groups, the
    same ones for the same `seed`. Data that are all marked `test`, say, leave the others empty.

    >>> split = split_by_group(load_data(Path("LA")))
    >>> {u.group for u in split.train} & {u.group for u in split.test}
    set()
    """
    _check_shares(valid, test)
    marked, rest = _marked(utterances)
    shares = {"valid": valid, "test": test}
    wanted = {side: s for side, s in shares.items() if s and side not in marked and rest}
    if wanted:
        sides = ["train", *wanted]
        chosen = apportioned(rest, [1 - sum(wanted.values()), *wanted.values()], seed=seed)
        for side, part in zip(sides, chosen, strict=True):
            _require_both(part, side, rest)
        marked |= dict(zip(sides, chosen, strict=True))
    elif rest:
        marked["train"] = rest
    for side, part in marked.items():
        if lacking := missing_class(part):
            raise InputError(f"{side}, as the data set marks it, holds {lacking}; mark both kinds")
    return Split(*(marked.get(side, []) for side in SPLITS))


def folds(utterances: Sequence[Utterance], count: int, seed: int = 0) -> list[Split]:
    """`count` splits whose `valid` parts share no group and together are all utterances.

    What the data set marks plays no part: give what is to be folded, without the test part.
    """
    if count < 2:
        raise InputError(f"{count} folds are none; give 2 or more")
    parts = apportioned(utterances, [1 / count] * count, seed=seed)
    for part in parts:
        _require_both(part, f"each of {count} folds", utterances)
    return [
        Split([u for other in parts if other is not part for u in other], part, [])
        for part in parts
    ]


def _marked(utterances: Sequence[Utterance]) -> tuple[dict[str, list[Utterance]], list[Utterance]]:
    """The utterances of sides that are held out by their marks, and all others."""
    sides: dict[str, set[str]] = {}
    for utterance in utterances:
        if utterance.split:
            sides.setdefault(utterance.group, set()).add(utterance.split)
    _warn_of_shared(sides)
    marked: dict[str, list[Utterance]] = {}
    rest = []
    for utterance in utterances:
        # In the order of SPLITS turned around: an unmarked one never joins training by mistake.
        side = utterance.split or max(sides.get(utterance.group, {"train"}), key=SPLITS.index)
        if side == "train":
            rest.append(utterance)
        else:
            marked.setdefault(side, []).append(utterance)
    return marked, rest


def _warn_of_shared(sides: dict[str, set[str]]) -> None:
    shared = [group for group, found in sides.items() if len(found) > 1]
    if shared:
        found = ", ".join(sorted(sides[shared[0]], key=SPLITS.index))
        message = (
            f"{len(shared)} of {len(sides)} groups are on several sides, as the data set marks "
            f"them; the first, {shown(shared[0])}, in {found}: figures will look too good"
        )
        warnings.warn(message, DataWarning, stacklevel=4)


def _require_both(part: Sequence[Utterance], side: str, whole: Sequence[Utterance]) -> None:
    lacking = missing_class(part)
    if not lacking:
        return
    real, fake = (
        len({u.group for u in whole if u.is_fake == is_fake}) for is_fake in (False, True)
    )
    raise InputError(
        f"{side} would hold {lacking}: {real} groups hold real and {fake} fake utterances, and "
        "none may be on two sides; give more recordings or speakers, or ask for fewer parts"
    )


def _check_shares(valid: float, test: float) -> None:
    for name, share in (("valid", valid), ("test", test)):
        if not (math.isfinite(share) and 0 <= share < 1):
            raise InputError(f"{name} share of {share:g} is not within 0 to 1; give one below 1")
    if valid + test >= 1:
        raise InputError(f"shares of {valid:g} and {test:g} leave nothing to train on; lower them")
