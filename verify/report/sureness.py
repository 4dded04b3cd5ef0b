"""The pictures of how sure a verdict is: the verbal scale, and pairs the calibration had not seen.

Ratios are powers of ten here.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from cqtnet.plotting import (
    INK,
    NONTARGET,
    PALE,
    SMALL_PT,
    TARGET,
    Picture,
    as_svg,
    blank,
    dress,
    percent_number,
)
from verify.report.language import say
from verify.results import Comparison
from verify.words import SCALE, ratio

if TYPE_CHECKING:
    from verify.calibration import Calibration
    from verify.words import Against

Values = NDArray[np.float64]
Curve = tuple[Values, Values]
Style = Mapping[str, Any]

LN10 = math.log(10)
FARTHEST = 7.2
"""Powers of ten that the scale shows."""
ROWS = 1.65
"""Height of the scale's blocks is 1; above them are a marker, its name and the ends' words."""
BINS = 48
RIM = 0.02
"""Share of an axis at whose ends a value beyond it is drawn."""
STEPS = 1500
"""Points of a curve: more cannot be seen."""
OTHERS: dict["Against", str] = {
    "rendition": "renditions of one work", "unrelated": "unrelated recordings"
}  # fmt: skip
PAIRS = {
    against: ("pairs of the same recording", f"pairs of {others}")
    for against, others in OTHERS.items()
}
ENDS: dict["Against", str] = {
    "rendition": "← another rendition", "unrelated": "← unrelated recordings"
}  # fmt: skip


def log10_ratios(calibration: "Calibration", against: "Against") -> tuple[Values, Values] | None:
    """Ratios of pairs the calibration had not seen: of the same recording, and of others."""
    known = calibration.data.get(against) or {}
    same, different = (
        np.asarray(known.get(name) or (), np.float64) / LN10
        for name in ("log_lr_first", "log_lr_second")
    )
    return (same, different) if len(same) and len(different) else None


def draw_scale(comparison: Comparison) -> Picture | None:
    """The stated ratio on the verbal scale, with the bounds; None where none is stated."""
    if not comparison.log_lr:
        return None
    figure = blank(2.3)
    axes = figure.subplots()
    dress(axes, xlabel=say("likelihood ratio"))
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.set(xlim=(-FARTHEST, FARTHEST), ylim=(0, ROWS), yticks=[])
    _draw_words(axes, ENDS[comparison.deciding[1]])
    decides, _ = comparison.deciding
    for bound, end in ((decides.least, -FARTHEST), (decides.most, FARTHEST)):
        axes.axvspan(
            bound / LN10, end, ymax=1 / ROWS, facecolor="none", edgecolor="#8a8a8a", hatch="////",
            linewidth=0,
        )  # fmt: skip
    _mark_scale(axes, float(np.clip(comparison.log_lr / LN10, -FARTHEST, FARTHEST)))
    powers = range(-6, 7)
    axes.set_xticks(list(powers), [say(ratio_of(power)) for power in powers])
    words = f"A likelihood ratio of {ratio(comparison.log_lr)} on the verbal scale."
    return as_svg(figure, say(words))


def _draw_words(axes: Axes, below: str) -> None:
    """Blocks of the scale, darker for stronger words, mirrored below 1; words run upwards."""
    limits = [0.0, *(min(FARTHEST, math.log10(limit)) for limit, _ in SCALE)]
    for i, (_, word) in enumerate(SCALE):
        for sign, colour in ((-1, NONTARGET.colour), (1, TARGET.colour)):
            begin, end = sorted((sign * limits[i], sign * limits[i + 1]))
            axes.axvspan(
                begin, end, ymax=1 / ROWS, color=colour, alpha=0.06 + 0.07 * i, linewidth=0
            )
            axes.axvline(sign * limits[i + 1], ymax=1 / ROWS, color="white", linewidth=1.5)
            if i:
                _write(axes, (begin + end) / 2, say(word).replace(" ", "\n"), rotation=90)
    _write(axes, 0, say("no"))
    pale: dict[str, Any] = {"color": PALE, "fontsize": SMALL_PT}
    axes.text(-FARTHEST, 1.47, say(below), ha="left", **pale)
    axes.text(FARTHEST, 1.47, say("same recording →"), ha="right", **pale)


def _write(axes: Axes, x: float, word: str, *, rotation: float = 0) -> None:
    axes.text(
        x, 0.5, word, ha="center", va="center", fontsize=SMALL_PT, color=INK, rotation=rotation,
        linespacing=1.0, zorder=4,
    )  # fmt: skip


def _mark_scale(axes: Axes, at: float) -> None:
    """A marker above the scale, and a line down to it."""
    axes.plot([at, at], [0, 1.06], color=INK, linewidth=2.5)
    axes.plot(at, 1.1, "v", color=INK, markersize=9)
    side = "center" if abs(at) < 2 else "right" if at > 0 else "left"  # within the scale
    axes.text(at, 1.24, say("this comparison"), ha=side, fontsize=SMALL_PT, fontweight="bold")


def ratio_of(power: int) -> str:
    """A power of ten as a likelihood ratio: 1/100, 1, 10⁴."""
    if abs(power) >= 4:
        text = f"10{str(abs(power)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    else:
        text = f"{10 ** abs(power):,}"
    return f"1/{text}" if power < 0 else text


def draw_distributions(comparison: Comparison, calibration: "Calibration") -> Picture | None:
    """Where this comparison falls among pairs of the same recording and among others."""
    decides, against = comparison.deciding
    ratios = log10_ratios(calibration, against)
    if ratios is None:
        return None
    figure = blank(3.2)
    axes = figure.subplots()
    dress(axes, xlabel=say("likelihood ratio before its bounds"), ylabel=say("share of pairs, %"))
    low, high = _limits(ratios)
    edges = np.linspace(low, high, BINS + 1)
    for values, look, words in zip(ratios, (TARGET, NONTARGET), PAIRS[against], strict=True):
        share = 100 * np.histogram(np.clip(values, low, high), edges)[0] / len(values)
        axes.stairs(share, edges, fill=True, color=look.colour, alpha=0.25, linewidth=0)
        axes.stairs(
            share, edges, color=look.colour, linestyle=look.dashes, linewidth=1.6, label=say(words)
        )
    dotted: Style = {"color": PALE, "linewidth": 1.3, "linestyle": ":"}
    known = calibration.regressions[against]
    for bound in (known.least, known.most):
        axes.axvline(bound / LN10, **dotted)
    axes.plot([], [], label=say("bounds"), **dotted)
    _set_ratios(axes, low, high)
    axes.set_ylim(0, 1.15 * axes.get_ylim()[1])
    if comparison.ratios is not None:
        _mark(axes, decides.unbounded / LN10, low, high)
    _legend_above(axes)
    return as_svg(figure, say("Ratios of the calibration's pairs, and of this comparison."))


def draw_tippett(calibration: "Calibration", against: "Against") -> Picture | None:
    """The Tippett plot of the calibration's pairs, within its bounds."""
    ratios = log10_ratios(calibration, against)
    if ratios is None:
        return None
    figure = blank(3.4)
    axes = figure.subplots()
    known = calibration.regressions[against]
    same, different = (np.clip(r, known.least / LN10, known.most / LN10) for r in ratios)
    styles = [
        {"color": look.colour, "linestyle": look.dashes, "linewidth": 2.2, "label": say(words)}
        for look, words in zip((TARGET, NONTARGET), PAIRS[against], strict=True)
    ]
    tippett(axes, [(same, different)], [(styles[0], styles[1])], limits=_limits(ratios))
    _legend_above(axes, above_pt=16)
    return as_svg(figure, say("Tippett plot of the pairs that the calibration was tried on."))


def tippett(
    axes: Axes,
    ratios: Sequence[tuple[Values, Values]],
    styles: Sequence[tuple[Style, Style]],
    *,
    limits: tuple[float, float],
    title: str = "",
) -> list[tuple[Curve, Curve]]:
    """Draw how many pairs have at least each ratio: a Tippett plot.

    `ratios` are the powers of ten of each system's pairs of the same and of different recordings.
    The two lines of each system come back, as places and shares.
    """
    ylabel = say("pairs with at least this ratio, %")
    dress(axes, title=title, xlabel=say("likelihood ratio"), ylabel=ylabel, title_pad_pt=20)
    axes.axvline(0, color=PALE, linewidth=1)
    places = np.linspace(*limits, STEPS)
    lines = []
    for (same, different), (style_same, style_different) in zip(ratios, styles, strict=True):
        pair = (places, at_least(same, places)), (places, at_least(different, places))
        axes.plot(*pair[0], **style_same)
        axes.plot(*pair[1], **style_different)
        lines.append(pair)
    for shift_pt, side, text in ((-6, "right", "← different"), (6, "left", "same recording →")):
        axes.annotate(
            say(text), (0, 1.01), (shift_pt, 0), xycoords=axes.get_xaxis_transform(),
            textcoords="offset points", ha=side, fontsize=SMALL_PT, color=PALE,
        )  # fmt: skip
    _set_ratios(axes, *limits)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: say(percent_number(rate))))
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
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, fontsize=SMALL_PT,
        borderaxespad=0.2 + above_pt / SMALL_PT,
    )  # fmt: skip


def _mark(axes: Axes, here: float, low: float, high: float) -> None:
    """A line where this comparison lies; an arrow at the rim where that is beyond."""
    room = RIM * (high - low)
    at = min(high - room, max(low + room, here))
    axes.axvline(at, color=INK, linewidth=2.5)
    beyond = " →" if here > high else " ←" if here < low else ""
    side = "right" if at > (low + high) / 2 else "left"
    shift = -room / 2 if side == "right" else room / 2
    axes.text(
        at + shift, 0.98, f"{say('this comparison')}{beyond}", transform=axes.get_xaxis_transform(),
        ha=side, va="top", fontsize=SMALL_PT, fontweight="bold", color=INK,
        bbox={"fc": "white", "ec": "none", "pad": 1.5},
    )  # fmt: skip
