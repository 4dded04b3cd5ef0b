"""The figures of a table: which there are, and each as a function of what a sample holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from cqtnet.eer import Floats, Ranking, finite
from cqtnet.errors import ManifestError
from eval.bootstrap import Indices, PairSums, Recordings, pair_sums
from eval.metrics.discrimination import (
    auc_of,
    equal_error_rate_of,
    linear_equal_error_rate_of,
    miss_at_false_alarm_of,
    too_few_nontargets,
)
from eval.metrics.information import OperatingPoint, min_cllr_of, min_dcf_of
from eval.trials import Scores

MISSES, FALSE_ALARMS = "misses", "false alarms"
MISLEADING = "misleading"  # the loss of a log LR that does not favour the truth: 1

# A detection cost that a single trial moves further than this is called coarse.
_COARSE = 0.1


@dataclass(frozen=True, eq=False)
class Sample:
    """Scores and log LRs ranked, and mean losses by name: of a target, of a nontarget."""

    score: Ranking
    log_lr: Ranking  # that of the scores where there is no log LR
    losses: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Quantity:
    """A figure by name, the range it cannot leave, and which errors it counts."""

    key: str
    name: str
    of: Callable[[Sample], float] | None  # None: it cannot be had, and `note` says why
    note: str = ""
    most: float = 1.0  # none is below 0; inf: what one trial may cost is unlimited
    flawless: float = 0.0  # its value where no error is seen
    errors: tuple[str, ...] = (MISSES, FALSE_ALARMS)  # none: it does not count them
    loss: str = ""  # of a figure at one threshold: the name of its losses
    needs_log_lr: bool = False


def quantities(
    points: Sequence[OperatingPoint],
    rates: Sequence[float],
    *,
    targets: int,
    nontargets: int,
    has_log_lr: bool,
    at_threshold: bool,
) -> list[Quantity]:
    """The figures in the order of the table."""
    chosen = _order()
    for point in points:
        chosen += _costs(point, targets, nontargets)
    chosen += [_miss_at(rate, nontargets) for rate in rates]
    chosen += _information()
    if not has_log_lr:
        chosen = [_without_log_lr(quantity) for quantity in chosen]
    if at_threshold:
        chosen += _at_threshold(targets / (targets + nontargets))
    return chosen


def _order() -> list[Quantity]:
    return [
        Quantity("auc", "AUC", lambda s: auc_of(s.score), flawless=1.0),
        Quantity("eer", "EER", lambda s: equal_error_rate_of(s.score), most=0.5),
        Quantity("eer_linear", "EER (linear)", lambda s: linear_equal_error_rate_of(s.score)),
    ]


def _costs(point: OperatingPoint, targets: int, nontargets: int) -> list[Quantity]:
    miss_counts, false_alarm_counts = point.weighed()
    steps = (("miss", miss_counts / targets), ("false alarm", false_alarm_counts / nontargets))
    note = "; ".join(f"one {error} costs {cost:.2g}" for error, cost in steps if cost > _COARSE)
    key = f"act_dcf_{point.key}"

    def actual(sample: Sample) -> float:
        miss, false_alarm = sample.losses[key]
        return miss_counts * miss + false_alarm_counts * false_alarm

    return [
        Quantity(
            f"min_dcf_{point.key}", f"minDCF ({point})", lambda s: min_dcf_of(s.score, point), note
        ),
        Quantity(
            key,
            f"actDCF ({point})",
            actual,
            note,
            most=miss_counts + false_alarm_counts,
            loss=key,
            needs_log_lr=True,
        ),
    ]


def _miss_at(rate: float, nontargets: int) -> Quantity:
    key, name = f"frr_at_far_{rate:g}", f"FRR at FAR {100 * rate:g} %"
    if reason := too_few_nontargets(nontargets, rate):
        return Quantity(key, name, None, reason)
    return Quantity(key, name, lambda s: miss_at_false_alarm_of(s.score, rate), errors=(MISSES,))


def _information() -> list[Quantity]:
    def cllr(sample: Sample) -> float:
        return sum(sample.losses["cllr"]) / 2

    def loss(sample: Sample) -> float:
        return max(0.0, cllr(sample) - min_cllr_of(sample.log_lr))

    return [
        Quantity("cllr", "Cllr", cllr, most=inf, errors=(), needs_log_lr=True),
        Quantity("min_cllr", "minCllr", lambda s: min_cllr_of(s.log_lr)),
        Quantity(
            "calibration_loss", "calibration loss", loss, most=inf, errors=(), needs_log_lr=True
        ),
    ]


def _at_threshold(share_of_targets: float) -> list[Quantity]:
    def accuracy(sample: Sample) -> float:
        miss, false_alarm = sample.losses["threshold"]
        return 1 - share_of_targets * miss - (1 - share_of_targets) * false_alarm

    return [
        Quantity("accuracy", "accuracy", accuracy, flawless=1.0, loss="threshold"),
        Quantity("miss", MISSES, lambda s: s.losses["threshold"][0], errors=(MISSES,)),
        Quantity(
            "false_alarm",
            FALSE_ALARMS,
            lambda s: s.losses["threshold"][1],
            errors=(FALSE_ALARMS,),
        ),
    ]


def _without_log_lr(quantity: Quantity) -> Quantity:
    if quantity.key == "min_cllr":
        return replace(quantity, note="of the scores: there is no log_lr")
    if quantity.needs_log_lr:
        return replace(quantity, of=None, note="needs log-likelihood ratios: a column log_lr")
    return quantity


# Trials as sums by pair of recordings: all that any figure needs, in any resample.
# Neighbouring scores of one class are put together into a run: no figure looks at a threshold
# inside a run, and well separated scores have few runs.


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
