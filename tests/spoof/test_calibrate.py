"""Calibrations: the fit, its witnesses and bounds, and folds."""

import math
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import InputError, ManifestError, WeightsError
from eval.metrics import cllr
from spoof import calibrate
from spoof.calibrate import affine_logistic, cautious_line, fit, group_weights, witnesses
from spoof.checkpoint import load_calibration, load_trained, score_for
from spoof.data import Utterance
from spoof.prepare import Preparer
from spoof.recipes import OURS
from spoof.train import TrainConfig, train
from tests.spoof.material import TINY, voices


def test_a_calibration_finds_the_ratio_of_two_gaussians(rng):
    """Scores of N(±1, 1) have a log-likelihood ratio of twice the score, affine maps or not."""
    raw = np.concatenate([rng.normal(1, 1, 4000), rng.normal(-1, 1, 1000)])
    is_fake = np.arange(5000) < 4000
    # Three deviations of 1,000 scores.
    assert affine_logistic(raw, is_fake) == pytest.approx((2, 0), abs=0.15)
    assert affine_logistic(10 * raw + 5, is_fake) == pytest.approx((0.2, -1), abs=0.1)
    scores = np.concatenate([rng.normal(-1, 1, 100), rng.normal(1, 1, 100)])
    slope, offset = affine_logistic(scores, np.arange(200) < 100)
    assert slope == 0 and offset == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("n_groups", "least", "most"), [(60, 41, 21), (5, 6, 6)])
def test_a_ratio_is_bounded_by_the_number_of_groups(rng, n_groups, least, most):
    """Forty synthetic and twenty human recordings; those of one group are one witness."""
    scores = np.concatenate([rng.normal(3, 1, 40), rng.normal(-3, 1, 20)])
    groups = np.array([f"g{at % n_groups}" for at in range(60)])
    found = fit(scores, np.arange(60) < 40, groups, model_sha256="x")
    assert found.log_lr(100.0) == math.log(most) and found.log_lr(-100.0) == -math.log(least)
    assert found.data["human"] == 20 and found.data["synthetic"] == 40


def test_a_large_group_weighs_no_more_than_a_small_one():
    """Ninety recordings of a group that is easy do not outweigh one of a group that is not."""
    is_fake = np.array([True] * 91 + [False] * 91)
    scores = np.where(is_fake, 2.0, -2.0)
    scores[90], scores[181] = -2.0, 2.0  # the other group's, and wrong
    groups = np.array((["easy"] * 90 + ["hard"]) * 2)
    weights = group_weights(is_fake, groups)
    assert weights[is_fake].sum() == pytest.approx(1) == weights[~is_fake].sum()
    assert affine_logistic(scores, is_fake)[0] > 1
    assert affine_logistic(scores, is_fake, weights)[0] == pytest.approx(0, abs=1e-3)


def test_the_more_collections_differ_the_more_a_ratio_of_ten_needs(rng):
    """The same 400 scores, of 40 collections: each with a shift of its own, or at random."""
    groups, is_fake = np.repeat(np.arange(40), 10).astype(str), np.arange(400) % 2 == 0
    shift = np.repeat(rng.normal(0, 1.5, 40), 10)
    scores = np.where(is_fake, 1.5, -1.5) + shift + rng.normal(0, 1, 400)
    mixed = rng.permutation(groups)

    def needed(line):
        return score_for(math.log(10), *line)

    apart, together = (cautious_line(scores, is_fake, own) for own in (groups, mixed))
    even = affine_logistic(scores, is_fake, group_weights(is_fake, groups))
    assert needed(apart) > needed(together) > needed(even)


def test_the_figures_of_a_calibration_are_of_groups_that_it_did_not_know():
    """A group whose scores mislead costs more unseen than where it was part of the fit."""
    scores = np.array([1.0, 1.1, 0.9, -1.0, -1.1, -0.9, -5.0, 5.0, 1.2, -1.2])
    is_fake = np.array([1, 1, 1, 0, 0, 0, 1, 0, 1, 0], bool)
    groups = np.array(["a"] * 6 + ["odd"] * 2 + ["a"] * 2)
    found = fit(scores, is_fake, groups, model_sha256="x")
    ratios = found.slope * scores + found.offset
    assert found.data["cllr"] > cllr(ratios[is_fake], ratios[~is_fake])
    with pytest.raises(ManifestError, match="4 synthetic and 6 human recordings are too few"):
        fit(np.arange(10.0), np.arange(10) < 4, np.arange(10).astype(str), model_sha256="x")


def test_a_calibration_of_other_weights_is_refused(tmp_path):
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


def test_collections_are_the_witnesses_where_there_are_enough_and_groups_else():
    many = [
        Utterance(Path(f"{n}-{is_fake}.wav"), is_fake, f"g{n}", collection=f"c{n % 6}")
        for n in range(12)
        for is_fake in (False, True)
    ]
    assert set(witnesses(many)) == {f"c{n}" for n in range(6)}
    groups = {f"g{n}" for n in range(12)}
    assert set(witnesses([replace(r, collection="one") for r in many])) == groups
    assert set(witnesses([*many, replace(many[0], collection="")])) == groups


def test_each_recording_is_judged_by_a_network_without_its_group(tmp_path, monkeypatch):
    monkeypatch.setitem(OURS, "tiny", TINY)
    data = voices(tmp_path / "voices", groups=8, each=2)
    preparer = Preparer(tmp_path / "cache")
    config = TrainConfig(tmp_path / "run", TINY, preparer, device="cpu")
    train(data, config, report=lambda step: None)
    learned: list[set[str]] = []
    judged: dict[str, set[int]] = defaultdict(set)

    def noted(utterances, config, *, report):
        learned.append({u.group for u in utterances if u.split == "train"})
        return train(utterances, config, report=report)

    scored = calibrate.score_recordings

    def watched(trained, utterances, *rest, device, change=None):
        for group in {u.group for u in utterances}:
            assert group not in learned[-1]
            judged[group] |= {len(learned)}  # also after a codec
        return scored(trained, utterances, *rest, device=device, change=change)

    monkeypatch.setattr(calibrate, "train", noted)
    monkeypatch.setattr(calibrate, "score_recordings", watched)
    trained = load_trained(tmp_path / "run")
    found = calibrate.cross_calibrate(trained, data, preparer, count=3, device="cpu")
    assert len(learned) == 3 and all(len(folds) == 1 for folds in judged.values())
    assert found.data["groups"] == len(judged) == 6  # of eight, a fifth is kept for testing
    assert found.slope > 0 and found.model_sha256 == trained.sha256
    counts = [sum(found.data["verdicts"][of].values()) for of in ("human", "synthetic")]
    assert counts == [found.data["human"], found.data["synthetic"]] == [12, 12]  # as they are
    names = {"", *(change.name for change in calibrate.CONDITIONS)}
    assert {row["change"] for row in found.data["found"]} == names
    conditions = found.data["conditions"]
    assert {row["change"] for row in conditions} == names
    needed = {row["change"]: row["least_score"] for row in conditions}
    assert found.score_at(math.log(10)) == max(needed.values()) == needed[found.data["hardest"]]
    with pytest.raises(InputError, match="was not trained on these data"):
        calibrate.cross_calibrate(trained, data[:-1], preparer, count=3, device="cpu")
