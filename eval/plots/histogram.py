"""How the scores of one system lie: densities of both kinds of pairs, and the errors below them.

Densities, not counts: 588 targets and 345,000 nontargets are seen alike. Few errors are invisible
in them, so the lower half shows both error rates at every threshold, down to one error. Scores
far from all others, such as -9999 for "none", would press the rest into one bin: the axis leaves
them out, and the legend counts them.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from cqtnet import plotting as style
from cqtnet.plotting import NONTARGET, TARGET, Row
from eval.metrics import RocPoints, rates_at_threshold, roc_points
from eval.plots.scoreset import ScoreSet

REACH = 10.0  # the axis goes so many times the span of both kinds' middle halves beyond them
LARGEST, NARROWEST = 1e100, 1e-100  # scores and widths that an axis bears
FINEST = 1e-12  # share of the scores themselves that is the narrowest axis
MOST_STEPS = 100_000  # of more, a bin holds so many that one more or less is not seen


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
    rows += _outside(densities, s)
    if threshold is not None:
        rows.append(_mark_threshold((densities, errors), s, threshold))
    style.legend_below(figure, rows)
    return figure


def _draw_densities(axes: Axes, s: ScoreSet, bins: int) -> None:
    edges = _edges(_central(s), bins)
    for scores, look in _classes(s):
        count, _ = np.histogram(scores, edges)
        density = count / len(scores) / np.diff(edges)
        axes.stairs(density, edges, fill=True, color=look.colour, alpha=0.3, lw=0)
        axes.stairs(density, edges, color=look.colour, ls=look.dashes, lw=1.6)
    axes.set(ylim=(0, None), xlim=(edges[0], edges[-1]))


def _central(s: ScoreSet) -> NDArray[np.float64]:
    """The scores without those that lie far from all others."""
    both = [np.clip(scores, -LARGEST, LARGEST) for scores, _ in _classes(s)]
    middle = np.array([np.quantile(scores, (0.25, 0.75)) for scores in both])
    reach = REACH * float(np.ptp(middle)) or math.inf
    scores = np.concatenate(both)
    central: NDArray[np.float64] = scores[
        (scores >= middle.min() - reach) & (scores <= middle.max() + reach)
    ]
    return central


def _edges(scores: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Edges of at most `bins` equal bins; where scores are multiples of a step, so are the bins.

    Counts of matches are whole numbers: bins of 2.5 would hold two of them and three in turn.
    """
    values = np.unique(scores)
    low, high = float(values[0]), float(values[-1])
    least = max(NARROWEST, FINEST * max(-low, high))
    if high - low < least:
        wide = max(least, 0.5 if low == high else 0.0)
        return np.linspace(low - wide, high + wide, bins + 1)
    gap = np.diff(values).min()
    if high - low > MOST_STEPS * gap:
        return np.linspace(low, high, bins + 1)
    steps = (values - low) / gap
    if not np.allclose(steps, steps.round(), rtol=0, atol=1e-3):
        return np.linspace(low, high, bins + 1)
    step = (high - low) / steps[-1]
    wide = math.ceil((steps[-1] + 1) / bins)
    number = math.ceil((steps[-1] + 1) / wide)
    edges: NDArray[np.float64] = low + step * (wide * np.arange(number + 1) - 0.5)
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
    # The middle of those that do the same; halves, for a sum may be too large for a number.
    halves = 0.5 * points.threshold[[at, min(at + 1, len(points.threshold) - 1)]]
    threshold = float(halves.sum())
    line = _upright(both, threshold, dashes=":")
    if s.eer == 0:
        return line, f"threshold {threshold:.4g}, in the middle of the gap: no error"
    text = f"threshold {threshold:.4g}, where both rates are closest; EER {style.percent(s.eer)}"
    return line, text


def _mark_threshold(both: Sequence[Axes], s: ScoreSet, threshold: float) -> Row:
    """Draw the threshold of decisions; return the legend's row with what it does."""
    line = _upright(both, threshold, dashes="-")
    rates = rates_at_threshold(s.target, s.nontarget, threshold)
    words = f"misses {style.percent(rates.miss)}, false alarms {style.percent(rates.false_alarm)}"
    return line, f"threshold {threshold:.4g}: {words}"


def _upright(both: Sequence[Axes], threshold: float, *, dashes: str) -> Line2D:
    """Draw a threshold in both halves, unless it lies outside; return its line for the legend."""
    look: dict[str, Any] = {"color": style.INK, "lw": 1.3, "ls": dashes}
    for axes in both:
        low, high = axes.get_xlim()
        if low <= threshold <= high:
            axes.axvline(threshold, **look)
    return Line2D([], [], **look)


def _outside(axes: Axes, s: ScoreSet) -> list[Row]:
    """The legend's row on scores that the axis leaves out, if any."""
    scores = np.concatenate([s.target, s.nontarget])
    low, high = axes.get_xlim()
    out = scores[(scores < low) | (scores > high)]
    if not len(out):
        return []
    reach = f"scores from {out.min():.4g} to {out.max():.4g}"
    pairs = f"{len(out):,} pair{'s lie' if len(out) > 1 else ' lies'}"
    return [(Line2D([], [], ls=""), f"{pairs} outside, far from all others: {reach}")]


def _classes(s: ScoreSet) -> tuple[tuple[NDArray[np.float64], style.Look], ...]:
    return (s.target, TARGET), (s.nontarget, NONTARGET)
