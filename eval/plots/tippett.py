"""The Tippett plot: how often likelihood ratios are at least so high, for both kinds of pairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cqtnet import plotting as style
from eval.metrics import tippett as curves_of
from eval.plots.scoreset import Line, ScoreSet, lettered, refuse_unclear
from verify.report import sureness

DECADES = 10.0
"""Powers of ten that are shown at most: no trial list supports ratios beyond."""
WIDTHS = {"target": 2.4, "nontarget": 1.2}
"""The widths of the lines of both kinds of pairs."""


def tippett(sets: Sequence[ScoreSet], *, title: str = "Tippett plot") -> Figure:
    """A Tippett figure of one or more systems, with the rates of misleading evidence at ratio 1."""
    refuse_unclear([s.name for s in sets])
    curves = [curves_of(*s.log_lrs) for s in sets]
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
