"""Which examples an epoch sees, in which order; the same again for the same seed and epoch."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spoof.prepare import Examples
from spoof.recipes.recipe import Training

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
