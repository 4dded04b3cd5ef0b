"""From measures to likelihood ratios."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import WeightsError
from verify.calibration import MEASURES, Calibration, fit, fit_logistic, load_calibration

SHA = "a" * 64


def planted(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Measures whose log-likelihood ratio is known: the first is normal about ±1, of variance 1."""
    rng = np.random.default_rng(seed)
    label = rng.random(rows) < 0.3
    table = rng.standard_normal((rows, len(MEASURES)))
    table[:, 0] += np.where(label, 1.0, -1.0)
    return table, label


def calibration(**changes: object) -> Calibration:
    values: dict[str, object] = {
        "model_sha256": SHA,
        "weights": (1.0,) + (0.0,) * (len(MEASURES) - 1),
        "bias": 0.0,
        "slope": 2.0,
        "offset": -1.0,
        "least": -4.0,
        "most": 6.0,
        "cosine_threshold": 0.3,
        "data": {},
    }
    return Calibration(**(values | changes))  # type: ignore[arg-type]


def test_the_log_lr_of_two_normals_is_found_whatever_the_share_of_either() -> None:
    table, label = planted(40_000)
    weights, bias = fit_logistic(table[:, :1], label, rising=1)
    assert weights[0] == pytest.approx(2.0, rel=0.05)  # ((x + 1)² − (x − 1)²) / 2 = 2x
    assert bias == pytest.approx(0.0, abs=0.05)


def test_a_measure_may_not_speak_against_what_it_measures() -> None:
    table, label = planted(5_000)
    weights, _ = fit_logistic(-table[:, :1], label, rising=1)
    assert weights[0] == 0


def test_a_row_of_weight_two_counts_as_two_rows() -> None:
    table, label = planted(500)
    twice = np.arange(500) % 3 == 0
    doubled = np.concatenate([np.arange(500), np.flatnonzero(twice)])
    expected = fit_logistic(table[doubled, :1], label[doubled])
    # The same rows alone, to the scale by which they are brought to one level before.
    found = fit_logistic(table[:, :1], label, weights=np.where(twice, 2.0, 1.0))
    assert found[0] == pytest.approx(expected[0], rel=2e-3)
    assert found[1] == pytest.approx(expected[1], abs=2e-3)


def test_groups_of_equal_scores_have_a_slope_of_0() -> None:
    (slope,), offset = fit_logistic(np.full((20, 1), 0.4), np.arange(20) < 5)
    assert (slope, offset) == pytest.approx((0, 0), abs=1e-6)


def test_each_group_is_scored_by_what_the_others_taught() -> None:
    table, label = planted(4_000)
    groups = np.arange(len(label)) % 10
    table[groups == 0, 0] *= -1  # one group contradicts the others
    _, log_lr = fit(
        table, label, groups,
        pairs=(100, 1_000), cosine_threshold=0.3, model_sha256=SHA, data={},
    )  # fmt: skip
    held = groups == 0
    assert log_lr[held & label].mean() < log_lr[held & ~label].mean()
    assert log_lr[~held & label].mean() > log_lr[~held & ~label].mean()


def test_the_bounds_are_what_as_many_pairs_can_show() -> None:
    table, label = planted(400)
    table[:, 0] *= 50  # no overlap at all
    groups = np.arange(len(label)) % 3
    found, _ = fit(
        table, label, groups,
        pairs=(99, 999), cosine_threshold=0.3, model_sha256=SHA, data={},
    )  # fmt: skip
    assert found.log_lr(1e9) == pytest.approx(math.log(1_000))
    assert found.log_lr(-1e9) == pytest.approx(-math.log(100))


def test_score_and_ratio_are_straight_lines_within_the_bounds() -> None:
    known = calibration()
    row = np.zeros((1, len(MEASURES)))
    row[0, 0] = 0.4
    assert known.scores(row)[0] == 0.4
    row[0, 0] = 0.9  # more of what says enough already
    assert known.scores(row)[0] == 0.5
    assert [known.log_lr(x) for x in (-9, 0, 1.5, 9)] == [-4.0, -1.0, 2.0, 6.0]


def test_a_calibration_is_read_as_it_was_written_and_for_its_weights_alone(tmp_path: Path) -> None:
    calibration().save(tmp_path / "mine.calibration.json")
    assert load_calibration(tmp_path / "mine.safetensors", SHA) == calibration()
    with pytest.raises(WeightsError, match=r"belongs to weights aaaa.*calibrate"):
        load_calibration(tmp_path / "mine.safetensors", "b" * 64)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: d.update(format=99), "another version"),
        (lambda d: d.update(measures=["cosine"]), "another version"),
        (lambda d: d.pop("slope"), "holds no calibration"),
        (lambda d: d.pop("measures"), "holds no calibration"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    content = calibration().to_dict()
    damage(content)  # type: ignore[operator]
    (tmp_path / "mine.calibration.json").write_text(json.dumps(content))
    with pytest.raises(WeightsError, match=message):
        load_calibration(tmp_path / "mine.safetensors", SHA)


def test_weights_without_a_calibration_say_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cqtnet eval calibrate"):
        load_calibration(tmp_path / "mine.safetensors", SHA)
