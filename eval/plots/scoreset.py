"""The scores of one system under one condition, what pictures of several share, and a histogram."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, NullFormatter

from cqtnet import plotting as style
from cqtnet.eer import Floats
from cqtnet.errors import InputError
from cqtnet.plotting import NONTARGET, TARGET, Row
from eval import metrics
from eval.trials import Scores

Line = tuple[Floats, Floats]
"""x and y along a line, (k,) each; in a DET or ROC, false-alarm rates come first."""


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """Scores of target and nontarget pairs under one name; higher means the same recording."""

    name: str
    target: Floats  # (n,)
    nontarget: Floats  # (m,)
    log_lr_target: Floats | None = None  # (n,) natural logarithm
    log_lr_nontarget: Floats | None = None  # (m,)
    band: metrics.RocBand | None = None  # interval of the miss rate along the false-alarm rate
    eer_interval: tuple[float, float] | None = None  # rates, not percent

    @classmethod
    def of(cls, name: str, scores: Scores, **known: Any) -> Self:
        """The score set of a score file, or of some of its rows; with `band` or `eer_interval`."""
        classes = (scores.label, ~scores.label)
        target, nontarget = (scores.score[mask] for mask in classes)
        ratio, other = (None if scores.log_lr is None else scores.log_lr[mask] for mask in classes)
        return cls(name, target, nontarget, ratio, other, **known)

    @property
    def counts(self) -> str:
        """The numbers of pairs in words."""
        return f"{len(self.target):,} target, {len(self.nontarget):,} nontarget pairs"

    @cached_property
    def eer(self) -> float:
        """The equal error rate, on the convex hull of the ROC."""
        return metrics.equal_error_rate(self.target, self.nontarget)

    @property
    def one_error(self) -> tuple[float, float]:
        """The rates of one false alarm and of one miss: less was not measured."""
        almost_one = 0.999  # for a single trial; probit axes have no place for 1
        return min(1 / len(self.nontarget), almost_one), min(1 / len(self.target), almost_one)

    @property
    def log_lrs(self) -> tuple[Floats, Floats]:
        """Log-likelihood ratios of target and nontarget pairs; an error if there are none."""
        if self.log_lr_target is None or self.log_lr_nontarget is None:
            raise InputError(
                f"{self.name} has no likelihood ratios, which this picture needs; "
                "give scores with a column log_lr"
            )
        return self.log_lr_target, self.log_lr_nontarget


def refuse_unclear(names: Sequence[str]) -> None:
    """Raise unless there is something to draw and every line has a name of its own."""
    if not names:
        raise InputError("0 systems to draw; give at least 1")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{len(names)} systems, but {twice[0]!r} names several; give each its own")


def lettered(looks: Sequence[style.Look], texts: Iterable[str]) -> list[style.Row]:
    """The legend's rows of lines with a letter."""
    return [
        (look.handle(), f"{look.letter}  {text}") for look, text in zip(looks, texts, strict=True)
    ]


def set_ticks(axis: Axis, at: Locator, *, small: Locator | None = None, text: str = "") -> None:
    """Ticks of an axis in percent, or in numbers formatted by `text`; small ones have no text."""
    axis.set_major_locator(at)
    if small is not None:
        axis.set_minor_locator(small)
    axis.set_major_formatter(
        FuncFormatter(lambda x, _: format(x, text) if text else style.percent_number(x))
    )
    axis.set_minor_formatter(NullFormatter())


# The histogram: densities of both kinds of pairs, and below them both error rates at every
# threshold, down to one error, for few errors are invisible in a density. Scores far from all
# others, such as -9999 for "none", would press the rest into one bin: the axis leaves them out,
# and the legend counts them.

REACH = 10.0
"""The axis ends this many spans beyond the middle halves of both kinds of scores."""
LARGEST, NARROWEST = 1e100, 1e-100
"""Scores and widths that an axis can show."""
FINEST = 1e-12
"""Share of the scores themselves that is the narrowest axis."""
MOST_STEPS = 100_000
"""With more, a bin holds so many that one more or less is not seen."""


def histogram(
    s: ScoreSet, *, threshold: float | None = None, bins: int = 50, title: str = ""
) -> Figure:
    """A figure of the scores, with the threshold of equal errors and one of decisions, if given."""
    points = metrics.roc_points(s.target, s.nontarget)
    figure = style.blank(5.2)
    densities, errors = both = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    style.dress(densities, title=title or f"Scores of {s.name}", ylabel="density")
    style.dress(errors, xlabel="score", ylabel="error rate, %")
    _draw_densities(densities, s, bins)
    _draw_errors(errors, s, points)
    nontargets = f"nontarget: {len(s.nontarget):,} pairs of different recordings"
    targets = f"target: {len(s.target):,} pairs of the same recording"
    rows = [
        (NONTARGET.patch(), f"{nontargets}; lower half: false alarms"),
        (TARGET.patch(), f"{targets}; lower half: misses"),
        _mark_equal_errors(both, s, points),
        *_outside(densities, s),
    ]
    if threshold is not None:
        rates = metrics.rates_at_threshold(s.target, s.nontarget, threshold)
        miss, alarms = style.percent(rates.miss), style.percent(rates.false_alarm)
        text = f"threshold {threshold:.4g}: misses {miss}, false alarms {alarms}"
        rows.append((_upright(both, threshold, dashes="-"), text))
    style.legend_below(figure, rows)
    return figure


def _draw_densities(axes: Axes, s: ScoreSet, bins: int) -> None:
    both = [np.clip(scores, -LARGEST, LARGEST) for scores in (s.target, s.nontarget)]
    middle = np.array([np.quantile(scores, (0.25, 0.75)) for scores in both])
    reach = REACH * float(np.ptp(middle)) or math.inf
    scores = np.concatenate(both)
    central = (scores >= middle.min() - reach) & (scores <= middle.max() + reach)
    edges = _edges(scores[central], bins)
    for scores, look in ((s.target, TARGET), (s.nontarget, NONTARGET)):
        count, _ = np.histogram(scores, edges)
        density = count / len(scores) / np.diff(edges)
        axes.stairs(density, edges, fill=True, color=look.colour, alpha=0.3, lw=0)
        axes.stairs(density, edges, color=look.colour, ls=look.dashes, lw=1.6)
    axes.set(ylim=(0, None), xlim=(edges[0], edges[-1]))


def _edges(scores: Floats, bins: int) -> Floats:
    """Edges of at most `bins` equal bins; where scores are multiples of a step, so are the bins."""
    values = np.unique(scores)
    low, high = float(values[0]), float(values[-1])
    least = max(NARROWEST, FINEST * max(-low, high))
    if high - low < least:
        wide = max(least, 0.5 if low == high else 0.0)
        return np.linspace(low - wide, high + wide, bins + 1)
    gap = np.diff(values).min()
    steps = (values - low) / gap if high - low <= MOST_STEPS * gap else np.array([0.5])
    if not np.allclose(steps, steps.round(), rtol=0, atol=1e-3):
        return np.linspace(low, high, bins + 1)
    step = (high - low) / steps[-1]
    wide = math.ceil((steps[-1] + 1) / bins)
    number = math.ceil((steps[-1] + 1) / wide)
    return np.asarray(low + step * (wide * np.arange(number + 1) - 0.5))


def _draw_errors(axes: Axes, s: ScoreSet, points: metrics.RocPoints) -> None:
    """Both rates where scores from each place of the axis up are accepted, down to one error."""
    places = np.linspace(*axes.get_xlim(), 1500)
    # A threshold between two scores does what the upper one does.
    at = len(points.threshold) - 1 - np.searchsorted(points.threshold[::-1], places)
    for look, rates in ((TARGET, points.miss), (NONTARGET, points.false_alarm)):
        seen = np.where(rates[at] > 0, rates[at], np.nan)
        axes.plot(places, seen, color=look.colour, ls=look.dashes, lw=1.8)
    least = min(1 / len(s.target), 1 / len(s.nontarget))
    axes.set(yscale="log", ylim=(least / 1.5, 1.4))
    set_ticks(axes.yaxis, LogLocator(10, numticks=9))


def _mark_equal_errors(both: Sequence[Axes], s: ScoreSet, points: metrics.RocPoints) -> Row:
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


def _upright(both: Sequence[Axes], threshold: float, *, dashes: str) -> Line2D:
    """Draw a threshold in both halves, unless it lies outside; return its line for the legend."""
    look: dict[str, Any] = {"color": style.INK, "lw": 1.3, "ls": dashes}
    for axes in both:
        low, high = axes.get_xlim()
        if low <= threshold <= high:
            axes.axvline(threshold, **look)
    return Line2D([], [], **look)


def _outside(axes: Axes, s: ScoreSet) -> list[Row]:
    scores = np.concatenate([s.target, s.nontarget])
    low, high = axes.get_xlim()
    out = scores[(scores < low) | (scores > high)]
    if not len(out):
        return []
    reach = f"scores from {out.min():.4g} to {out.max():.4g}"
    pairs = f"{len(out):,} pair{'s lie' if len(out) > 1 else ' lies'}"
    return [(Line2D([], [], ls=""), f"{pairs} outside, far from all others: {reach}")]
