"""DET and ROC, against hand tables and the normal distribution of the standard library."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from cqtnet.errors import InputError
from eval.metrics import OperatingPoint, RocBand
from eval.plots import ScoreSet, det, histogram, roc
from tests.eval.plots.reading import legend, letters, line

# By hand, 20 + 20 pairs. From the strictest threshold: false alarms 0, .1, .1, .2, .2, 1 and
# misses .3, .3, .1, .1, 0, 0. Hull: (0, .3), (.1, .1), (.2, 0), which meets the diagonal at .1.
BOTH = np.repeat([5.0, 3.0, 1.0], [14, 4, 2]), np.repeat([4.0, 2.0, 0.0], [2, 2, 16])
HAND = ScoreSet("by hand", *BOTH)
PERFECT = ScoreSet("perfect", target=np.arange(1.0, 21.0), nontarget=-np.arange(20.0))
# 4 + 5 pairs; of the 20 pairs of scores 17 are in order and 2 are ties: AUC 18/20.
FEW = ScoreSet("few", np.array([4.0, 3.0, 2.0, 1.0]), np.array([2.0, 1.0, 0.0, 0.0, 0.0]))


def points(figure, label):
    return [(float(x), float(y)) for x, y in line(figure.axes[0], label).get_xydata()]


def close(point, other):
    return point == pytest.approx(other, abs=1e-12)


def eer_mark(figure, name):
    """The mark of an EER; it lies on the diagonal."""
    mark = line(figure.axes[0], f"_EER of {name}")
    (x,), (y,) = mark.get_data()
    assert x == y
    return x, mark.get_markerfacecolor()


def test_the_axes_are_probits_of_the_rates():
    axes = det([HAND]).axes[0]
    for rate in (0.01, 0.05, 0.1):
        at = axes.transScale.transform((rate, rate))
        assert at == pytest.approx([NormalDist().inv_cdf(rate)] * 2)
    assert axes.get_aspect() == 1, "a step in probits is as long along both axes"


def test_the_hull_runs_straight_through_its_corners_and_ends_at_one_error():
    hull = points(det([HAND]), "by hand")
    assert close(hull[0], (0.05, 0.2)), "on the line from (0, .3) to (.1, .1), at 1 of 20"
    assert any(close(point, (0.1, 0.1)) for point in hull)
    assert close(hull[-1], (0.15, 0.05)), "on the line from (.1, .1) to (.2, 0), at 1 of 20"
    left = [point for point in hull if point[0] <= 0.1]
    assert len(left) > 50
    assert all(close(p, (p[0], 0.3 - 2 * p[0])) for p in left), "straight in rates, not probits"
    steps = points(det([HAND]), "_steps of by hand")
    corners = [(0.05, 0.3), (0.1, 0.3), (0.1, 0.1), (0.2, 0.1), (0.2, 0.05)]
    at = [next(i for i, point in enumerate(steps) if close(point, corner)) for corner in corners]
    assert at == sorted(at) and close(steps[0], corners[0])
    assert close(steps[-1], corners[-1])


def test_the_eer_is_marked_on_the_diagonal_and_open_below_one_error():
    figure = det([HAND])
    rate, face = eer_mark(figure, "by hand")
    assert rate == pytest.approx(0.1) and face != "white"
    assert "EER 10 %; 20 target, 20 nontarget pairs" in legend(figure)
    assert "open: below one error" not in legend(figure)
    # Hull from (0, .25) to (.25, 0): EER 1/8, though one error of 4 is 1/4.
    few = ScoreSet("few", np.array([4.0, 3.0, 2.0, 0.0]), np.array([1.0, -1.0, -2.0, -3.0]))
    figure = det([few])
    assert eer_mark(figure, "few") == (pytest.approx(0.125), "white")
    assert "open: below one error" in legend(figure)


def test_operating_points_are_marked_where_the_cost_is_least():
    """At P(target) 0.2 false alarms cost 4 misses: (.1, .1) costs .5, (0, .3) only .3."""
    axes = det([HAND], operating_points=[OperatingPoint(0.5), OperatingPoint(0.2)]).axes[0]
    (diamond,), (square,) = ([d for d in axes.lines if d.get_marker() == m] for m in "Ds")
    assert diamond.get_xydata() == pytest.approx(np.array([[0.1, 0.1]]))
    rim = axes.get_xlim()[0]
    assert square.get_xydata() == pytest.approx(np.array([[rim, axes.get_ylim()[1]]]))
    assert not square.get_clip_on(), "on the rim, yet whole"


def test_one_error_is_shaded_and_thirty_marked_if_all_sets_have_as_many_trials(rng):
    axes = det([HAND]).axes[0]
    tall, wide = axes.patches
    assert isinstance(tall, Rectangle) and isinstance(wide, Rectangle)
    assert tall.get_x() + tall.get_width() == pytest.approx(0.05)
    assert wide.get_y() + wide.get_height() == pytest.approx(0.05)
    assert (tall.get_x(), wide.get_y()) == (axes.get_xlim()[0], axes.get_ylim()[0])
    many = [ScoreSet(name, rng.normal(2, 1, 400), rng.normal(0, 1, 900)) for name in "ab"]
    axes = det(many).axes[0]
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert places["30 errors"][1] == pytest.approx(30 / 400), "the last one, beside the axes"
    fewer = ScoreSet("fewer", many[0].target[:50], many[0].nontarget)
    assert "30 errors" not in {text.get_text() for text in det([*many, fewer]).axes[0].texts}


def test_systems_without_errors_share_an_arrow_below_one_error():
    again = replace(PERFECT, name="perfect again")
    figure = det([PERFECT, HAND, again], operating_points=[OperatingPoint()])
    assert "perfect: no error, EER < 15 %; 20 target" in legend(figure), "3 of 20"
    (arrow,) = [text for text in figure.axes[0].texts if text.get_text() == "A C"]
    x, y = arrow.xy
    assert x < 1 / 20 and y < 1 / 20
    assert len([drawn for drawn in figure.axes[0].lines if drawn.get_marker() == "o"]) == 1
    figure.canvas.draw()
    axes = det([ScoreSet("four", np.ones(4), np.zeros(4))]).axes[0]
    (arrow,) = [text for text in axes.texts if text.get_text() == "A"]
    (low, high), (x, y) = axes.get_xlim(), arrow.xy
    assert low < x < 0.25 < high and low < y < 0.25 < high, "into the window"


def test_intervals_and_bands_of_a_set_are_shown():
    assert "EER < 30 %" in legend(det([replace(PERFECT, eer_interval=(0.0, 0.3))]))
    assert "EER 10 % [4 %, 18 %]" in legend(det([replace(HAND, eer_interval=(0.04, 0.18))]))
    rates = np.array([0.05, 0.1, 0.2, 1.0])
    band = RocBand(rates, np.array([0.1, 0.05, 0.0, 0.0]), np.array([0.19, 0.15, 0.1, 0.1]))
    figure = det([replace(HAND, band=band)])
    (area,) = figure.axes[0].collections
    corners = area.get_paths()[0].vertices
    assert corners[:, 0].min() == pytest.approx(0.05)
    for corner in ((0.1, 0.05), (0.1, 0.15)):
        assert np.abs(np.asarray(corners) - corner).max(axis=1).min() < 3e-3
    assert "95 % interval of the misses" in legend(figure)
    assert "interval" not in legend(det([HAND]))


def test_every_threshold_alike_gives_one_line_of_chance():
    """Constant scores: from (0, 1) to (1, 0), and 50 % on the diagonal."""
    constant = ScoreSet("constant", np.zeros(50), np.zeros(50))
    figure = det([constant])
    assert all(close(point, (point[0], 1 - point[0])) for point in points(figure, "constant"))
    assert eer_mark(figure, "constant")[0] == pytest.approx(0.5)
    x, y = np.asarray(line(roc([constant]).axes[1], "constant").get_xydata()).T
    assert len(x) > 50
    assert y == pytest.approx(x), "straight in rates on the logarithmic axis too"


@pytest.mark.parametrize("numbers", [(1, 1), (1, 1000), (1000, 1)])
@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_the_smallest_sets_are_drawn_without_a_warning(numbers, shift):
    target, nontarget = (np.linspace(0, 0.5, number) for number in numbers)
    det([ScoreSet("s", target + shift, nontarget)]).canvas.draw()


def test_the_roc_joins_the_thresholds_and_states_its_area():
    figure = roc([FEW])
    drawn = line(figure.axes[0], "few").get_xydata()
    expected = np.array([(0, 0), (0, 0.5), (0.2, 0.75), (0.4, 1), (1, 1)])
    assert drawn == pytest.approx(expected), "ties are one threshold"
    assert "few: AUC 0.9; 4 target, 5 nontarget pairs" in legend(figure)
    flawless = ScoreSet("flawless", np.ones(3), np.zeros(10))
    figure = roc([FEW, flawless])
    lines = (line(figure.axes[1], name) for name in ("few", "flawless"))
    enlarged, straight = (np.asarray(drawn.get_xydata()) for drawn in lines)
    assert enlarged[0] == pytest.approx([0.2, 0.75])
    assert straight[0] == pytest.approx([0.1, 1]) and (straight[:, 1] == 1).all()
    assert set(letters(figure.axes[1])) == {"A", "B"}


@pytest.mark.parametrize("picture", [det, roc])
def test_nothing_to_draw_and_equal_names_are_refused(picture):
    with pytest.raises(InputError, match="0 systems to draw; give at least 1"):
        picture([])
    with pytest.raises(InputError, match="'perfect' names several"):
        picture([PERFECT, PERFECT])


@pytest.mark.parametrize("picture", [lambda s: roc([s]), lambda s: det([s]), histogram])
@pytest.mark.parametrize("scores", [np.array([1.0, np.nan]), np.array([])])
def test_scores_that_cannot_be_drawn_are_refused(picture, scores):
    with pytest.raises(InputError, match="target scores"):
        picture(ScoreSet("s", scores, np.zeros(3)))
    with pytest.raises(InputError, match="nontarget scores"):
        picture(ScoreSet("s", np.zeros(3), scores))
