import json
import math
from dataclasses import replace

import numpy as np
import pytest

from cqtnet.errors import WeightsError
from tests.verify.report import cases
from verify import calibration as c
from verify.results import LogLr, Ratios

SHA = "cd" * 32
KNOWN = cases.calibration()


def planted(rows):
    """Measures whose log-likelihood ratio is known: the first is normal about ±1, of variance 1."""
    rng = np.random.default_rng(0)
    label = rng.random(rows) < 0.3
    table = rng.standard_normal((rows, len(c.MEASURES)))
    table[:, 0] += np.where(label, 1.0, -1.0)
    return table, label


def test_the_log_lr_of_two_normals_is_found_and_no_measure_speaks_against_its_kind():
    table, label = planted(40_000)
    weights, bias = c.fit_logistic(table[:, :1], label, rising=[0])
    assert weights[0] == pytest.approx(2.0, rel=0.05)  # ((x + 1)² − (x − 1)²) / 2 = 2x
    assert bias == pytest.approx(0.0, abs=0.05)
    assert c.fit_logistic(-table[:, :1], label, rising=[0])[0][0] == 0
    (slope,), offset = c.fit_logistic(np.full((20, 1), 0.4), np.arange(20) < 5)
    assert (slope, offset) == pytest.approx((0, 0), abs=1e-6)


def test_each_group_is_scored_by_what_the_others_taught():
    table, label = planted(4_000)
    groups = np.arange(len(label)) % 10
    held = groups == 0
    table[held, 0] *= -1  # one group contradicts the others
    _, log_lr = c.fit(table, label, groups, groups, pairs=(100, 1_000), rising=[0])
    assert log_lr[held & label].mean() < log_lr[held & ~label].mean()
    assert log_lr[~held & label].mean() > log_lr[~held & ~label].mean()


def test_the_bounds_are_what_as_many_pairs_can_show():
    table, label = planted(400)
    table[:, 0] *= 50  # no overlap at all
    groups = np.arange(len(label)) % 3
    found, _ = c.fit(table, label, groups, groups, pairs=(99, 999), rising=[0])
    far = np.eye(len(c.MEASURES))[0] * 1e9
    assert found.log_lr(far).value == pytest.approx(math.log(1_000))
    assert found.log_lr(-far).value == pytest.approx(-math.log(100))


def test_a_ratio_is_a_straight_line_within_its_bounds():
    known = KNOWN.regressions["rendition"]  # ten times the aligned cosine, less five
    cosine = np.eye(len(c.MEASURES))[c.MEASURES.index("aligned cosine")]
    found = [known.log_lr(cosine * x) for x in (-0.5, 0, 0.6, 2)]
    assert [one.unbounded for one in found] == pytest.approx([-10, -5, 1, 15])
    assert [one.value for one in found] == pytest.approx([-6, -5, 1, 7])
    assert [one.is_bounded for one in found] == [True, False, False, True]


# Which ratio decides.

SIGNS = {"+": 3.0, "0": 1.0, "-": -3.0}


@pytest.mark.parametrize(("signs", "against", "verdict", "decides"), [
    # signs: of the same against unrelated, and against a rendition; of a rendition
    ("+++", "rendition", "same", "rendition"), ("+0+", "rendition", "insufficient", "rendition"),
    ("+-+", "rendition", "rendition", "rendition"), ("--+", "rendition", "rendition", "unrelated"),
    ("+-0", "rendition", "different", "rendition"), ("+--", "rendition", "different", "rendition"),
    ("0+0", "rendition", "insufficient", "unrelated"),
    ("-+-", "rendition", "different", "unrelated"), ("---", "rendition", "different", "unrelated"),
    ("+-+", "unrelated", "same", "unrelated"), ("0-+", "unrelated", "insufficient", "unrelated"),
    ("--+", "unrelated", "different", "unrelated"),
])  # fmt: skip
def test_the_smaller_ratio_decides_if_no_rendition_is_ruled_out(signs, against, verdict, decides):
    ratios = Ratios(*(LogLr(SIGNS[sign], -9.0, 9.0) for sign in signs))
    assert ratios.verdict(against) == verdict
    assert ratios.deciding(against) == (getattr(ratios, decides), decides)


# From evidence to measures.


def test_measures_are_within_their_ranges_and_the_same_for_both_orders():
    line = replace(cases.LINE, tempo=1.2, shift_semitones=2.0)
    evidence = replace(cases.EVIDENCE, alignment=replace(cases.ALIGNMENT, line=line))
    found, mirrored = c.figures(evidence), c.figures(evidence.swapped)
    assert tuple(found) == c.FIGURES and found == pytest.approx(mirrored)
    for extreme in (-1e9, 1e9):
        row = c.measures(np.full((1, len(c.FIGURES)), extreme))[0]
        own = zip(row, c.RANGES.values(), strict=False)
        assert all(low <= x <= high for x, (low, high) in own)


def test_a_better_copy_lowers_none_of_the_measures_that_speak_for_one():
    better = replace(
        cases.EVIDENCE,
        copy=replace(cases.COPY, unexplained_db=0.3, band_correlation=0.99, lag_spread_s=1e-4),
        alignment=replace(cases.ALIGNMENT, correlation=0.99, coherence=0.99, residual_s=1e-5),
    )
    rise = KNOWN.measures(better) - KNOWN.measures(cases.EVIDENCE)
    assert (rise[c.rising("unrelated")] >= 0).all() and rise[c.MEASURES.index("explained")] > 0


def test_what_was_not_measured_is_unexplained_and_the_population_is_measured_or_given():
    found = c.figures(replace(cases.EVIDENCE, copy=None))
    unmeasured = {"_db": 40.0, "score": -40.0}
    for name in c.COPY_FIGURES:
        assert found[name] == unmeasured.get(name[-3:], unmeasured.get(name[-5:], 0.0)), name
    assert [c.population_of(x) for x in (0.0, 0.02, 0.4)] == ["speech", "speech", "music"]
    tonality = c.MEASURES.index("tonality")
    by_name = [KNOWN.measures(cases.EVIDENCE, x)[tonality] for x in ("music", "speech")]
    assert by_name == [0.4, 0.02] and KNOWN.measures(cases.EVIDENCE)[tonality] not in by_name


# The file.


def test_a_calibration_is_read_as_it_was_written_for_its_weights_or_the_cure_is_told(tmp_path):
    KNOWN.save(tmp_path / "mine.calibration.json")
    assert c.load_calibration(tmp_path / "mine.safetensors", SHA) == KNOWN
    with pytest.raises(WeightsError, match=r"belongs to weights cdcd.*calibrate"):
        c.load_calibration(tmp_path / "mine.safetensors", "b" * 64)
    with pytest.raises(WeightsError, match="cqtnet eval calibrate"):
        c.load_calibration(tmp_path / "other.safetensors", SHA)


@pytest.mark.parametrize(("damage", "message"), [
    (lambda d: d.update(format=1), "another version"),
    (lambda d: d.update(measures=["cosine"]), "another version"),
    (lambda d: d.update(copy_test_sha256="a"), "another network of the copy test"),
    (lambda d: d["regressions"].pop("named"), "another version"),
    (lambda d: d["regressions"]["named"].pop("slope"), "holds no calibration"),
    (lambda d: d.update(cosine_threshold=math.nan), "not a finite number"),
    (lambda d: d["regressions"]["named"].update(weights=["high"] * 14), "holds no calibration"),
    (lambda d: d["regressions"]["named"].update(slope=1e10), "does not fit"),
    (lambda d: d["regressions"]["named"].update(least=1.0), "no 0 in its bounds"),
    (lambda d: d["regressions"]["named"]["weights"].pop(), "does not fit its measures"),
    (lambda d: d["regressions"]["named"].update(resampled=[[1.0]]), "does not fit its measures"),
])  # fmt: skip
def test_what_is_damaged_is_refused(tmp_path, damage, message):
    content = json.loads(json.dumps(KNOWN.to_dict()))
    damage(content)
    (tmp_path / "mine.calibration.json").write_text(json.dumps(content))
    with pytest.raises(WeightsError, match=message):
        c.load_calibration(tmp_path / "mine.safetensors", SHA)


def test_no_ratio_is_stated_that_is_not_a_number():
    with pytest.raises(WeightsError, match="not a number"):
        KNOWN.regressions["unrelated"].log_lr(np.full(len(c.MEASURES), math.nan))
