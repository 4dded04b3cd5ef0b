"""Calibration of a detector by recordings that it, or its like, has not learned from."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet.device import find_device
from cqtnet.errors import InputError
from spoof.calibration import FEWEST, Calibration, fit
from spoof.checkpoint import Trained, load_trained
from spoof.data.joining import Joined
from spoof.data.split import folds, split_by_group
from spoof.data.utterance import Utterance
from spoof.models import find_pretrained
from spoof.parts import TEST, VALID, Which, data_hash, members
from spoof.prepare import Preparer
from spoof.scores import Floats, recording_scores, score_examples
from spoof.train import Step, TrainConfig, train


def calibrate(
    trained: Trained,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    *,
    part: Which = "auto",
    device: str = "auto",
    sources: str = "",
) -> Calibration:
    """The calibration that scores of a part's recordings give.

    `auto` is the validation part of the data that the detector was trained on, which chose its
    epoch and taught it nothing else, and all of other data. Recordings of one collection, or of
    one group where few are known, are judged by what the others teach.
    """
    if part == "auto":
        part = "valid" if trained.card.get("data_sha256") == data_hash(utterances) else "all"
    held_out = utterances if part == "all" else members(utterances, part, seed=_seed(trained))
    recordings, scores = _scored(trained, held_out, preparer, device)
    return _fit(recordings, scores, trained, sources)


def cross_calibrate(
    trained: Trained,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    *,
    count: int,
    device: str = "auto",
    sources: str = "",
    told: Callable[[int, Step], None] = lambda fold, step: None,
) -> Calibration:
    """The calibration that scores of `count` other networks give, each trained without a part.

    Every recording but those of the test part is scored by a network of the same recipe and seed
    that learned from the other groups. More recordings bear witness than one held-out part has.
    Only the data that the detector itself was trained on make networks like it.
    """
    if trained.card.get("data_sha256") != data_hash(utterances):
        raise InputError(
            f"{trained.path} was not trained on these data, so that networks trained on parts of "
            "them would be no like of it; give its own data, or calibrate without folds"
        )
    found: list[Joined] = []
    scores: list[Floats] = []
    for fold, rearranged in enumerate(_rearranged(utterances, count, trained)):
        with tempfile.TemporaryDirectory() as folder:
            recipe = trained.recipe
            config = TrainConfig(
                Path(folder), recipe, preparer, seed=_seed(trained), device=device,
                pretrained=find_pretrained(recipe.imagenet) if recipe.imagenet else None,
            )  # fmt: skip
            train(rearranged, config, told=partial(told, fold))
            other = load_trained(folder)
        held_out = [u for u in rearranged if u.split == "valid"]
        recordings, own = _scored(other, held_out, preparer, device)
        found += recordings
        scores.append(own)
    return _fit(found, np.concatenate(scores), trained, sources)


def _rearranged(
    utterances: Sequence[Utterance], count: int, trained: Trained
) -> Iterator[list[Utterance]]:
    """For each fold all utterances, marked by what it makes of them; those for testing stay so."""
    seed = _seed(trained)
    split = split_by_group(utterances, valid=VALID, test=TEST, seed=seed)
    kept = [replace(u, split="test") for u in split.test]
    for fold in folds([*split.train, *split.valid], count, seed):
        yield [
            *kept,
            *(replace(u, split="train") for u in fold.train),
            *(replace(u, split="valid") for u in fold.valid),
        ]


def _seed(trained: Trained) -> int:
    return int(trained.card.get("seed", 0))


def _scored(
    trained: Trained, utterances: Sequence[Utterance], preparer: Preparer, device: str
) -> tuple[list[Joined], Floats]:
    """The recordings that hold a segment, and their scores."""
    examples = preparer.examples(utterances, trained.recipe)
    scores = score_examples(trained.net, examples, device=find_device(device))
    held, means = recording_scores(examples, scores)
    return [examples.recordings[at] for at in held], means


def _fit(
    recordings: Sequence[Joined], scores: Floats, trained: Trained, sources: str
) -> Calibration:
    is_fake = np.array([r.is_fake for r in recordings], bool)
    return fit(
        scores, is_fake, _witnesses(recordings), model_sha256=trained.sha256, sources=sources
    )


def _witnesses(recordings: Sequence[Joined]) -> NDArray[np.str_]:
    """What each recording is of: its collection, where either class has enough, else its group."""
    named = [{r.collection for r in recordings if r.is_fake is of} for of in (False, True)]
    enough = all("" not in names and len(names) >= FEWEST for names in named)
    return np.array([r.collection if enough else r.group for r in recordings])
