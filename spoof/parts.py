"""Which part of the data a network learns from, is chosen by, and is judged by.

By group, no recording and no speaker is on two sides. By segment, as the sources did, segments
of one recording are, and what is measured then is partly memory: it stands here to show how much.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from cqtnet.cache import content_hash
from cqtnet.errors import InputError
from spoof.data.split import split_by_group
from spoof.data.utterance import Utterance
from spoof.prepare import Change, Examples, Preparer
from spoof.recipes.recipe import Recipe, Training

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


# Which examples an epoch sees, in which order; the same again for the same seed and epoch.

Indices = NDArray[np.intp]


def batches(examples: Examples, training: Training, *, seed: int, epoch: int) -> Iterator[Indices]:
    """Places (b,) of the examples of each batch of an epoch.

    A last batch of one is left out where batches are larger: BatchNorm cannot learn from it.
    """
    order = epoch_order(examples, training, seed=seed, epoch=epoch)
    for start in range(0, len(order), training.batch):
        batch = order[start : start + training.batch]
        if len(batch) > 1 or training.batch == 1 or start == 0:
            yield batch


def n_batches(examples: Examples, training: Training) -> int:
    """How many batches an epoch has."""
    rows = len(examples) if training.copies_used == "all" else len(_segments(examples)[0])
    whole, left = divmod(rows, training.batch)
    return max(1, whole + (left > 1 or (left == 1 and training.batch == 1)))


def epoch_order(examples: Examples, training: Training, *, seed: int, epoch: int) -> Indices:
    """Places of the examples that an epoch sees: each once, or as balancing draws them."""
    rng = np.random.default_rng([seed, epoch])
    segment, first = _segments(examples)
    if training.balanced:
        number = len(examples) if training.copies_used == "all" else len(first)
        drawn = _balanced(examples, first, number, rng)
        return _with_copies(segment, len(first), drawn, rng)
    if training.copies_used == "all":
        return rng.permutation(len(examples))
    return _with_copies(segment, len(first), rng.permutation(len(first)), rng)


def _segments(examples: Examples) -> tuple[Indices, Indices]:
    """The number (n,) of each example's segment, copies having their original's; a place of each.

    Segments (s,) are numbered from 0.
    """
    longest = int(examples.segment.max(initial=0)) + 1
    code = examples.recording * longest + examples.segment
    _, first, number = np.unique(code, return_index=True, return_inverse=True)
    return number, first


def _with_copies(segment: Indices, count: int, drawn: Indices, rng: np.random.Generator) -> Indices:
    """For each segment drawn (b,) the place of one of its copies, by chance."""
    by_segment = np.argsort(segment, kind="stable")
    copies = np.bincount(segment, minlength=count)
    starts = np.cumsum(copies) - copies
    chosen = (rng.random(len(drawn)) * copies[drawn]).astype(np.intp)
    places: Indices = by_segment[starts[drawn] + chosen]
    return places


def _balanced(examples: Examples, first: Indices, number: int, rng: np.random.Generator) -> Indices:
    """So many segments by chance: class, then collection in it, then recording, then segment.

    Half of them are of collections that hold both classes, if there are any, and there collection
    comes first: what tells classes apart within one is no trace of its microphone or format.
    """
    recording, is_fake = examples.recording[first], examples.is_fake[first]
    collection = np.array([r.collection for r in examples.recordings])[recording]
    chance = nested_chance(is_fake, collection, recording, np.arange(len(first)))
    both = np.isin(collection, np.intersect1d(collection[is_fake], collection[~is_fake]))
    if both.any():
        within = np.zeros(len(first))
        within[both] = nested_chance(
            collection[both], is_fake[both], recording[both], np.arange(int(both.sum()))
        )
        chance = (chance + within) / 2
    return rng.choice(len(first), size=number, p=chance)


def nested_chance(*levels: NDArray[np.generic]) -> NDArray[np.float64]:
    """Each item's chance (n,) where the first level (n,) is drawn, then the next in it, and so on.

    >>> nested_chance(np.array([0, 0, 1]), np.array([5, 6, 5]))
    array([0.25, 0.25, 0.5 ])
    """
    held = np.zeros(len(levels[0]), np.intp)  # the number of what each item is in so far
    chance = np.ones(len(held))
    for level in levels:
        _, value = np.unique(level, return_inverse=True)
        pairs, within = np.unique(np.stack([held, value]), axis=1, return_inverse=True)
        chance /= np.bincount(pairs[0])[held]
        held = within.ravel()
    return chance
