"""From a detector's score to a likelihood ratio, as far as its recordings can support it.

An affine logistic regression on scores of recordings that the network has not learned from turns
a score into a natural-log likelihood ratio: how many times more probable the score is if the
voice is synthetic than if it is human. Beyond what as many recordings can show, it is cut off.
"""

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from cqtnet.device import find_device
from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError, ManifestError, WeightsError
from cqtnet.files import write_json
from eval.metrics import cllr, min_cllr
from spoof.checkpoint import Trained, load_trained
from spoof.data.segments import Joined
from spoof.data.split import folds, split_by_group
from spoof.data.utterance import Utterance
from spoof.models import find_pretrained
from spoof.parts import TEST, VALID, Which, data_hash, members
from spoof.prepare import Preparer
from spoof.scores import Floats, recording_scores, score_examples
from spoof.train import Step, TrainConfig, train

FORMAT = 1
FEWEST = 5
"""Recordings of either class that a calibration is learned from at least."""
PENALTY = 1e-4
"""What keeps the slope finite where the classes do not overlap."""


@dataclass(frozen=True)
class Calibration:
    """How a score becomes a natural-log likelihood ratio, above 0 for synthetic."""

    model_sha256: str
    slope: float
    offset: float
    least: float
    most: float
    data: dict[str, Any]  # what it was learned from, and how it did on what it had not seen

    def log_lr(self, score: float) -> float:
        """The natural-log likelihood ratio of a recording's score, within the bounds."""
        return min(self.most, max(self.least, self.slope * score + self.offset))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"format": FORMAT, **asdict(self)}

    def save(self, weights: Path) -> Path:
        """Write it beside the weights that it belongs to, and return where."""
        path = beside(weights)
        write_json(path, self.to_dict())
        return path


def beside(weights: Path) -> Path:
    """Where the calibration of weights lies."""
    return weights.with_suffix(".calibration.json")


def load_calibration(weights: Path, model_sha256: str) -> Calibration | None:
    """The calibration beside weights; None where there is none, an error where it is another's."""
    path = beside(weights)
    if not path.exists():
        return None
    try:
        known = json.loads(path.read_text())
        version = known.pop("format")
        found = Calibration(**known)
        numbers = (found.slope, found.offset, found.least, found.most)
        if version != FORMAT or not all(map(math.isfinite, numbers)):
            raise ValueError(f"format {version}, numbers {numbers}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} holds no calibration: {error}; make one with `cqtnet spoof calibrate`"
        ) from error
    if found.model_sha256 != model_sha256:
        raise WeightsError(
            f"{path} belongs to weights {found.model_sha256[:12]}…, not to {model_sha256[:12]}…; "
            "make one with `cqtnet spoof calibrate`"
        )
    return found


def fit(
    scores: Floats,
    is_fake: NDArray[np.bool_],
    groups: NDArray[np.str_],
    *,
    model_sha256: str,
    sources: str = "",
) -> Calibration:
    """The calibration that scores (n,) of recordings give, none of them learned from.

    `groups` (n,), collections or speakers: each weighs the same in its class, and there are as many
    witnesses as groups, however many recordings: by them the ratios are bounded. What is said in
    `data` of how good the ratios are was measured on each group with what the others teach.
    """
    n_fake, n_real = int(is_fake.sum()), int((~is_fake).sum())
    if min(n_fake, n_real) < FEWEST:
        raise ManifestError(
            f"{n_fake} synthetic and {n_real} human recordings are too few to calibrate by; give "
            f"{FEWEST} of each at least"
        )
    slope, offset = affine_logistic(scores, is_fake, group_weights(is_fake, groups))
    unseen = _unseen(scores, is_fake, groups)
    data = {
        "sources": sources,
        "synthetic": n_fake,
        "human": n_real,
        "groups": len(np.unique(groups)),
        "synthetic_groups": len(np.unique(groups[is_fake])),
        "human_groups": len(np.unique(groups[~is_fake])),
        "eer": equal_error_rate(scores[is_fake], scores[~is_fake]),
        "cllr": cllr(unseen[is_fake], unseen[~is_fake]),
        "min_cllr": min_cllr(scores[is_fake], scores[~is_fake]),
    }
    least = -math.log(len(np.unique(groups[is_fake])) + 1)
    most = math.log(len(np.unique(groups[~is_fake])) + 1)
    return Calibration(model_sha256, slope, offset, least, most, data)


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


def affine_logistic(
    scores: Floats, is_fake: NDArray[np.bool_], weights: Floats | None = None
) -> tuple[float, float]:
    """Slope, not below 0, and offset of the natural-log likelihood ratio of scores (n,).

    Both classes weigh the same, so that no prior is in the ratio; in each, recordings do or have
    their `weights` (n,).
    """
    centre, scale = float(scores.mean()), float(scores.std()) or 1.0
    standard = (scores - centre) / scale
    sign = np.where(is_fake, 1.0, -1.0)
    share = np.ones(len(scores)) if weights is None else weights.copy()
    for of in (is_fake, ~is_fake):
        share[of] *= 0.5 / share[of].sum()

    def cost(unknowns: Floats) -> tuple[float, Floats]:
        slope, offset = unknowns
        signed = sign * (slope * standard + offset)
        lost = share @ np.logaddexp(0, -signed) + 0.5 * PENALTY * slope**2
        down = -sign * share * expit(-signed)
        return float(lost), np.array([down @ standard + PENALTY * slope, down.sum()])

    bounds = [(0.0, None), (None, None)]
    found = minimize(cost, np.array([1.0, 0.0]), jac=True, bounds=bounds, method="L-BFGS-B")
    slope = float(found.x[0]) / scale
    return slope, float(found.x[1]) - slope * centre


def _unseen(scores: Floats, is_fake: NDArray[np.bool_], groups: NDArray[np.str_]) -> Floats:
    """Log-likelihood ratios (n,) of each group by what the others teach.

    Where the others are of one class only, by what all teach.
    """
    found = np.empty(len(scores))
    for group in np.unique(groups):
        held = groups == group
        others = ~held if 0 < is_fake[~held].sum() < (~held).sum() else held | ~held
        weights = group_weights(is_fake[others], groups[others])
        slope, offset = affine_logistic(scores[others], is_fake[others], weights)
        found[held] = slope * scores[held] + offset
    return found


# Calibration of a detector by recordings that it, or its like, has not learned from.


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
