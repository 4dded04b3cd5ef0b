"""Tables of figures: values, intervals by recording, and the rule of three."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError, ManifestError
from eval import bootstrap as b
from eval import metrics as m
from eval.metrics.scores import bits_lost, equal_error_rate_of
from eval.trials import Trials
from tests.eval.coverage import FIGURES, World, coverage
from tests.eval.planted import joined, paired, score_table, scores

EVEN, RARE = m.OperatingPoint(0.5), m.OperatingPoint(0.01)


def trials(rows):
    reference, probe, label, recording = (np.array(column) for column in zip(*rows, strict=True))
    return Trials(Path("t"), reference, probe, label == 1, np.full(len(rows), "c"), recording)


def test_a_reference_is_of_the_recording_whose_targets_it_is_in():
    rows = [
        ("a.wav", "b1.wav", 0, "B"),  # a.wav is of A: the third row says so
        ("b.wav", "b1.wav", 1, "B"),
        ("a.wav", "a1.wav", 1, "A"),
        ("b1.wav", "a1.wav", 0, "A"),  # a probe of B
        ("x.wav", "a1.wav", 0, "A"),  # not known: by itself
        ("x.wav", "b1.wav", 0, "B"),
        ("a.wav", "c1.wav", 1, "C"),  # of two recordings, the first is taken
    ]
    found = b.recordings_of(trials(rows))
    assert found.probe.tolist() == [0, 0, 1, 1, 1, 0, 2]
    assert found.reference.tolist() == [1, 0, 1, 0, 3, 3, 2] and found.count == 4
    file_like_a_recording = b.recordings_of(trials([("r", "p", 1, "A"), ("A", "p", 0, "A")]))
    assert file_like_a_recording.reference.tolist() == [0, 1]
    rows = [("a", "p", 1, "A"), ("b", "q", 0, "B"), ("b", "p", 0, "B")]
    with pytest.raises(ManifestError, match=r"^t:4: probe p is of recording 'B' here and of 'A'"):
        b.recordings_of(trials(rows))


def test_a_part_of_the_trials_that_stands_alone_has_numbers_of_its_own():
    recordings = b.Recordings(np.array([0, 1, 5, 1]), np.array([3, 3, 5, 5]), 6)
    alone = recordings.where(np.array([False, True, True, True])).renumbered()
    assert (alone.probe.tolist(), alone.reference.tolist()) == ([0, 2, 0], [1, 2, 2])
    assert alone.count == 3
    assert b.Recordings(np.arange(5), np.full(5, 7), 8).independent() == 1, "of the scarcer side"


def random_scores(rng, decimals):
    """All pairs of 12 recordings with 2 fragments, with ties."""
    own = np.repeat(np.arange(12), 2)
    probe, reference = (side.ravel() for side in np.meshgrid(own, np.arange(12), indexing="ij"))
    label = probe == reference
    score = (rng.normal(size=len(label)) + 2 * label).round(decimals)
    return score_table(reference, probe, label, probe, score, log_lr=score - 1)


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_a_resample_is_the_list_with_trials_repeated(rng, decimals, monkeypatch):
    drawn_from = random_scores(rng, decimals)
    recordings, label = b.recordings_of(drawn_from), drawn_from.label
    losses = {"cllr": bits_lost(np.where(label, -drawn_from.log_lr, drawn_from.log_lr))}
    evidence = b.evidence_of(drawn_from, recordings, losses, where="s")

    def figures(s):
        ranked = m.auc.of(s.score), equal_error_rate_of(s.score), EVEN.least_cost(s.score)
        return np.array([*ranked, m.min_cllr.of(s.log_lr), sum(s.losses["cllr"]) / 2])

    def of(score, label):
        target, nontarget = score[label], score[~label]
        ranked = m.auc(target, nontarget), equal_error_rate(target, nontarget)
        lowest = m.min_dcf(target, nontarget, EVEN), m.min_cllr(target, nontarget)
        return [*ranked, *lowest, m.cllr(target - 1, nontarget - 1)]

    def found():
        rng = np.random.default_rng(3)
        return b.resample(figures, evidence, recordings=recordings.count, resamples=20, rng=rng)

    value, resampled = found()
    assert value == pytest.approx(of(drawn_from.score, label))
    for drawn, row in zip(b.draw(12, 20, np.random.default_rng(3)), resampled, strict=True):
        probe, reference = drawn[recordings.probe], drawn[recordings.reference]
        times = np.where(label, probe, probe * reference).astype(int)
        assert row == pytest.approx(of(np.repeat(drawn_from.score, times), np.repeat(label, times)))
    monkeypatch.setattr("eval.bootstrap.NUMBERS_AT_ONCE", 1000)
    assert (found()[1] == resampled).all(), "blocks change nothing"


def test_resamples_without_a_class_are_left_out():
    # The nontarget needs both recordings: one draw in two of two recordings has them.
    columns = csr_array(np.ones((1, 1)))
    both = (b.Recordings(np.array([0]), np.array([other]), 2) for other in (0, 1))
    evidence = b.Evidence(*(b.pair_sums(columns, one) for one in both), 0, 0, (), {})
    rng = np.random.default_rng(0)
    _, resampled = b.resample(lambda s: np.ones(1), evidence, recordings=2, resamples=1000, rng=rng)
    assert len(resampled) == pytest.approx(500, abs=80)


def test_an_interval_is_moved_by_twice_the_bias_and_holds_its_value():
    resampled = np.linspace(0, 1, 10001)
    assert b.interval(0.5, resampled) == pytest.approx((0.025, 0.975))
    # A value of 0.6, resampled 0.1 too low, stands for a truth of 0.7.
    assert b.interval(0.6, resampled) == pytest.approx((0.225, 1.175))
    assert b.interval(2.0, resampled)[0] == 2.0


def test_intervals_by_both_recordings_hold_the_truth_and_by_the_probe_alone_do_not():
    # docs/figures.md has the whole table, of 200 worlds: here 94 % and 66 %.
    world = World(recordings=50, effect=0.3, dense=True)
    both, probe = (coverage(world, how, worlds=20)[0] for how in ("both", "probe"))
    at = FIGURES.index("false alarms")
    assert both[at] >= 0.85 and probe[at] <= 0.8


def test_measured_figures_are_those_of_the_functions(rng):
    target, nontarget = rng.normal(1, 1, 90).round(1), rng.normal(-1, 1, 400).round(1)
    table = scores(target.tolist(), nontarget.tolist(), log_lr=True)
    found = m.measure(table, threshold=0.3, resamples=0)
    both, rates = (target, nontarget), m.rates_at_threshold(target, nontarget, 0.3)
    expected = {
        "auc": m.auc(*both),
        "eer": equal_error_rate(*both), "eer_linear": m.linear_equal_error_rate(*both),
        "min_dcf_p0.5": m.min_dcf(*both, EVEN), "act_dcf_p0.5": m.act_dcf(*both, EVEN),
        "min_dcf_p0.01": m.min_dcf(*both, RARE), "act_dcf_p0.01": m.act_dcf(*both, RARE),
        "frr_at_far_0.01": m.miss_at_false_alarm(*both, 0.01),
        "frr_at_far_0.001": None, "frr_at_far_0.0001": None,
        "cllr": m.cllr(*both), "min_cllr": m.min_cllr(*both),
        "calibration_loss": m.calibration_loss(*both),
        "accuracy": rates.accuracy, "miss": rates.miss, "false_alarm": rates.false_alarm,
    }  # fmt: skip
    values = {key: figure.value for key, figure in found.figures.items()}
    assert list(values) == list(expected)
    assert values == {key: value and pytest.approx(value) for key, value in expected.items()}
    assert (found.targets, found.nontargets, found.recordings) == (90, 400, 10)
    assert found["frr_at_far_0.001"].note.endswith("needs 1,000 nontargets, here are 400")


def test_metrics_are_plain_data_with_stable_keys():
    table = scores([3, 2, 1], [0, 1, -1], log_lr=True)
    found = m.measure(table, operating_points=[m.OperatingPoint(0.1, 10, 1)], threshold=0.5)
    data = json.loads(json.dumps(found.to_dict()))
    assert list(data) == ["targets", "nontargets", "recordings", "threshold", "figures"]
    assert data["figures"]["eer"] == asdict(found["eer"])
    assert "min_dcf_p0.1_cm10_cf1" in data["figures"]
    assert dict(found.rows())["minDCF (P 0.1, Cm 10, Cf 1)"] == found["min_dcf_p0.1_cm10_cf1"]
    found = m.measure(scores([3, 2, 1], [0, 1, -1]))
    absent = {key for key, figure in found.figures.items() if "log_lr" in figure.note}
    assert absent == {"cllr", "calibration_loss", "act_dcf_p0.5", "act_dcf_p0.01", "min_cllr"}
    assert found["cllr"].value is None
    assert found["min_cllr"].value == m.min_cllr([3, 2, 1], [0, 1, -1])


def test_conditions_come_in_order_and_then_all_of_them(rng):
    late = scores([3, 2], [0, 1], condition="speed")
    early = scores([0, 1], [2, 3], condition="noise")
    quick = m.Options(resamples=0)
    found = m.measure_by_condition(joined(late, early), quick)
    assert list(found) == ["speed", "noise", "all"]
    assert [found[name]["auc"].value for name in found] == [1, 0, 0.5]
    assert list(m.measure_by_condition(late, quick)) == ["speed"]
    target, nontarget = rng.normal(1, 1, (2, 60)).tolist(), rng.normal(-1, 1, (2, 90)).tolist()
    one = scores(target[0], nontarget[0], condition="one")
    two = scores(target[1], nontarget[1], condition="two")
    names = ("recording", "reference", "probe")
    two = replace(two, **{name: np.char.add(name, getattr(two, name)) for name in names})
    found = m.measure_by_condition(joined(one, two), m.Options(resamples=50))
    assert found["one"] == m.measure(one, resamples=50)
    assert found["two"] == m.measure(two, resamples=50)
    assert found["all"].recordings == 20


def test_the_class_that_is_missing_is_named_with_file_and_condition():
    for table, message in (
        (joined(scores([3, 2], [0], condition="a"), scores([1], [], condition="b")),
         r"s\.csv: condition 'b': holds no nontarget trial; give"),
        (scores([3, np.nan], [0]), r"s\.csv: condition 'c': scores must be.*number 2 is nan"),
        (joined(scores([3], [0], condition="all"), scores([1], [0])), "give it another name"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            m.measure_by_condition(table)
    with pytest.raises(InputError, match=r"s\.csv: holds no target trial"):
        m.measure(scores([], [1, 2]))


def test_a_cost_that_one_trial_decides_is_called_coarse():
    target, nontarget = np.arange(20.0).tolist(), np.arange(-20.0, 4).tolist()
    found = m.measure(scores(target, nontarget), resamples=0)
    assert found["min_dcf_p0.5"].note == ""
    assert found["min_dcf_p0.01"].note == "one false alarm costs 4.1"  # 99 / 24


def test_where_no_error_is_seen_the_rule_of_three_counts_recordings():
    three = pytest.approx(3 / 20)
    both = "none seen: misses < 3/20, false alarms < 3/20 (recordings)"
    misses = "none seen: misses < 3/20 (recordings)"
    found = m.measure(paired(0.5, -0.5), threshold=0.0, false_alarm_rates=[0.1])
    assert found["eer"] == m.Figure(0, 0, three, both, True)
    assert found["frr_at_far_0.1"] == m.Figure(0, 0, three, misses, True)
    assert found["miss"] == m.Figure(0, 0, three, misses, True)
    alarms = misses.replace("misses", "false alarms")
    assert found["false_alarm"] == m.Figure(0, 0, three, alarms, True)
    assert found["accuracy"] == m.Figure(1, pytest.approx(1 - 3 / 20), 1, both, True)
    assert found["min_dcf_p0.5"] == m.Figure(0, 0, pytest.approx(6 / 20), both, True)
    assert found["act_dcf_p0.5"] == m.Figure(0, 0, pytest.approx(6 / 20), both, True)
    # With one threshold of 3/20 and 3/20: area 1 - ab - ½(a(1-b) + b(1-a)), a = b = 3/20
    assert found["auc"] == m.Figure(1, pytest.approx(1 - 3 / 20), 1, both, True)
    channel = -(0.15 * np.log2(0.15) + 0.85 * np.log2(0.85))
    assert found["min_cllr"] == m.Figure(0, 0, pytest.approx(channel), both, True)


def test_a_rate_of_one_is_no_more_certain_than_a_rate_of_zero():
    found = m.measure(scores([-1.0] * 20, [1.0] * 20), threshold=0.0)
    note = "none seen: all but misses < 3/10 (recordings)"
    assert found["miss"] == m.Figure(1, pytest.approx(1 - 3 / 10), 1, note)
    assert found["auc"].value == 0
    assert found["auc"].high is not None and found["auc"].high > 0
    assert not any(figure.bound for figure in found.figures.values())
    linear = m.measure(paired(-1, 1))["eer_linear"]
    assert (linear.value, linear.low, linear.high) == (1, pytest.approx(1 - 3 / 20), 1)


@pytest.mark.parametrize("size", [15.0, 1000.0])
def test_without_a_misleading_ratio_nothing_bounds_what_one_may_cost(size):
    found = m.measure(paired(size, -size), resamples=50)
    note = "no misleading ratio of targets, nontargets seen: no upper bound"
    for key in ("cllr", "calibration_loss"):
        value = pytest.approx(np.log2(1 + np.exp(-size)), abs=1e-15)
        assert found[key] == m.Figure(value, value, None, note), key
    one_class = m.measure(paired(size, size), resamples=50)["cllr"]
    assert one_class.high is None
    assert one_class.note == "no misleading ratio of targets seen: no upper bound"


def test_one_error_looks_no_better_than_none_and_many_need_no_rule_of_three(rng):
    target = [10.0] * 99 + [-10.0]
    nontarget = np.linspace(-9, 0, 1000).tolist()
    found = m.measure(scores(target, nontarget, files=50), false_alarm_rates=[0.01])
    figure = found["frr_at_far_0.01"]
    assert (figure.value, figure.high) == (pytest.approx(0.01), pytest.approx(3 / 50))
    assert figure.note == "few seen: misses < 3/50 (recordings)"
    target, nontarget = rng.normal(1, 1, 300), rng.normal(-1, 1, 900)
    found = m.measure(scores(target.tolist(), nontarget.tolist(), files=100), resamples=200)
    for key in ("eer", "min_dcf_p0.5", "frr_at_far_0.01"):
        assert found[key].low > 3 / 100, key
        assert found[key].note == ""
    assert found["auc"].high < 1 - 3 / 100


def test_intervals_end_where_the_figure_cannot_go_on_and_need_five_recordings():
    table = scores([3, 2, 1] * 40, [0, 1, 2] * 40, files=40)
    evidence = b.evidence_of(table, b.recordings_of(table), {}, where="s")
    eer = b.Quantity("eer", "EER", lambda s: 0.0, most=0.5)
    low = b.with_interval(eer, 0.05, np.linspace(0, 0.3, 100), evidence)
    high = b.with_interval(eer, 0.45, np.linspace(0.2, 0.5, 100), evidence)
    assert (low.low, high.high) == (0, 0.5)
    few = m.measure(scores([3, 0, 2, 1], [0, 1, 2, -1], files=4))["eer"]
    assert (few.low, few.note) == (None, "no interval: fewer than 5 recordings")


def test_the_band_is_around_the_roc(rng):
    target, nontarget = rng.normal(2, 1, 200), rng.normal(0, 1, 600)
    band = m.roc_band(scores(target.tolist(), nontarget.tolist(), files=50), resamples=100)
    assert band is not None and band.false_alarm[[0, -1]] == pytest.approx([1 / 600, 1])
    misses = [m.miss_at_false_alarm(target, nontarget, r) for r in band.false_alarm[1:-1]]
    assert (band.low[1:-1] <= misses).all() and (misses <= band.high[1:-1]).all()
    assert band.high[-1] == pytest.approx(3 / 50)
    assert m.roc_band(scores([1, 2], [0], files=2)) is None
