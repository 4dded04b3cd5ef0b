"""The pictures of how sure a verdict is: the verbal scale, and pairs the calibration had not seen.

Ratios are powers of ten here.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from cqtnet import plotting as style
from verify.calibration import Calibration
from verify.report.language import say
from verify.results import Comparison
from verify.words import SCALE, Against, ratio

Values = NDArray[np.float64]
Curve = tuple[Values, Values]
Style = Mapping[str, Any]

LN10 = math.log(10)
FARTHEST = 7.2  # powers of ten that the scale shows
ROWS = 1.65  # the scale's blocks are 1 high; above are a marker, its name and the ends' words
OTHERS: dict[Against, str] = {
    "rendition": "renditions of one work", "unrelated": "unrelated recordings"
}  # fmt: skip
PAIRS = {
    against: ("pairs of the same recording", f"pairs of {others}")
    for against, others in OTHERS.items()
}
ENDS: dict[Against, str] = {
    "rendition": "← another rendition", "unrelated": "← unrelated recordings"
}  # fmt: skip
SMALL: Style = {"fontsize": style.SMALL_PT}
BOLD: Style = {"fontsize": style.SMALL_PT, "fontweight": "bold"}


def log10_ratios(calibration: Calibration, against: Against) -> tuple[Values, Values] | None:
    """Ratios of pairs the calibration had not seen: of the same recording, and of others."""
    known = calibration.data.get(against) or {}
    same, different = (
        np.asarray(known.get(name) or (), np.float64) / LN10
        for name in ("log_lr_first", "log_lr_second")
    )
    return (same, different) if len(same) and len(different) else None


def draw_scale(comparison: Comparison) -> style.Picture | None:
    """The stated ratio on the verbal scale, with the bounds; None where none is stated."""
    if not comparison.log_lr:
        return None
    figure = style.blank(2.3)
    axes = figure.subplots()
    style.dress(axes, xlabel=say("likelihood ratio"))
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.set(xlim=(-FARTHEST, FARTHEST), ylim=(0, ROWS), yticks=[])
    decides, against = comparison.deciding
    _draw_words(axes, ENDS[against])
    hatched: Style = {"facecolor": "none", "edgecolor": "#8a8a8a", "hatch": "////", "linewidth": 0}
    for bound, end in ((decides.least, -FARTHEST), (decides.most, FARTHEST)):
        axes.axvspan(bound / LN10, end, ymax=1 / ROWS, **hatched)
    at = float(np.clip(comparison.log_lr / LN10, -FARTHEST, FARTHEST))
    axes.plot([at, at], [0, 1.06], color=style.INK, linewidth=2.5)
    axes.plot(at, 1.1, "v", color=style.INK, markersize=9)
    side = "center" if abs(at) < 2 else "right" if at > 0 else "left"  # within the scale
    axes.text(at, 1.24, say("this comparison"), ha=side, **BOLD)
    powers = range(-6, 7)
    axes.set_xticks(list(powers), [say(ratio_of(power)) for power in powers])
    words = f"A likelihood ratio of {ratio(comparison.log_lr)} on the verbal scale."
    return style.as_svg(figure, say(words))


def _draw_words(axes: Axes, below: str) -> None:
    """Blocks of the scale, darker for stronger words, mirrored below 1; words run upwards."""
    look: Style = {"ha": "center", "va": "center", "color": style.INK, "linespacing": 1.0, **SMALL}
    limits = [0.0, *(min(FARTHEST, math.log10(limit)) for limit, _ in SCALE)]
    for i, (_, word) in enumerate(SCALE):
        for sign, colour in ((-1, style.NONTARGET.colour), (1, style.TARGET.colour)):
            begin, end = sorted((sign * limits[i], sign * limits[i + 1]))
            alpha = 0.06 + 0.07 * i
            axes.axvspan(begin, end, ymax=1 / ROWS, color=colour, alpha=alpha, linewidth=0)
            axes.axvline(sign * limits[i + 1], ymax=1 / ROWS, color="white", linewidth=1.5)
            if i:
                word_in_lines = say(word).replace(" ", "\n")
                axes.text((begin + end) / 2, 0.5, word_in_lines, rotation=90, zorder=4, **look)
    axes.text(0, 0.5, say("no"), zorder=4, **look)
    axes.text(-FARTHEST, 1.47, say(below), ha="left", color=style.PALE, **SMALL)
    axes.text(FARTHEST, 1.47, say("same recording →"), ha="right", color=style.PALE, **SMALL)


def ratio_of(power: int) -> str:
    """A power of ten as a likelihood ratio: 1/100, 1, 10⁴."""
    text = f"{10 ** abs(power):,}"
    if abs(power) >= 4:
        text = f"10{str(abs(power)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    return f"1/{text}" if power < 0 else text


def draw_distributions(comparison: Comparison, calibration: Calibration) -> style.Picture | None:
    """Where this comparison falls among pairs of the same recording and among others."""
    decides, against = comparison.deciding
    ratios = log10_ratios(calibration, against)
    if ratios is None:
        return None
    figure = style.blank(3.2)
    axes = figure.subplots()
    words = (say("likelihood ratio before its bounds"), say("share of pairs, %"))
    style.dress(axes, xlabel=words[0], ylabel=words[1])
    low, high = _limits(ratios)
    edges = np.linspace(low, high, 49)
    looks = (style.TARGET, style.NONTARGET)
    for values, look, name in zip(ratios, looks, PAIRS[against], strict=True):
        share = 100 * np.histogram(np.clip(values, low, high), edges)[0] / len(values)
        axes.stairs(share, edges, fill=True, color=look.colour, alpha=0.25, linewidth=0)
        line: Style = {"color": look.colour, "linestyle": look.dashes, "linewidth": 1.6}
        axes.stairs(share, edges, label=say(name), **line)
    dotted: Style = {"color": style.PALE, "linewidth": 1.3, "linestyle": ":"}
    known = calibration.regressions[against]
    for bound in (known.least, known.most):
        axes.axvline(bound / LN10, **dotted)
    axes.plot([], [], label=say("bounds"), **dotted)
    _set_ratios(axes, low, high)
    axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
    if comparison.ratios is not None:
        here, room = decides.unbounded / LN10, 0.02 * (high - low)
        at = min(high - room, max(low + room, here))
        axes.axvline(at, color=style.INK, linewidth=2.5)
        beyond = " →" if here > high else " ←" if here < low else ""
        side, shift = ("right", -room / 2) if at > (low + high) / 2 else ("left", room / 2)
        axes.text(
            at + shift, 0.98, f"{say('this comparison')}{beyond}", ha=side, va="top",
            transform=axes.get_xaxis_transform(), color=style.INK,
            bbox={"fc": "white", "ec": "none", "pad": 1.5}, **BOLD,
        )  # fmt: skip
    _legend_above(axes)
    return style.as_svg(figure, say("Ratios of the calibration's pairs, and of this comparison."))


def draw_tippett(calibration: Calibration, against: Against) -> style.Picture | None:
    """The Tippett plot of the calibration's pairs, within its bounds."""
    ratios = log10_ratios(calibration, against)
    if ratios is None:
        return None
    figure = style.blank(3.4)
    axes = figure.subplots()
    known = calibration.regressions[against]
    same, different = (np.clip(r, known.least / LN10, known.most / LN10) for r in ratios)
    first, second = (
        {"color": look.colour, "linestyle": look.dashes, "linewidth": 2.2, "label": say(words)}
        for look, words in zip((style.TARGET, style.NONTARGET), PAIRS[against], strict=True)
    )
    tippett(axes, [(same, different)], [(first, second)], limits=_limits(ratios))
    _legend_above(axes, above_pt=16)
    return style.as_svg(figure, say("Tippett plot of the pairs that the calibration was tried on."))


def tippett(
    axes: Axes, ratios: Sequence[tuple[Values, Values]], styles: Sequence[tuple[Style, Style]], *,
    limits: tuple[float, float], title: str = "",
) -> list[tuple[Curve, Curve]]:  # fmt: skip
    """Draw how many pairs have at least each ratio: a Tippett plot.

    `ratios` are the powers of ten of each system's pairs of the same and of different recordings.
    The two lines of each system come back, as places and shares.
    """
    ylabel = say("pairs with at least this ratio, %")
    style.dress(axes, title=title, xlabel=say("likelihood ratio"), ylabel=ylabel, title_pad_pt=20)
    axes.axvline(0, color=style.PALE, linewidth=1)
    places = np.linspace(*limits, 1500)  # more points of a curve cannot be seen
    lines = []
    for (same, different), (style_same, style_different) in zip(ratios, styles, strict=True):
        pair = (places, at_least(same, places)), (places, at_least(different, places))
        axes.plot(*pair[0], **style_same)
        axes.plot(*pair[1], **style_different)
        lines.append(pair)
    for shift_pt, side, text in ((-6, "right", "← different"), (6, "left", "same recording →")):
        axes.annotate(
            say(text), (0, 1.01), (shift_pt, 0), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", ha=side, color=style.PALE, **SMALL,
        )  # fmt: skip
    _set_ratios(axes, *limits)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    percent = FuncFormatter(lambda rate, _: say(style.percent_number(rate)))
    axes.yaxis.set_major_formatter(percent)
    return lines


def at_least(ratios: Values, places: Values) -> Values:
    """The share of ratios that are at least as high as each place."""
    below = np.searchsorted(np.sort(ratios), places, side="left")
    return np.asarray(1 - below / len(ratios))


def _limits(ratios: tuple[Values, Values]) -> tuple[float, float]:
    low, high = np.quantile(np.concatenate(ratios), (0.002, 0.998))
    return math.floor(min(-2.0, low)), math.ceil(max(2.0, high))


def _set_ratios(axes: Axes, low: float, high: float) -> None:
    """The limits of the horizontal axis, and its ticks as ratios."""
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda power, _: say(ratio_of(round(power)))))


def _legend_above(axes: Axes, *, above_pt: float = 0) -> None:
    pad, left = 0.2 + above_pt / style.SMALL_PT, "lower left"
    place: Style = {"loc": left, "bbox_to_anchor": (0, 1.0), "borderaxespad": pad}
    axes.legend(ncols=3, frameon=False, **SMALL, **place)
