"""How far the ROC and DET curves would move with other recordings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cqtnet.eer import Floats, finite
from eval.bootstrap import FEWEST_RECORDINGS, interval, recordings_of, resample
from eval.metrics.evidence import evidence_of
from eval.metrics.quantities import MISSES
from eval.trials import Scores


@dataclass(frozen=True, eq=False)
class RocBand:
    """95 % interval of the miss rate at each false-alarm rate, (m,) each."""

    false_alarm: Floats
    low: Floats
    high: Floats


def roc_band(
    scores: Scores,
    *,
    false_alarm: ArrayLike | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> RocBand | None:
    """The band around the ROC, each false-alarm rate by itself; None with too few recordings.

    By default at 200 rates from 1/nontargets to 1. The band reaches up to 3/N at least, N the
    number of target recordings: fewer misses than that may be there unseen.
    """
    recordings = recordings_of(scores)
    evidence = evidence_of(scores, recordings, {}, where=str(scores.path))
    if evidence.recordings[MISSES] < FEWEST_RECORDINGS:
        return None
    least = 1 / np.count_nonzero(~scores.label)
    rates = np.geomspace(least, 1, 200) if false_alarm is None else np.asarray(false_alarm)
    rates = finite("false-alarm rates", rates)

    def misses(target: Floats, nontarget: Floats) -> Floats:
        reached, miss = evidence.sample(target, nontarget).score.rates()
        return miss[np.searchsorted(reached, rates, side="right") - 1]

    value, resampled = resample(
        misses,
        evidence.target,
        evidence.nontarget,
        recordings=recordings.count,
        resamples=resamples,
        rng=np.random.default_rng(seed),
    )
    low, high = interval(value, resampled)
    high = np.maximum(high, 3 / evidence.recordings[MISSES])
    return RocBand(rates, np.maximum(low, 0), np.minimum(high, 1))
