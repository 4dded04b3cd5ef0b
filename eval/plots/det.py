"""The DET curve: misses against false alarms on probit axes, as far as the trials reach.

A rate below one error in N trials has not been measured: lines end there, and the region is
shaded. Where 30 errors are seen, a rate is known to about ±30 % with 90 % confidence
(Doddington's rule of 30); that is marked where all sets have as many trials. The thick line is
the convex hull of the ROC, on which the EER and every minDCF lie; the thin one joins the
thresholds as measured.
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

from cqtnet import plotting as style
from eval.metrics import OperatingPoint, min_dcf_point, roc_hull, roc_points
from eval.plots.probit import TICKS, Line, Window, measured_part, probit_figure, probit_steps
from eval.plots.scoreset import ScoreSet, refuse_unclear

POINT_MARKERS = ("D", "s", "^", "v", "P", "X")
ENOUGH_ERRORS = 30
NO_ERROR_BOUND = 3  # no error in N trials: below 3/N with 95 % confidence


def det(
    sets: Sequence[ScoreSet],
    *,
    operating_points: Sequence[OperatingPoint] = (),
    title: str = "Detection error trade-off",
) -> Figure:
    """A DET figure of one or more systems or conditions.

    >>> figure = det([ScoreSet("ours", target, nontarget)], operating_points=[OperatingPoint()])
    >>> save(figure, Path("det"))
    """
    refuse_unclear([s.name for s in sets])
    window = _window(sets)
    figure = probit_figure(window)
    axes = figure.axes[0]
    style.dress(
        axes,
        title=title,
        xlabel="false alarms: pairs of different recordings accepted, %",
        ylabel="misses: pairs of the same recording rejected, %",
        title_pad_pt=20,
    )
    _mark_resolution(axes, sets, window)
    looks = style.looks(len(sets))
    hulls = [_draw_lines(axes, s, look, window) for look, s in zip(looks, sets, strict=True)]
    marks = []
    for look, s in zip(looks, sets, strict=True):
        marks += _mark_points(axes, s, look, operating_points, window)
        marks += _mark_eer(axes, s, look, window)
    style.letter_lines(axes, looks, hulls, avoid=marks)
    _letter_unseen(axes, sets, looks, hulls, window)
    rows = [
        (look.handle(), f"{look.letter}  {_in_words(s)}")
        for look, s in zip(looks, sets, strict=True)
    ]
    style.legend_below(figure, rows + _key(sets, operating_points))
    return figure


def _window(sets: Sequence[ScoreSet]) -> Window:
    """From half an error of the largest set, or less for a smaller EER, to where lines end.

    At most to 40 %, but for higher EERs, and for sets so small that three errors are more.
    """
    tops = [max(1.6 * s.eer, 3 * max(s.one_error), min(0.4, max(_ends(s)))) for s in sets]
    top = TICKS[bisect_left(TICKS, min(max(0.05, *tops), TICKS[-1]) * (1 - 1e-9))]
    least = min([0.01, *(s.eer for s in sets if s.eer > 0)])
    false_alarm, miss = (0.5 * min(one, least) for one in _one_error(sets))
    return Window((false_alarm, top), (miss, top))


def _ends(s: ScoreSet) -> tuple[float, float]:
    """Where the hull leaves what was measured: false alarms at one miss, misses at one alarm."""
    false_alarm, miss = roc_hull(s.target, s.nontarget)
    one_alarm, one_miss = s.one_error
    return (
        float(np.interp(one_miss, miss[::-1], false_alarm[::-1])),
        float(np.interp(one_alarm, false_alarm, miss)),
    )


def _one_error(sets: Sequence[ScoreSet]) -> tuple[float, float]:
    """The rates of one false alarm and of one miss, each where most trials are."""
    false_alarms, misses = zip(*(s.one_error for s in sets), strict=True)
    return min(false_alarms), min(misses)


def _mark_resolution(axes: Axes, sets: Sequence[ScoreSet], window: Window) -> None:
    """The diagonal of equal errors, the shade below one error, and the lines of 30."""
    axes.plot(window.false_alarm, window.false_alarm, color=style.PALE, lw=0.8, zorder=1)
    one = _one_error(sets)
    axes.axvspan(window.false_alarm[0], one[0], color=style.SHADE, zorder=0)
    axes.axhspan(window.miss[0], one[1], color=style.SHADE, zorder=0)
    alike = len({s.one_error for s in sets}) == 1
    words: dict[str, Any] = {"fontsize": style.SMALL_PT, "color": style.PALE}
    for errors in (1, ENOUGH_ERRORS) if alike else (1,):
        text = f"{errors} error{'s' * (errors > 1)}"
        x, y = (errors * rate for rate in one)
        if x < window.false_alarm[1]:
            axes.axvline(x, color=style.PALE, lw=0.9, ls=(0, (1, 3)), zorder=1)
            axes.text(x, 1.01, text, transform=axes.get_xaxis_transform(), ha="center", **words)
        if y < window.miss[1]:
            axes.axhline(y, color=style.PALE, lw=0.9, ls=(0, (1, 3)), zorder=1)
            axes.text(1.01, y, text, transform=axes.get_yaxis_transform(), va="center", **words)


def _draw_lines(axes: Axes, s: ScoreSet, look: style.Look, window: Window) -> Line:
    """Draw band, steps and hull; return the hull as far as it was measured."""
    floor, top = s.one_error, window.miss[1]
    if s.band is not None:
        rates = probit_steps(floor[0], top)
        ends = (np.interp(rates, s.band.false_alarm, end) for end in (s.band.low, s.band.high))
        low, high = (np.clip(end, *window.miss) for end in ends)
        axes.fill_between(rates, low, high, color=look.colour, alpha=0.16, lw=0, zorder=2)
    points = roc_points(s.target, s.nontarget, corners=True)
    steps = measured_part((points.false_alarm, points.miss), floor=floor, ceiling=top)
    axes.plot(*steps, color=look.colour, lw=0.7, alpha=0.7, zorder=3, label=f"_steps of {s.name}")
    hull = measured_part(roc_hull(s.target, s.nontarget), floor=floor, ceiling=top)
    axes.plot(*hull, color=look.colour, ls=look.dashes, lw=2, zorder=4, label=s.name)
    return hull


def _mark_points(
    axes: Axes,
    s: ScoreSet,
    look: style.Look,
    operating_points: Sequence[OperatingPoint],
    window: Window,
) -> list[tuple[float, float]]:
    """Mark where the cost is least, on the rim where that is outside; return the places."""
    if s.eer == 0:
        return []
    places = [
        window.hold(*min_dcf_point(s.target, s.nontarget, point)) for point in operating_points
    ]
    for place, marker in zip(places, cycle(POINT_MARKERS), strict=False):
        axes.plot(
            *place, marker, mfc="white", mec=look.colour, mew=1.4, ms=6.5, zorder=5, clip_on=False
        )
    return places


def _mark_eer(
    axes: Axes, s: ScoreSet, look: style.Look, window: Window
) -> list[tuple[float, float]]:
    """Mark the EER on the diagonal, open where less than one error; return the place, if any."""
    if s.eer == 0:
        return []
    face = look.colour if s.eer >= max(s.one_error) else "white"
    place = window.hold(s.eer, s.eer)
    axes.plot(
        *place, "o", mfc=face, mec=look.colour, mew=1.4, ms=7.5, zorder=5, label=f"_EER of {s.name}"
    )
    return [place]


def _letter_unseen(
    axes: Axes,
    sets: Sequence[ScoreSet],
    looks: Sequence[style.Look],
    hulls: Sequence[Line],
    window: Window,
) -> None:
    """Where no line is long enough to carry a letter, point at where it would be."""
    letters: dict[tuple[float, float], list[str]] = {}
    for s, look, hull in zip(sets, looks, hulls, strict=True):
        if not len(hull[0]):
            below = (0.7 * s.one_error[0], 0.7 * s.one_error[1])
            place = window.hold(s.eer, s.eer) if s.eer else below
            letters.setdefault(place, []).append(look.letter)
    for place, several in letters.items():
        axes.annotate(
            " ".join(several),
            place,
            (22, 22),
            textcoords="offset points",
            fontsize=style.SMALL_PT,
            fontweight="bold",
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": style.INK},
            arrowprops={"arrowstyle": "-|>", "color": style.INK},
            zorder=6,
        )


def _in_words(s: ScoreSet) -> str:
    """The legend's line of a set."""
    if s.eer == 0:
        least = min(len(s.target), len(s.nontarget))
        bound = s.eer_interval[1] if s.eer_interval else min(1.0, NO_ERROR_BOUND / least)
        figure = f"no error, EER < {style.percent(bound)}"
    else:
        figure = f"EER {style.percent(s.eer)}"
        if s.eer_interval:
            figure += " [{}, {}]".format(*map(style.percent, s.eer_interval))
    return f"{s.name}: {style.unbroken(f'{figure}; {s.counts}')}"


def _key(sets: Sequence[ScoreSet], operating_points: Sequence[OperatingPoint]) -> list[style.Row]:
    """The legend's lines of what all sets share."""
    unseen = any(0 < s.eer < max(s.one_error) for s in sets)
    text = "EER, where both errors are as frequent" + "; open: below one error" * unseen
    rows: list[style.Row] = [(_dot("o", style.INK), text)]
    for point, marker in zip(operating_points, cycle(POINT_MARKERS), strict=False):
        text = f"minDCF ({point}): where errors cost least; on the rim where outside"
        rows.append((_dot(marker, "white"), text))
    text = "thin: every threshold as measured; thick: their convex hull"
    rows.append((Line2D([], [], color=style.INK, lw=0.7), text))
    if any(s.band is not None for s in sets):
        text = "95 % interval of the misses at each false-alarm rate, recordings resampled"
        rows.append((Patch(fc=style.INK, alpha=0.16), text))
    text = "below one error in all these pairs: not measured"
    rows.append((Patch(fc=style.SHADE, ec=style.PALE, lw=0.5), text))
    return rows


def _dot(marker: str, face: str) -> Line2D:
    return Line2D([], [], ls="", marker=marker, ms=7, mfc=face, mec=style.INK, mew=1.4)
