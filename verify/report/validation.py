"""How sure: the ratio on the verbal scale, and among pairs that the calibration had not seen."""

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from verify.calibration import Calibration
from verify.comparison import Comparison
from verify.report import style
from verify.report.style import DIFFERENT, INK, PALE, SAME, SMALL_PT
from verify.wording import SCALE, ratio

Values = NDArray[np.float64]

LN10 = math.log(10)
FARTHEST = 6.8
"""Powers of ten that the scale shows."""
BINS = 48
SAME_TEXT, DIFFERENT_TEXT = "same recording →", "← different recordings"
RIM = 0.02
"""Share of an axis within which what lies beyond it is drawn."""


def log10_ratios(calibration: Calibration) -> tuple[Values, Values] | None:
    """Ratios of pairs the calibration had not seen, as powers of ten: same, different."""
    same, different = (
        np.asarray(calibration.data.get(name) or (), np.float64) / LN10
        for name in ("log_lr_same", "log_lr_different")
    )
    return (same, different) if len(same) and len(different) else None


def unbounded_log_lr(comparison: Comparison, calibration: Calibration) -> float | None:
    """The ratio before its bounds; None where none is stated."""
    if comparison.evidence is None or comparison.log_lr == 0:
        return None
    return calibration.slope * calibration.score(comparison.evidence) + calibration.offset


def draw_scale(comparison: Comparison) -> style.Picture | None:
    """The stated ratio on the scale of words, with the bounds; None where none is stated."""
    if not comparison.log_lr:
        return None
    figure = style.blank(1.75)
    axes = figure.subplots()
    style.dress(axes, xlabel="likelihood ratio")
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.set(xlim=(-FARTHEST, FARTHEST), ylim=(0, 1.5), yticks=[])
    _draw_words(axes)
    for bound, end in ((comparison.least_log_lr, -FARTHEST), (comparison.most_log_lr, FARTHEST)):
        axes.axvspan(
            bound / LN10, end, ymax=2 / 3, facecolor="none", edgecolor="#8a8a8a", hatch="////",
            linewidth=0,
        )  # fmt: skip
    at = float(np.clip(comparison.log_lr / LN10, -FARTHEST, FARTHEST))
    for ends in ((0, 0.22), (0.78, 1.05)):  # the words between stay readable
        axes.plot([at, at], ends, color=INK, linewidth=2.5)
    axes.plot(at, 1.12, "v", color=INK, markersize=9)
    axes.text(at, 1.24, "this comparison", ha=_side(at), fontsize=SMALL_PT + 0.5, fontweight="bold")
    powers = range(-6, 7)
    axes.set_xticks(list(powers), [_ratio(power) for power in powers])
    words = f"A likelihood ratio of {ratio(comparison.log_lr)} on the verbal scale."
    return style.as_svg(figure, words)


def _draw_words(axes: Axes) -> None:
    """Blocks of the scale, darker for stronger words, mirrored below 1."""
    limits = [0.0, *(min(FARTHEST, math.log10(limit)) for limit, _ in SCALE)]
    for i, (_, word) in enumerate(SCALE):
        for sign, colour in ((-1, DIFFERENT), (1, SAME)):
            begin, end = sorted((sign * limits[i], sign * limits[i + 1]))
            axes.axvspan(begin, end, ymax=2 / 3, color=colour, alpha=0.06 + 0.07 * i, linewidth=0)
            axes.axvline(sign * limits[i + 1], ymax=2 / 3, color="white", linewidth=1.5)
            if i:
                shown = word.replace(" ", "\n")
                middle = (begin + end) / 2
                axes.text(middle, 0.5, shown, ha="center", va="center", fontsize=7.2, color=INK)
    axes.text(0, 0.5, "no", ha="center", va="center", fontsize=7.2, color=INK)
    axes.text(-FARTHEST, 1.12, DIFFERENT_TEXT, ha="left", color=PALE, fontsize=SMALL_PT)
    axes.text(FARTHEST, 1.12, SAME_TEXT, ha="right", color=PALE, fontsize=SMALL_PT)


def _side(at: float) -> str:
    """Which way a text at the marker goes, to stay clear of the words at the ends."""
    if abs(at) < 2:
        return "center"
    return "right" if at > 0 else "left"


def _ratio(power: int) -> str:
    if abs(power) >= 4:
        text = f"10{str(abs(power)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    else:
        text = f"{10 ** abs(power):,}"
    return f"1/{text}" if power < 0 else text


def draw_distributions(comparison: Comparison, calibration: Calibration) -> style.Picture | None:
    """Where this comparison falls between pairs of the same and of different recordings."""
    ratios = log10_ratios(calibration)
    if ratios is None:
        return None
    same, different = ratios
    figure = style.blank(3.2)
    axes = figure.subplots()
    style.dress(axes, xlabel="likelihood ratio before its bounds", ylabel="share of pairs, %")
    here = unbounded_log_lr(comparison, calibration)
    low, high = _limits(same, different)
    edges = np.linspace(low, high, BINS + 1)
    for values, colour, dashes, words in (
        (different, DIFFERENT, "--", "pairs of different recordings"),
        (same, SAME, "-", "pairs of the same recording"),
    ):
        share = 100 * np.histogram(np.clip(values, low, high), edges)[0] / len(values)
        axes.stairs(share, edges, fill=True, color=colour, alpha=0.25, linewidth=0)
        axes.stairs(share, edges, color=colour, linestyle=dashes, linewidth=1.6, label=words)
    for bound in (calibration.least, calibration.most):
        axes.axvline(bound / LN10, color=PALE, linewidth=1.3, linestyle=":")
    axes.plot([], [], color=PALE, linewidth=1.3, linestyle=":", label="bounds")
    if here is not None:
        _mark(axes, here / LN10, low, high)
    _finish(axes, low, high)
    axes.set_ylim(0, 1.12 * axes.get_ylim()[1])
    return style.as_svg(figure, "Ratios of the calibration's pairs, and of this comparison.")


def draw_tippett(calibration: Calibration) -> style.Picture | None:
    """How often pairs of either kind have at least each ratio: the Tippett plot."""
    ratios = log10_ratios(calibration)
    if ratios is None:
        return None
    figure = style.blank(3.2)
    axes = figure.subplots()
    style.dress(axes, xlabel="likelihood ratio", ylabel="pairs with at least this ratio, %")
    low, high = _limits(*ratios)
    places = np.linspace(low, high, 800)
    looks: tuple[dict[str, Any], ...] = (
        {"color": SAME, "linewidth": 2.2, "label": "pairs of the same recording"},
        {"color": DIFFERENT, "linewidth": 2.2, "linestyle": (0, (5, 1.5)),
         "label": "pairs of different recordings"},
    )  # fmt: skip
    for values, look in zip(ratios, looks, strict=True):
        bounded = np.sort(np.clip(values, calibration.least / LN10, calibration.most / LN10))
        at_least = len(bounded) - np.searchsorted(bounded, places, side="left")
        axes.plot(places, 100 * at_least / len(bounded), **look)
    axes.axvline(0, color=PALE, linewidth=1)
    _finish(axes, low, high)
    axes.set_ylim(-2, 102)
    return style.as_svg(figure, "Tippett plot of the pairs that the calibration was tried on.")


def _limits(same: Values, different: Values) -> tuple[float, float]:
    both = np.concatenate([same, different])
    low, high = np.quantile(both, 0.002), np.quantile(both, 0.998)
    return math.floor(min(-2.0, low)), math.ceil(max(2.0, high))


def _mark(axes: Axes, here: float, low: float, high: float) -> None:
    """A line where this comparison lies; an arrow at the rim where that is beyond."""
    room = RIM * (high - low)
    at = min(high - room, max(low + room, here))
    axes.axvline(at, color=INK, linewidth=2.5)
    beyond = " →" if here > high else " ←" if here < low else ""
    side = "right" if at > (low + high) / 2 else "left"
    shift = -room / 2 if side == "right" else room / 2
    axes.text(
        at + shift, 0.97, f"this comparison{beyond}", transform=axes.get_xaxis_transform(),
        ha=side, va="top", fontsize=SMALL_PT + 0.5, fontweight="bold", color=INK,
    )  # fmt: skip


def _finish(axes: Axes, low: float, high: float) -> None:
    """Limits, ticks in ratios, and the legend above."""
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda power, _: _ratio(round(power))))
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, fontsize=SMALL_PT,
        borderaxespad=0.2,
    )  # fmt: skip
