"""Scores of segments and recordings, the log-odds of "synthetic", and decisions counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cqtnet.device import find_device
from cqtnet.eer import Ranking, crossing
from cqtnet.errors import InputError, ManifestError
from eval.trials import Scores
from spoof.checkpoint import Trained
from spoof.data import Utterance
from spoof.detect import HEADLINES, Verdict, verdict_of
from spoof.networks import AT_ONCE, score_inputs
from spoof.prepare import Change, Examples, Preparer

Floats = NDArray[np.float64]
Class = Literal["human", "synthetic"]
CLASSES: tuple[Class, Class] = ("human", "synthetic")


@dataclass(frozen=True, eq=False)
class Scored:
    """Examples with the score of each, (n,), and the recordings that have any, with theirs."""

    examples: Examples
    segment_score: Floats
    recordings: tuple[Utterance, ...]
    score: Floats  # of recordings (r,): the mean of their segments'

    @cached_property
    def is_fake(self) -> NDArray[np.bool_]:
        """Which recordings are synthetic, (r,)."""
        return np.array([r.is_fake for r in self.recordings], bool)


def score(net: nn.Module, examples: Examples, *, device: torch.device) -> Scored:
    """The scores of examples and of their recordings; an error names one that is no number."""
    batches = np.split(np.arange(len(examples)), range(AT_ONCE, len(examples), AT_ONCE))
    scores = np.concatenate([score_inputs(net, examples.inputs(b), device=device) for b in batches])
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        recording = examples.recordings[examples.recording[wrong[0]]]
        text = f"the score of {recording.name} is {scores[wrong[0]]}"
        raise InputError(f"{text}: the weights are unusable; train again, at a lower learning rate")
    present, place = np.unique(examples.recording, return_inverse=True)
    means = np.bincount(place, scores) / np.bincount(place)
    return Scored(examples, scores, tuple(examples.recordings[at] for at in present), means)


def score_recordings(
    trained: Trained, utterances: Sequence[Utterance], preparer: Preparer, *,
    device: str, change: Change | None = None,
) -> Scored:  # fmt: skip
    """The scores of all these recordings, or of what `change` makes of them."""
    examples = preparer.examples(utterances, trained.recipe, change=change)
    return score(trained.net, examples, device=find_device(device))


def as_trials(
    recordings: Sequence[Utterance], scores: Floats, *, segment: NDArray[np.intp] | None = None
) -> Scores:
    """Scores of recordings (n,) as `eval` measures them: a synthetic one is a target.

    Intervals resample the recordings' groups. `segment` numbers several scores of one recording.
    """
    is_fake = np.array([r.is_fake for r in recordings], bool)
    for label, name in ((True, "synthetic"), (False, "human")):
        if label not in is_fake:
            raise ManifestError(
                f"all {len(recordings)} recordings to be judged are of one class, none is {name}; "
                "give both classes"
            )
    names = np.array([r.name for r in recordings])
    groups = np.array([r.group for r in recordings])
    with_groups = np.array([f"{r.name}:{r.group}" for r in recordings])
    if len(set(names)) < len(set(with_groups)):  # several in one file, as rows are
        names = with_groups
    if segment is not None:
        names = np.array([f"{name}#{n}" for name, n in zip(names, segment, strict=True)])
    condition = np.full(len(names), "recordings" if segment is None else "segments")
    return Scores(
        Path("scores"), names, names, is_fake, condition, groups,
        {name: np.array([getattr(r, name) for r in recordings])
         for name in ("system", "collection")},
        score=np.asarray(scores, np.float64),
    )  # fmt: skip


# A few large collections decide a pooled figure. So it stands beside two others.

WEIGHTINGS = ("collections equal", "without the largest")
MOST_WRONG = 0.05
"""Share of wrong verdicts at which the coverage is stated."""


def group_weights(is_fake: NDArray[np.bool_], groups: NDArray[np.str_]) -> Floats:
    """Weights (n,) by which every group of a class counts the same, and so do its recordings.

    >>> group_weights(np.array([True, True, True, False]), np.array(["a", "a", "b", "a"]))
    array([0.25, 0.25, 0.5 , 1.  ])
    """
    weights = np.empty(len(groups))
    for of in (is_fake, ~is_fake):
        _, number, counts = np.unique(groups[of], return_inverse=True, return_counts=True)
        weights[of] = 1 / counts[number] / len(counts)
    return weights


def weighted_eer(scores: Floats, is_fake: NDArray[np.bool_], weights: Floats) -> float:
    """The equal error rate where trials (n,) weigh differently."""
    score, place = np.unique(scores, return_inverse=True)
    synthetic, human = (
        np.bincount(place[of], weights[of], len(score))[::-1].astype(np.float64)
        for of in (is_fake, ~is_fake)
    )
    return crossing(*Ranking(score[::-1], synthetic, human).hull().rates())


def eers_by_weight(trials: Scores) -> dict[str, float | None]:
    """The EER with collections of equal weight, and without the largest; None where unknown."""
    collection, is_fake = trials.extras["collection"], trials.label
    figures: dict[str, float | None] = dict.fromkeys(WEIGHTINGS)
    names, counts = np.unique(collection, return_counts=True)
    if len(names) < 2:
        return figures
    weights = group_weights(is_fake, collection)
    figures[WEIGHTINGS[0]] = weighted_eer(trials.score, is_fake, weights)
    rest = collection != names[counts.argmax()]
    if 0 < is_fake[rest].sum() < rest.sum():
        even = np.ones(rest.sum())
        figures[WEIGHTINGS[1]] = weighted_eer(trials.score[rest], is_fake[rest], even)
    return figures


def coverage(scores: Floats, is_fake: NDArray[np.bool_], weights: Floats) -> float:
    """The largest share of synthetic recordings (n,) found with at most MOST_WRONG wrong.

    Wrong are human ones among those called synthetic, the classes weighing the same.
    """
    score, place = np.unique(scores, return_inverse=True)
    found, taken = (
        np.cumsum(np.bincount(place[of], weights[of], len(score))[::-1]) / weights[of].sum()
        for of in (is_fake, ~is_fake)
    )
    within = taken <= MOST_WRONG * (found + taken)
    return float(found[within].max(initial=0.0))


@dataclass(frozen=True)
class Confusion:
    """How many recordings of each class were classified as which; from a score of 0: synthetic."""

    human_as_human: int
    human_as_synthetic: int
    synthetic_as_human: int
    synthetic_as_synthetic: int

    @property
    def accuracy(self) -> float:
        """Share that is classified correctly."""
        right = self.human_as_human + self.synthetic_as_synthetic
        return right / (right + self.human_as_synthetic + self.synthetic_as_human)

    def rates(self, of: Class) -> "Rates":
        """Precision, recall and F1 of a class; 0 where nothing is classified as it correctly."""
        right, missed, wrong = self.human_as_human, self.human_as_synthetic, self.synthetic_as_human
        if of == "synthetic":
            right, missed, wrong = self.synthetic_as_synthetic, wrong, missed
        if not right:
            return Rates(0.0, 0.0, 0.0)
        f1 = 2 * right / (2 * right + missed + wrong)
        return Rates(right / (right + wrong), right / (right + missed), f1)

    def to_dict(self) -> dict[str, Any]:
        """The counts, the accuracy, and the rates of each class, as plain data."""
        rates: dict[str, Any] = {of: self.rates(of)._asdict() for of in CLASSES}
        return {**vars(self), "accuracy": self.accuracy, **rates}


class Rates(NamedTuple):
    """How well one class is classified."""

    precision: float  # share of what is classified as the class that is of it
    recall: float  # share of the class that is classified as it
    f1: float  # the harmonic mean of both


def confusion(scores: Floats, is_fake: NDArray[np.bool_]) -> Confusion:
    """The counted decisions on scores (n,), where the truth is `is_fake` (n,)."""
    counts = np.bincount(2 * is_fake + (scores >= 0), minlength=4)
    return Confusion(*counts.tolist())


def verdict_counts(log_lr: Floats, is_fake: NDArray[np.bool_]) -> dict[Class, dict[Verdict, int]]:
    """How often each verdict is given on each class, by natural-log likelihood ratios (n,)."""
    verdicts = [verdict_of(float(value)) for value in log_lr]
    pairs = list(zip(verdicts, is_fake.tolist(), strict=True))
    return {
        of: {verdict: pairs.count((verdict, of == "synthetic")) for verdict in HEADLINES}
        for of in CLASSES
    }
