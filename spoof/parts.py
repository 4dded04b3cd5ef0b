"""Which part of the data a network learns from, is chosen by, and is judged by.

By group, no recording and no speaker is on two sides. By segment, as the sources did, segments
of one recording are, and what is measured then is partly memory: it stands here to show how much.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from cqtnet.cache import content_hash
from cqtnet.errors import InputError
from spoof.data.split import split_by_group
from spoof.data.utterance import Utterance
from spoof.prepare import Change, Examples, Preparer
from spoof.recipes.recipe import Recipe

SplitBy = Literal["group", "segment"]
Part = Literal["train", "valid", "test"]
Which = Literal["auto", "train", "valid", "test", "all"]
"""A part as it is asked for; `auto` depends on whether the data are those trained on."""
VALID, TEST = 0.1, 0.2
"""Shares of what is held out, where the data do not say themselves."""


def learning_parts(
    utterances: Sequence[Utterance],
    recipe: Recipe,
    preparer: Preparer,
    *,
    split_by: SplitBy = "group",
    seed: int = 0,
) -> tuple[Examples, Examples]:
    """Examples to learn from, with the recipe's copies, and unaltered ones to choose by."""
    copies = recipe.training.copies
    _require_groups(utterances, split_by)
    if known_split(split_by) == "group":
        split = split_by_group(utterances, valid=VALID, test=TEST, seed=seed)
        split.require("train", "valid")
        train = preparer.examples(split.train, recipe, copies=copies)
        return train, preparer.examples(split.valid, recipe)
    everything = preparer.examples(utterances, recipe, copies=copies)
    part = segment_parts(everything, seed=seed)
    return (
        everything.where(part == "train"),
        everything.where((part == "valid") & (everything.copy == 0)),
    )


def one_part(
    utterances: Sequence[Utterance],
    recipe: Recipe,
    preparer: Preparer,
    *,
    part: Part = "test",
    split_by: SplitBy = "group",
    seed: int = 0,
    change: Change | None = None,
) -> Examples:
    """Unaltered examples of one part, or such as `change` leaves of its recordings."""
    _require_groups(utterances, split_by)
    if known_split(split_by) == "group":
        held = members(utterances, part, seed=seed)
        return preparer.examples(held, recipe, change=change)
    everything = preparer.examples(utterances, recipe, change=change)
    return everything.where(segment_parts(everything, seed=seed) == part)


def _require_groups(utterances: Sequence[Utterance], split_by: str) -> None:
    """Raise where recordings are rows of one table, of which nobody knows whose they are."""
    if split_by == "group" and len(utterances) > 1 and len({u.path for u in utterances}) == 1:
        raise InputError(
            f"{utterances[0].path} does not say which recordings its rows are of, so that only "
            "rows can be split; use --split-by segment"
        )


def members(utterances: Sequence[Utterance], part: Part, *, seed: int = 0) -> list[Utterance]:
    """The recordings of one part, split by group; none is an error."""
    split = split_by_group(utterances, valid=VALID, test=TEST, seed=seed)
    held: list[Utterance] = getattr(split.require(part), part)
    return held


def segment_parts(examples: Examples, *, seed: int) -> NDArray[np.str_]:
    """The part (n,) that chance gives each example's segment; its copies are in the same one."""
    longest = int(examples.segment.max(initial=0)) + 1
    segments, number = np.unique(
        examples.recording * longest + examples.segment, return_inverse=True
    )
    place = np.random.default_rng([seed, len(segments)]).permutation(len(segments))
    share = (place + 0.5) / len(segments)
    part = np.where(share < TEST, "test", np.where(share < TEST + VALID, "valid", "train"))
    return part[number]


def data_hash(utterances: Sequence[Utterance]) -> str:
    """SHA-256 of all recordings' contents, classes, groups and parts: names a data set."""
    lines = sorted(
        f"{content_hash(u.path)}\t{u.is_fake}\t{u.group}\t{u.split}\n" for u in utterances
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def known_split(split_by: str) -> SplitBy:
    """The way to split, if there is such a one."""
    if split_by not in get_args(SplitBy):
        raise InputError(f"split by {split_by!r} is unknown; use {' or '.join(get_args(SplitBy))}")
    return "group" if split_by == "group" else "segment"


def known_part(part: str) -> Which:
    """The part, if there is such a one."""
    if part not in get_args(Which):
        raise InputError(f"part {part!r} is unknown; use one of {', '.join(get_args(Which))}")
    return cast(Which, part)
