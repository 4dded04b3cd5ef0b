from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from cqtnet.errors import InputError
from eval.metrics import (
    OperatingPoint,
    act_dcf,
    auc,
    calibration_loss,
    cllr,
    cross_entropy,
    ece_curve,
    equal_error_rate,
    linear_equal_error_rate,
    min_cllr,
    min_dcf,
    min_dcf_point,
    miss_at_false_alarm,
    rates_at_threshold,
    reliability,
    roc_hull,
    roc_points,
    tippett,
)

EVEN, RARE = OperatingPoint(0.5), OperatingPoint(0.01)
BOTH_CLASSES: list[Callable] = [
    auc,
    equal_error_rate,
    linear_equal_error_rate,
    min_cllr,
    cllr,
    calibration_loss,
    lambda t, n, **w: min_dcf(t, n, EVEN, **w),
    lambda t, n, **w: act_dcf(t, n, RARE, **w),
    lambda t, n, **w: miss_at_false_alarm(t, n, 0.5, **w),
    lambda t, n, **w: rates_at_threshold(t, n, 0.5, **w).accuracy,
    lambda t, n, **w: cross_entropy(t, n, 1.0, **w),
]


@pytest.mark.parametrize(
    ("target", "nontarget", "area", "hull", "linear", "even", "rare"),
    [
        ([2, 3], [0, 1], 1, 0, 0, 0, 0),  # perfect
        ([0, 1], [2, 3], 0, 0.5, 1, 1, 1),  # swapped
        ([1, 1], [1, 1, 1], 0.5, 0.5, 0.5, 1, 1),  # constant
        ([1], [1], 0.5, 0.5, 0.5, 1, 1),
        # ROC (0,1) (0,½) (½,½) (½,0) (1,0): at ½ miss = false alarm
        ([1, 3], [0, 2], 0.75, 0.25, 0.5, 0.5, 0.5),
        # tie of a target and the nontarget: (0,1) (0,⅔) (1,⅓) (1,0), meets x at ½
        ([1, 2, 3], [2], 0.5, 0.4, 0.5, 2 / 3, 2 / 3),
    ],
)
def test_hand_tables(
    target: list, nontarget: list, area: float, hull: float, linear: float, even: float, rare: float
) -> None:
    assert auc(target, nontarget) == pytest.approx(area)
    assert equal_error_rate(target, nontarget) == pytest.approx(hull)
    assert linear_equal_error_rate(target, nontarget) == pytest.approx(linear)
    assert min_dcf(target, nontarget, EVEN) == pytest.approx(even)
    assert min_dcf(target, nontarget, RARE) == pytest.approx(rare)


def test_the_fixture_of_the_field() -> None:
    rng = np.random.default_rng(1)
    target, nontarget = rng.normal(2, 1, 300), rng.normal(0, 1, 700)
    assert equal_error_rate(target, nontarget) == pytest.approx(0.153564669, abs=5e-10)
    assert linear_equal_error_rate(target, nontarget) == pytest.approx(47 / 300)
    assert cllr(target, nontarget) == pytest.approx(0.707977372, abs=5e-10)
    assert min_cllr(target, nontarget) == pytest.approx(0.483412152, abs=5e-10)
    loss = calibration_loss(target, nontarget)
    assert loss == pytest.approx(0.707977372 - 0.483412152, abs=1e-9)


@pytest.mark.parametrize("figure", BOTH_CLASSES)
@pytest.mark.parametrize("bad", [[], [np.nan], [1.0, np.inf], [-np.inf]])
def test_a_class_that_is_empty_or_not_finite_is_refused(figure: Callable, bad: list) -> None:
    for classes in ((bad, [0.0]), ([0.0], bad)):
        with pytest.raises(InputError, match="must be finite and at least one") as error:
            figure(*classes)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("figure", BOTH_CLASSES)
def test_a_weight_of_two_is_a_trial_twice_and_of_zero_is_none(
    figure: Callable, rng: np.random.Generator
) -> None:
    target, nontarget = rng.normal(1, 1, 30).round(1), rng.normal(0, 1, 40).round(1)
    times = rng.integers(0, 4, 30), rng.integers(0, 4, 40)
    repeated = figure(np.repeat(target, times[0]), np.repeat(nontarget, times[1]))
    assert figure(target, nontarget, weights=times) == pytest.approx(repeated)


@pytest.mark.parametrize("weights", [([1.0], [1.0]), ([2, -1], [1.0]), ([0, 0], [1.0])])
def test_weights_that_do_not_fit_are_refused(weights: tuple) -> None:
    with pytest.raises(InputError, match="give one a trial, none negative, not all zero"):
        auc([1.0, 2.0], [0.0], weights=weights)


def test_roc_points_run_from_accept_nothing_to_accept_all() -> None:
    points = roc_points([3, 1], [2, 1, 0])
    assert points.threshold.tolist() == [np.inf, 3, 2, 1, 0]
    assert points.false_alarm.tolist() == pytest.approx([0, 0, 1 / 3, 2 / 3, 1])
    assert points.miss.tolist() == [1, 0.5, 0.5, 0, 0]


def test_corners_leave_out_only_points_that_lie_on_the_line(rng: np.random.Generator) -> None:
    target, nontarget = rng.normal(1, 1, 60).round(1), rng.normal(0, 1, 300).round(1)
    whole, corners = roc_points(target, nontarget), roc_points(target, nontarget, corners=True)
    assert len(corners.miss) < len(whole.miss)
    # Lengthways along the staircase, every point of the whole curve lies on the lines of corners.
    along = corners.false_alarm - corners.miss
    missed = np.interp(whole.false_alarm - whole.miss, along, corners.miss)
    assert missed == pytest.approx(whole.miss)
    for before, after in pairwise(range(len(corners.miss) - 1)):
        rise = np.diff(corners.false_alarm[before : after + 2])
        fall = np.diff(corners.miss[before : after + 2])
        assert rise.any() and fall.any()


def test_the_hull_of_weighted_scores_is_convex(rng: np.random.Generator) -> None:
    target, nontarget = rng.normal(1, 1, 60), rng.normal(0, 1, 90)
    weights = rng.integers(0, 3, 60), rng.random(90)
    false_alarm, miss = roc_hull(target, nontarget, weights=weights)
    slope = np.diff(miss) / np.maximum(np.diff(false_alarm), 1e-300)
    assert (np.diff(slope) > 0).all()
    assert (false_alarm[0], miss[0], false_alarm[-1], miss[-1]) == (0, 1, 1, 0)


@pytest.mark.parametrize(
    ("rate", "miss"),
    [(0.25, 1 / 3), (0.49, 1 / 3), (0.5, 0.0), (0.99, 0.0)],
)
def test_the_largest_set_that_keeps_to_the_false_alarm_rate_is_accepted(
    rate: float, miss: float
) -> None:
    # From above: T T N {T N} N N; accepting the tie costs a second false alarm of four.
    assert miss_at_false_alarm([6, 5, 3], [4, 3, 2, 1], rate) == pytest.approx(miss)


def test_a_false_alarm_rate_needs_as_many_nontargets_as_can_show_it() -> None:
    assert miss_at_false_alarm([1.0], np.zeros(1000), 0.001) == 0
    with pytest.raises(InputError, match=r"rate of 0.001 needs 1,000 nontargets, here are 999"):
        miss_at_false_alarm([1.0], np.zeros(999), 0.001)


@pytest.mark.parametrize("rate", [0, 1, -0.1, np.nan])
def test_a_false_alarm_rate_is_a_share(rate: float) -> None:
    with pytest.raises(InputError, match="not between 0 and 1"):
        miss_at_false_alarm([1.0], [0.0], rate)


def test_a_score_at_the_threshold_is_accepted() -> None:
    rates = rates_at_threshold([2, 1, 0, 0], [1, 0], 1)
    assert (rates.miss, rates.false_alarm) == (0.5, 0.5)
    assert rates.accuracy == pytest.approx(3 / 6)
    with pytest.raises(InputError, match="threshold nan is not finite"):
        rates_at_threshold([1], [0], np.nan)


@pytest.mark.parametrize(
    ("point", "threshold", "weighed"),
    [
        (OperatingPoint(), 0, (1, 1)),
        (OperatingPoint(0.01), np.log(99), (1, 99)),
        (OperatingPoint(0.5, 1, 10), np.log(10), (1, 10)),
        (OperatingPoint(0.9, 2, 1), np.log(1 / 18), (18, 1)),
    ],
)
def test_operating_points(point: OperatingPoint, threshold: float, weighed: tuple) -> None:
    assert point.threshold == pytest.approx(threshold)
    assert point.weighed() == pytest.approx(weighed)


@pytest.mark.parametrize("wrong", [{"p_target": 0}, {"p_target": 1.0}, {"cost_miss": 0}])
def test_operating_points_without_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=r"give e.g."):
        OperatingPoint(**wrong)


def test_the_actual_cost_is_that_of_the_bayes_threshold() -> None:
    # At log 99 = 4.6 one of four targets is missed and one of five nontargets accepted.
    target, nontarget = [5, 6, 7, 4], [5, -1, -1, -1, -1]
    assert act_dcf(target, nontarget, RARE) == pytest.approx(1 / 4 + 99 / 5)
    assert act_dcf(target, nontarget, EVEN) == pytest.approx(1 / 5)


def test_the_point_of_the_least_cost_is_on_the_roc() -> None:
    target, nontarget = [5, 4, 1], [3, 2, 0, 0, 0]
    assert min_dcf_point(target, nontarget, RARE) == pytest.approx((0, 1 / 3))
    assert min_dcf_point(target, nontarget, OperatingPoint(0.9)) == pytest.approx((2 / 5, 0))


def test_ratios_that_say_nothing_cost_one_bit_and_wrong_ones_more() -> None:
    assert cllr([0, 0], [0]) == 1
    assert min_cllr([1, 1], [1]) == pytest.approx(1)
    assert cllr([np.log(3)], [-np.log(3)]) == pytest.approx(np.log2(4 / 3))
    assert cllr([-np.log(3)], [np.log(3)]) == pytest.approx(2)
    assert cllr([-2000], [-2000]) == pytest.approx(1000 / np.log(2))  # does not overflow


def test_min_cllr_by_hand() -> None:
    # Two blocks with two targets to one nontarget and the reverse: log LR = ±log 2.
    target, nontarget = [3, 3, 1], [3, 1, 1]
    expected = (2 * np.log2(1.5) + np.log2(3)) / 3
    assert min_cllr(target, nontarget) == pytest.approx(expected)


def test_the_curves_of_tippett() -> None:
    curves = tippett([2, 2, -1, 0], [-3, 0, 1])
    assert curves.log_lr.tolist() == [-3, -1, 0, 1, 2]
    assert curves.target.tolist() == [1, 1, 0.75, 0.5, 0.5]
    assert curves.nontarget == pytest.approx(np.array([3, 2, 2, 1, 0]) / 3)
    assert (curves.misleading_target, curves.misleading_nontarget) == (0.25, 1 / 3)


def test_reliability_by_hand() -> None:
    # At the prior ½ log 3 states ¾. Of a target's weight ¼ each, of a nontarget's ½.
    log_lr = np.log([3, 3, 1 / 3, 1 / 3, 3])
    found = reliability(log_lr, [1, 1, 1, 0, 0], bins=2)
    assert found.predicted == pytest.approx([0.25, 0.75])
    assert found.targets.tolist() == [1, 2]
    assert found.nontargets.tolist() == [1, 1]
    assert found.weight == pytest.approx([1 / 6 + 1 / 4, 2 / 6 + 1 / 4])
    assert found.observed == pytest.approx([(1 / 6) / (5 / 12), (1 / 3) / (7 / 12)])
    error = 5 / 12 * abs(0.4 - 0.25) + 7 / 12 * abs(4 / 7 - 0.75)
    assert found.calibration_error == pytest.approx(error)


def test_ratios_drawn_from_what_they_state_are_reliable(rng: np.random.Generator) -> None:
    # Normal log LRs with variance 2μ around ±μ are their own log LR.
    target, nontarget = rng.normal(2, 2, 200_000), rng.normal(-2, 2, 50_000)
    label = np.arange(250_000) < 200_000
    found = reliability(np.concatenate([target, nontarget]), label, p_target=0.2, bins=8)
    assert found.observed == pytest.approx(found.predicted, abs=0.02)
    assert found.weight.sum() == pytest.approx(1)
    assert found.calibration_error < 0.01


def test_certain_ratios_fall_into_the_last_bins_and_empty_ones_are_left_out() -> None:
    found = reliability([800.0, np.log(19), -800.0], [True, True, False], bins=10)
    assert found.predicted == pytest.approx([0, 0.975])
    assert found.observed.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("label", "options"), [([1, 1], {}), ([1, 0, 1], {}), ([0, 0], {}), ([1, 0], {"bins": 0})]
)
def test_reliability_needs_labels_of_both_classes(label: list, options: dict) -> None:
    with pytest.raises(InputError, match="give a label for each"):
        reliability([0.0, 1.0], label, **options)


def test_cross_entropy_at_even_odds_is_cllr_and_neutral_is_the_entropy_of_the_prior() -> None:
    rng = np.random.default_rng(1)
    target, nontarget = rng.normal(2, 1, 300), rng.normal(0, 1, 700)
    curve = ece_curve(target, nontarget, prior_log_odds=[0.0, np.log(1 / 3)])
    assert curve.system[0] == pytest.approx(cllr(target, nontarget))
    assert curve.pav[0] == pytest.approx(min_cllr(target, nontarget))
    assert curve.neutral == pytest.approx([1, -0.25 * np.log2(0.25) - 0.75 * np.log2(0.75)])


def test_nothing_calibrated_better_than_pav_in_the_same_order(rng: np.random.Generator) -> None:
    curve = ece_curve(rng.normal(2, 1, 200), rng.normal(0, 1, 300))
    assert len(curve.prior_log_odds) == 121
    assert curve.prior_log_odds[[0, -1]] == pytest.approx([-np.log(1000), np.log(1000)])
    assert (curve.pav <= curve.system + 1e-12).all()
    assert (curve.pav <= curve.neutral + 1e-12).all()
