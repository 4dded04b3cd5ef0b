"""How the scores of one system lie: densities of both kinds of pairs, and the errors below them.

Densities, not counts: 588 targets and 345,000 nontargets are seen alike. Few errors are invisible
in them, so the lower half shows both error rates at every threshold, down to one error.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from eval.metrics import RocPoints, rates_at_threshold, roc_points
from eval.plots import style
from eval.plots.scoreset import ScoreSet
from eval.plots.style import NONTARGET, TARGET, Row


def histogram(
    s: ScoreSet, *, threshold: float | None = None, bins: int = 50, title: str = ""
) -> Figure:
    """A figure of the scores, with the threshold of equal errors and, where given, of decisions.

    >>> figure = histogram(ScoreSet("ours", target, nontarget), threshold=0.5)
    """
    points = roc_points(s.target, s.nontarget)
    figure = style.blank(5.2)
    densities, errors = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    style.dress(densities, title=title or f"Scores of {s.name}", ylabel="density")
    style.dress(errors, xlabel="score", ylabel="error rate, %")
    _draw_densities(densities, s, bins)
    _draw_errors(errors, s, points)
    nontargets = f"nontarget: {len(s.nontarget):,} pairs of different recordings"
    targets = f"target: {len(s.target):,} pairs of the same recording"
    rows = [
        (NONTARGET.patch(), f"{nontargets}; lower half: false alarms"),
        (TARGET.patch(), f"{targets}; lower half: misses"),
        _mark_equal_errors((densities, errors), s, points),
    ]
    if threshold is not None:
        rows.append(_mark_threshold((densities, errors), s, threshold))
    style.legend_below(figure, rows)
    return figure


def _draw_densities(axes: Axes, s: ScoreSet, bins: int) -> None:
    edges = _edges(np.concatenate([s.target, s.nontarget]), bins)
    for scores, look in _classes(s):
        density, _ = np.histogram(scores, edges, density=True)
        axes.stairs(density, edges, fill=True, color=look.colour, alpha=0.3, lw=0)
        axes.stairs(density, edges, color=look.colour, ls=look.dashes, lw=1.6)
    axes.set(ylim=(0, None), xlim=(edges[0], edges[-1]))


def _edges(scores: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Edges of at most `bins` equal bins; where scores are multiples of a step, so are the bins.

    Counts of matches are whole numbers: bins of 2.5 would hold two of them and three in turn.
    """
    values = np.unique(scores)
    steps = (values - values[0]) / np.diff(values).min(initial=np.inf)
    if len(values) < 2 or not np.allclose(steps, steps.round(), rtol=0, atol=1e-3):
        return np.histogram_bin_edges(scores, bins)
    step = (values[-1] - values[0]) / steps[-1]
    wide = math.ceil((steps[-1] + 1) / bins)
    number = math.ceil((steps[-1] + 1) / wide)
    edges: NDArray[np.float64] = values[0] + step * (wide * np.arange(number + 1) - 0.5)
    return edges


def _draw_errors(axes: Axes, s: ScoreSet, points: RocPoints) -> None:
    """Both rates where scores from each place of the axis up are accepted, down to one error."""
    places = np.linspace(*axes.get_xlim(), 1500)
    # A threshold between two scores does what the upper one does.
    at = len(points.threshold) - 1 - np.searchsorted(points.threshold[::-1], places)
    for look, rates in ((TARGET, points.miss), (NONTARGET, points.false_alarm)):
        seen = np.where(rates[at] > 0, rates[at], np.nan)
        axes.plot(places, seen, color=look.colour, ls=look.dashes, lw=1.8)
    least = min(1 / len(s.target), 1 / len(s.nontarget))
    axes.set(yscale="log", ylim=(least / 1.5, 1.4))
    axes.yaxis.set_major_locator(LogLocator(10, numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: style.percent_number(rate)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _mark_equal_errors(both: Sequence[Axes], s: ScoreSet, points: RocPoints) -> Row:
    """Draw the threshold at which the two rates are closest; return the legend's row for it."""
    at = 1 + int(np.argmin(np.abs(points.miss - points.false_alarm)[1:]))
    threshold = float(points.threshold[at : at + 2].mean())  # middle of those that do the same
    lines = [axes.axvline(threshold, color=style.INK, lw=1.3, ls=":") for axes in both]
    if s.eer == 0:
        return lines[0], f"threshold {threshold:.4g}, in the middle of the gap: no error"
    text = f"threshold {threshold:.4g}, where both rates are closest; EER {style.percent(s.eer)}"
    return lines[0], text


def _mark_threshold(both: Sequence[Axes], s: ScoreSet, threshold: float) -> Row:
    """Draw the threshold of decisions; return the legend's row with what it does."""
    lines = [axes.axvline(threshold, color=style.INK, lw=1.3) for axes in both]
    rates = rates_at_threshold(s.target, s.nontarget, threshold)
    words = f"misses {style.percent(rates.miss)}, false alarms {style.percent(rates.false_alarm)}"
    return lines[0], f"threshold {threshold:.4g}: {words}"


def _classes(s: ScoreSet) -> tuple[tuple[NDArray[np.float64], style.Look], ...]:
    return (s.target, TARGET), (s.nontarget, NONTARGET)
