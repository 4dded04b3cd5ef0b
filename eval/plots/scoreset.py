"""The scores of one system under one condition, and pictures: histogram, Tippett, calibration."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MultipleLocator
from scipy.stats import binomtest

from cqtnet import plotting as style
from cqtnet.eer import Floats
from cqtnet.errors import InputError
from cqtnet.plotting import NONTARGET, TARGET, Row
from eval import metrics
from eval.trials import Scores
from verify.report import sureness


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


# The histogram: densities of both kinds of pairs, and below them both error rates at every
# threshold, down to one error, for few errors are invisible in a density. Scores far from all
# others, such as -9999 for "none", would press the rest into one bin: the axis leaves them out,
# and the legend counts them.

REACH = 10.0  # the axis ends this many spans beyond the middle halves of both kinds of scores
LARGEST, NARROWEST = 1e100, 1e-100  # scores and widths that an axis can show
FINEST = 1e-12  # share of the scores themselves that is the narrowest axis
MOST_STEPS = 100_000  # with more, a bin holds so many that one more or less is not seen


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
    style.set_ticks(axes.yaxis, LogLocator(10, numticks=9))


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


# The Tippett plot: how often ratios are at least so high, for both kinds of pairs.

DECADES = 10.0  # powers of ten that are shown at most: no trial list supports ratios beyond
WIDTHS = {"target": 2.4, "nontarget": 1.2}  # the widths of the lines of both kinds of pairs


def tippett(sets: Sequence[ScoreSet], *, title: str = "Tippett plot") -> Figure:
    """A Tippett figure of one or more systems, with the rates of misleading evidence at ratio 1."""
    style.refuse_unclear([s.name for s in sets])
    curves = [metrics.tippett(*s.log_lrs) for s in sets]
    ratios = [(s.log_lrs[0] / np.log(10), s.log_lrs[1] / np.log(10)) for s in sets]
    ends = np.array([curve.log_lr[end] for curve in curves for end in (0, -1)]) / np.log(10)
    low, high = np.clip([min(-1, ends.min()), max(1, ends.max())], -DECADES, DECADES)
    looks = style.looks(len(sets))
    figure = style.blank(4.6)
    axes = figure.subplots()
    styles = [_styles(look, s.name) for look, s in zip(looks, sets, strict=True)]
    limits = (low - 0.1, high + 0.1)
    lines = sureness.tippett(axes, ratios, styles, limits=limits, title=title)
    for look, curve in zip(looks, curves, strict=True):
        marks = [1 - curve.misleading_target, curve.misleading_nontarget]
        axes.plot([0, 0], marks, "o", mfc=look.colour, mec="white", ms=8, zorder=5)
    flanks = [_flank(line) for kind in zip(*lines, strict=True) for line in kind]
    style.letter_lines(axes, looks * 2, flanks)
    texts = []
    for s, curve in zip(sets, curves, strict=True):
        target = f"{style.percent(curve.misleading_target)} of {len(s.target):,} target"
        other = f"{style.percent(curve.misleading_nontarget)} of {len(s.nontarget):,} nontarget"
        texts.append(f"{s.name}: {style.unbroken(f'misleading {target}, {other} pairs')}")
    style.legend_below(figure, style.lettered(looks, texts) + _key())
    return figure


def _styles(look: style.Look, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    plain: dict[str, Any] = {"color": look.colour, "ls": look.dashes}
    target, nontarget = ({**plain, "lw": lw, "label": f"{name}, {of}"} for of, lw in WIDTHS.items())
    return target, nontarget


def _flank(line: style.Line) -> style.Line:
    """Where the line falls: letters at its ends, where all lines meet, would help nobody."""
    places, share = line
    falling = (share > 0.1) & (share < 0.9)
    return (places[falling], share[falling]) if falling.sum() > 20 else line


def _key() -> list[style.Row]:
    thick, thin = (Line2D([], [], lw=lw, color=style.INK) for lw in WIDTHS.values())
    dot = Line2D([], [], marker="o", ls="", ms=8, color=style.INK)
    return [
        (thick, "thick: target pairs, of the same recording"),
        (thin, "thin: nontarget pairs, of different recordings"),
        (dot, "ratio 1: targets above the dot and nontargets below it mislead"),
    ]


# Calibration: whether likelihood ratios mean what they say. Left, reliability: of the pairs with
# a stated probability of 70 %, 70 % should be of the same recording. Right: the information that
# is still missing after the evidence, in bits, for every prior. Above the dotted line the evidence
# does harm; the distance to the dashed line is what a better calibration would gain.

STATED = style.Look("", style.COLOURS[0], style.DASHES[0])
BEST = style.Look("", style.GREEN, style.DASHES[1])
NEUTRAL = style.Look("", style.PALE, style.DASHES[2])
ZOOMED_BITS, ZOOM = 0.2, 1.6
"""Losses below are enlarged: the lines of a good system would lie on the axis."""
LEAST_BITS = 0.001  # top of the axis for ratios that lose nothing at all
HIGHEST_BITS = 2.0  # a system that claims far too much goes past this top; the legend has its Cllr


def calibration(s: ScoreSet, *, p_target: float = 0.5, bins: int = 10, title: str = "") -> Figure:
    """A figure of a calibration: reliability at the prior `p_target`, ECE at all priors."""
    target, nontarget = s.log_lrs
    label = np.repeat([True, False], [len(target), len(nontarget)])
    ratios = np.concatenate([target, nontarget])
    measured = metrics.reliability(ratios, label, p_target=p_target, bins=bins)
    figure = style.blank(4.3)
    grid = figure.add_gridspec(2, 2, height_ratios=(3, 1))
    diagram = figure.add_subplot(grid[0, 0])
    counts = figure.add_subplot(grid[1, 0], sharex=diagram)
    entropy = figure.add_subplot(grid[:, 1])
    style.dress(diagram, title=title or f"Calibration of {s.name}", ylabel="in truth the same, %")
    style.dress(counts, xlabel=f"stated probability, %, at prior {p_target:g}", ylabel="pairs")
    style.dress(entropy, xlabel="log10 of the prior odds", ylabel="empirical cross-entropy, bits")
    _draw_diagram(diagram, measured, p_target / (1 - p_target) * len(nontarget) / len(target))
    _draw_counts(counts, measured, bins)
    _draw_entropy(entropy, target, nontarget)
    of_stated, of_best = metrics.cllr(target, nontarget), metrics.min_cllr(target, nontarget)
    dot = Line2D([], [], marker="o", color=STATED.colour, ls="", ms=5)
    rows: list[Row] = [
        (dot, "left: observed share and its 95 % interval (pairs as if independent)"),
        (TARGET.patch(), f"{len(target):,} target pairs, of the same recording"),
        (NONTARGET.patch(), f"{len(nontarget):,} nontarget pairs, of different recordings"),
        (STATED.handle(), f"right: ratios as stated, Cllr {of_stated:.3g} bits at even odds"),
        (BEST.handle(), f"the same order, best calibration, minCllr {of_best:.3g} bits"),
        (NEUTRAL.handle(), "no evidence: every ratio 1; 1 bit at even odds"),
    ]
    style.legend_below(figure, rows)
    return figure


def _draw_diagram(axes: Axes, measured: metrics.Reliability, target_weight: float) -> None:
    """Observed against stated share with Wilson's intervals; targets weigh `target_weight` each."""
    axes.plot([0, 1], [0, 1], color=style.PALE, lw=0.8)
    ends = [
        binomtest(int(t), int(t + n)).proportion_ci(method="wilson")
        for t, n in zip(measured.targets, measured.nontargets, strict=True)
    ]
    shares = np.array([(end.low, end.high) for end in ends]).T
    low, high = target_weight * shares / (target_weight * shares + 1 - shares)
    axes.vlines(measured.predicted, low, high, color=STATED.colour, lw=1.2)
    axes.plot(measured.predicted, measured.observed, "o", color=STATED.colour, ms=5)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        style.set_ticks(axis, MultipleLocator(0.2))
    axes.tick_params(labelbottom=False)


def _draw_counts(axes: Axes, measured: metrics.Reliability, bins: int) -> None:
    place = np.minimum(np.floor(measured.predicted * bins), bins - 1)
    kinds = ((TARGET, measured.targets, 0.1), (NONTARGET, measured.nontargets, 0.5))
    for look, numbers, left in kinds:
        lines: dict[str, Any] = {"ec": look.colour, "ls": look.dashes, "lw": 1.5}
        places, fill = (place + left) / bins, to_rgba(look.colour, 0.3)
        axes.bar(places, numbers, 0.4 / bins, align="edge", fc=fill, **lines)
    axes.set(yscale="log", ylim=(0.7, None))
    style.set_ticks(axes.yaxis, LogLocator(10, numticks=4), text=",.0f")


def _draw_entropy(axes: Axes, target: Floats, nontarget: Floats) -> None:
    """The cross-entropy of the ratios as stated, with the best calibration, and of none."""
    curve = metrics.ece_curve(target, nontarget)
    odds = curve.prior_log_odds / np.log(10)
    for look, bits in ((NEUTRAL, curve.neutral), (BEST, curve.pav), (STATED, curve.system)):
        axes.plot(odds, bits, color=look.colour, ls=look.dashes, lw=1.8)
    most = float(curve.system.max())
    highest = max(LEAST_BITS, ZOOM * most)
    if most >= ZOOMED_BITS:
        highest = min(HIGHEST_BITS, 1.05 * max(1.0, most))
    axes.set(xlim=(odds[0], odds[-1]), ylim=(0, highest))
    axes.axvline(0, color=style.PALE, lw=0.8)
    axes.xaxis.set_major_locator(MultipleLocator(1))
