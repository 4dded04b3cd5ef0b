"""Pictures of likelihood ratios: Tippett plots of several systems, the calibration of one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MultipleLocator
from scipy.stats import binomtest

from cqtnet import plotting as style
from cqtnet.eer import Floats
from cqtnet.plotting import NONTARGET, TARGET, Row
from eval import metrics
from eval.plots.scoreset import Line, ScoreSet, lettered, refuse_unclear, set_ticks
from verify.report import sureness

# The Tippett plot: how often ratios are at least so high, for both kinds of pairs.

DECADES = 10.0
"""Powers of ten that are shown at most: no trial list supports ratios beyond."""
WIDTHS = {"target": 2.4, "nontarget": 1.2}
"""The widths of the lines of both kinds of pairs."""


def tippett(sets: Sequence[ScoreSet], *, title: str = "Tippett plot") -> Figure:
    """A Tippett figure of one or more systems, with the rates of misleading evidence at ratio 1."""
    refuse_unclear([s.name for s in sets])
    curves = [metrics.tippett(*s.log_lrs) for s in sets]
    ratios = [(target / np.log(10), other / np.log(10)) for target, other in
              (s.log_lrs for s in sets)]  # fmt: skip
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
        rates = map(style.percent, (curve.misleading_target, curve.misleading_nontarget))
        words = "misleading {} of {:,} target, {} of {:,} nontarget pairs"
        counts = (len(s.target), len(s.nontarget))
        pairs = [x for pair in zip(rates, counts, strict=True) for x in pair]
        texts.append(f"{s.name}: {style.unbroken(words.format(*pairs))}")
    style.legend_below(figure, lettered(looks, texts) + _key())
    return figure


def _styles(look: style.Look, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """How a system's lines are drawn, of targets and of nontargets."""
    plain: dict[str, Any] = {"color": look.colour, "ls": look.dashes}
    target, nontarget = ({**plain, "lw": lw, "label": f"{name}, {of}"} for of, lw in WIDTHS.items())
    return target, nontarget


def _flank(line: Line) -> Line:
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
LEAST_BITS = 0.001
"""Top of the axis for ratios that lose nothing at all."""
HIGHEST_BITS = 2.0
"""A system that claims far too much goes past this top; the legend has its Cllr."""


def calibration(s: ScoreSet, *, p_target: float = 0.5, bins: int = 10, title: str = "") -> Figure:
    """A figure of a calibration: reliability at the prior `p_target`, ECE at all priors."""
    target, nontarget = s.log_lrs
    label = np.repeat([True, False], [len(target), len(nontarget)])
    measured = metrics.reliability(
        np.concatenate([target, nontarget]), label, p_target=p_target, bins=bins
    )
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
        set_ticks(axis, MultipleLocator(0.2))
    axes.tick_params(labelbottom=False)


def _draw_counts(axes: Axes, measured: metrics.Reliability, bins: int) -> None:
    place = np.minimum(np.floor(measured.predicted * bins), bins - 1)
    for look, numbers, left in (
        (TARGET, measured.targets, 0.1),
        (NONTARGET, measured.nontargets, 0.5),
    ):
        axes.bar(
            (place + left) / bins, numbers, 0.4 / bins, align="edge",
            fc=to_rgba(look.colour, 0.3), ec=look.colour, ls=look.dashes, lw=1.5,
        )  # fmt: skip
    axes.set(yscale="log", ylim=(0.7, None))
    set_ticks(axes.yaxis, LogLocator(10, numticks=4), text=",.0f")


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
