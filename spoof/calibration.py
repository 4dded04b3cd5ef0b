"""From a detector's score to a likelihood ratio, as far as its recordings can support it.

An affine logistic regression on scores of recordings that the network has not learned from turns
a score into a natural-log likelihood ratio: how many times more probable the score is if the
voice is synthetic than if it is human. Beyond what as many recordings can show, it is cut off.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from cqtnet.eer import equal_error_rate
from cqtnet.errors import ManifestError, WeightsError
from cqtnet.files import write_json
from eval.metrics.information import cllr, min_cllr

FORMAT = 1
FEWEST = 5
"""Recordings of either class that a calibration is learned from at least."""
PENALTY = 1e-4
"""What keeps the slope finite where the classes do not overlap."""

Floats = NDArray[np.float64]


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
