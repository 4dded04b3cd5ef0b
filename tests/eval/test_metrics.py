"""Figures of two arrays: against hand tables, and against other people's implementations."""

import warnings
from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression

from cqtnet.errors import InputError
from eval import metrics as m
from eval.metrics.table import queries_of
from tests.eval.planted import score_table

with warnings.catch_warnings():  # the other packages' pictures import deprecated things
    warnings.simplefilter("ignore")
    from lir import metrics as lir
    from lir.data.models import LLRData
    from llreval.bayes_error_rate import fast_Bayes_error_rate
    from llreval.pav_rocch import PAV, ROCCH
    from llreval.quick_eval import tarnon_2_eer_cllr_mincllr

EVEN, RARE = m.OperatingPoint(0.5), m.OperatingPoint(0.01)
BOTH_CLASSES = [m.auc, m.linear_equal_error_rate, m.min_cllr, m.cllr, m.calibration_loss]
BOTH_CLASSES += [partial(m.min_dcf, point=EVEN), partial(m.act_dcf, point=RARE)]
BOTH_CLASSES += [
    partial(m.miss_at_false_alarm, rate=0.5),
    partial(m.cross_entropy, prior_log_odds=1),
]
BOTH_CLASSES += [partial(m.rates_at_threshold, threshold=0.5)]


@pytest.mark.parametrize(("target", "nontarget", "area", "linear", "even", "rare"), [
    ([2, 3], [0, 1], 1, 0, 0, 0),  # perfect
    ([0, 1], [2, 3], 0, 1, 1, 1),  # swapped
    ([1, 1], [1, 1, 1], 0.5, 0.5, 1, 1),  # constant
    # ROC (0,1) (0,½) (½,½) (½,0) (1,0): at ½ miss = false alarm
    ([1, 3], [0, 2], 0.75, 0.5, 0.5, 0.5),
    # tie of a target and the nontarget: (0,1) (0,⅔) (1,⅓) (1,0), meets x at ½
    ([1, 2, 3], [2], 0.5, 0.5, 2 / 3, 2 / 3),
])  # fmt: skip
def test_hand_tables(target, nontarget, area, linear, even, rare):
    assert m.auc(target, nontarget) == pytest.approx(area)
    assert m.linear_equal_error_rate(target, nontarget) == pytest.approx(linear)
    assert m.min_dcf(target, nontarget, EVEN) == pytest.approx(even)
    assert m.min_dcf(target, nontarget, RARE) == pytest.approx(rare)


@pytest.mark.parametrize("figure", BOTH_CLASSES)
@pytest.mark.parametrize("bad", [[], [np.nan], [1.0, np.inf]])
def test_a_class_that_is_empty_or_not_finite_is_refused(figure, bad):
    for classes in ((bad, [0.0]), ([0.0], bad)):
        with pytest.raises(InputError, match="must be finite and at least one") as error:
            figure(*classes)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(("rate", "miss"), [(0.25, 1 / 3), (0.49, 1 / 3), (0.5, 0.0), (0.99, 0.0)])
def test_as_much_is_accepted_as_the_false_alarm_rate_allows(rate, miss):
    # From above: T T N {T N} N N; accepting the tie costs a second false alarm of four.
    assert m.miss_at_false_alarm([6, 5, 3], [4, 3, 2, 1], rate) == pytest.approx(miss)


def test_a_false_alarm_rate_needs_as_many_nontargets_as_can_show_it():
    assert m.miss_at_false_alarm([1.0], np.zeros(1000), 0.001) == 0
    with pytest.raises(InputError, match=r"rate of 0.001 needs 1,000 nontargets, here are 999"):
        m.miss_at_false_alarm([1.0], np.zeros(999), 0.001)
    rates = m.rates_at_threshold([2, 1, 0, 0], [1, 0], 1)
    assert (rates.miss, rates.false_alarm) == (0.5, 0.5)
    assert rates.accuracy == pytest.approx(3 / 6)


@pytest.mark.parametrize(("refused", "message"), [
    (lambda: m.OperatingPoint(p_target=0), "p_target 0 is not between 0 and 1; give e.g."),
    (lambda: m.OperatingPoint(p_target=1.0), "p_target 1.0 is not between 0 and 1"),
    (lambda: m.OperatingPoint(cost_miss=0), "a cost of 0 is not a number above 0; give e.g."),
    (lambda: m.Options(resamples=-1), "-1 resamples"),
    (lambda: m.Options(threshold=np.nan), "threshold nan is not finite"),
    (lambda: m.rates_at_threshold([1], [0], np.nan), "threshold nan is not finite"),
    *((lambda r=r: m.miss_at_false_alarm([1.0], [0.0], r), "not between 0 and 1")
      for r in (0, 1, -0.1, np.nan)),
    *((lambda w=w: m.reliability([0.0, 1.0], *w), "give a label for each")
      for w in (([1, 1],), ([1, 0, 1],), ([0, 0],))),
    (lambda: m.reliability([0.0, 1.0], [1, 0], bins=0), "give a label for each"),
])  # fmt: skip
def test_what_has_no_sense_is_refused(refused, message):
    with pytest.raises(InputError, match=message):
        refused()


def test_the_actual_cost_is_that_of_the_bayes_threshold():
    # At log 99 = 4.6 one of four targets is missed and one of five nontargets accepted.
    target, nontarget = [5, 6, 7, 4], [5, -1, -1, -1, -1]
    assert m.act_dcf(target, nontarget, RARE) == pytest.approx(1 / 4 + 99 / 5)
    assert m.act_dcf(target, nontarget, EVEN) == pytest.approx(1 / 5)
    target, nontarget = [5, 4, 1], [3, 2, 0, 0, 0]
    assert m.min_dcf_point(target, nontarget, RARE) == pytest.approx((0, 1 / 3))
    assert m.min_dcf_point(target, nontarget, m.OperatingPoint(0.9)) == pytest.approx((2 / 5, 0))


def test_ratios_that_say_nothing_cost_one_bit_and_wrong_ones_more():
    assert m.cllr([0, 0], [0]) == 1 and m.min_cllr([1, 1], [1]) == pytest.approx(1)
    assert m.cllr([np.log(3)], [-np.log(3)]) == pytest.approx(np.log2(4 / 3))
    assert m.cllr([-np.log(3)], [np.log(3)]) == pytest.approx(2)
    assert m.cllr([-2000], [-2000]) == pytest.approx(1000 / np.log(2))  # does not overflow
    # PAV gives back ratios that are as they should be, but for rounding: never less than 0.
    assert m.calibration_loss(np.log([3, 3, 3, 1 / 3]), np.log([3, 1 / 3, 1 / 3, 1 / 3])) >= 0


def test_the_curves_of_tippett():
    curves = m.tippett([2, 2, -1, 0], [-3, 0, 1])
    assert curves.log_lr.tolist() == [-3, -1, 0, 1, 2]
    assert curves.target.tolist() == [1, 1, 0.75, 0.5, 0.5]
    assert curves.nontarget == pytest.approx(np.array([3, 2, 2, 1, 0]) / 3)
    assert (curves.misleading_target, curves.misleading_nontarget) == (0.25, 1 / 3)


def test_reliability_by_hand():
    # At the prior ½ log 3 states ¾. Of a target's weight ¼ each, of a nontarget's ½.
    log_lr = np.log([3, 3, 1 / 3, 1 / 3, 3])
    found = m.reliability(log_lr, [1, 1, 1, 0, 0], bins=2)
    assert found.predicted == pytest.approx([0.25, 0.75])
    assert found.targets.tolist() == [1, 2] and found.nontargets.tolist() == [1, 1]
    assert found.weight == pytest.approx([1 / 6 + 1 / 4, 2 / 6 + 1 / 4])
    assert found.observed == pytest.approx([(1 / 6) / (5 / 12), (1 / 3) / (7 / 12)])
    error = 5 / 12 * abs(0.4 - 0.25) + 7 / 12 * abs(4 / 7 - 0.75)
    assert found.calibration_error == pytest.approx(error)
    found = m.reliability([800.0, np.log(19), -800.0], [True, True, False], bins=10)
    assert found.predicted == pytest.approx([0, 0.975])
    assert found.observed.tolist() == [0, 1]


# Agreement with others, on random data with and without ties.


@pytest.fixture(params=[0, 1, 8], ids=lambda decimals: f"{decimals} decimals")
def classes(request, rng):
    decimals = request.param
    return rng.normal(1.5, 1.5, 150).round(decimals), rng.normal(-1, 1, 400).round(decimals)


def labelled(classes):
    """Labels and scores."""
    return np.repeat([1, 0], [len(scores) for scores in classes]), np.concatenate(classes)


def test_eer_cllr_and_its_parts_with_llreval_and_lir(classes):
    label, score = labelled(classes)
    eer, loss, least = tarnon_2_eer_cllr_mincllr(*classes)
    data = LLRData(features=score / np.log(10), labels=label)  # lir takes log10
    assert m.equal_error_rate(*classes) == pytest.approx(eer, abs=1e-9)
    assert m.cllr(*classes) == pytest.approx(loss, abs=1e-12)
    assert m.min_cllr(*classes) == pytest.approx(least, abs=1e-12)
    assert m.calibration_loss(*classes) == pytest.approx(lir.cllr_cal(data), abs=1e-9)


@pytest.mark.parametrize("p_target", [0.003, 0.31, 0.5001, 0.93])
def test_min_and_act_dcf_with_llreval(classes, p_target):
    label, score = labelled(classes)
    log_odds = np.array([np.log(p_target / (1 - p_target))])
    default = min(p_target, 1 - p_target)
    point = m.OperatingPoint(p_target)
    least = ROCCH(PAV(score, label)).Bayes_error_rate(log_odds)[0] / default
    actual = fast_Bayes_error_rate(score, label, log_odds)[0] / default
    assert m.min_dcf(*classes, point) == pytest.approx(least, abs=1e-9)
    assert m.act_dcf(*classes, point) == pytest.approx(actual, abs=1e-12)


def test_auc_det_curve_and_hull_with_scikit_learn(classes):
    label, score = labelled(classes)
    false_alarm, miss, threshold = sk.det_curve(label, score, drop_intermediate=False)
    points = m.roc_points(*classes)
    # scikit-learn leaves out the ends, where another threshold changes nothing.
    _, ours, theirs = np.intersect1d(points.threshold, threshold, return_indices=True)
    assert len(ours) >= len(threshold) - 1
    assert points.false_alarm[ours] == pytest.approx(false_alarm[theirs], abs=1e-12)
    assert points.miss[ours] == pytest.approx(miss[theirs], abs=1e-12)
    assert m.auc(*classes) == pytest.approx(sk.roc_auc_score(label, score), abs=1e-12)
    fitted = IsotonicRegression().fit_transform(score, label)
    false_alarm, miss, _ = sk.det_curve(label, fitted, drop_intermediate=False)
    corners = np.column_stack(m.roc_hull(*classes))
    for corner in zip(false_alarm, miss, strict=True):
        assert np.abs(corners - corner).max(axis=1).min() < 1e-12


def test_cross_entropy_with_log_loss_of_scikit_learn(classes):
    label, score = labelled(classes)
    prior = np.log(0.2 / 0.8)
    posterior = 1 / (1 + np.exp(-score - prior))
    weight = np.where(label == 1, 0.2 / len(classes[0]), 0.8 / len(classes[1]))
    expected = sk.log_loss(label, posterior, sample_weight=weight) / np.log(2)
    assert m.cross_entropy(*classes, prior) == pytest.approx(expected, abs=1e-12)
    fitted = IsotonicRegression().fit_transform(score, label, sample_weight=weight)
    least = sk.log_loss(label, fitted, sample_weight=weight) / np.log(2)
    assert m.ece_curve(*classes, prior_log_odds=[prior]).pav == pytest.approx([least], abs=1e-9)


@pytest.mark.parametrize("targets", [1, 4])
@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_average_precision_with_scikit_learn(rng, decimals, targets):
    label = np.arange(20) < targets
    score = (rng.normal(size=(30, 20)) + label).round(decimals)
    probe, reference = np.indices((30, 20)).reshape(2, -1)
    found = queries_of(score_table(reference, probe, np.tile(label, 30), probe, score.ravel()))
    # Ties go against the system: as if targets scored a little less, one by one.
    lowered = score - 1e-9 * np.arange(1, 21) * label
    expected = [sk.average_precision_score(label, row) for row in lowered]
    assert found.average_precision == pytest.approx(expected, abs=1e-12)
    if targets == 1:  # with one target scikit-learn orders ties against the system itself
        mean = sk.label_ranking_average_precision_score(np.tile(label, (30, 1)), score)
        assert (1 / found.first).mean() == pytest.approx(mean, abs=1e-12)
