"""Whether likelihood ratios mean what they say: reliability, and cross-entropy over priors.

Left: of the pairs that are said to be of the same recording with 70 % probability, 70 % should
be. Right: the information that is still missing after the evidence, in bits, for every prior a
court or an archive may start from. Above the dotted line the evidence does harm; the distance
to the dashed line is what a better calibration would gain.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MultipleLocator, NullFormatter
from numpy.typing import NDArray
from scipy.stats import binomtest

from cqtnet import plotting as style
from cqtnet.plotting import NONTARGET, TARGET
from eval.metrics import Reliability, cllr, ece_curve, min_cllr, reliability
from eval.plots.scoreset import ScoreSet

STATED = style.Look("", style.COLOURS[0], style.DASHES[0])
BEST = style.Look("", style.GREEN, style.DASHES[1])
NEUTRAL = style.Look("", style.PALE, style.DASHES[2])
ZOOMED_BITS, ZOOM = 0.2, 1.6  # a good system would else lie on the axis
LEAST_BITS = 0.001  # top of the axis where the ratios lose nothing at all
HIGHEST_BITS = 2.0  # a system that claims far too much goes past the rim; the legend has its Cllr


def calibration(s: ScoreSet, *, p_target: float = 0.5, bins: int = 10, title: str = "") -> Figure:
    """A figure of a system's calibration: reliability at the prior `p_target`, ECE at all.

    >>> figure = calibration(ScoreSet("ours", target, nontarget, log_lr_target, log_lr_nontarget))
    """
    target, nontarget = s.log_lrs
    label = np.repeat([True, False], [len(target), len(nontarget)])
    measured = reliability(np.concatenate([target, nontarget]), label, p_target=p_target, bins=bins)
    figure = style.blank(4.3)
    grid = figure.add_gridspec(2, 2, height_ratios=(3, 1))
    diagram = figure.add_subplot(grid[0, 0])
    counts = figure.add_subplot(grid[1, 0], sharex=diagram)
    entropy = figure.add_subplot(grid[:, 1])
    style.dress(diagram, title=title or f"Calibration of {s.name}", ylabel="in truth the same, %")
    style.dress(counts, xlabel=f"stated probability, %, at prior {p_target:g}", ylabel="pairs")
    style.dress(entropy, xlabel="log10 of the prior odds", ylabel="empirical cross-entropy, bits")
    _draw_diagram(
        diagram, measured, target_weight=p_target / (1 - p_target) * len(nontarget) / len(target)
    )
    _draw_counts(counts, measured, bins)
    _draw_entropy(entropy, target, nontarget)
    style.legend_below(figure, _key(s))
    return figure


def _draw_diagram(axes: Axes, measured: Reliability, *, target_weight: float) -> None:
    """Observed against stated share; a target counts `target_weight` times a nontarget."""
    axes.plot([0, 1], [0, 1], color=style.PALE, lw=0.8)
    low, high = _intervals(measured, target_weight)
    axes.vlines(measured.predicted, low, high, color=STATED.colour, lw=1.2)
    axes.plot(measured.predicted, measured.observed, "o", color=STATED.colour, ms=5)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.2))
        axis.set_major_formatter(FuncFormatter(lambda rate, _: style.percent_number(rate)))
    axes.tick_params(labelbottom=False)


def _intervals(measured: Reliability, target_weight: float) -> NDArray[np.float64]:
    """95 % intervals of the weighted shares, low and high: Wilson's, pairs as if independent."""
    ends = [
        binomtest(int(t), int(t + n)).proportion_ci(method="wilson")
        for t, n in zip(measured.targets, measured.nontargets, strict=True)
    ]
    shares = np.array([(end.low, end.high) for end in ends]).T
    weighted: NDArray[np.float64] = target_weight * shares / (target_weight * shares + 1 - shares)
    return weighted


def _draw_counts(axes: Axes, measured: Reliability, bins: int) -> None:
    """How many pairs each bin holds, on a logarithmic axis."""
    place = np.minimum(np.floor(measured.predicted * bins), bins - 1)
    wide = 0.4 / bins
    for look, numbers, left in (
        (TARGET, measured.targets, 0.1),
        (NONTARGET, measured.nontargets, 0.5),
    ):
        axes.bar(
            (place + left) / bins,
            numbers,
            wide,
            align="edge",
            fc=to_rgba(look.colour, 0.3),
            ec=look.colour,
            ls=look.dashes,
            lw=1.5,
        )
    axes.set(yscale="log", ylim=(0.7, None))
    axes.yaxis.set_major_locator(LogLocator(10, numticks=4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_entropy(axes: Axes, target: NDArray[np.float64], nontarget: NDArray[np.float64]) -> None:
    """The cross-entropy of the ratios as stated, as well calibrated as can be, and of none."""
    curve = ece_curve(target, nontarget)
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


def _key(s: ScoreSet) -> list[style.Row]:
    target, nontarget = s.log_lrs
    dot = Line2D([], [], marker="o", color=STATED.colour, ls="", ms=5)
    return [
        (dot, "left: observed share and its 95 % interval (pairs as if independent)"),
        (TARGET.patch(), f"{len(target):,} target pairs, of the same recording"),
        (NONTARGET.patch(), f"{len(nontarget):,} nontarget pairs, of different recordings"),
        (
            STATED.handle(),
            f"right: ratios as stated, Cllr {cllr(target, nontarget):.3g} bits at even odds",
        ),
        (
            BEST.handle(),
            f"the same order, best calibration, minCllr {min_cllr(target, nontarget):.3g} bits",
        ),
        (NEUTRAL.handle(), "no evidence: every ratio 1; 1 bit at even odds"),
    ]
