"""The Tippett plot: how often likelihood ratios are at least so high, for both kinds of pairs.

Evidence misleads where a target pair has a ratio below 1, or a nontarget pair one above 1. Both
rates are marked at log10 LR = 0, where a good system's curves are near 100 % and near 0 %.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from eval.metrics import Tippett
from eval.metrics import tippett as curves_of
from eval.plots import style
from eval.plots.scoreset import Line, ScoreSet, refuse_unclear

DECADES = 10.0  # no trial list supports ratios beyond 10 to this power: they lie past the rim
TARGET_WIDTH, NONTARGET_WIDTH = 2.4, 1.2


def tippett(sets: Sequence[ScoreSet], *, title: str = "Tippett plot") -> Figure:
    """A Tippett figure of one or more systems that state log-likelihood ratios.

    >>> figure = tippett([ScoreSet("ours", target, nontarget, log_lr_target, log_lr_nontarget)])
    """
    refuse_unclear([s.name for s in sets])
    curves = [curves_of(*s.log_lrs) for s in sets]
    looks = style.looks(len(sets))
    figure = style.blank(4.6)
    axes = figure.subplots()
    style.dress(
        axes,
        title=title,
        xlabel="log10 of the likelihood ratio",
        ylabel="pairs with at least this ratio, %",
        title_pad_pt=20,
    )
    _set_axes(axes, curves)
    lines = [_lines(curve, axes.get_xlim()) for curve in curves]
    for look, s, curve, (target, nontarget) in zip(looks, sets, curves, lines, strict=True):
        plain: dict[str, Any] = {"color": look.colour, "ls": look.dashes}
        axes.plot(*target, lw=TARGET_WIDTH, label=f"{s.name}, target", **plain)
        axes.plot(*nontarget, lw=NONTARGET_WIDTH, label=f"{s.name}, nontarget", **plain)
        marks = [1 - curve.misleading_target, curve.misleading_nontarget]
        axes.plot([0, 0], marks, "o", mfc=look.colour, mec="white", ms=8, zorder=5)
    flanks = [_flank(line) for kind in zip(*lines, strict=True) for line in kind]
    style.letter_lines(axes, looks * 2, flanks)
    rows: list[style.Row] = [
        (look.handle(), f"{look.letter}  {_in_words(s, curve)}")
        for look, s, curve in zip(looks, sets, curves, strict=True)
    ]
    style.legend_below(figure, rows + _key())
    return figure


def _set_axes(axes: Axes, curves: Sequence[Tippett]) -> None:
    """Limits from the ratios, and which way each side of LR = 1 points."""
    ends = np.array([curve.log_lr[end] for curve in curves for end in (0, -1)]) / np.log(10)
    low, high = np.clip([min(-1, ends.min()), max(1, ends.max())], -DECADES, DECADES)
    axes.set(xlim=(low - 0.1, high + 0.1), ylim=(-0.02, 1.02))
    axes.axvline(0, color=style.PALE, lw=1)
    for shift_pt, side, text in ((-6, "right", "← different"), (6, "left", "same recording →")):
        axes.annotate(
            text,
            (0, 1.01),
            (shift_pt, 0),
            xycoords=axes.get_xaxis_transform(),
            textcoords="offset points",
            ha=side,
            fontsize=style.SMALL_PT,
            color=style.PALE,
        )
    axes.xaxis.set_major_locator(MaxNLocator(11, integer=True))
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: style.percent_number(rate)))


def _lines(curve: Tippett, limits: tuple[float, float]) -> tuple[Line, Line]:
    """Both curves at as many places as can be seen, of targets and of nontargets."""
    places: NDArray[np.float64] = np.linspace(*limits, 1500)
    at = np.searchsorted(curve.log_lr / np.log(10), places)
    target, nontarget = (np.append(share, 0.0)[at] for share in (curve.target, curve.nontarget))
    return (places, target), (places, nontarget)


def _flank(line: Line) -> Line:
    """Where the line falls: letters at its ends, where all lines meet, would help nobody."""
    places, share = line
    falling = (share > 0.1) & (share < 0.9)
    return (places[falling], share[falling]) if falling.sum() > 20 else line


def _in_words(s: ScoreSet, curve: Tippett) -> str:
    rates = (style.percent(curve.misleading_target), style.percent(curve.misleading_nontarget))
    return f"{s.name}: " + style.unbroken(
        f"misleading {rates[0]} of {len(s.target):,} target, "
        f"{rates[1]} of {len(s.nontarget):,} nontarget pairs"
    )


def _key() -> list[style.Row]:
    ink: dict[str, Any] = {"color": style.INK}
    return [
        (Line2D([], [], lw=TARGET_WIDTH, **ink), "thick: target pairs, of the same recording"),
        (
            Line2D([], [], lw=NONTARGET_WIDTH, **ink),
            "thin: nontarget pairs, of different recordings",
        ),
        (
            Line2D([], [], marker="o", ls="", ms=8, **ink),
            "ratio 1: targets above the dot and nontargets below it mislead",
        ),
    ]
