"""From evidence to a likelihood ratio, as far as the pairs it was learned from can support it.

A logistic regression joins what is measured of two recordings into one score, and another, on
scores of collections that the first one has not seen, turns the score into a natural-log
likelihood ratio. Beyond what as many pairs can show, the ratio is cut off: a thousand pairs of
different recordings without one false "same" support no ratio of a million.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.checkpoint import SHIPPED
from cqtnet.errors import WeightsError
from cqtnet.files import write_json
from verify.results import Evidence

FORMAT = 1
MEASURES = (
    "cosine", "aligned cosine", "correlation", "strength", "coherence", "precision", "length",
)  # fmt: skip
"""What is measured of two recordings, all higher for the same recording but the last."""
RISING = 6
"""So many measures, from the first, may only speak for the same recording when they rise."""
CEILINGS = np.array([0.5, 0.5, 0.5, 1.5, 0.5, 4.0, np.inf])
"""Measures above which more says no more: so that weak evidence, not strong, sets the weights."""
NEAREST_S, FARTHEST_S = 1e-4, 0.1
"""Distances from the line that still differ from each other in what they say."""
PENALTY = 1e-4
"""What keeps weights finite where the classes do not overlap."""


@dataclass(frozen=True)
class Calibration:
    """How measures become a score, and a score a natural-log likelihood ratio."""

    model_sha256: str
    weights: tuple[float, ...]  # of the measures, in their own units
    bias: float
    slope: float
    offset: float
    least: float  # natural-log likelihood ratios
    most: float
    cosine_threshold: float  # where the paper's score alone errs equally often either way
    data: dict[str, Any]  # what it was learned from, and how it did on what it had not seen

    def score(self, evidence: Evidence) -> float:
        """The score of evidence: higher for the same recording, without bounds."""
        return float(self.scores(measures(evidence)[None])[0])

    def scores(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (n,) of measures (n, len(MEASURES))."""
        return np.asarray(np.minimum(table, CEILINGS) @ np.array(self.weights) + self.bias)

    def log_lr(self, score: float) -> float:
        """The natural-log likelihood ratio of a score, within the bounds."""
        return min(self.most, max(self.least, self.slope * score + self.offset))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"format": FORMAT, "measures": MEASURES, **asdict(self)}

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, self.to_dict())


@dataclass(frozen=True)
class Fitted:
    """A calibration, and what it would have said of the rows if it had not known their group."""

    calibration: Calibration
    unseen_log_lr: NDArray[np.float64]  # (n,) without bounds


def load_calibration(name: str | Path, model_sha256: str) -> Calibration:
    """The calibration of shipped weights by name, or at a path; of no other weights.

    >>> load_calibration("default", embedder.sha256).most
    8.2
    """
    path = SHIPPED / f"{name}.calibration.json"
    if not path.exists():
        path = Path(name).with_suffix(".calibration.json")
    try:
        known = json.loads(path.read_text())
        measured, version = tuple(known.pop("measures")), known.pop("format")
        calibration = Calibration(**{**known, "weights": tuple(known["weights"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} holds no calibration: {error}; make one with `cqtnet eval calibrate`"
        ) from error
    if version != FORMAT or measured != MEASURES:
        raise WeightsError(f"{path} is of another version of cqtnet; calibrate again")
    if calibration.model_sha256 != model_sha256:
        raise WeightsError(
            f"{path} belongs to weights {calibration.model_sha256[:12]}…, not to "
            f"{model_sha256[:12]}…; calibrate these with `cqtnet eval calibrate`"
        )
    return calibration


def measures(evidence: Evidence) -> NDArray[np.float64]:
    """What is measured (len(MEASURES),) of two recordings."""
    alignment = evidence.alignment
    if alignment is None:
        return np.array([evidence.similarity.cosine, evidence.aligned_cosine, 0, 0, 0, 0, 0.0])
    distance_s = min(FARTHEST_S, max(NEAREST_S, alignment.residual_s))
    return np.array(
        [
            evidence.similarity.cosine,
            evidence.aligned_cosine,
            alignment.correlation,
            evidence.strength,
            alignment.coherence,
            -math.log(distance_s / FARTHEST_S),
            math.log(max(1.0, alignment.duration_s)),
        ]
    )


def fit(
    table: NDArray[np.float64],
    label: NDArray[np.bool_],
    groups: NDArray[Any],
    *,
    pairs: tuple[int, int],
    cosine_threshold: float,
    model_sha256: str,
    data: dict[str, Any],
) -> Fitted:
    """The calibration of measures (n, m) with labels (n,), same or not.

    Groups (n,), collections, are scored by what was learned from the others; `pairs` are how many
    pairs of recordings of each class are behind the rows, same and different: the bounds.
    """
    table = np.minimum(table, CEILINGS)
    weights, bias = fit_logistic(table, label, rising=RISING)
    unseen = np.empty(len(label))
    for group in np.unique(groups):
        held = groups == group
        w, b = fit_logistic(table[~held], label[~held], rising=RISING)
        unseen[held] = table[held] @ w + b
    (slope,), offset = fit_logistic(unseen[:, None], label, rising=1)
    n_same, n_different = pairs
    calibration = Calibration(
        model_sha256,
        tuple(map(float, weights)),
        bias,
        float(slope),
        offset,
        least=-math.log(n_same + 1),
        most=math.log(n_different + 1),
        cosine_threshold=cosine_threshold,
        data=data,
    )
    return Fitted(calibration, slope * unseen + offset)


def fit_logistic(
    table: NDArray[np.float64],
    label: NDArray[np.bool_],
    *,
    rising: int,
    weights: NDArray[np.float64] | None = None,
    start: float = 0.0,
) -> tuple[NDArray[np.float64], float]:
    """Slopes (m,) and offset of the natural-log likelihood ratio of measures (n, m).

    Both classes weigh the same, so that no prior is in the ratio; within a class the rows do, or
    have their `weights` (n,). The first `rising` slopes are at least 0. The search begins with
    slopes of `start` standard deviations.
    """
    centre, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    standard = (table - centre) / scale
    sign = np.where(label, 1.0, -1.0)
    share = np.ones(len(label)) if weights is None else weights.copy()
    for of in (label, ~label):
        share[of] *= 0.5 / share[of].sum()

    def cost(unknowns: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = standard @ unknowns[:-1] + unknowns[-1]
        lost = float(share @ np.logaddexp(0, -sign * odds))
        slope = -sign * share / (1 + np.exp(np.clip(sign * odds, -500, 500)))
        gradient = np.append(standard.T @ slope, slope.sum())
        gradient[:-1] += PENALTY * unknowns[:-1]
        return lost + 0.5 * PENALTY * float(unknowns[:-1] @ unknowns[:-1]), gradient

    from scipy.optimize import minimize  # here, for only learning needs it: half a second to load

    free = table.shape[1] - rising
    bounds = [(0.0, None)] * rising + [(None, None)] * (free + 1)
    first = np.append(np.full(table.shape[1], start), 0.0)
    found = minimize(cost, first, jac=True, bounds=bounds, method="L-BFGS-B")
    slopes = found.x[:-1] / scale
    return slopes, float(found.x[-1] - slopes @ centre)
