"""Our figures against those of others, on random data with and without ties."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import (
    average_precision_score,
    det_curve,
    label_ranking_average_precision_score,
    log_loss,
    roc_auc_score,
)

from eval.metrics import (
    OperatingPoint,
    act_dcf,
    auc,
    calibration_loss,
    cllr,
    cross_entropy,
    ece_curve,
    equal_error_rate,
    min_cllr,
    min_dcf,
    roc_hull,
    roc_points,
)
from eval.retrieval import queries_of
from eval.trials import Scores

with warnings.catch_warnings():  # the other packages' pictures import what is deprecated
    warnings.simplefilter("ignore")
    from lir import metrics as lir
    from lir.data.models import LLRData
    from llreval.bayes_error_rate import fast_Bayes_error_rate
    from llreval.pav_rocch import PAV, ROCCH
    from llreval.quick_eval import tarnon_2_eer_cllr_mincllr

Classes = tuple[np.ndarray, np.ndarray]


@pytest.fixture(params=[0, 1, 8], ids=lambda decimals: f"{decimals} decimals")
def classes(request: pytest.FixtureRequest, rng: np.random.Generator) -> Classes:
    decimals = request.param
    return rng.normal(1.5, 1.5, 150).round(decimals), rng.normal(-1, 1, 400).round(decimals)


def labelled(classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores."""
    return np.repeat([1, 0], [len(scores) for scores in classes]), np.concatenate(classes)


def test_eer_cllr_and_min_cllr_with_llreval(classes: Classes) -> None:
    eer, loss, least = tarnon_2_eer_cllr_mincllr(*classes)
    assert equal_error_rate(*classes) == pytest.approx(eer, abs=1e-9)
    assert cllr(*classes) == pytest.approx(loss, abs=1e-12)
    assert min_cllr(*classes) == pytest.approx(least, abs=1e-12)


@pytest.mark.parametrize("p_target", [0.003, 0.31, 0.5001, 0.93])
def test_min_and_act_dcf_with_llreval(classes: Classes, p_target: float) -> None:
    label, score = labelled(classes)
    log_odds = np.array([np.log(p_target / (1 - p_target))])
    default = min(p_target, 1 - p_target)
    point = OperatingPoint(p_target)
    least = ROCCH(PAV(score, label)).Bayes_error_rate(log_odds)[0] / default
    actual = fast_Bayes_error_rate(score, label, log_odds)[0] / default
    assert min_dcf(*classes, point) == pytest.approx(least, abs=1e-9)
    assert act_dcf(*classes, point) == pytest.approx(actual, abs=1e-12)


def test_cllr_and_calibration_loss_with_lir(classes: Classes) -> None:
    label, score = labelled(classes)
    data = LLRData(features=score / np.log(10), labels=label)  # lir takes log10
    assert cllr(*classes) == pytest.approx(lir.cllr(data), abs=1e-12)
    assert min_cllr(*classes) == pytest.approx(lir.cllr_min(data), abs=1e-9)
    assert calibration_loss(*classes) == pytest.approx(lir.cllr_cal(data), abs=1e-9)


def test_auc_and_det_curve_with_scikit_learn(classes: Classes) -> None:
    label, score = labelled(classes)
    weight = np.random.default_rng(0).integers(0, 4, len(score))
    false_alarm, miss, threshold = det_curve(label, score, drop_intermediate=False)
    points = roc_points(*classes)
    # scikit-learn leaves out the ends, where another threshold changes nothing.
    _, ours, theirs = np.intersect1d(points.threshold, threshold, return_indices=True)
    assert len(ours) >= len(threshold) - 1
    assert points.false_alarm[ours] == pytest.approx(false_alarm[theirs], abs=1e-12)
    assert points.miss[ours] == pytest.approx(miss[theirs], abs=1e-12)
    assert auc(*classes) == pytest.approx(roc_auc_score(label, score), abs=1e-12)
    weights = weight[label == 1], weight[label == 0]
    weighted = roc_auc_score(label, score, sample_weight=weight)
    assert auc(*classes, weights=weights) == pytest.approx(weighted, abs=1e-12)


def test_the_hull_with_isotonic_regression_of_scikit_learn(classes: Classes) -> None:
    label, score = labelled(classes)
    fitted = IsotonicRegression().fit_transform(score, label)
    false_alarm, miss, _ = det_curve(label, fitted, drop_intermediate=False)
    corners = np.column_stack(roc_hull(*classes))
    for corner in zip(false_alarm, miss, strict=True):
        assert np.abs(corners - corner).max(axis=1).min() < 1e-12


def test_cross_entropy_with_log_loss_of_scikit_learn(classes: Classes) -> None:
    label, score = labelled(classes)
    prior = np.log(0.2 / 0.8)
    posterior = 1 / (1 + np.exp(-score - prior))
    weight = np.where(label == 1, 0.2 / len(classes[0]), 0.8 / len(classes[1]))
    expected = log_loss(label, posterior, sample_weight=weight) / np.log(2)
    assert cross_entropy(*classes, prior) == pytest.approx(expected, abs=1e-12)
    fitted = IsotonicRegression().fit_transform(score, label, sample_weight=weight)
    least = log_loss(label, fitted, sample_weight=weight) / np.log(2)
    assert ece_curve(*classes, prior_log_odds=[prior]).pav == pytest.approx([least], abs=1e-9)


@pytest.mark.parametrize("targets", [1, 4])
@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_average_precision_with_scikit_learn(
    rng: np.random.Generator, decimals: int, targets: int
) -> None:
    label = np.arange(20) < targets
    score = (rng.normal(size=(30, 20)) + label).round(decimals)
    probe = np.repeat([f"p{i}" for i in range(30)], 20)
    reference = np.tile([f"r{j}" for j in range(20)], 30)
    labels, condition = np.tile(label, 30), np.full(600, "c")
    table = Scores(Path("s"), reference, probe, labels, condition, probe, {}, score.ravel())
    found = queries_of(table)
    # Ties go against the system: as if targets scored a little less, one by one.
    lowered = score - 1e-9 * np.arange(1, 21) * label
    expected = [average_precision_score(label, row) for row in lowered]
    assert found.average_precision == pytest.approx(expected, abs=1e-12)
    every = np.tile(label, (30, 1))
    mean = label_ranking_average_precision_score(every, lowered)
    assert found.average_precision.mean() == pytest.approx(mean, abs=1e-12)
    if targets == 1:  # with one target scikit-learn orders ties against the system itself
        mean = label_ranking_average_precision_score(every, score)
        assert found.average_precision.mean() == pytest.approx(mean, abs=1e-12)
        assert (1 / found.first).mean() == pytest.approx(mean, abs=1e-12)
