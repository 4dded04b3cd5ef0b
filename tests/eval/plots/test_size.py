"""Errors by the size of a change, on trials whose answer is planted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cqtnet.errors import InputError
from eval.plots import SizePoint, bin_edges, error_against_size, points_by_size
from eval.trials import Scores
from tests.eval.plots.reading import legend, letters, line


def scores(
    label: NDArray[np.bool_], size: NDArray[np.float64], score: NDArray[np.float64]
) -> Scores:
    """Score files of as many recordings as pairs."""
    names = np.array([f"{i}" for i in range(len(label))])
    text = np.array(["" if np.isnan(s) else repr(float(s)) for s in size])
    return Scores(
        path=Path("scores.csv"),
        reference=np.char.add("reference", names),
        probe=np.char.add("probe", names),
        label=label,
        condition=np.full(len(label), "speed"),
        recording=names,
        extras={"snr_db": text},
        score=score,
    )


def planted() -> Scores:
    """At 0 dB targets and nontargets score alike, at 10 dB they are 1 and 0; 20 each."""
    label = np.repeat([True, False, True, False], 20)
    size = np.repeat([0.0, 10.0], 40)
    score = np.concatenate([np.zeros(40), np.ones(20), np.zeros(20)])
    return scores(label, size, score)


def test_a_bin_holds_the_trials_of_its_size() -> None:
    noisy, clean = points_by_size(planted(), "snr_db", resamples=20)
    assert (noisy.size, noisy.value) == (0.0, 0.5)
    assert (clean.size, clean.value) == (10.0, 0.0)
    assert (noisy.targets, noisy.nontargets) == (20, 20)
    assert clean.low == 0
    assert 0 < clean.high < 0.5, "no error seen is not no error"


def test_nontargets_without_a_size_are_in_every_bin() -> None:
    """Scores of nontargets are 0 throughout, targets' 1 at 10 dB: all separate or none."""
    table = planted()
    size = np.where(table.label, table.size("snr_db"), np.nan)
    shared = points_by_size(scores(table.label, size, table.score), "snr_db", resamples=20)
    assert [point.nontargets for point in shared] == [40, 40]
    assert [point.value for point in shared] == [0.5, 0.0]


def test_targets_without_a_size_are_in_no_bin() -> None:
    table = planted()
    size = table.size("snr_db")
    size[:5] = np.nan
    points = points_by_size(scores(table.label, size, table.score), "snr_db", resamples=20)
    assert [point.targets for point in points] == [15, 20]


@pytest.mark.parametrize("size", ["9e999", "-9e999", "1e308"])
def test_a_size_that_no_axis_bears_is_none(size: str) -> None:
    table = planted()
    text = np.where(np.arange(len(table)) < 5, size, table.extras["snr_db"])
    points = points_by_size(replace(table, extras={"snr_db": text}), "snr_db", resamples=20)
    assert [point.targets for point in points] == [15, 20]


def test_bins_that_lack_a_kind_are_left_out_on_request() -> None:
    edges = [0.0, 4.0, 6.0, 10.0]
    points = points_by_size(planted(), "snr_db", edges=edges, resamples=0, leave_out_bare=True)
    assert [point.size for point in points] == [0.0, 10.0]


def test_without_resamples_no_interval_is_drawn_or_promised() -> None:
    points = points_by_size(planted(), "snr_db", resamples=0)
    assert np.isnan([(point.low, point.high) for point in points]).all()
    assert "95 %" not in legend(drawn(points))
    assert "95 % interval, recordings resampled" in legend(drawn(POINTS))


def test_another_figure_may_be_drawn() -> None:
    """Of the targets at 0 dB all lie below 0.5, of those at 10 dB none."""
    points = points_by_size(planted(), "snr_db", figure="miss", threshold=0.5, resamples=20)
    assert [point.value for point in points] == [1.0, 0.0]


def test_sizes_beyond_given_edges_are_left_out() -> None:
    (clean,) = points_by_size(planted(), "snr_db", edges=[5.0, 10.0], resamples=20)
    assert (clean.targets, clean.nontargets, clean.value) == (20, 20, 0.0)


def test_a_point_says_which_sizes_its_bin_holds(rng: np.random.Generator) -> None:
    size = np.tile(np.concatenate([[0.0, 1.0, 4.0], [6.0, 7.0, 9.0]]), 2)
    label = np.repeat([True, False], 6)
    low, high = points_by_size(
        scores(label, size, rng.normal(size=12)), "snr_db", edges=[0.0, 5.0, 9.0], resamples=10
    )
    assert (low.smallest, low.size, low.largest) == (0.0, 1.0, 4.0)
    assert (high.smallest, high.size, high.largest) == (6.0, 7.0, 9.0)


def test_few_values_get_a_bin_each() -> None:
    assert bin_edges([3.0, 5.0, 5.0, 10.0, np.nan]).tolist() == [3.0, 4.0, 7.5, 10.0]
    assert bin_edges([2.0]).tolist() == [2.0, 2.0]


def test_many_values_are_shared_out_evenly(rng: np.random.Generator) -> None:
    sizes = rng.exponential(size=1000)
    counts, _ = np.histogram(sizes, bin_edges(sizes, bins=8))
    assert counts.tolist() == [125] * 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"edges": [10.0, 0.0]}, "do not ascend"),
        ({"edges": [1.0]}, "give 2 or more"),
        ({"edges": [0.0, 4.0, 6.0, 10.0]}, "snr_db from 4 to 6 lacks trials of one kind"),
        ({"figure": "eerie"}, "'eerie' is no figure; give one of auc, eer"),
        ({"figure": "frr_at_far_0.0001"}, "needs 10,000 nontargets"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        points_by_size(planted(), "snr_db", resamples=10, **options)  # type: ignore[arg-type]


def test_a_column_without_sizes_is_refused() -> None:
    with pytest.raises(InputError, match="0 sizes"):
        points_by_size(planted(), "tempo_factor")


def drawn(points: list[SizePoint]) -> Figure:
    return error_against_size({"ours": points}, xlabel="signal-to-noise ratio, dB")


POINTS = [
    SizePoint(1.0, 0.0, 2.0, 0.2, 0.1, 0.4, 50, 60),
    SizePoint(5.0, 3.0, 9.0, 0.05, 0.01, 0.1, 70, 80),
]


def test_points_intervals_and_bins_are_where_they_belong() -> None:
    rates, counts = drawn(POINTS).axes
    assert np.asarray(line(rates, "ours").get_xydata()) == pytest.approx(
        np.array([(1.0, 0.2), (5.0, 0.05)])
    )
    upright, across = (lines.get_segments() for lines in rates.collections)  # type: ignore[attr-defined]
    assert np.asarray(upright[0]).tolist() == [[1.0, 0.1], [1.0, 0.4]]
    assert np.asarray(across[1]).tolist() == [[3.0, 0.05], [9.0, 0.05]]
    assert [list(numbers.get_ydata()) for numbers in counts.lines] == [[50, 70], [60, 80]]  # type: ignore[arg-type]


def test_bins_and_intervals_lie_within_the_axes() -> None:
    rates, _ = drawn(POINTS).axes
    assert rates.get_xlim()[0] < 0 < 9 < rates.get_xlim()[1]
    assert rates.get_ylim()[0] < 0 < 0.4 < rates.get_ylim()[1]


def test_a_point_without_an_interval_is_drawn_without_one() -> None:
    alone = SizePoint(1.0, 1.0, 1.0, 0.0, np.nan, np.nan, 5, 5)
    figure = drawn([alone])
    figure.canvas.draw()
    assert "A  ours" in legend(figure)


def test_points_of_several_systems_stand_side_by_side() -> None:
    figure = error_against_size({"ours": POINTS, "theirs": POINTS}, xlabel="x")
    figure.canvas.draw()
    ours, theirs = (line(figure.axes[0], name) for name in ("ours", "theirs"))
    places = [drawn.get_transform().transform((1.0, 0.2)) for drawn in (ours, theirs)]
    assert places[1] - places[0] == pytest.approx([6 / 72 * figure.dpi, 0])
    assert set(letters(figure.axes[0])) == {"A", "B"}


def test_no_system_is_refused() -> None:
    with pytest.raises(InputError, match="0 systems"):
        error_against_size({}, xlabel="x")
