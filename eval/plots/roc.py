"""The ROC: targets accepted against false alarms, once as everybody knows it and once enlarged.

Good systems press the curve into a corner. The right half therefore spreads the false alarms
over a logarithmic axis, which ends at one false alarm, for less was not measured.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MultipleLocator, NullFormatter

from cqtnet import plotting as style
from eval.metrics import auc, roc_points
from eval.plots.probit import Line
from eval.plots.scoreset import ScoreSet, refuse_unclear


def roc(sets: Sequence[ScoreSet], *, title: str = "Receiver operating characteristic") -> Figure:
    """A ROC figure of one or more systems or conditions, with the area under each curve.

    >>> figure = roc([ScoreSet("ours", target, nontarget)])
    """
    refuse_unclear([s.name for s in sets])
    lines = [_curve(s) for s in sets]
    figure = style.blank(4.0)
    linear, logarithmic = figure.subplots(1, 2, sharey=True)
    one_alarm = 1 / max(len(s.nontarget) for s in sets)
    style.dress(linear, title=title, xlabel="false alarms, %", ylabel="same recording accepted, %")
    style.dress(logarithmic, xlabel="false alarms, %, logarithmic")
    linear.set(xlim=(-0.03, 1), ylim=(-0.03, 1.04))
    logarithmic.set(xscale="log", xlim=(one_alarm / 2, 1))
    logarithmic.axvspan(one_alarm / 2, one_alarm, color=style.SHADE, zorder=0)
    _set_ticks(linear, logarithmic)
    looks = style.looks(len(sets))
    enlarged = [_from_one_alarm(s, line) for s, line in zip(sets, lines, strict=True)]
    for axes, drawn in ((linear, lines), (logarithmic, enlarged)):
        for look, s, line in zip(looks, sets, drawn, strict=True):
            axes.plot(*line, color=look.colour, ls=look.dashes, lw=2, label=s.name)
    chance = np.geomspace(one_alarm / 2, 1, 200)
    for axes in (linear, logarithmic):
        axes.plot(chance, chance, color=style.PALE, lw=0.8, zorder=1)
    style.letter_lines(logarithmic, looks, enlarged)
    rows: list[style.Row] = [
        (look.handle(), f"{look.letter}  {_in_words(s)}")
        for look, s in zip(looks, sets, strict=True)
    ]
    rows.append((Line2D([], [], color=style.PALE, lw=0.8), "chance: AUC 0.5"))
    below = Patch(fc=style.SHADE, ec=style.PALE, lw=0.5)
    rows.append((below, "below one false alarm in all these pairs: not measured"))
    style.legend_below(figure, rows)
    return figure


def _curve(s: ScoreSet) -> Line:
    """False alarms and accepted targets from (0, 0) to (1, 1)."""
    points = roc_points(s.target, s.nontarget, corners=True)
    return points.false_alarm, 1 - points.miss


def _from_one_alarm(s: ScoreSet, line: Line) -> Line:
    """The curve from one false alarm of this set, fine enough for a logarithmic axis."""
    one_alarm = 1 / len(s.nontarget)
    grid = np.geomspace(one_alarm, 1, 200)
    x, y = (np.concatenate(pair) for pair in zip(line, (grid, np.interp(grid, *line)), strict=True))
    order = np.lexsort((y, x))
    kept = x[order] >= one_alarm * (1 - 1e-9)
    return x[order][kept], y[order][kept]


def _set_ticks(linear: Axes, logarithmic: Axes) -> None:
    """Percent on all axes; powers of ten in full."""
    in_percent = FuncFormatter(lambda rate, _: style.percent_number(rate))
    for axis in (linear.xaxis, linear.yaxis):
        axis.set_major_locator(MultipleLocator(0.2))
        axis.set_major_formatter(in_percent)
    logarithmic.xaxis.set_major_locator(LogLocator(10, numticks=8))
    logarithmic.xaxis.set_major_formatter(in_percent)
    logarithmic.xaxis.set_minor_formatter(NullFormatter())


def _in_words(s: ScoreSet) -> str:
    area = np.format_float_positional(auc(s.target, s.nontarget), precision=5, trim="-")
    return f"{s.name}: {style.unbroken(f'AUC {area}; {s.counts}')}"
