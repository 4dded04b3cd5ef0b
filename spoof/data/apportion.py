"""Groups handed out to the sides of a split, so that each gets its share of real and of fake."""

import hashlib
from collections.abc import Mapping, Sequence

from spoof.data.utterance import Utterance

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
