"""Decisions counted: what was synthetic or human, and what it was taken for."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spoof.wording import HEADLINES, Verdict, verdict_of

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
