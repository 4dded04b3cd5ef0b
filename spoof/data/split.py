"""Training, validation and test parts that share no recording and no speaker."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cqtnet.audio.files import shown
from cqtnet.errors import InputError
from spoof.data.apportion import apportioned
from spoof.data.utterance import SPLITS, DataWarning, Utterance, missing_class


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
