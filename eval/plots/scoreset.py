"""What the pictures are drawn from: the scores of one system under one condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import InputError
from eval.metrics import RocBand, equal_error_rate
from eval.trials import Scores


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """Scores of target and nontarget pairs under one name; higher means the same recording.

    >>> ScoreSet("ours", target=np.array([2.0, 1.0]), nontarget=np.array([0.0, -1.0]))
    """

    name: str
    target: NDArray[np.float64]  # (n,)
    nontarget: NDArray[np.float64]  # (m,)
    log_lr_target: NDArray[np.float64] | None = None  # (n,) natural logarithm
    log_lr_nontarget: NDArray[np.float64] | None = None  # (m,)
    band: RocBand | None = None  # interval of the miss rate along the false-alarm rate
    eer_interval: tuple[float, float] | None = None  # rates, not percent

    @classmethod
    def of(
        cls,
        name: str,
        scores: Scores,
        *,
        band: RocBand | None = None,
        eer_interval: tuple[float, float] | None = None,
    ) -> Self:
        """The score set of a score file, or of the rows of one condition of it."""
        label, log_lr = scores.label, scores.log_lr
        return cls(
            name,
            scores.score[label],
            scores.score[~label],
            None if log_lr is None else log_lr[label],
            None if log_lr is None else log_lr[~label],
            band,
            eer_interval,
        )

    @property
    def counts(self) -> str:
        """The numbers of pairs in words."""
        return f"{len(self.target):,} target, {len(self.nontarget):,} nontarget pairs"

    @cached_property
    def eer(self) -> float:
        """The equal error rate, on the convex hull of the ROC."""
        return equal_error_rate(self.target, self.nontarget)

    @property
    def one_error(self) -> tuple[float, float]:
        """The rates of one false alarm and of one miss: less was not measured."""
        almost_one = 0.999  # of a single trial; probit axes have no place for 1
        return min(1 / len(self.nontarget), almost_one), min(1 / len(self.target), almost_one)

    @property
    def log_lrs(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log-likelihood ratios of target and nontarget pairs; an error where there are none."""
        if self.log_lr_target is None or self.log_lr_nontarget is None:
            raise InputError(
                f"{self.name} states no likelihood ratios, which this picture is about; "
                "give scores with a column log_lr"
            )
        return self.log_lr_target, self.log_lr_nontarget


def refuse_unclear(names: Sequence[str]) -> None:
    """Raise unless there is something to draw and every line has a name of its own."""
    if not names:
        raise InputError("0 systems to draw; give at least 1")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{len(names)} systems, but {twice[0]!r} names several; give each its own")
