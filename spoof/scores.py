"""Scores: the log-odds that a network states for "synthetic", of segments and of recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cqtnet.errors import InputError, ManifestError
from eval.trials import Scores
from spoof.data.segments import Joined
from spoof.prepare import Examples, name_of
from spoof.words import HEADLINES, Verdict, verdict_of

Floats = NDArray[np.float64]
AT_ONCE = 64


def fake_logit(logits: Tensor) -> Tensor:
    """The log-odds of "synthetic" (batch,) in logits (batch, 1), or (batch, 2) with fake second."""
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


def score_inputs(net: nn.Module, inputs: NDArray[np.floating], *, device: torch.device) -> Floats:
    """Scores (n,) of inputs (n, *input_shape): natural log-odds, higher for synthetic."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(inputs), AT_ONCE):
            part = torch.from_numpy(np.asarray(inputs[start : start + AT_ONCE], np.float32))
            found.append(fake_logit(net(part.to(device))).double().cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0)


def score_examples(net: nn.Module, examples: Examples, *, device: torch.device) -> Floats:
    """Scores (n,) of all examples; one that is no number is an error that names it."""
    scores = np.empty(len(examples))
    for start in range(0, len(examples), AT_ONCE):
        at = np.arange(start, min(start + AT_ONCE, len(examples)))
        scores[at] = score_inputs(net, examples.inputs(at), device=device)
    wrong = np.flatnonzero(~np.isfinite(scores))
    if len(wrong):
        recording = examples.recordings[examples.recording[wrong[0]]]
        raise InputError(
            f"the score of {name_of(recording)} is {scores[wrong[0]]}: the network's weights are "
            "no use; train it anew, with a lower learning rate"
        )
    return scores


def recording_scores(examples: Examples, scores: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Which recordings have segments, (r,), and the mean score of those of each, (r,)."""
    held, place = np.unique(examples.recording, return_inverse=True)
    return held, np.bincount(place, scores) / np.bincount(place)


def as_trials(
    recordings: Sequence[Joined], scores: Floats, *, segment: NDArray[np.intp] | None = None
) -> Scores:
    """Scores of recordings (n,) as `eval` measures them: a synthetic one is a target.

    What an interval draws anew is the recordings' group; both sides of a trial are the same file.
    `segment` tells several scores of one recording apart.
    """
    is_fake = np.array([r.is_fake for r in recordings], bool)
    for label, name in ((True, "synthetic"), (False, "human")):
        if label not in is_fake:
            raise ManifestError(
                f"all {len(recordings)} recordings to be judged are of one class, none is {name}; "
                "give both classes"
            )
    names = _names(recordings)
    if segment is not None:
        names = [f"{name}#{number}" for name, number in zip(names, segment.tolist(), strict=True)]
    file = np.array(names)
    return Scores(
        Path("scores"),
        file,
        file,
        is_fake,
        np.full(len(names), "recordings" if segment is None else "segments"),
        np.array([r.group for r in recordings]),
        {
            "system": np.array([r.system for r in recordings]),
            "collection": np.array([r.collection for r in recordings]),
        },
        score=np.asarray(scores, np.float64),
    )


def _names(recordings: Sequence[Joined]) -> list[str]:
    """The recordings' names; with their groups where several are in one file, as rows are."""
    names = [name_of(r) for r in recordings]
    numbered = [f"{name}:{r.group}" for name, r in zip(names, recordings, strict=True)]
    return names if len(set(names)) == len(set(numbered)) else numbered


# Decisions counted: what was synthetic or human, and what it was taken for.

Class = Literal["human", "synthetic"]
CLASSES: tuple[Class, Class] = ("human", "synthetic")


@dataclass(frozen=True)
class Confusion:
    """How many were decided how; a score of 0 or more is taken for synthetic.

    >>> confusion(np.array([1.0, -1.0, 2.0]), np.array([True, False, False])).accuracy
    0.6666666666666666
    """

    human_as_human: int
    human_as_synthetic: int
    synthetic_as_human: int
    synthetic_as_synthetic: int

    @property
    def accuracy(self) -> float:
        """Share that is decided rightly."""
        right = self.human_as_human + self.synthetic_as_synthetic
        return right / (right + self.human_as_synthetic + self.synthetic_as_human)

    def precision(self, of: Class) -> float:
        """Share of what is taken for the class that is of it; 0 where nothing is taken for it."""
        right, _, wrongly = self._of(of)
        return _share(right, right + wrongly)

    def recall(self, of: Class) -> float:
        """Share of the class that is taken for it."""
        right, missed, _ = self._of(of)
        return _share(right, right + missed)

    def f1(self, of: Class) -> float:
        """The harmonic mean of precision and recall of the class; 0 where nothing is right."""
        right, missed, wrongly = self._of(of)
        return _share(2 * right, 2 * right + missed + wrongly)

    def to_dict(self) -> dict[str, Any]:
        """The counts, and for each class its three figures, as plain data."""
        figures: dict[str, dict[str, float]] = {
            of: {"precision": self.precision(of), "recall": self.recall(of), "f1": self.f1(of)}
            for of in CLASSES
        }
        return {**vars(self), "accuracy": self.accuracy, **figures}

    def _of(self, of: Class) -> tuple[int, int, int]:
        """What is rightly taken for the class, what of it is missed, what is wrongly taken."""
        if of == "synthetic":
            return self.synthetic_as_synthetic, self.synthetic_as_human, self.human_as_synthetic
        return self.human_as_human, self.human_as_synthetic, self.synthetic_as_human


def confusion(scores: NDArray[np.float64], is_fake: NDArray[np.bool_]) -> Confusion:
    """The decisions of scores (n,) counted, the truth being `is_fake` (n,)."""
    taken = scores >= 0
    return Confusion(
        int(np.count_nonzero(~taken & ~is_fake)),
        int(np.count_nonzero(taken & ~is_fake)),
        int(np.count_nonzero(~taken & is_fake)),
        int(np.count_nonzero(taken & is_fake)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def verdict_counts(
    log_lr: NDArray[np.float64], is_fake: NDArray[np.bool_]
) -> dict[Class, dict[Verdict, int]]:
    """How often each verdict is given on each class, by natural-log likelihood ratios (n,).

    >>> verdict_counts(np.array([3.0, 0.0]), np.array([True, True]))["synthetic"]
    {'synthetic': 1, 'human': 0, 'insufficient': 1}
    """
    given = [verdict_of(float(value)) for value in log_lr]
    pairs = list(zip(given, is_fake.tolist(), strict=True))
    return {
        of: {verdict: pairs.count((verdict, of == "synthetic")) for verdict in HEADLINES}
        for of in CLASSES
    }
