"""From evidence to a likelihood ratio, as far as the pairs it was learned from can support it.

A logistic regression joins what was measured of two recordings into one score. Another one, on
scores of collections that the first has not seen, turns the score into a natural-log likelihood
ratio. The ratio is cut off at what so many pairs can show: a thousand pairs of different
recordings without one false "same" support no ratio of a million.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cqtnet.checkpoint import SHIPPED
from cqtnet.errors import WeightsError
from cqtnet.files import write_json
from verify.results import Evidence

FORMAT = 1
MEASURES = (
    "cosine", "aligned cosine", "correlation", "strength", "coherence", "precision", "length",
)  # fmt: skip
"""What is measured of two recordings. All but the last are higher for the same recording."""
RISING = 6
"""So many measures, from the first, have weights of at least 0: a rise never lowers the score."""
CEILINGS = np.array([0.5, 0.5, 0.5, 1.5, 0.5, 4.0, np.inf])
"""Higher measures count as these do: so weak evidence sets the weights, not strong evidence."""
NEAREST_S, FARTHEST_S = 1e-4, 0.1
"""Distances from the line; nearer ones count as the first, farther ones as the second."""
PENALTY = 1e-4
"""Penalty on squared weights, which keeps them finite where the classes do not overlap."""


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
    cosine_threshold: float  # of the paper's score alone, at its equal error rate
    data: dict[str, Any]  # what it was learned from, and its errors on what it had not seen

    def score(self, evidence: Evidence) -> float:
        """The score of evidence, without bounds; higher for the same recording."""
        return float(self.scores(measures(evidence)[None])[0])

    def scores(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (n,) of measures (n, len(MEASURES))."""
        return np.asarray(np.minimum(table, CEILINGS) @ np.array(self.weights) + self.bias)

    def log_lr(self, score: float) -> float:
        """The natural-log likelihood ratio of a score, within the bounds."""
        return min(self.most, max(self.least, self.slope * score + self.offset))

    def to_dict(self) -> dict[str, Any]:
        """The calibration as plain data."""
        return {"format": FORMAT, "measures": MEASURES, **asdict(self)}

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, self.to_dict())


def load_calibration(name: str | Path, model_sha256: str) -> Calibration:
    """The calibration that belongs to weights, by their shipped name or path, and to their SHA-256.

    >>> load_calibration("default", embedder.sha256).most
    8.2
    """
    path = SHIPPED / f"{name}.calibration.json"
    if not path.exists():
        path = Path(name).with_suffix(".calibration.json")
    try:
        known = json.loads(path.read_text())
        names, version = tuple(known.pop("measures")), known.pop("format")
        calibration = Calibration(**{**known, "weights": tuple(known["weights"])})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} holds no calibration: {error}; make one with `cqtnet eval calibrate`"
        ) from error
    if version != FORMAT or names != MEASURES:
        raise WeightsError(f"{path} is of another version of cqtnet; calibrate again")
    if calibration.model_sha256 != model_sha256:
        raise WeightsError(
            f"{path} belongs to weights {calibration.model_sha256[:12]}…, not to "
            f"{model_sha256[:12]}…; calibrate these with `cqtnet eval calibrate`"
        )
    return calibration


def measures(evidence: Evidence) -> NDArray[np.float64]:
    """What is measured (len(MEASURES),) of two recordings."""
    cosines = evidence.similarity.cosine, evidence.aligned_cosine
    alignment = evidence.alignment
    if alignment is None:
        return np.array([*cosines, 0, 0, 0, 0, 0.0])
    distance_s = min(FARTHEST_S, max(NEAREST_S, alignment.residual_s))
    return np.array(
        [
            *cosines,
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
) -> tuple[Calibration, NDArray[np.float64]]:
    """The calibration of measures (n, m) with labels (n,), same or not; and log ratios (n,).

    Each of the groups (n,), collections, has the ratios that the others teach, without bounds.
    `pairs`: how many pairs of the same and of different recordings support the bounds.
    """
    table = np.minimum(table, CEILINGS)
    weights, bias = fit_logistic(table, label, rising=RISING)
    unseen = np.empty(len(label))
    for group in np.unique(groups):
        held = groups == group
        w, b = fit_logistic(table[~held], label[~held], rising=RISING)
        unseen[held] = table[held] @ w + b
    (slope,), offset = fit_logistic(unseen[:, None], label, rising=1)
    calibration = Calibration(
        model_sha256,
        tuple(map(float, weights)),
        bias,
        float(slope),
        offset,
        least=-math.log(pairs[0] + 1),
        most=math.log(pairs[1] + 1),
        cosine_threshold=cosine_threshold,
        data=data,
    )
    return calibration, slope * unseen + offset


def fit_logistic(
    table: NDArray[np.float64],
    label: NDArray[np.bool_],
    *,
    rising: int = 1,
    weights: NDArray[np.float64] | None = None,
    start: float = 0.0,
) -> tuple[NDArray[np.float64], float]:
    """Slopes (m,) and offset of the natural-log likelihood ratio of measures (n, m).

    Both classes weigh the same, so that no prior is in the ratio; within a class the rows do, or
    have their `weights` (n,). The first `rising` slopes are at least 0. The search begins with
    slopes of `start` standard deviations.
    """
    from scipy.optimize import minimize  # here, for only learning needs it: half a second to load

    centre, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    standard = (table - centre) / scale
    sign = np.where(label, 1.0, -1.0)
    share = np.ones(len(label)) if weights is None else weights.copy()
    for rows in (label, ~label):
        share[rows] *= 0.5 / share[rows].sum()

    def cost(unknowns: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_odds = sign * (standard @ unknowns[:-1] + unknowns[-1])
        penalty = PENALTY * np.append(unknowns[:-1], 0.0)
        loss = share @ np.logaddexp(0, -log_odds) + 0.5 * penalty @ unknowns
        slope = -sign * share * expit(-log_odds)
        return float(loss), np.append(slope @ standard, slope.sum()) + penalty

    free = table.shape[1] - rising
    bounds = [(0.0, None)] * rising + [(None, None)] * (free + 1)
    first = np.append(np.full(table.shape[1], start), 0.0)
    found = minimize(cost, first, jac=True, bounds=bounds, method="L-BFGS-B")
    slopes = found.x[:-1] / scale
    return slopes, float(found.x[-1] - slopes @ centre)
