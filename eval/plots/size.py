"""Error against the size of a change: how large a change may be until a system fails.

Targets, and nontargets that have a size, are judged in its bin; nontargets without one in every
bin. Targets without one are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike

from cqtnet import plotting as style
from cqtnet.eer import Floats
from cqtnet.errors import InputError
from eval.metrics import measure
from eval.trials import Scores

LARGEST = 1e100  # the largest size that an axis can show
APART_PT = 6.0  # between the points of two systems in one bin


@dataclass(frozen=True)
class SizePoint:
    """The EER and its 95 % interval among the trials of one bin of sizes."""

    size: float  # median of the targets
    smallest: float  # of the targets
    largest: float
    value: float  # a rate, not percent
    low: float  # NaN if there is no interval
    high: float
    targets: int
    nontargets: int


def finite_sizes(scores: Scores, column: str) -> Floats:
    """The sizes in a column, (n,); NaN also for one too large for an axis, such as `1e999`."""
    size = scores.size(column)
    return np.where(np.abs(size) <= LARGEST, size, np.nan)


def bin_edges(sizes: ArrayLike, *, bins: int = 10) -> Floats:
    """Ascending edges of bins with about equally many sizes, or of one for each of few values."""
    known = np.asarray(sizes, np.float64)
    known = known[~np.isnan(known)]
    if not len(known) or bins < 1:
        raise InputError(f"{len(known)} sizes in {bins} bins; give at least 1 of both")
    values = np.unique(known)
    if len(values) <= bins:
        return np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])
    return np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)))


def points_by_size(
    scores: Scores, column: str, edges: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> list[SizePoint]:
    """The EER in each bin of the sizes in `column` that has trials of both classes.

    Give the trials of one condition, since nontargets without a size go into every bin.
    """
    size = finite_sizes(scores, column)
    ends = np.asarray(edges, np.float64)
    inside = (ends[0] <= size) & (size <= ends[-1])
    place = np.where(inside, np.searchsorted(ends, size, side="right").clip(1, len(ends) - 1), 0)
    unsized = np.isnan(size) & ~scores.label
    points = []
    for i in range(1, len(ends)):
        mask = (place == i) | unsized
        if len(np.unique(scores.label[mask])) < 2:
            continue
        measured = measure(scores.where(mask), resamples=resamples, seed=seed)
        eer, own = measured["eer"], size[mask & scores.label]
        low, high = (np.nan if x is None or not resamples else x for x in (eer.low, eer.high))
        middle, smallest, largest = (float(x) for x in (np.median(own), own.min(), own.max()))
        rate, counts = eer.value or 0.0, (measured.targets, measured.nontargets)
        points.append(SizePoint(middle, smallest, largest, rate, low, high, *counts))
    return points


def error_against_size(
    points: Mapping[str, Sequence[SizePoint]], *, xlabel: str, title: str = "EER against size"
) -> Figure:
    """A figure of EERs by size of one or more systems, with intervals and numbers of trials."""
    style.refuse_unclear(list(points))
    figure = style.blank(4.8)
    rates, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    style.dress(rates, title=title, ylabel="EER, %")
    style.dress(counts, xlabel=xlabel, ylabel="pairs")
    looks = style.looks(len(points))
    lines = []
    for i, (look, (name, own)) in enumerate(zip(looks, points.items(), strict=True)):
        lines.append(_draw_system(rates, name, look, own, APART_PT * (i - (len(points) - 1) / 2)))
        size = [p.size for p in own]
        counts.plot(size, [p.targets for p in own], "o-", color=look.colour, ms=4, lw=1)
        counts.plot(size, [p.nontargets for p in own], "x:", color=look.colour, ms=5, lw=1)
    together = [point for own in points.values() for point in own]
    smallest, largest = min(p.smallest for p in together), max(p.largest for p in together)
    room = 0.04 * (largest - smallest) or 1.0
    highest = np.nanmax([(p.value, p.high) for p in together]) or 0.01
    rates.set(xlim=(smallest - room, largest + room), ylim=(-0.05 * highest, 1.05 * highest))
    rates.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: style.percent_number(rate)))
    counts.set(ylim=(0, 1.2 * max(max(p.targets, p.nontargets) for p in together)))
    style.set_ticks(counts.yaxis, MaxNLocator(3, integer=True), text=",.0f")
    style.letter_lines(rates, looks, lines)
    with_intervals = any(p.low <= p.high for p in together)
    style.legend_below(figure, style.lettered(looks, points) + _key(with_intervals=with_intervals))
    return figure


def _draw_system(
    axes: Axes, name: str, look: style.Look, points: Sequence[SizePoint], shift_pt: float
) -> style.Line:
    """Draw points, their intervals and the width of their bins; return the line through them."""
    place = axes.transData + ScaledTranslation(shift_pt / 72, 0, axes.figure.dpi_scale_trans)
    size, value = np.array([(p.size, p.value) for p in points]).T
    common: dict[str, Any] = {"color": look.colour, "transform": place}
    axes.vlines(size, [p.low for p in points], [p.high for p in points], lw=1.0, **common)
    axes.hlines(value, [p.smallest for p in points], [p.largest for p in points], lw=1.0, **common)
    dots: dict[str, Any] = {"ls": look.dashes, "lw": 1.8, "ms": 5, "clip_on": False, "label": name}
    axes.plot(size, value, "o", **dots, **common)
    return size, value


def _key(*, with_intervals: bool) -> list[style.Row]:
    ink: dict[str, Any] = {"color": style.INK, "lw": 1}
    upright = "upright: 95 % interval, recordings resampled; " * with_intervals
    cross = Line2D([], [], marker="+" if with_intervals else "_", ms=14, ls="", color=style.INK)
    return [
        (cross, f"{upright}across: sizes in the bin"),
        (Line2D([], [], marker="o", ms=4, **ink), "below: target pairs in the bin"),
        (Line2D([], [], marker="x", ms=5, ls=":", **ink), "below: nontarget pairs in the bin"),
    ]
