import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import InputError
from eval.bootstrap import recordings_of
from eval.metrics import (
    Figure,
    OperatingPoint,
    act_dcf,
    auc,
    calibration_loss,
    cllr,
    cross_entropy,
    ece_curve,
    equal_error_rate,
    linear_equal_error_rate,
    measure,
    measure_by_condition,
    min_cllr,
    min_dcf,
    min_dcf_point,
    miss_at_false_alarm,
    rates_at_threshold,
    reliability,
    roc_band,
    roc_hull,
    roc_points,
    tippett,
)
from eval.metrics.evidence import evidence_of
from eval.metrics.intervals import with_interval
from eval.metrics.quantities import Quantity
from eval.trials import Scores

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


def scores(
    target: list, nontarget: list, *, log_lr: bool = False, condition: str = "c", files: int = 10
) -> Scores:
    """Targets and nontargets of recordings that come round again."""
    score = np.array([*target, *nontarget], np.float64)
    label = np.arange(len(score)) < len(target)
    recording = np.array([f"R{i % files}" for i in range(len(score))])
    reference = np.where(label, np.char.add("r", recording), "other")
    probe = np.array([f"p{i}" for i in range(len(score))])
    conditions = np.full(len(score), condition)
    return Scores(
        Path("s.csv"),
        reference,
        probe,
        label,
        conditions,
        recording,
        {},
        score,
        score if log_lr else None,
    )


def joined(*parts: Scores) -> Scores:
    columns = ("reference", "probe", "label", "condition", "recording")
    together = {name: np.concatenate([getattr(p, name) for p in parts]) for name in columns}
    return Scores(Path("s.csv"), **together, score=np.concatenate([p.score for p in parts]))


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


def test_measured_figures_are_those_of_the_functions(rng: np.random.Generator) -> None:
    target, nontarget = rng.normal(1, 1, 90).round(1), rng.normal(-1, 1, 400).round(1)
    table = scores(target.tolist(), nontarget.tolist(), log_lr=True)
    found = measure(table, threshold=0.3, resamples=0)
    rates = rates_at_threshold(target, nontarget, 0.3)
    expected = {
        "auc": auc(target, nontarget),
        "eer": equal_error_rate(target, nontarget),
        "eer_linear": linear_equal_error_rate(target, nontarget),
        "min_dcf_p0.5": min_dcf(target, nontarget, EVEN),
        "act_dcf_p0.5": act_dcf(target, nontarget, EVEN),
        "min_dcf_p0.01": min_dcf(target, nontarget, RARE),
        "act_dcf_p0.01": act_dcf(target, nontarget, RARE),
        "frr_at_far_0.01": miss_at_false_alarm(target, nontarget, 0.01),
        "frr_at_far_0.001": None,
        "frr_at_far_0.0001": None,
        "cllr": cllr(target, nontarget),
        "min_cllr": min_cllr(target, nontarget),
        "calibration_loss": calibration_loss(target, nontarget),
        "accuracy": rates.accuracy,
        "miss": rates.miss,
        "false_alarm": rates.false_alarm,
    }
    values = {key: figure.value for key, figure in found.figures.items()}
    assert list(values) == list(expected)
    assert values == {key: value and pytest.approx(value) for key, value in expected.items()}
    assert (found.targets, found.nontargets, found.recordings) == (90, 400, 10)
    assert found["frr_at_far_0.001"].note.endswith("needs 1,000 nontargets, here are 400")


def test_every_interval_is_around_its_value(rng: np.random.Generator) -> None:
    table = scores(rng.normal(1, 1, 90).tolist(), rng.normal(-1, 1, 400).tolist(), log_lr=True)
    for name, figure in measure(table, threshold=0.3, resamples=100).rows():
        if figure.value is not None:
            assert figure.low is not None and figure.high is not None
            assert 0 <= figure.low <= figure.value <= figure.high, name
            assert figure.low < figure.high, name


def test_the_same_seed_gives_the_same_intervals_and_another_others(
    rng: np.random.Generator,
) -> None:
    table = scores(rng.normal(1, 1, 90).tolist(), rng.normal(-1, 1, 400).tolist())
    first, again, other = (measure(table, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["eer"] != other["eer"]


def test_metrics_are_plain_data_with_stable_keys() -> None:
    table = scores([3, 2, 1], [0, 1, -1], log_lr=True)
    found = measure(table, operating_points=[OperatingPoint(0.1, 10, 1)], threshold=0.5)
    data = json.loads(json.dumps(found.to_dict()))
    assert list(data) == ["targets", "nontargets", "recordings", "threshold", "figures"]
    assert data["figures"]["eer"] == found["eer"].to_dict()
    assert "min_dcf_p0.1_cm10_cf1" in data["figures"]
    assert dict(found.rows())["minDCF (P 0.1, Cm 10, Cf 1)"] == found["min_dcf_p0.1_cm10_cf1"]


def test_without_log_lr_only_figures_of_the_order_are_had() -> None:
    found = measure(scores([3, 2, 1], [0, 1, -1]))
    absent = {key for key, figure in found.figures.items() if "log_lr" in figure.note}
    assert absent == {"cllr", "calibration_loss", "act_dcf_p0.5", "act_dcf_p0.01", "min_cllr"}
    assert found["cllr"].value is None
    assert found["min_cllr"].value == min_cllr([3, 2, 1], [0, 1, -1])


def test_cllr_and_min_cllr_are_of_the_log_lr_and_the_rest_of_the_score() -> None:
    table = scores([3, 2], [1, 0])
    turned = Scores(**{**vars(table), "log_lr": -table.score})
    found = measure(turned, resamples=0)
    assert (found["eer"].value, found["min_cllr"].value) == (0, 1)
    assert found["cllr"].value == pytest.approx(cllr([-3, -2], [-1, 0]))


def test_conditions_come_in_order_and_then_all_of_them() -> None:
    late = scores([3, 2], [0, 1], condition="speed")
    early = scores([0, 1], [2, 3], condition="noise")
    found = measure_by_condition(joined(late, early), resamples=0)
    assert list(found) == ["speed", "noise", "all"]
    assert [found[name]["auc"].value for name in found] == [1, 0, 0.5]
    assert list(measure_by_condition(late, resamples=0)) == ["speed"]


def test_ratios_that_say_nothing_lose_nothing_and_that_is_no_lack_of_errors() -> None:
    table = scores([0] * 30, [0] * 40, log_lr=True)
    found = measure(table, resamples=50)
    assert (found["cllr"].value, found["min_cllr"].value) == (1, pytest.approx(1))
    assert found["calibration_loss"] == Figure(
        pytest.approx(0), pytest.approx(0), pytest.approx(0), ""
    )
    # PAV gives back ratios that are as they should be, but for rounding: never less than 0.
    assert calibration_loss(np.log([3, 3, 3, 1 / 3]), np.log([3, 1 / 3, 1 / 3, 1 / 3])) >= 0


def test_a_condition_is_measured_as_if_alone(rng: np.random.Generator) -> None:
    target, nontarget = rng.normal(1, 1, (2, 60)).tolist(), rng.normal(-1, 1, (2, 90)).tolist()
    one, two = (
        scores(target[i], nontarget[i], condition=name) for i, name in enumerate(("one", "two"))
    )
    others = np.char.add("S", two.recording)
    two = replace(two, recording=others, reference=np.char.add("s", two.reference))
    found = measure_by_condition(joined(one, two), resamples=50)
    assert (found["one"], found["two"]) == (measure(one, resamples=50), measure(two, resamples=50))
    assert found["all"].recordings == 20


def test_the_class_that_is_missing_is_named_with_file_and_condition() -> None:
    table = joined(scores([3, 2], [0], condition="a"), scores([1], [], condition="b"))
    with pytest.raises(InputError, match=r"s\.csv: condition 'b': holds no nontarget trial; give"):
        measure_by_condition(table)
    with pytest.raises(InputError, match=r"s\.csv: holds no target trial"):
        measure(scores([], [1, 2]))


def test_a_condition_called_all_would_be_ambiguous() -> None:
    table = joined(scores([3], [0], condition="all"), scores([1], [0], condition="b"))
    with pytest.raises(InputError, match="give it another name"):
        measure_by_condition(table)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resamples": -1}, "-1 resamples"),
        ({"threshold": np.nan}, "threshold nan is not finite"),
        ({"false_alarm_rates": [2]}, "not between 0 and 1"),
    ],
)
def test_options_without_sense_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure(scores([3], [0]), **options)


def test_scores_that_are_not_finite_are_refused_with_the_file() -> None:
    with pytest.raises(InputError, match=r"s\.csv: scores must be finite.*number 2 is nan"):
        measure(scores([3, np.nan], [0]))


def test_a_cost_that_one_trial_decides_is_called_coarse() -> None:
    target, nontarget = np.arange(20.0).tolist(), np.arange(-20.0, 4).tolist()
    found = measure(scores(target, nontarget), resamples=0)
    assert found["min_dcf_p0.5"].note == ""
    assert found["min_dcf_p0.01"].note == "one false alarm costs 4.1"  # 99 / 24


def test_where_no_error_is_seen_the_rule_of_three_counts_recordings() -> None:
    # 60 targets and 60 nontargets of 20 recordings each, as probes and as references.
    label = np.arange(120) < 60
    recording = np.array([f"R{i % 20}" for i in range(120)])
    reference = np.array([f"r{i % 20 if i < 60 else (i + 7) % 20}" for i in range(120)])
    probe = np.array([f"p{i}" for i in range(120)])
    condition, score = np.full(120, "c"), np.where(label, 1.0, 0.0)
    table = Scores(Path("s"), reference, probe, label, condition, recording, {}, score, score - 0.5)
    found = measure(table, threshold=0.5, false_alarm_rates=[0.1])
    three = pytest.approx(3 / 20)
    both = "none seen: misses < 3/20, false alarms < 3/20 (recordings)"
    misses = "none seen: misses < 3/20 (recordings)"
    assert found["eer"] == Figure(0, 0, three, both)
    assert found["frr_at_far_0.1"] == Figure(0, 0, three, misses)
    assert found["miss"] == Figure(0, 0, three, misses)
    assert found["false_alarm"] == Figure(0, 0, three, misses.replace("misses", "false alarms"))
    assert found["accuracy"] == Figure(1, pytest.approx(1 - 3 / 20), 1, both)
    assert found["min_dcf_p0.5"] == Figure(0, 0, pytest.approx(6 / 20), both)
    assert found["act_dcf_p0.5"] == Figure(0, 0, pytest.approx(6 / 20), both)
    # With one threshold of 3/20 and 3/20: area 1 - ab - ½(a(1-b) + b(1-a)), a = b = 3/20
    assert found["auc"] == Figure(1, pytest.approx(1 - 3 / 20), 1, both)
    channel = -(0.15 * np.log2(0.15) + 0.85 * np.log2(0.85))
    assert found["min_cllr"] == Figure(0, 0, pytest.approx(channel), both)


def test_a_rate_of_one_is_no_more_certain_than_a_rate_of_zero() -> None:
    found = measure(scores([-1.0] * 20, [1.0] * 20), threshold=0.0)
    note = "none seen: all but misses < 3/10 (recordings)"
    assert found["miss"] == Figure(1, pytest.approx(1 - 3 / 10), 1, note)
    assert found["auc"].value == 0
    assert found["auc"].high is not None and found["auc"].high > 0


def test_one_error_seen_does_not_make_a_system_look_better_than_none() -> None:
    target = [10.0] * 99 + [-10.0]
    nontarget = np.linspace(-9, 0, 1000).tolist()
    found = measure(scores(target, nontarget, files=50), false_alarm_rates=[0.01])
    figure = found["frr_at_far_0.01"]
    assert figure.value == pytest.approx(0.01)
    assert figure.high == pytest.approx(3 / 50)
    assert figure.note == "few seen: misses < 3/50 (recordings)"


def test_the_rule_of_three_leaves_figures_of_many_errors_alone(rng: np.random.Generator) -> None:
    target, nontarget = rng.normal(1, 1, 300), rng.normal(-1, 1, 900)
    found = measure(scores(target.tolist(), nontarget.tolist(), files=100), resamples=200)
    for key in ("eer", "min_dcf_p0.5", "frr_at_far_0.01"):
        assert found[key].low > 3 / 100, key
        assert found[key].note == ""
    assert found["auc"].high < 1 - 3 / 100


def test_intervals_end_where_the_figure_cannot_go_on() -> None:
    table = scores([3, 2, 1] * 40, [0, 1, 2] * 40, files=40)
    evidence = evidence_of(table, recordings_of(table), {}, where="s")
    eer = Quantity("eer", "EER", lambda s: 0.0, most=0.5)
    low = with_interval(eer, 0.05, np.linspace(0, 0.3, 100), evidence)
    high = with_interval(eer, 0.45, np.linspace(0.2, 0.5, 100), evidence)
    assert (low.low, high.high) == (0, 0.5)


def test_few_recordings_have_no_interval() -> None:
    found = measure(scores([3, 0, 2, 1], [0, 1, 2, -1], files=4))
    assert found["eer"].low is None
    assert found["eer"].note == "no interval: fewer than 5 recordings"


def test_the_band_is_around_the_roc(rng: np.random.Generator) -> None:
    target, nontarget = rng.normal(2, 1, 200), rng.normal(0, 1, 600)
    table = scores(target.tolist(), nontarget.tolist(), files=50)
    band = roc_band(table, resamples=100)
    assert band is not None
    assert band.false_alarm[[0, -1]] == pytest.approx([1 / 600, 1])
    misses = [miss_at_false_alarm(target, nontarget, r) for r in band.false_alarm[1:-1]]
    assert (band.low[1:-1] <= misses).all() and (misses <= band.high[1:-1]).all()
    assert band.high[-1] == pytest.approx(3 / 50)
    asked = roc_band(table, false_alarm=[0.1, 0.2], resamples=10)
    assert asked is not None
    assert asked.low.shape == (2,)
    assert roc_band(scores([1, 2], [0], files=2)) is None
