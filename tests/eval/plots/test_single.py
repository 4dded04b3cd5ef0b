"""Histogram, Tippett and calibration, against tables worked out by hand; and the docs' code."""

import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import StepPatch

from cqtnet.errors import InputError
from eval.plots import ScoreSet, calibration, histogram, tippett
from tests.eval.plots.reading import legend, line
from tests.eval.plots.test_det import FEW

# Nine of ten targets say 9:1 for, one 9:1 against; nontargets the other way round.
CERTAIN = np.log(9) * np.array([1.0] * 9 + [-1.0])
HONEST = ScoreSet("honest", CERTAIN, -CERTAIN, CERTAIN, -CERTAIN)
PAGE = Path(__file__).parents[3] / "docs/reference/plots.md"


def at(drawn, place):
    """The height of a line at a place of the axis."""
    x, y = drawn.get_data()
    return y[np.argmin(np.abs(np.asarray(x) - place))]


def steps(s, **options):
    patches = histogram(s, **options).axes[0].patches
    assert all(isinstance(patch, StepPatch) for patch in patches)
    return list(patches)


def test_both_kinds_of_pairs_have_one_area_and_bins_hold_equally_many_whole_numbers(rng):
    uneven = ScoreSet("uneven", rng.normal(3, 1, 50), rng.normal(0, 1, 20000))
    areas = []
    for patch in steps(uneven, bins=20):
        density, edges, _ = patch.get_data()
        assert np.diff(edges) == pytest.approx([np.ptp(edges) / 20] * 20)
        areas.append(np.sum(density * np.diff(edges)))
    assert areas == pytest.approx([1.0] * 4), "area and outline of both"
    # 120 values in at most 50 bins: 40 bins of 3, where 50 equal bins would hold 2 or 3.
    counts = ScoreSet("counts", np.arange(60.0, 120), np.arange(0.0, 60))
    edges = steps(counts)[0].get_data().edges
    assert np.diff(edges) == pytest.approx([3.0] * 40) and edges[0] == -0.5


def test_the_error_rates_below_the_densities_are_those_of_each_threshold():
    """Accepting from 1.5: one of 4 targets is missed, one of 5 nontargets accepted."""
    miss, false_alarm = histogram(FEW).axes[1].lines[:2]
    assert (at(miss, 1.5), at(miss, 3.5)) == pytest.approx((0.25, 0.75))
    assert (at(false_alarm, 1.5), at(false_alarm, 0.5)) == pytest.approx((0.2, 0.4))
    x, y = np.asarray(miss.get_xydata()).T
    assert np.isnan(y[x < 0.99]).all(), "no miss was seen there: the line ends"


def test_thresholds_are_drawn_in_both_halves_and_explained():
    """Both rates are closest from above 1 to 2, at .25 and .2: the middle is 1.5."""
    figure = histogram(FEW, threshold=2.5)
    for axes in figure.axes:
        upright = [drawn.get_xdata()[0] for drawn in axes.lines if len(drawn.get_xdata()) == 2]
        assert upright == pytest.approx([1.5, 2.5])
    assert "threshold 1.5, where both rates are closest; EER 22.2 %" in legend(figure)
    assert "threshold 2.5: misses 50 %, false alarms 0 %" in legend(figure)
    assert "outside" not in legend(figure)
    flawless = histogram(ScoreSet("s", np.array([3.0, 4.0]), np.array([0.0, 1.0])))
    assert "threshold 2, in the middle of the gap: no error" in legend(flawless)


@pytest.mark.parametrize("odd", [-9999.0, -1e30, 1e308, -1e308])
def test_a_score_far_from_all_others_is_counted_and_not_drawn(odd):
    few = ScoreSet("odd", np.append(FEW.target, 2.5), np.append(FEW.nontarget, odd))
    figure = histogram(few, threshold=1e308)
    low, high = figure.axes[0].get_xlim()
    assert -2 < low <= 0 and 4 <= high < 6
    assert f"1 pair lies outside, far from all others: scores from {odd:.4g}" in legend(figure)
    figure.canvas.draw()


@pytest.mark.parametrize(("target", "nontarget"), [
    (np.zeros(3), np.zeros(3)),
    (np.full(3, 1e9), np.full(3, 1e9)),
    (np.array([-1e-9, 0, 1e-9]), np.array([-1e-9, 0, 1e-9])),
    (np.full(5, 1e308), np.full(5, -1e308)),
    (np.full(5, 1.7e308), np.full(5, 1.6e308)),
    (1e17 + np.array([0.0, 16, 48]), 1e17 + np.array([0.0, 16])),
    (np.array([1e-310, 3e-310]), np.array([0.0, 5e-324])),
    (np.array([0.0, 1.0, 1e30]), np.array([-1e30, 0.0])),
])  # fmt: skip
def test_scores_on_any_scale_are_drawn_without_a_warning(target, nontarget):
    histogram(ScoreSet("s", target, nontarget), threshold=0.0).canvas.draw()


def test_the_tippett_curves_are_shares_of_at_least_each_ratio(rng):
    ratios = ScoreSet("r", np.zeros(4), np.zeros(4), *(np.log(10) * np.array(lr) for lr in (
        [2.0, 1.0, 0.5, -0.5], [0.2, -1.0, -1.5, -2.0])))  # fmt: skip
    figure = tippett([ratios])
    target, nontarget = (line(figure.axes[0], f"r, {kind}") for kind in ("target", "nontarget"))
    assert [at(target, x) for x in (-0.6, 0.0, 1.5)] == [1.0, 0.75, 0.25]
    assert [at(nontarget, x) for x in (-1.2, 0.1, 0.3)] == [0.5, 0.25, 0.0]
    assert "misleading 25 % of 4 target, 25 % of 4 nontarget pairs" in legend(figure)
    (dots,) = [drawn for drawn in figure.axes[0].lines if drawn.get_marker() == "o"]
    assert np.asarray(dots.get_xydata()) == pytest.approx(np.array([(0, 0.75), (0, 0.25)]))
    sure = ScoreSet("sure", np.ones(5), np.zeros(5), np.full(5, 700.0), np.full(5, -700.0))
    figure = tippett([sure])
    assert figure.axes[0].get_xlim() == pytest.approx((-10.1, 10.1))
    figure.canvas.draw()
    drawn = {"a": rng.normal(2, 2, 300), "b": rng.normal(4, 3, 300)}
    sets = [ScoreSet(name, lr, -lr, lr, -lr) for name, lr in drawn.items()]
    shown = [text.get_text() for text in tippett(sets).axes[0].texts]
    assert sorted(text for text in shown if len(text) == 1) == ["A", "A", "B", "B"]


def test_honest_probabilities_lie_on_the_diagonal_with_wilsons_intervals():
    """Of the pairs that are called 90 % certain 90 % are the same, and 10 % of the others.

    9 of 10, z 1.96: (9 + z²/2 ± z √(9·1/10 + z²/4)) / (10 + z²), worked out by hand.
    """
    diagram = calibration(HONEST).axes[0]
    (dots,) = [drawn for drawn in diagram.lines if drawn.get_marker() == "o"]
    assert np.asarray(dots.get_xydata()) == pytest.approx(np.array([(0.1, 0.1), (0.9, 0.9)]))
    (upright,) = diagram.collections
    low, high = (segment[:, 1] for segment in upright.get_segments())
    assert high == pytest.approx([0.5958, 0.9821], abs=1e-4)
    assert low == pytest.approx([0.0179, 0.4042], abs=1e-4)
    # Where 9 of 19 pairs are targets, each weighs as 10 nontargets: 90 of 100 are observed.
    many = ScoreSet("m", CERTAIN, np.repeat(-CERTAIN, 10), CERTAIN, np.repeat(-CERTAIN, 10))
    diagram = calibration(many).axes[0]
    (dots,) = [drawn for drawn in diagram.lines if drawn.get_marker() == "o"]
    (upright,) = diagram.collections
    segments = upright.get_segments()
    for (_, share), segment in zip(np.asarray(dots.get_xydata()), segments, strict=True):
        assert segment[0, 1] < share < segment[1, 1]


def test_the_cross_entropy_is_cllr_at_even_odds_and_readable():
    """H(0.1) = 0.469 bits: honest, so no calibration makes it better; no evidence: 1 bit."""
    figure = calibration(HONEST)
    at_even_odds = [at(drawn, 0.0) for drawn in figure.axes[2].lines[:3]]
    assert at_even_odds == pytest.approx([1, 0.468996, 0.468996], abs=1e-6)
    assert "Cllr 0.469 bits" in legend(figure)
    assert "minCllr 0.469 bits" in legend(figure)
    assert figure.axes[2].get_xlim() == pytest.approx((-3, 3))

    def top(s):
        return calibration(s).axes[2].get_ylim()[1]

    assert top(ScoreSet("surer", CERTAIN, -CERTAIN, 9 * CERTAIN, -9 * CERTAIN)) == 2
    rare = np.log(999) * np.array([1.0] * 999 + [-1.0])
    assert 0.0114 < top(ScoreSet("rare", rare, -rare, rare, -rare)) < 0.05, "H(0.001) = 0.0114"
    sure = ScoreSet("sure", np.ones(5), np.zeros(5), np.full(5, 1e3), np.full(5, -1e3))
    assert top(sure) == 0.001
    calibration(sure).canvas.draw()


@pytest.mark.parametrize("picture", [lambda s: tippett([s]), calibration])
def test_scores_without_ratios_are_refused_by_pictures_of_ratios(picture):
    with pytest.raises(InputError, match=r"few has no likelihood ratios.*column log_lr"):
        picture(FEW)


def test_the_code_of_the_page_draws_its_pictures(tmp_path, monkeypatch):
    page = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    shown = re.findall(r"!\[.*\]\(../images/(.*)\)", page)
    assert sorted(shown) == sorted(path.name for path in tmp_path.glob("*.png"))
    assert all((PAGE.parents[1] / "images" / name).is_file() for name in shown)
