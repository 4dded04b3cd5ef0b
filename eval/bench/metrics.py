"""Measuring scores with intervals: sorted once, against sorted anew for every resample."""

from pathlib import Path

import numpy as np

from cqtnet.eer import equal_error_rate
from eval.bench.table import Measurement, once
from eval.metrics import measure
from eval.trials import Scores

RESAMPLES = 1000
SORTED_ANEW = 5  # resamples of the baseline that are timed


def measure_metrics(*, quick: bool) -> list[Measurement]:
    """All pairs of fragments: every figure with its interval, and the EER alone by sorting."""
    scores = _all_pairs(fragments=60 if quick else 588)
    label = scores.label
    whole_s = once(lambda: measure(scores, resamples=RESAMPLES))
    rng = np.random.default_rng(0)

    def sort_anew() -> None:
        for _ in range(SORTED_ANEW):
            target, nontarget = (
                rng.choice(scores.score[mask], np.count_nonzero(mask)) for mask in (label, ~label)
            )
            equal_error_rate(target, nontarget)

    alone_s = once(sort_anew) * RESAMPLES / SORTED_ANEW
    name = f"{RESAMPLES:,} resamples of {len(scores):,} pairs"
    return [
        Measurement(f"{name}, the EER by sorting", alone_s, "s"),
        Measurement(f"{name}, all figures", whole_s, "s", "the EER by sorting", alone_s / whole_s),
    ]


def _all_pairs(*, fragments: int) -> Scores:
    """Every fragment with every one, four of a recording; scores with some overlap."""
    reference, probe = (side.ravel() for side in np.indices((fragments, fragments)))
    kept = (reference == probe) | (reference // 4 != probe // 4)
    reference, probe = reference[kept], probe[kept]
    label = reference == probe
    names = np.array([f"{i}" for i in range(fragments)])
    return Scores(
        Path("scores.csv"),
        names[reference],
        np.char.add("altered ", names)[probe],
        label,
        np.full(len(label), "all"),
        names[probe // 4],
        score=np.random.default_rng(1).normal(np.where(label, 4.0, 0.0)),
    )
