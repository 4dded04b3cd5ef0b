"""Trials as sums by pair of recordings: all that any figure needs, in any resample.

Neighbouring scores of one class are put together into a run: no figure looks at a threshold
inside a run, and well separated scores have few runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from cqtnet.eer import Floats, Ranking, finite
from cqtnet.errors import ManifestError
from eval.bootstrap import Indices, PairSums, Recordings, pair_sums
from eval.metrics.quantities import FALSE_ALARMS, MISSES, Sample
from eval.trials import Scores


@dataclass(frozen=True, eq=False)
class Evidence:
    """The sums of both classes: trials, runs of scores, runs of log LRs, losses by name."""

    target: PairSums
    nontarget: PairSums
    score_runs: int
    log_lr_runs: int  # 0 where there is no log_lr
    losses: tuple[str, ...]
    recordings: Mapping[str, int]  # by error: how many recordings could have shown it

    @cached_property
    def whole(self) -> Sample:
        """What all trials say, each counted once."""
        target, nontarget = (pairs.sums.sum(axis=1) for pairs in (self.target, self.nontarget))
        return self.sample(target, nontarget)

    def sample(self, target: Floats, nontarget: Floats) -> Sample:
        """What sums over targets and nontargets, (c,) each, say."""
        ends = np.cumsum([1, self.score_runs, self.log_lr_runs])
        (tar_n, tar_score, tar_log_lr, tar_loss), (non_n, non_score, non_log_lr, non_loss) = (
            np.split(sums, ends) for sums in (target, nontarget)
        )
        score = _ranking(tar_score, non_score)
        means = zip(tar_loss / tar_n, non_loss / non_n, strict=True)
        return Sample(
            score,
            _ranking(tar_log_lr, non_log_lr) if self.log_lr_runs else score,
            dict(zip(self.losses, means, strict=True)),
        )


def evidence_of(
    scores: Scores, recordings: Recordings, losses: Mapping[str, Floats], *, where: str
) -> Evidence:
    """The evidence in scores with further losses, (n,) each; `where` names them in errors."""
    for name, held in (("target", scores.label), ("nontarget", ~scores.label)):
        if not held.any():
            raise ManifestError(f"{where}: holds no {name} trial; give trials of both classes")
    finite(f"{where}: scores", scores.score)
    score = runs(scores.score, scores.label)
    log_lr = np.zeros(0, np.intp)
    blocks = [csr_array(np.ones((len(score), 1))), _one_hot(score)]
    if scores.log_lr is not None:
        log_lr = runs(finite(f"{where}: log_lr", scores.log_lr), scores.label)
        blocks.append(_one_hot(log_lr))
    if losses:
        blocks.append(csr_array(np.column_stack(list(losses.values()))))
    columns = csr_array(hstack(blocks, format="csr"))
    target, nontarget = recordings.where(scores.label), recordings.where(~scores.label)
    return Evidence(
        pair_sums(columns[scores.label], target),
        pair_sums(columns[~scores.label], nontarget),
        int(score.max(initial=-1)) + 1,
        int(log_lr.max(initial=-1)) + 1,
        tuple(losses),
        {MISSES: target.independent(), FALSE_ALARMS: nontarget.independent()},
    )


def runs(score: Floats, label: NDArray[np.bool_]) -> Indices:
    """The run of each trial, (n,), numbered from the highest score; ties share a run."""
    values, place = np.unique(-score, return_inverse=True)
    tar, non = (np.bincount(place, of, minlength=len(values)) > 0 for of in (label, ~label))
    mixed = tar & non
    starts = (tar[1:] != tar[:-1]) | mixed[1:] | mixed[:-1]
    return np.concatenate([[0], np.cumsum(starts)])[place].astype(np.intp)


def _one_hot(run: Indices) -> csr_array:
    rows = np.arange(len(run))
    return csr_array((np.ones(len(run)), (rows, run)), shape=(len(run), run.max() + 1))


def _ranking(target: Floats, nontarget: Floats) -> Ranking:
    return Ranking(-np.arange(len(target), dtype=np.float64), target, nontarget)
