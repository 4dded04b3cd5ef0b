"""From evidence to likelihood ratios, as far as the pairs they were learned from can support them.

Three ratios are stated: of the same recording against an unrelated one, of the same recording
against another rendition, and of a rendition against an unrelated recording. For each, a logistic
regression joins what was measured into one score. Another one, on scores of collections that the
first has not seen, turns the score into a natural-log likelihood ratio. The ratio is cut off at
what so many pairs can show: a thousand pairs of different recordings without one false "same"
support no ratio of a million.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from augment.audio.files import told
from cqtnet.checkpoint import SHIPPED, find_weights
from cqtnet.errors import WeightsError
from cqtnet.files import write_json
from cqtnet.schema import checked, read_json
from verify.copytest import networks_sha256
from verify.results import Evidence, LogLr, Population, Ratios, is_unwarped

FORMAT, AGAIN = 2, "calibrate again"
Values = NDArray[np.float64]
Weighed = Literal["unrelated", "rendition", "named"]
"""Which ratio: same against unrelated, same against rendition, rendition against unrelated."""

FIGURES = (
    "cosine", "aligned_cosine", "correlation", "coherence", "residual_s", "common_s",
    "unexplained_db", "unexplained_back_db", "best_half_db", "best_half_back_db",
    "band_correlation", "lag_spread_s", "lag_share", "signal_share",
    "in_room_db", "echo_share", "heard_snr_db", "network_score", "mix_score",
    "persistence", "waveform", "unwarped",
)  # fmt: skip
"""What is kept of the evidence in a pair, as it was measured."""
SCORES = ("network_score", "mix_score")
COPY_FIGURES = FIGURES[6:19]
HIGHEST = 40.0  # what was not measured, or is infinite, counts as so many dB
RANGES = {
    "network": (-6.0, 6.0), "mix": (-6.0, 6.0),
    "explained": (-2.5, 1.2), "best half": (-2.5, 1.2), "waveform": (0.0, 0.9),
    "in a room": (-1.1, 0.7), "aligned cosine": (-1.0, 0.5), "correlation": (-1.0, 0.5),
    "coherence": (-1.0, 0.6), "precision": (-1.0, 4.5), "band correlation": (-1.0, 0.9),
    "steadiness": (-1.0, 4.0), "length": (0.0, 3.0), "signal": (0.0, 0.8), "tonality": (0.0, 0.5),
    "unwarped": (0.0, 1.0), "echoes": (0.0, 1.0), "noise": (0.0, 20.0),
}  # fmt: skip
"""What is measured, each with the limits beyond which it counts as these. So weak evidence sets the
weights, not strong evidence."""
ONCE = ("waveform", "tonality", "unwarped", "echoes", "noise")
TONAL = {name: f"tonal {name}" for name in RANGES if name not in ONCE}
"""These count once more, times the tonality: in music they have other weights than in speech."""
MEASURES = (*RANGES, *TONAL.values())
COPY_MEASURES = ("network", "mix", "explained", "best half", "waveform", "in a room")
LIKENESS = (
    "aligned cosine", "correlation", "coherence", "precision", "band correlation", "steadiness",
)  # fmt: skip
RISING: dict[Weighed, tuple[str, ...]] = {
    "unrelated": (*COPY_MEASURES, *LIKENESS), "rendition": COPY_MEASURES, "named": (),
}  # fmt: skip
"""The measures with weights of at least 0, in music and in speech. Against renditions only these
have: a pair that is clean must be explained better than a noisy one."""
TONALITY = {"music": 0.4, "speech": 0.02}
"""The usual persistence of spectra over 0.3 s, by population; what lies nearer to one is of it."""
INTERVAL, RESAMPLES = (2.5, 97.5), 40
"""The percentiles of an interval, and from how many samples of recordings it comes."""
FOLDS = 10  # groups of collections; each has the ratios that the others teach
LARGEST = 1e9  # all numbers of a calibration lie below it, so that no ratio overflows
PENALTY = 1e-4  # on squared weights, which keeps them finite where the classes do not overlap


@dataclass(frozen=True)
class Regression:
    """How measures become a score, and a score a natural-log likelihood ratio."""

    weights: tuple[float, ...]  # of the measures, in their own units
    bias: float
    slope: float
    offset: float
    least: float  # natural-log likelihood ratios
    most: float
    resampled: tuple[tuple[float, ...], ...] = ()  # bias and weights of ln LR, from other samples

    def fits(self) -> bool:
        """Whether it has a number for each measure, bounds around 0, and cannot overflow."""
        rows = [(self.bias, *self.weights), *self.resampled]
        numbers = [self.slope, self.offset, self.least, self.most, *chain.from_iterable(rows)]
        fitting = all(len(row) == len(MEASURES) + 1 for row in rows)
        return fitting and self.least <= 0 <= self.most and max(map(abs, numbers)) < LARGEST

    def log_lr(self, row: Values) -> LogLr:
        """The ratio of measures (len(MEASURES),), with its interval by resampled recordings."""
        score = float(row @ np.array(self.weights)) + self.bias
        found = self.slope * score + self.offset
        others = np.array([found, *(w[0] + row @ np.array(w[1:]) for w in self.resampled)])
        if not np.isfinite(others).all():
            message = "the likelihood ratio is not a number; check weights and calibration"
            raise WeightsError(message)
        low, high = np.clip(np.percentile(others, INTERVAL), self.least, self.most).tolist()
        return LogLr(found, self.least, self.most, (low, high))


@dataclass(frozen=True)
class Calibration:
    """How evidence becomes likelihood ratios."""

    model_sha256: str
    copy_test_sha256: str
    regressions: dict[Weighed, Regression]
    cosine_threshold: float  # of the paper's score alone, at its equal error rate
    data: dict[str, Any]  # what it was learned from, and its errors on what it had not seen

    def ratios(self, evidence: Evidence, population: Population | None = None) -> Ratios:
        """The likelihood ratios of evidence; the population is measured unless it is given."""
        row = self.measures(evidence, population)
        return Ratios(**{name: known.log_lr(row) for name, known in self.regressions.items()})

    def measures(self, evidence: Evidence, population: Population | None = None) -> Values:
        """The measures (len(MEASURES),) of evidence."""
        found = figures(evidence)
        if population is not None:
            found["persistence"] = TONALITY[population]
        return np.asarray(measures(np.array([[found[name] for name in FIGURES]]))[0])

    def to_dict(self) -> dict[str, Any]:
        """The calibration as plain data."""
        return {"format": FORMAT, "measures": MEASURES, **asdict(self)}

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, self.to_dict())


def load_calibration(name: str | Path, model_sha256: str) -> Calibration:
    """The calibration of weights, by their shipped name or path, and by their SHA-256."""
    path = (find_weights(name, SHIPPED) or Path(name)).with_suffix(".calibration.json")
    try:
        known = read_json(path)
        names, version = tuple(known.pop("measures")), known.pop("format")
        calibration = checked(Calibration, known)
        if names == MEASURES and not all(one.fits() for one in calibration.regressions.values()):
            raise ValueError("a regression does not fit its measures, or has no 0 in its bounds")
    except FileNotFoundError as error:
        raise WeightsError(
            f"{path} is missing, without which this network states no ratios; make it with "
            "`cqtnet eval calibrate`"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} holds no calibration: {error}; make one with `cqtnet eval calibrate`"
        ) from error
    kinds = set(calibration.regressions)
    if version != FORMAT or names != MEASURES or kinds != {*get_args(Weighed)}:
        raise WeightsError(f"{path} is of another version of cqtnet; {AGAIN}")
    if calibration.model_sha256 != model_sha256:
        raise WeightsError(
            f"{path} belongs to weights {told(calibration.model_sha256[:12])}…, not to "
            f"{model_sha256[:12]}…; calibrate these with `cqtnet eval calibrate`"
        )
    if calibration.copy_test_sha256 != networks_sha256():
        raise WeightsError(f"{path} was learned with another network of the copy test; {AGAIN}")
    return calibration


def figures(evidence: Evidence) -> dict[str, float]:
    """What was measured of two recordings, by name; the same for A and B as for B and A."""
    found = dict.fromkeys(FIGURES, 0.0)
    found |= {"cosine": evidence.similarity.cosine, "aligned_cosine": evidence.aligned_cosine}
    found |= {"persistence": persistence(evidence), "waveform": evidence.waveform}
    alignment, copy = evidence.alignment, evidence.copy
    if alignment is not None:
        found |= {"correlation": alignment.correlation, "coherence": alignment.coherence}
        found["unwarped"] = float(is_unwarped(alignment.line))
        root = math.sqrt(alignment.line.tempo)  # seconds of A times this are midway to those of B
        found["residual_s"] = alignment.residual_s / root
        found["common_s"] = alignment.duration_s * root
    for name in COPY_FIGURES:
        value = HIGHEST if name.endswith("_db") else -HIGHEST if name in SCORES else 0.0
        found[name] = min(HIGHEST, getattr(copy, name)) if copy is not None else value
    return found


def measures(table: Values) -> Values:
    """The measures (n, len(MEASURES)) of figures (n, len(FIGURES)), within their ranges."""
    of = dict(zip(FIGURES, table.T, strict=True))
    explained, best_half = (
        -np.log(np.maximum(np.minimum(of[f"{name}_db"], of[f"{name}_back_db"]), 0.1))
        for name in ("unexplained", "best_half")
    )
    steadiness = -np.log(np.maximum(of["lag_spread_s"], 1e-5) / 0.01)
    rows = {
        "network": of["network_score"], "mix": of["mix_score"],
        "explained": explained, "best half": best_half,
        "in a room": -np.log(np.maximum(of["in_room_db"], 0.1)),
        "waveform": of["waveform"], "unwarped": of["unwarped"],
        "aligned cosine": of["aligned_cosine"], "correlation": of["correlation"],
        "coherence": of["coherence"], "band correlation": of["band_correlation"],
        "precision": -np.log(np.maximum(of["residual_s"], 1e-5) / 0.02),
        "steadiness": steadiness * (of["lag_share"] > 0.5),
        "length": np.log(np.maximum(1.0, of["common_s"])), "signal": of["signal_share"],
        "tonality": of["persistence"], "echoes": of["echo_share"], "noise": of["heard_snr_db"],
    }  # fmt: skip
    found = {name: np.clip(rows[name], *limits) for name, limits in RANGES.items()}
    tonal = [found[name] * found["tonality"] for name in TONAL]
    return np.stack([*found.values(), *tonal], axis=1)


def persistence(evidence: Evidence) -> float:
    """How alike spectra 0.3 s apart are, of A and B on average."""
    return (evidence.content_a.persistence + evidence.content_b.persistence) / 2


def population_of(persistence: float) -> Population:
    """The population that a sound of this persistence is more like."""
    return "music" if persistence > sum(TONALITY.values()) / 2 else "speech"


def rising(weighed: Weighed) -> list[int]:
    """Which measures (len(MEASURES),) have weights of at least 0 in a regression."""
    names = [x for name in RISING[weighed] for x in (name, TONAL.get(name)) if x]
    return [MEASURES.index(name) for name in names]


def fit(
    table: Values, label: NDArray[np.bool_], groups: NDArray[Any], recordings: NDArray[Any], *,
    pairs: tuple[int, int], rising: Sequence[int],
) -> tuple[Regression, Values]:  # fmt: skip
    """The regression of measures (n, m) with labels (n,), first or second; and log ratios (n,).

    Each of the groups (n,), collections, has the ratios that the others teach, without bounds.
    Intervals come from samples of the recordings (n,). The weights `rising` are at least 0.
    `pairs`: how many pairs of the first and of the second kind support the bounds.
    """
    slopes, bias = fit_logistic(table, label, rising=rising)
    unseen = np.empty(len(label))
    for fold in range(FOLDS):
        held = groups % FOLDS == fold
        w, b = fit_logistic(table[~held], label[~held], rising=rising)
        unseen[held] = table[held] @ w + b
    (slope,), offset = fit_logistic(unseen[:, None], label)
    rng, resampled = np.random.default_rng(0), []
    names, own = np.unique(recordings, return_inverse=True)
    for _ in range(RESAMPLES):  # of the recordings, drawn with replacement
        drawn = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))[own]
        rows = drawn > 0
        if label[rows].any() and not label[rows].all():
            weights = drawn[rows].astype(float)
            w, b = fit_logistic(table[rows], label[rows], rising=rising, weights=weights)
            found = np.round([float(slope) * b + offset, *(float(slope) * w)], 4)
            resampled.append(tuple(found.tolist()))
    known = Regression(
        tuple(map(float, slopes)), bias, float(slope), offset, -math.log(pairs[0] + 1),
        math.log(pairs[1] + 1), tuple(resampled),
    )  # fmt: skip
    return known, slope * unseen + offset


def fit_logistic(
    table: Values, label: NDArray[np.bool_], *, rising: Sequence[int] = (0,),
    weights: Values | None = None, start: float = 0.0,
) -> tuple[Values, float]:  # fmt: skip
    """Slopes (m,) and offset of the natural-log likelihood ratio of measures (n, m).

    Both classes weigh the same, so that no prior is in the ratio; within a class the rows do, or
    have their `weights` (n,). The slopes `rising` are at least 0. The search begins with slopes of
    `start` standard deviations.
    """
    from scipy.optimize import minimize  # here, for only learning needs it: half a second to load

    centre, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    standard = (table - centre) / scale
    sign = np.where(label, 1.0, -1.0)
    share = np.ones(len(label)) if weights is None else weights.copy()
    for rows in (label, ~label):
        share[rows] *= 0.5 / share[rows].sum()

    def cost(unknowns: Values) -> tuple[float, Values]:
        log_odds = sign * (standard @ unknowns[:-1] + unknowns[-1])
        penalty = PENALTY * np.append(unknowns[:-1], 0.0)
        loss = share @ np.logaddexp(0, -log_odds) + 0.5 * penalty @ unknowns
        slope = -sign * share * expit(-log_odds)
        return float(loss), np.append(slope @ standard, slope.sum()) + penalty

    bounds = [(0.0 if k in rising else None, None) for k in range(table.shape[1] + 1)]
    first = np.append(np.full(table.shape[1], start), 0.0)
    found = minimize(cost, first, jac=True, bounds=bounds, method="L-BFGS-B")
    slopes = found.x[:-1] / scale
    return slopes, float(found.x[-1] - slopes @ centre)
