"""Scores of segments and recordings, the log-odds of "synthetic", and decisions counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cqtnet.errors import InputError, ManifestError
from eval.trials import Scores
from spoof.calibration import HEADLINES, Verdict, verdict_of
from spoof.data import Utterance
from spoof.networks import AT_ONCE, score_inputs
from spoof.prepare import Examples

Floats = NDArray[np.float64]


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
    scores = np.concatenate(
        [score_inputs(net, examples.inputs(at), device=device) for at in batches]
    )
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        recording = examples.recordings[examples.recording[wrong[0]]]
        raise InputError(
            f"the score of {recording.name} is {scores[wrong[0]]}: the network's weights are "
            "unusable; train it again, with a lower learning rate"
        )
    present, place = np.unique(examples.recording, return_inverse=True)
    means = np.bincount(place, scores) / np.bincount(place)
    return Scored(examples, scores, tuple(examples.recordings[at] for at in present), means)


def as_trials(
    recordings: Sequence[Utterance], scores: Floats, *, segment: NDArray[np.intp] | None = None
) -> Scores:
    """Scores of recordings (n,) as `eval` measures them: a synthetic one is a target.

    Intervals resample the recordings' groups; both sides of a trial are the same file. `segment`
    numbers several scores of one recording.
    """
    is_fake = np.array([r.is_fake for r in recordings], bool)
    for label, name in ((True, "synthetic"), (False, "human")):
        if label not in is_fake:
            raise ManifestError(
                f"all {len(recordings)} recordings to be judged are of one class, none is {name}; "
                "give both classes"
            )
    names = [r.name for r in recordings]
    with_groups = [f"{r.name}:{r.group}" for r in recordings]
    if len(set(names)) < len(set(with_groups)):  # several in one file, as rows are
        names = with_groups
    if segment is not None:
        names = [f"{name}#{number}" for name, number in zip(names, segment.tolist(), strict=True)]
    file = np.array(names)
    condition = "recordings" if segment is None else "segments"
    return Scores(
        Path("scores"), file, file, is_fake, np.full(len(names), condition),
        np.array([r.group for r in recordings]),
        {name: np.array([getattr(r, name) for r in recordings])
         for name in ("system", "collection")},
        score=np.asarray(scores, np.float64),
    )  # fmt: skip


# Decisions: how many were synthetic or human, and how many were classified as which.

Class = Literal["human", "synthetic"]
CLASSES: tuple[Class, Class] = ("human", "synthetic")


@dataclass(frozen=True)
class Confusion:
    """How many recordings of each class were classified as which; from a score of 0 as synthetic.

    >>> confusion(np.array([1.0, -1.0, 2.0]), np.array([True, False, False])).accuracy
    0.6666666666666666
    """

    human_as_human: int
    human_as_synthetic: int
    synthetic_as_human: int
    synthetic_as_synthetic: int

    @property
    def accuracy(self) -> float:
        """Share that is classified correctly."""
        right = self.human_as_human + self.synthetic_as_synthetic
        return right / (right + self.human_as_synthetic + self.synthetic_as_human)

    def precision(self, of: Class) -> float:
        """Share of what is classified as the class that is of it; 0 where nothing is."""
        right, _, wrong = self._counts(of)
        return _share(right, right + wrong)

    def recall(self, of: Class) -> float:
        """Share of the class that is classified as it."""
        right, missed, _ = self._counts(of)
        return _share(right, right + missed)

    def f1(self, of: Class) -> float:
        """The harmonic mean of precision and recall of the class; 0 where nothing is right."""
        right, missed, wrong = self._counts(of)
        return _share(2 * right, 2 * right + missed + wrong)

    def to_dict(self) -> dict[str, Any]:
        """The counts, and for each class its three figures, as plain data."""
        figures: dict[str, dict[str, float]] = {
            of: {"precision": self.precision(of), "recall": self.recall(of), "f1": self.f1(of)}
            for of in CLASSES
        }
        return {**vars(self), "accuracy": self.accuracy, **figures}

    def _counts(self, of: Class) -> tuple[int, int, int]:
        """Correctly classified as the class, missed, and wrongly classified as it."""
        if of == "synthetic":
            return self.synthetic_as_synthetic, self.synthetic_as_human, self.human_as_synthetic
        return self.human_as_human, self.human_as_synthetic, self.synthetic_as_human


def confusion(scores: Floats, is_fake: NDArray[np.bool_]) -> Confusion:
    """The counted decisions on scores (n,), where the truth is `is_fake` (n,)."""
    counts = np.bincount(2 * is_fake + (scores >= 0), minlength=4)
    return Confusion(*counts.tolist())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def verdict_counts(log_lr: Floats, is_fake: NDArray[np.bool_]) -> dict[Class, dict[Verdict, int]]:
    """How often each verdict is given on each class, by natural-log likelihood ratios (n,)."""
    verdicts = [verdict_of(float(value)) for value in log_lr]
    pairs = list(zip(verdicts, is_fake.tolist(), strict=True))
    return {
        of: {verdict: pairs.count((verdict, of == "synthetic")) for verdict in HEADLINES}
        for of in CLASSES
    }
