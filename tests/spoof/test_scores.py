import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError, ManifestError
from eval.metrics import measure
from spoof.data import Utterance
from spoof.evaluate import Level
from spoof.report import class_table, confusion_table, share, verdict_table
from spoof.scores import (
    WEIGHTINGS,
    as_trials,
    confusion,
    coverage,
    eers_by_weight,
    score,
    verdict_counts,
    weighted_eer,
)
from tests.spoof.material import examples

CPU = torch.device("cpu")


def recording(is_fake, group="g", number=0):
    return Utterance(Path(f"{group}-{number}-{is_fake}.wav"), is_fake, group)


def test_a_recordings_score_is_the_mean_of_its_segments():
    recordings = [recording(False), recording(True, "none"), recording(True)]
    given = examples(recordings, [2, 0, 3], [1, 3, 0, 1, 5])
    scored = score(torch.nn.Identity(), given, device=CPU)
    assert scored.segment_score.tolist() == [1, 3, 0, 1, 5]
    assert scored.recordings == (recordings[0], recordings[2]) and scored.score.tolist() == [2, 2]
    assert scored.is_fake.tolist() == [False, True]
    given = examples([recording(False), recording(True)], [1, 1], [1, math.inf])
    with pytest.raises(InputError, match=r"the score of g-0-True\.wav is inf: .*train again"):
        score(torch.nn.Identity(), given, device=CPU)
    with pytest.raises(ManifestError, match=r"all 2 recordings .* none is synthetic"):
        as_trials([recording(False), recording(False)], np.zeros(2))
    with pytest.raises(ManifestError, match="none is human"):
        as_trials([recording(True)], np.zeros(1))


def test_decisions_agree_with_scikit_learn(rng):
    is_fake, scores = rng.random(300) < 0.7, rng.normal(0.3, 1, 300)
    decided = confusion(scores, is_fake)
    precision, recall, f1, _ = precision_recall_fscore_support(is_fake, scores >= 0)
    for place, of in enumerate(("human", "synthetic")):
        own = decided.rates(of)
        assert own == pytest.approx((precision[place], recall[place], f1[place]))
    assert decided.accuracy == pytest.approx(accuracy_score(is_fake, scores >= 0))
    recordings = [recording(fake, f"g{i}") for i, fake in enumerate(is_fake)]
    found = Level.of(as_trials(recordings, scores), resamples=20)  # and the table's figure
    assert found.metrics["accuracy"].value == pytest.approx(decided.accuracy)


def test_decisions_by_hand():
    scores = np.array([-1.0, 0.0, 2.0, -3.0, 1.0])
    decided = confusion(scores, np.array([False, False, True, True, True]))
    assert list(vars(decided).values()) == [1, 1, 1, 2]  # a score of 0 is taken for synthetic
    assert decided.rates("synthetic").f1 == pytest.approx(2 / 3)
    assert decided.rates("human").f1 == 0.5
    nothing_right = confusion(np.array([1.0, 1.0]), np.array([False, True]))
    assert nothing_right.rates("human") == (0, 0, 0)


def test_intervals_draw_groups_and_not_recordings(rng):
    """Twenty recordings alike in a group say no more than one of them."""
    by_group = rng.normal(0, 1, 12)
    recordings = [recording(g % 2 == 0, f"g{g}", n) for g in range(12) for n in range(20)]
    scores = np.repeat(by_group + (np.arange(12) % 2 == 0), 20)
    alone = [replace(r, group=str(r.path)) for r in recordings]
    widths = []
    for listed in (recordings, alone):
        eer = measure(as_trials(listed, scores), resamples=200)["eer"]
        assert eer.low is not None and eer.high is not None
        widths.append(eer.high - eer.low)
    assert widths[0] > 2 * widths[1]


def test_verdicts_are_counted_by_the_true_class():
    log_lr = np.log([20.0, 9.0, 1 / 20, 20.0, 1 / 9])  # from ten up there is a verdict
    counts = verdict_counts(log_lr, np.array([True, True, True, False, False]))
    assert counts["synthetic"] == {"synthetic": 1, "no trace": 1, "insufficient": 1}
    assert counts["human"] == {"synthetic": 1, "no trace": 1, "insufficient": 0}
    assert "| synthetic | 1            | 1        | 1 " in verdict_table(counts)
    decided = confusion(np.array([-1.0, 1, 1, 1]), np.array([False, False, True, True]))
    assert "| human     | 1                   | 1 " in confusion_table(decided)
    assert "| synthetic | 66.7        | 100.0    | 80.0 |" in class_table(decided)
    assert share(None) == "–" and share(0.1234) == "12.3"


def test_a_weight_of_two_counts_as_two_recordings(rng):
    is_fake = np.arange(60) < 30
    scores = rng.normal(is_fake, 1.0)
    twice = rng.integers(1, 3, 60)
    repeated = weighted_eer(
        np.repeat(scores, twice), np.repeat(is_fake, twice), np.ones(sum(twice))
    )
    assert weighted_eer(scores, is_fake, twice.astype(float)) == pytest.approx(repeated)
    even = equal_error_rate(scores[is_fake], scores[~is_fake])
    assert weighted_eer(scores, is_fake, np.ones(60)) == pytest.approx(even)


def test_the_largest_collection_neither_hides_nor_makes_errors():
    """Twenty pairs of one collection are in the right order, the one of another is not."""
    names = ["large"] * 40 + ["small"] * 2
    is_fake = np.array([True, False] * 21)
    scores = np.where(is_fake, 1.0, -1.0)
    scores[40:] = [-1.0, 1.0]
    listed = [replace(recording(bool(f), str(n), n), collection=c)
              for n, (f, c) in enumerate(zip(is_fake, names, strict=True))]  # fmt: skip
    found = eers_by_weight(as_trials(listed, scores))
    assert found == {WEIGHTINGS[0]: pytest.approx(0.5), WEIGHTINGS[1]: pytest.approx(0.5)}
    assert weighted_eer(scores, is_fake, np.ones(42)) == pytest.approx(1 / 21)
    alone = eers_by_weight(as_trials(listed[:40], scores[:40]))
    assert set(alone.values()) == {None}


def test_coverage_is_what_is_found_before_too_much_is_wrong():
    """Of forty of each class, thirty are found with one wrong: 1 of 31 or less than 5 %."""
    is_fake = np.repeat([True, False], 40)
    scores = np.concatenate([np.full(30, 3.0), np.zeros(10), [3.0], np.full(39, 0.0)])
    assert coverage(scores, is_fake, np.ones(80)) == 0.75
    scores[41] = 4.0  # 2 of 32: more than 5 % are wrong from there on
    assert coverage(scores, is_fake, np.ones(80)) == 0
