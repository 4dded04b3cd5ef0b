import json
from dataclasses import replace
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
    equal_error_rate,
    linear_equal_error_rate,
    measure,
    measure_by_condition,
    min_cllr,
    min_dcf,
    miss_at_false_alarm,
    rates_at_threshold,
    roc_band,
)
from eval.metrics.quantities import Quantity, evidence_of
from eval.metrics.table import with_interval
from eval.trials import Scores

EVEN, RARE = OperatingPoint(0.5), OperatingPoint(0.01)


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
    elsewhere = np.char.add("s", two.reference), np.char.add("q", two.probe)
    two = replace(two, recording=others, reference=elsewhere[0], probe=elsewhere[1])
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
    fa = misses.replace("misses", "false alarms")
    assert found["eer"] == Figure(0, 0, three, both, True)
    assert found["frr_at_far_0.1"] == Figure(0, 0, three, misses, True)
    assert found["miss"] == Figure(0, 0, three, misses, True)
    assert found["false_alarm"] == Figure(0, 0, three, fa, True)
    assert found["accuracy"] == Figure(1, pytest.approx(1 - 3 / 20), 1, both, True)
    assert found["min_dcf_p0.5"] == Figure(0, 0, pytest.approx(6 / 20), both, True)
    assert found["act_dcf_p0.5"] == Figure(0, 0, pytest.approx(6 / 20), both, True)
    # With one threshold of 3/20 and 3/20: area 1 - ab - ½(a(1-b) + b(1-a)), a = b = 3/20
    assert found["auc"] == Figure(1, pytest.approx(1 - 3 / 20), 1, both, True)
    channel = -(0.15 * np.log2(0.15) + 0.85 * np.log2(0.85))
    assert found["min_cllr"] == Figure(0, 0, pytest.approx(channel), both, True)


def test_a_rate_of_one_is_no_more_certain_than_a_rate_of_zero() -> None:
    found = measure(scores([-1.0] * 20, [1.0] * 20), threshold=0.0)
    note = "none seen: all but misses < 3/10 (recordings)"
    assert found["miss"] == Figure(1, pytest.approx(1 - 3 / 10), 1, note)
    assert found["auc"].value == 0
    assert found["auc"].high is not None and found["auc"].high > 0
    assert not any(figure.bound for figure in found.figures.values())
    linear = measure(paired(-1, 1))["eer_linear"]
    assert (linear.value, linear.low, linear.high) == (1, pytest.approx(1 - 3 / 20), 1)


def paired(log_lr_target: float, log_lr_nontarget: float) -> Scores:
    """20 targets and 20 nontargets of 20 recordings on either side, each class with one score."""
    label = np.arange(40) < 20
    probe = np.array([f"p{i % 20}" for i in range(40)])
    reference = np.array([f"r{i if i < 20 else (i + 7) % 20}" for i in range(40)])
    recording, condition = np.char.add("R", probe), np.full(40, "c")
    score = np.where(label, log_lr_target, log_lr_nontarget)
    return Scores(Path("s"), reference, probe, label, condition, recording, {}, score, score)


@pytest.mark.parametrize("size", [15.0, 1000.0])
def test_without_a_misleading_ratio_nothing_bounds_what_one_may_cost(size: float) -> None:
    found = measure(paired(size, -size), resamples=50)
    note = "no misleading ratio of targets, nontargets seen: no upper bound"
    for key in ("cllr", "calibration_loss"):
        value = pytest.approx(np.log2(1 + np.exp(-size)), abs=1e-15)
        assert found[key] == Figure(value, value, None, note), key
    one_class = measure(paired(size, size), resamples=50)["cllr"]
    assert one_class.high is None
    assert one_class.note == "no misleading ratio of targets seen: no upper bound"


def test_what_always_goes_wrong_at_a_threshold_may_go_right_in_three_of_n() -> None:
    misled = measure(paired(-15, 15), resamples=50)["act_dcf_p0.5"]
    assert (misled.value, misled.low, misled.high) == (2, pytest.approx(2 * (1 - 3 / 20)), 2)
    assert (
        misled.note == "none seen: all but misses < 3/20, all but false alarms < 3/20 (recordings)"
    )
    # All rejected: half of the pairs are decided rightly, 3/20 of either half may turn over.
    rejecting = measure(paired(1, 0), threshold=99, resamples=50)["accuracy"]
    assert (rejecting.value, rejecting.bound) == (0.5, False)
    assert (rejecting.low, rejecting.high) == pytest.approx((0.5 - 0.075, 0.5 + 0.075))


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
