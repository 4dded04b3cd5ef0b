from dataclasses import replace

import numpy as np
import pytest

from cqtnet.errors import InputError
from eval.plots import SizePoint, bin_edges, error_against_size, points_by_size
from tests.eval.planted import joined, paired
from tests.eval.plots.reading import legend, letters, line

EDGES = [0.0, 5.0, 10.0]
POINTS = [
    SizePoint(1.0, 0.0, 2.0, 0.2, 0.1, 0.4, 50, 60),
    SizePoint(5.0, 3.0, 9.0, 0.05, 0.01, 0.1, 70, 80),
]


def planted(size=None):
    """At 0 dB targets and nontargets score alike, at 10 dB they are 1 and 0; 20 each."""
    table = joined(paired(0, 0), paired(1, 0))
    size = np.repeat(["0.0", "10.0"], 40) if size is None else size
    own = np.arange(80).astype(str)
    names = {name: np.char.add(name, own) for name in ("reference", "probe", "recording")}
    return replace(table, **names, extras={"snr_db": size})


def test_a_bin_holds_the_trials_of_its_size():
    noisy, clean = points_by_size(planted(), "snr_db", EDGES, resamples=20)
    assert (noisy.size, noisy.value) == (0.0, 0.5)
    assert (clean.size, clean.value) == (10.0, 0.0)
    assert (noisy.targets, noisy.nontargets) == (20, 20) and clean.low == 0
    assert 0 < clean.high < 0.5, "no error seen is not no error"
    (only,) = points_by_size(planted(), "snr_db", EDGES[1:], resamples=20)
    assert only == clean, "sizes beyond the edges are left out"
    bare = points_by_size(planted(), "snr_db", [0.0, 4.0, 6.0, 10.0], resamples=20)
    assert bare == [noisy, clean], "a bin without trials of one kind has no point"
    table = planted(np.tile(["0.0", "1.0", "1.0", "4.0", "6.0", "7.0", "7.0", "9.0"], 10))
    low, high = points_by_size(table, "snr_db", [0.0, 5.0, 9.0], resamples=0)
    assert (low.smallest, low.size, low.largest) == (0.0, 1.0, 4.0)
    assert (high.smallest, high.size, high.largest) == (6.0, 7.0, 9.0)


def test_nontargets_without_a_size_are_in_every_bin_and_targets_in_none():
    """Scores of nontargets are 0 throughout, targets' 1 at 10 dB: all separate or none."""
    table = planted()
    size = np.where(table.label, table.extras["snr_db"], "")
    shared = points_by_size(planted(size), "snr_db", EDGES, resamples=20)
    assert [point.nontargets for point in shared] == [40, 40]
    assert [point.value for point in shared] == [0.5, 0.0]
    for none in ("", "9e999", "-9e999", "1e308"):
        size = np.where(np.arange(80) < 5, none, table.extras["snr_db"])
        points = points_by_size(planted(size), "snr_db", EDGES, resamples=20)
        assert [point.targets for point in points] == [15, 20], none


def test_without_resamples_no_interval_is_drawn_or_promised():
    points = points_by_size(planted(), "snr_db", EDGES, resamples=0)
    assert np.isnan([(point.low, point.high) for point in points]).all()
    assert "95 %" not in legend(drawn(points))
    assert "95 % interval, recordings resampled" in legend(drawn(POINTS))
    figure = drawn([SizePoint(1.0, 1.0, 1.0, 0.0, np.nan, np.nan, 5, 5)])
    figure.canvas.draw()
    assert "A  ours" in legend(figure)


def test_few_values_get_a_bin_each_and_many_are_shared_out_evenly(rng):
    assert bin_edges([3.0, 5.0, 5.0, 10.0, np.nan]).tolist() == [3.0, 4.0, 7.5, 10.0]
    assert bin_edges([2.0]).tolist() == [2.0, 2.0]
    sizes = rng.exponential(size=1000)
    counts, _ = np.histogram(sizes, bin_edges(sizes, bins=8))
    assert counts.tolist() == [125] * 8
    with pytest.raises(InputError, match="0 sizes"):
        bin_edges([np.nan])


def drawn(points):
    return error_against_size({"ours": points}, xlabel="signal-to-noise ratio, dB")


def test_points_intervals_and_bins_are_where_they_belong_systems_side_by_side():
    rates, counts = drawn(POINTS).axes
    ours = np.asarray(line(rates, "ours").get_xydata())
    assert ours == pytest.approx(np.array([(1.0, 0.2), (5.0, 0.05)]))
    upright, across = (lines.get_segments() for lines in rates.collections)
    assert np.asarray(upright[0]).tolist() == [[1.0, 0.1], [1.0, 0.4]]
    assert np.asarray(across[1]).tolist() == [[3.0, 0.05], [9.0, 0.05]]
    assert [list(numbers.get_ydata()) for numbers in counts.lines] == [[50, 70], [60, 80]]
    assert rates.get_xlim()[0] < 0 < 9 < rates.get_xlim()[1]
    assert rates.get_ylim()[0] < 0 < 0.4 < rates.get_ylim()[1]
    figure = error_against_size({"ours": POINTS, "theirs": POINTS}, xlabel="x")
    figure.canvas.draw()
    ours, theirs = (line(figure.axes[0], name) for name in ("ours", "theirs"))
    places = [drawn.get_transform().transform((1.0, 0.2)) for drawn in (ours, theirs)]
    assert places[1] - places[0] == pytest.approx([6 / 72 * figure.dpi, 0])
    assert set(letters(figure.axes[0])) == {"A", "B"}
