"""Warnings of score files that can be measured, but hardly mean what they should."""

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from eval.metrics import auc
from eval.trials import Scores


def warn_of_oddities(tables: Mapping[str, Scores]) -> None:
    """Warn of scores that can be measured, but hardly mean what they should."""
    first, *others = tables
    expected = _pairs(tables[first]) if others else set()
    for name in others:
        if _pairs(tables[name]) != expected:
            warnings.warn(
                f"{first} and {name} scored different trials; their figures are not of one test",
                stacklevel=2,
            )
    for name, scores in tables.items():
        target, nontarget = scores.score[scores.label], scores.score[~scores.label]
        if len(target) and len(nontarget) and auc(target, nontarget) < 0.5:
            warnings.warn(
                f"{name}: targets score lower than nontargets; are labels or signs swapped?",
                stacklevel=2,
            )
        if scores.log_lr is not None and _is_reversed(scores.score, scores.log_lr):
            warnings.warn(
                f"{name}: log_lr falls where score rises; is its sign swapped?", stacklevel=2
            )


def _pairs(scores: Scores) -> set[tuple[str, str, str]]:
    columns = (scores.reference.tolist(), scores.probe.tolist(), scores.condition.tolist())
    return set(zip(*columns, strict=True))


def _is_reversed(score: NDArray[np.float64], log_lr: NDArray[np.float64]) -> bool:
    """Whether the two order the trials against each other."""
    correlation = spearmanr(score, log_lr).statistic if np.ptp(score) and np.ptp(log_lr) else 0.0
    return bool(correlation < -0.5)
