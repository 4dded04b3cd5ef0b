"""DET and ROC: misses, or accepted targets, against false alarms, as far as the trials reach.

A rate below one error in N trials has not been measured: lines end there, and the region is
shaded. In a DET, the thick line is the convex hull of the ROC, on which the EER and every minDCF
lie; the thin one joins the thresholds as measured. 30 errors show a rate to about ±30 % with 90 %
confidence (Doddington's rule of 30).
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, LogLocator, MultipleLocator
from scipy.special import ndtr, ndtri

from cqtnet import plotting as style
from cqtnet.eer import Floats
from eval.metrics import OperatingPoint, auc, min_dcf_point, roc_hull, roc_points
from eval.plots.scoreset import ScoreSet

TICKS = (*10.0 ** np.arange(-7, -2), 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
TICKS += (0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
SMALL_TICKS = tuple(digit * tick for tick in TICKS if tick < 0.01 for digit in (2, 5))
POINT_MARKERS = ("D", "s", "^", "v", "P", "X")
ENOUGH_ERRORS = 30
NO_ERROR_BOUND = 3  # no error in N trials: the rate is below 3/N with 95 % confidence
NEARLY = 1 - 1e-9  # rates are quotients: equal but for rounding


def det(
    sets: Sequence[ScoreSet], *, operating_points: Sequence[OperatingPoint] = (),
    title: str = "Detection error trade-off",
) -> Figure:  # fmt: skip
    """A DET figure of one or more systems or conditions."""
    style.refuse_unclear([s.name for s in sets])
    figure = _probit_figure(*_window(sets))
    axes = figure.axes[0]
    xlabel = "false alarms: pairs of different recordings accepted, %"
    ylabel = "misses: pairs of the same recording rejected, %"
    style.dress(axes, title=title, xlabel=xlabel, ylabel=ylabel, title_pad_pt=20)
    _mark_resolution(axes, sets)
    looks = style.looks(len(sets))
    drawn = list(zip(looks, sets, strict=True))
    hulls = [_draw_lines(axes, s, look) for look, s in drawn]
    marks = [mark for look, s in drawn for mark in _mark_points(axes, s, look, operating_points)]
    style.letter_lines(axes, looks, hulls, avoid=marks)
    _letter_unseen(axes, sets, looks, hulls)
    rows = style.lettered(looks, map(_det_text, sets))
    style.legend_below(figure, rows + _det_key(sets, operating_points))
    return figure


def _window(sets: Sequence[ScoreSet]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits from half an error of the largest set, or less for a smaller EER, to where lines end.

    At most to 40 %, except for higher EERs and very small sets.
    """
    tops = [max(1.6 * s.eer, 3 * max(s.one_error), min(0.4, max(_ends(s)))) for s in sets]
    top = TICKS[bisect_left(TICKS, min(max(0.05, *tops), TICKS[-1]) * NEARLY)]
    least = min([0.01, *(s.eer for s in sets if s.eer > 0)])
    false_alarm, miss = (0.5 * min(one, least) for one in _largest(sets))
    return (false_alarm, top), (miss, top)


def _ends(s: ScoreSet) -> tuple[float, float]:
    """Where the hull leaves what was measured: false alarms at one miss, misses at one alarm."""
    false_alarm, miss = roc_hull(s.target, s.nontarget)
    one_alarm, one_miss = s.one_error
    alarms = np.interp(one_miss, miss[::-1], false_alarm[::-1])
    return float(alarms), float(np.interp(one_alarm, false_alarm, miss))


def _largest(sets: Sequence[ScoreSet]) -> tuple[float, float]:
    return tuple(map(min, zip(*(s.one_error for s in sets), strict=True)))


def _probit_figure(xlim: tuple[float, float], ylim: tuple[float, float]) -> Figure:
    """A figure with one pair of axes in percent, on which normal scores give a straight line."""
    wide, high = (float(np.ptp(ndtri(limits))) for limits in (xlim, ylim))
    beside_in, above_and_below_in = 1.3, 1.1  # what the words around the axes take
    figure = style.blank(above_and_below_in + (style.WIDTH_IN - beside_in) * high / wide)
    axes = figure.subplots()
    axes.set_xscale("function", functions=(ndtri, ndtr))
    axes.set_yscale("function", functions=(ndtri, ndtr))
    axes.set(xlim=xlim, ylim=ylim, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        style.set_ticks(axis, FixedLocator(TICKS), small=FixedLocator(SMALL_TICKS))
    return figure


def _probit_steps(low: float, high: float) -> Floats:
    inner: Floats = ndtr(np.linspace(ndtri(low), ndtri(high), 300)[1:-1])
    return np.concatenate([[low], inner, [high]])


def _measured_part(line: style.Line, *, floor: tuple[float, float], ceiling: float) -> style.Line:
    """The falling line as far as both rates reach `floor`, fine enough for curved axes.

    `ceiling` holds for both rates. Points are joined by lines that are straight in rates.
    """
    false_alarm, miss = line
    across, down = (_probit_steps(low, ceiling) for low in floor)
    x = np.concatenate([false_alarm, across, np.interp(down, miss[::-1], false_alarm[::-1])])
    y = np.concatenate([miss, np.interp(across, false_alarm, miss), down])
    order = np.lexsort((-y, x))
    x, y = x[order], y[order]
    kept = (x >= floor[0] * NEARLY) & (y >= floor[1] * NEARLY)
    return x[kept], y[kept]


def _inside(axes: Axes, false_alarm: float, miss: float) -> tuple[float, float]:
    """The place on the axes that is nearest to one that may lie outside."""
    return float(np.clip(false_alarm, *axes.get_xlim())), float(np.clip(miss, *axes.get_ylim()))


def _mark_resolution(axes: Axes, sets: Sequence[ScoreSet]) -> None:
    """The diagonal of equal errors, the shade below one error, and the lines of 30."""
    axes.plot(axes.get_xlim(), axes.get_xlim(), color=style.PALE, lw=0.8, zorder=1)
    one = _largest(sets)
    axes.axvspan(axes.get_xlim()[0], one[0], color=style.SHADE, zorder=0)
    axes.axhspan(axes.get_ylim()[0], one[1], color=style.SHADE, zorder=0)
    equal = len({s.one_error for s in sets}) == 1
    words: dict[str, Any] = {"fontsize": style.SMALL_PT, "color": style.PALE}
    dotted: dict[str, Any] = {"color": style.PALE, "lw": 0.9, "ls": (0, (1, 3)), "zorder": 1}
    for errors in (1, ENOUGH_ERRORS) if equal else (1,):
        text = f"{errors} error{'s' * (errors > 1)}"
        x, y = (errors * rate for rate in one)
        if x < axes.get_xlim()[1]:
            axes.axvline(x, **dotted)
            axes.text(x, 1.01, text, transform=axes.get_xaxis_transform(), ha="center", **words)
        if y < axes.get_ylim()[1]:
            axes.axhline(y, **dotted)
            axes.text(1.01, y, text, transform=axes.get_yaxis_transform(), va="center", **words)


def _draw_lines(axes: Axes, s: ScoreSet, look: style.Look) -> style.Line:
    """Draw band, steps and hull; return the hull as far as it was measured."""
    floor, top = s.one_error, axes.get_ylim()[1]
    if s.band is not None:
        rates = _probit_steps(floor[0], top)
        ends = (np.interp(rates, s.band.false_alarm, end) for end in (s.band.low, s.band.high))
        low, high = (np.clip(end, *axes.get_ylim()) for end in ends)
        axes.fill_between(rates, low, high, color=look.colour, alpha=0.16, lw=0, zorder=2)
    points = roc_points(s.target, s.nontarget, corners=True)
    steps = _measured_part((points.false_alarm, points.miss), floor=floor, ceiling=top)
    axes.plot(*steps, color=look.colour, lw=0.7, alpha=0.7, zorder=3, label=f"_steps of {s.name}")
    hull = _measured_part(roc_hull(s.target, s.nontarget), floor=floor, ceiling=top)
    axes.plot(*hull, color=look.colour, ls=look.dashes, lw=2, zorder=4, label=s.name)
    return hull


def _mark_points(
    axes: Axes, s: ScoreSet, look: style.Look, operating_points: Sequence[OperatingPoint]
) -> list[tuple[float, float]]:
    """Mark each minDCF, on the rim if it is outside, and the EER, open below one error."""
    if s.eer == 0:
        return []
    edge: dict[str, Any] = {"mec": look.colour, "mew": 1.4, "zorder": 5}
    costs = [_inside(axes, *min_dcf_point(s.target, s.nontarget, p)) for p in operating_points]
    for place, marker in zip(costs, cycle(POINT_MARKERS), strict=False):
        axes.plot(*place, marker, mfc="white", ms=6.5, clip_on=False, **edge)
    face = look.colour if s.eer >= max(s.one_error) else "white"
    eer = _inside(axes, s.eer, s.eer)
    axes.plot(*eer, "o", mfc=face, ms=7.5, label=f"_EER of {s.name}", **edge)
    return [*costs, eer]


def _letter_unseen(
    axes: Axes, sets: Sequence[ScoreSet], looks: Sequence[style.Look], hulls: Sequence[style.Line]
) -> None:
    """Where no line is long enough to carry a letter, point at where it would be."""
    letters: dict[tuple[float, float], list[str]] = {}
    for s, look, hull in zip(sets, looks, hulls, strict=True):
        if not len(hull[0]):
            below = (0.7 * s.one_error[0], 0.7 * s.one_error[1])
            place = _inside(axes, s.eer, s.eer) if s.eer else below
            letters.setdefault(place, []).append(look.letter)
    for place, several in letters.items():
        axes.annotate(
            " ".join(several), place, (22, 22), textcoords="offset points",
            fontsize=style.SMALL_PT, fontweight="bold", ha="center", va="center",
            bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": style.INK},
            arrowprops={"arrowstyle": "-|>", "color": style.INK}, zorder=6,
        )  # fmt: skip


def _det_text(s: ScoreSet) -> str:
    if s.eer == 0:
        fewest = min(len(s.target), len(s.nontarget))
        bound = s.eer_interval[1] if s.eer_interval else min(1.0, NO_ERROR_BOUND / fewest)
        figure = f"no error, EER < {style.percent(bound)}"
    else:
        figure = f"EER {style.percent(s.eer)}"
        if s.eer_interval:
            figure += " [{}, {}]".format(*map(style.percent, s.eer_interval))
    return f"{s.name}: {style.unbroken(f'{figure}; {s.counts}')}"


def _det_key(sets: Sequence[ScoreSet], points: Sequence[OperatingPoint]) -> list[style.Row]:
    def mark(marker: str, face: str) -> Line2D:
        return Line2D([], [], ls="", marker=marker, ms=7, mfc=face, mec=style.INK, mew=1.4)

    unseen = any(0 < s.eer < max(s.one_error) for s in sets)
    text = "EER, where both errors are as frequent" + "; open: below one error" * unseen
    rows: list[style.Row] = [(mark("o", style.INK), text)]
    for point, marker in zip(points, cycle(POINT_MARKERS), strict=False):
        text = f"minDCF ({point}): where errors cost least; on the rim where outside"
        rows.append((mark(marker, "white"), text))
    text = "thin: every threshold as measured; thick: their convex hull"
    rows.append((Line2D([], [], color=style.INK, lw=0.7), text))
    if any(s.band is not None for s in sets):
        text = "95 % interval of the misses at each false-alarm rate, recordings resampled"
        rows.append((Patch(fc=style.INK, alpha=0.16), text))
    return [*rows, (_shade(), "below one error in all these pairs: not measured")]


def _shade() -> Patch:
    return Patch(fc=style.SHADE, ec=style.PALE, lw=0.5)


# The ROC, once as usual and once enlarged. The curve of a good system lies in a corner, so the
# right half spreads the false alarms over a logarithmic axis, which ends at one false alarm.


def roc(sets: Sequence[ScoreSet], *, title: str = "Receiver operating characteristic") -> Figure:
    """A ROC figure of one or more systems or conditions, with the area under each curve."""
    style.refuse_unclear([s.name for s in sets])
    points = [roc_points(s.target, s.nontarget, corners=True) for s in sets]
    lines = [(p.false_alarm, 1 - p.miss) for p in points]
    figure = style.blank(4.0)
    linear, logarithmic = figure.subplots(1, 2, sharey=True)
    one_alarm = 1 / max(len(s.nontarget) for s in sets)
    style.dress(linear, title=title, xlabel="false alarms, %", ylabel="same recording accepted, %")
    style.dress(logarithmic, xlabel="false alarms, %, logarithmic")
    linear.set(xlim=(-0.03, 1), ylim=(-0.03, 1.04))
    logarithmic.set(xscale="log", xlim=(one_alarm / 2, 1))
    logarithmic.axvspan(one_alarm / 2, one_alarm, color=style.SHADE, zorder=0)
    for axis in (linear.xaxis, linear.yaxis):
        style.set_ticks(axis, MultipleLocator(0.2))
    style.set_ticks(logarithmic.xaxis, LogLocator(10, numticks=8))
    looks = style.looks(len(sets))
    enlarged = []  # from one false alarm of each set, fine enough for a logarithmic axis
    for s, line in zip(sets, lines, strict=True):
        least = 1 / len(s.nontarget)
        grid = np.geomspace(least, 1, 200)
        both = zip(line, (grid, np.interp(grid, *line)), strict=True)
        x, y = (np.concatenate(pair) for pair in both)
        order = np.lexsort((y, x))
        kept = order[x[order] >= least * NEARLY]
        enlarged.append((x[kept], y[kept]))
    chance = np.geomspace(one_alarm / 2, 1, 200)
    for axes, drawn in ((linear, lines), (logarithmic, enlarged)):
        for look, s, line in zip(looks, sets, drawn, strict=True):
            axes.plot(*line, color=look.colour, ls=look.dashes, lw=2, label=s.name)
        axes.plot(chance, chance, color=style.PALE, lw=0.8, zorder=1)
    style.letter_lines(logarithmic, looks, enlarged)
    texts = []
    for s in sets:
        area = np.format_float_positional(auc(s.target, s.nontarget), precision=5, trim="-")
        texts.append(f"{s.name}: {style.unbroken(f'AUC {area}; {s.counts}')}")
    rows = style.lettered(looks, texts)
    rows.append((Line2D([], [], color=style.PALE, lw=0.8), "chance: AUC 0.5"))
    rows.append((_shade(), "below one false alarm in all these pairs: not measured"))
    style.legend_below(figure, rows)
    return figure
