"""Figures of a verification system, as functions of two arrays and as tables with intervals.

The functions take scores of target trials, where both hold the same recording, and of nontarget
trials, each an array (n,): higher means the same recording. Where the names say `log_lr`, scores
are natural-log likelihood ratios. Scores that are not finite, or none, are an InputError. `measure`
gives all figures of a list of trials with their 95 % intervals.

>>> equal_error_rate([2.0, 1.5, 0.5], [1.0, 0.0, -1.0]), cllr([3.0, 2.0], [-3.0, -2.0])
(0.16666666666666666, 0.12660757162348113)
"""

from cqtnet.eer import equal_error_rate, roc_hull
from eval.bootstrap import Figure
from eval.metrics.bounds import Support, dev_pav, empirical_bounds, invariance_bounds, support
from eval.metrics.scores import (
    EceCurve,
    OperatingPoint,
    Reliability,
    RocPoints,
    ThresholdRates,
    Tippett,
    act_dcf,
    auc,
    calibration_loss,
    cllr,
    cross_entropy,
    ece_curve,
    linear_equal_error_rate,
    min_cllr,
    min_dcf,
    min_dcf_point,
    miss_at_false_alarm,
    rates_at_threshold,
    reliability,
    roc_points,
    tippett,
)
from eval.metrics.table import Metrics, Options, RocBand, measure, measure_by_condition, roc_band

__all__ = [
    "EceCurve", "Figure", "Metrics", "OperatingPoint", "Options", "Reliability", "RocBand",
    "RocPoints", "Support", "ThresholdRates", "Tippett", "act_dcf", "auc", "calibration_loss",
    "cllr", "cross_entropy", "dev_pav", "ece_curve", "empirical_bounds", "equal_error_rate",
    "invariance_bounds", "linear_equal_error_rate", "measure", "measure_by_condition", "min_cllr",
    "min_dcf", "min_dcf_point", "miss_at_false_alarm", "rates_at_threshold", "reliability",
    "roc_band", "roc_hull", "roc_points", "support", "tippett",
]  # fmt: skip
