"""How well stretches were found: those with all four times right, and how far the times are off."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, draw, interval, numbered

Times: TypeAlias = tuple[float, float, float, float]
"""Seconds: start and end in A, start and end in B."""

WITHIN_S = 0.25
RESAMPLES = 1000


@dataclass(frozen=True)
class Outcome:
    """What came out for one edited recording."""

    recording: str
    kinds: tuple[str, ...]
    alteration: str
    is_ambiguous: bool  # an edit of it cannot be heard where it was made
    truth: tuple[Times, ...]
    found: tuple[Times, ...]
    seconds: float
    duration_s: float

    @property
    def hits(self) -> int:
        """Stretches found, one to one, with each of the four times within WITHIN_S."""
        return hits(self.truth, self.found)

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return {**asdict(self), "hits": self.hits}


@dataclass(frozen=True)
class Figures:
    """What is said of many edited recordings."""

    pairs: int
    stretches: int
    f1: Figure
    boundary_median_s: float
    boundary_95_s: float  # infinite where more than a twentieth of the boundaries have none near
    seconds_median: float
    seconds_most: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data; what is not finite is None."""
        plain = asdict(self)
        return {
            k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in plain.items()
        }


def hits(truth: Sequence[Times], found: Sequence[Times]) -> int:
    """How many true stretches have a found one of their own within WITHIN_S at every end.

    >>> hits([(0, 10, 5, 15)], [(0.1, 10, 5.1, 15)])
    1
    """
    if not truth or not found:
        return 0
    away_s = np.abs(np.array(truth)[:, None] - np.array(found)[None]).max(axis=2)
    rows, columns = linear_sum_assignment(-(away_s <= WITHIN_S).astype(float))
    return int((away_s[rows, columns] <= WITHIN_S).sum())


def boundary_errors_s(truth: Sequence[Times], found: Sequence[Times]) -> NDArray[np.float64]:
    """How far each true start and end in A is from the nearest found one; infinite without any."""
    true, near = (np.array([t for times in rows for t in times[:2]]) for rows in (truth, found))
    if not near.size:
        return np.full(true.shape, np.inf)
    return np.asarray(np.abs(true[:, None] - near[None]).min(axis=1))


def figures(outcomes: Sequence[Outcome], *, rng: np.random.Generator) -> Figures:
    """The figures of some outcomes, F1 with its interval by recording."""
    counts = np.array([[o.hits, len(o.truth), len(o.found)] for o in outcomes], np.float64)
    errors = np.concatenate([boundary_errors_s(o.truth, o.found) for o in outcomes])
    seconds = [o.seconds for o in outcomes]
    return Figures(
        len(outcomes),
        int(counts[:, 1].sum()),
        _f1(counts, numbered(o.recording for o in outcomes), rng),
        float(np.quantile(errors, 0.5, method="higher")),
        float(np.quantile(errors, 0.95, method="higher")),
        float(np.median(seconds)),
        max(seconds),
    )


def _f1(counts: NDArray[np.float64], number: NDArray[np.intp], rng: np.random.Generator) -> Figure:
    """F1 of pooled counts (pairs, hits truth found), resampled by recording."""
    of_recording = np.zeros((int(number.max()) + 1, 3))
    np.add.at(of_recording, number, counts)
    value = float(_of(of_recording.sum(axis=0)[None])[0])
    if len(of_recording) < FEWEST_RECORDINGS:
        return Figure(value, note=TOO_FEW)
    resampled = _of(draw(len(of_recording), RESAMPLES, rng) @ of_recording)
    low, high = interval(value, resampled)
    return Figure(value, float(low), min(1.0, float(high)))


def _of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of sums (n, 3)."""
    return np.asarray(2 * sums[:, 0] / np.maximum(sums[:, 1] + sums[:, 2], 1))
