"""Scores, decisions, calibration: figures that can be had by hand or from others."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from cqtnet.errors import InputError, ManifestError, WeightsError
from eval.metrics import measure
from eval.metrics.scores import cllr
from spoof.calibration import affine_logistic, fit, group_weights, load_calibration
from spoof.data.segments import Joined
from spoof.evaluate import level
from spoof.prepare import Examples
from spoof.report import class_table, confusion_table, markdown, share, verdict_table
from spoof.scores import (
    as_trials,
    confusion,
    fake_logit,
    recording_scores,
    score_examples,
    verdict_counts,
)


def recording(is_fake: bool, group: str = "g", number: int = 0) -> Joined:
    return Joined((Path(f"{group}-{number}-{is_fake}.wav"),), is_fake, group)


def examples(recordings: list[Joined], segments: list[int], values: list[float]) -> Examples:
    """Examples of one number each, so many of each recording."""
    return Examples(
        np.array(values, np.float16)[:, None],
        np.arange(len(values)),
        np.repeat(np.arange(len(recordings)), segments),
        np.concatenate([np.arange(n) for n in segments]),
        np.zeros(len(values), np.intp),
        tuple(recordings),
    )


def test_a_score_is_the_log_odds_of_fake() -> None:
    assert fake_logit(torch.tensor([[0.7]])).tolist() == pytest.approx([0.7])
    two = torch.tensor([[0.2, 1.7]])
    log_odds = torch.softmax(two, 1).log()[0]
    assert float(fake_logit(two)) == pytest.approx(float(log_odds[1] - log_odds[0]))


def test_a_recordings_score_is_the_mean_of_its_segments() -> None:
    found = examples([recording(False), recording(True)], [2, 3], [1, 3, 0, 1, 5])
    scores = score_examples(torch.nn.Identity(), found, device=torch.device("cpu"))
    held, means = recording_scores(found, scores)
    assert held.tolist() == [0, 1] and means.tolist() == [2, 2]


def test_a_score_that_is_no_number_names_its_recording() -> None:
    found = examples([recording(False), recording(True)], [1, 1], [1, math.inf])
    with pytest.raises(InputError, match=r"the score of g-0-True\.wav is inf: .*train it anew"):
        score_examples(torch.nn.Identity(), found, device=torch.device("cpu"))


def test_recordings_of_one_class_cannot_be_judged() -> None:
    with pytest.raises(ManifestError, match=r"all 2 recordings .* none is synthetic"):
        as_trials([recording(False), recording(False)], np.zeros(2))
    with pytest.raises(ManifestError, match="none is human"):
        as_trials([recording(True)], np.zeros(1))


def test_constant_scores_are_no_better_than_chance() -> None:
    recordings = [recording(i % 2 == 0, f"g{i}") for i in range(20)]
    found = level(as_trials(recordings, np.ones(20)), resamples=20)
    assert found.metrics["eer"].value == 0.5 and found.metrics["auc"].value == 0.5
    assert found.decided.recall("synthetic") == 1 and found.decided.recall("human") == 0


def test_accuracy_of_the_table_is_that_of_the_decisions(rng: np.random.Generator) -> None:
    recordings = [recording(i < 30, f"g{i}") for i in range(50)]
    found = level(as_trials(recordings, rng.normal(size=50)), resamples=20)
    assert found.metrics["accuracy"].value == pytest.approx(found.decided.accuracy)


def test_decisions_agree_with_scikit_learn(rng: np.random.Generator) -> None:
    is_fake, scores = rng.random(300) < 0.7, rng.normal(0.3, 1, 300)
    decided = confusion(scores, is_fake)
    precision, recall, f1, _ = precision_recall_fscore_support(is_fake, scores >= 0)
    for place, of in enumerate(("human", "synthetic")):
        own = (decided.precision(of), decided.recall(of), decided.f1(of))
        assert own == pytest.approx((precision[place], recall[place], f1[place]))
    assert decided.accuracy == pytest.approx(accuracy_score(is_fake, scores >= 0))


def test_decisions_by_hand() -> None:
    scores = np.array([-1.0, 0.0, 2.0, -3.0, 1.0])
    decided = confusion(scores, np.array([False, False, True, True, True]))
    assert list(vars(decided).values()) == [1, 1, 1, 2]  # a score of 0 is taken for synthetic
    assert decided.f1("synthetic") == pytest.approx(2 / 3) and decided.f1("human") == 0.5


def test_nothing_right_is_an_f1_of_0() -> None:
    decided = confusion(np.array([1.0, 1.0]), np.array([False, True]))
    assert decided.f1("human") == 0 and decided.precision("human") == 0


def test_intervals_draw_groups_and_not_recordings(rng: np.random.Generator) -> None:
    """Twenty recordings alike in a group say no more than one of them."""
    by_group = rng.normal(0, 1, 12)
    recordings, scores = [], []
    for group in range(12):
        for number in range(20):
            recordings.append(recording(group % 2 == 0, f"g{group}", number))
            scores.append(by_group[group] + (group % 2 == 0))
    alone = [Joined(r.paths, r.is_fake, str(r.paths[0])) for r in recordings]
    widths = []
    for listed in (recordings, alone):
        eer = measure(as_trials(listed, np.array(scores)), resamples=200)["eer"]
        assert eer.low is not None and eer.high is not None
        widths.append(eer.high - eer.low)
    assert widths[0] > 2 * widths[1]


def test_a_calibration_finds_the_ratio_of_two_gaussians(rng: np.random.Generator) -> None:
    """Scores of N(±1, 1) have a log-likelihood ratio of twice the score, affine maps or not."""
    raw = np.concatenate([rng.normal(1, 1, 4000), rng.normal(-1, 1, 1000)])
    is_fake = np.arange(5000) < 4000
    slope, offset = affine_logistic(raw, is_fake)
    assert (slope, offset) == pytest.approx((2, 0), abs=0.15)  # 3 deviations of 1,000 scores
    slope, offset = affine_logistic(10 * raw + 5, is_fake)
    assert (slope, offset) == pytest.approx((0.2, -1), abs=0.1)


def test_scores_of_the_wrong_order_say_nothing(rng: np.random.Generator) -> None:
    scores = np.concatenate([rng.normal(-1, 1, 100), rng.normal(1, 1, 100)])
    slope, offset = affine_logistic(scores, np.arange(200) < 100)
    assert slope == 0 and offset == pytest.approx(0, abs=1e-6)


def test_a_ratio_is_bounded_by_what_its_recordings_support(rng: np.random.Generator) -> None:
    scores = np.concatenate([rng.normal(3, 1, 40), rng.normal(-3, 1, 20)])
    found = fit(scores, np.arange(60) < 40, np.arange(60).astype(str), model_sha256="x")
    assert found.log_lr(100.0) == math.log(21) and found.log_lr(-100.0) == -math.log(41)
    assert found.data["human"] == 20 and found.data["synthetic"] == 40


def test_recordings_of_one_group_are_one_witness(rng: np.random.Generator) -> None:
    scores = np.concatenate([rng.normal(3, 1, 40), rng.normal(-3, 1, 20)])
    is_fake = np.arange(60) < 40
    groups = np.array([f"g{at % 5}" for at in range(60)])
    found = fit(scores, is_fake, groups, model_sha256="x")
    assert found.most == math.log(6) and found.least == -math.log(6)


def test_a_large_group_weighs_no_more_than_a_small_one() -> None:
    """Ninety recordings of a group that is easy do not outweigh one of a group that is not."""
    is_fake = np.array([True] * 91 + [False] * 91)
    scores = np.where(is_fake, 2.0, -2.0)
    scores[90], scores[181] = -2.0, 2.0  # the other group's, and wrong
    groups = np.array((["easy"] * 90 + ["hard"]) * 2)
    weights = group_weights(is_fake, groups)
    assert weights[is_fake].sum() == pytest.approx(1) == weights[~is_fake].sum()
    assert affine_logistic(scores, is_fake)[0] > 1
    assert affine_logistic(scores, is_fake, weights)[0] == pytest.approx(0, abs=1e-3)


def test_what_a_calibration_says_of_itself_is_of_groups_it_did_not_know() -> None:
    """A group whose scores mislead costs more unseen than where it helped to choose."""
    scores = np.array([1.0, 1.1, 0.9, -1.0, -1.1, -0.9, -5.0, 5.0, 1.2, -1.2])
    is_fake = np.array([1, 1, 1, 0, 0, 0, 1, 0, 1, 0], bool)
    groups = np.array(["a"] * 6 + ["odd"] * 2 + ["a"] * 2)
    found = fit(scores, is_fake, groups, model_sha256="x")
    ratios = found.slope * scores + found.offset
    assert found.data["cllr"] > cllr(ratios[is_fake], ratios[~is_fake])


def test_too_few_recordings_make_no_calibration() -> None:
    with pytest.raises(ManifestError, match="4 synthetic and 6 human recordings are too few"):
        fit(np.arange(10.0), np.arange(10) < 4, np.arange(10).astype(str), model_sha256="x")


def test_a_calibration_of_other_weights_is_refused(tmp_path: Path) -> None:
    weights = tmp_path / "best.safetensors"
    assert load_calibration(weights, "abc") is None
    scores = np.concatenate([np.arange(10.0), -np.arange(10.0)])
    fit(scores, np.arange(20) < 10, np.arange(20).astype(str), model_sha256="abc").save(weights)
    found = load_calibration(weights, "abc")
    assert found is not None and found.log_lr(9.0) > 0
    with pytest.raises(WeightsError, match="belongs to weights abc…, not to xyz…"):
        load_calibration(weights, "xyz")
    (tmp_path / "best.calibration.json").write_text('{"format": 1, "slope": NaN}')
    with pytest.raises(WeightsError, match=r"holds no calibration.*cqtnet spoof calibrate"):
        load_calibration(weights, "abc")


def test_tables_are_of_equal_columns() -> None:
    lines = markdown([["a", "long"], ["a|b", "1"]]).splitlines()
    assert lines == ["| a    | long |", "|------|------|", "| a\\|b | 1    |"]
    assert share(None) == "–" and share(0.1234) == "12.3"


def test_verdicts_are_counted_by_what_was_true() -> None:
    log_lr = np.log([20.0, 9.0, 1 / 20, 20.0, 1 / 9])  # from ten up there is a verdict
    counts = verdict_counts(log_lr, np.array([True, True, True, False, False]))
    assert counts["synthetic"] == {"synthetic": 1, "human": 1, "insufficient": 1}
    assert counts["human"] == {"synthetic": 1, "human": 0, "insufficient": 1}
    assert "| synthetic | 1            | 1     | 1 " in verdict_table(counts)


def test_tables_of_decisions_say_what_was_counted() -> None:
    decided = confusion(np.array([-1.0, 1, 1, 1]), np.array([False, False, True, True]))
    assert "| human     | 1               | 1 " in confusion_table(decided)
    assert "| synthetic | 66.7        | 100.0    | 80.0 |" in class_table(decided)
