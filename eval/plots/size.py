"""Error against the size of a change: how large a change may be until a system fails.

Targets are judged in the bin of their size. So are nontargets that have one, for shorter or
noisier pairs of different recordings score differently too; nontargets without a size are judged
in every bin. Targets without one are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike, NDArray

from cqtnet.errors import InputError
from eval.metrics import Metrics, measure
from eval.plots import style
from eval.plots.scoreset import Line, lettered, refuse_unclear, set_ticks
from eval.trials import Scores

SIZES = {
    "tempo_factor": "tempo factor",
    "shift_semitones": "pitch shift, semitones",
    "snr_db": "signal-to-noise ratio, dB",
    "rt60_s": "reverberation time, s",
    "kbps": "bit rate, kbit/s",
    "length_s": "length, s",
}
"""The axis labels of the protocols' columns."""

LARGEST = 1e100
"""The largest size that an axis can show."""
APART_PT = 6.0
"""Between the points of two systems in one bin."""


@dataclass(frozen=True)
class SizePoint:
    """A rate and its 95 % interval among the trials of one bin of sizes."""

    size: float  # median of the targets
    smallest: float  # of the targets
    largest: float
    value: float  # a rate, not percent
    low: float
    high: float
    targets: int
    nontargets: int


def finite_sizes(scores: Scores, column: str) -> NDArray[np.float64]:
    """The sizes in a column, (n,); NaN also for one too large for an axis, such as `1e999`."""
    size = scores.size(column)
    return np.where(np.abs(size) <= LARGEST, size, np.nan)


def bin_edges(sizes: ArrayLike, *, bins: int = 10) -> NDArray[np.float64]:
    """Ascending edges of bins with about equally many sizes; NaNs do not count.

    If there are at most `bins` different values, each gets its own bin.

    >>> bin_edges([3.0, 5.0, 5.0, 10.0])
    array([ 3. ,  4. ,  7.5, 10. ])
    """
    known = np.asarray(sizes, np.float64)
    known = known[~np.isnan(known)]
    if not len(known) or bins < 1:
        raise InputError(f"{len(known)} sizes in {bins} bins; give at least 1 of both")
    values = np.unique(known)
    if len(values) <= bins:
        return np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])
    return np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)))


def points_by_size(
    scores: Scores,
    column: str,
    *,
    edges: ArrayLike | None = None,
    figure: str = "eer",
    threshold: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
    leave_out_bare: bool = False,
) -> list[SizePoint]:
    """A rate per bin of the sizes in `column`, by default the EER.

    `figure` is a key of `measure`, such as "miss" with a `threshold`. By default the `edges` are
    those of `bin_edges`; sizes beyond them are left out. Give the trials of one condition, for
    nontargets without a size go into every bin. A bin without trials of one kind is refused, or
    left out with `leave_out_bare`. With 0 `resamples` there are no intervals: `low` and `high`
    are NaN.

    >>> points_by_size(scores, "tempo_factor")[0].value
    0.031
    """
    size = finite_sizes(scores, column)
    ends = bin_edges(size) if edges is None else np.asarray(edges, np.float64)
    if len(ends) < 2 or not (np.diff(ends) >= 0).all():
        raise InputError(f"edges {ends.tolist()} do not ascend; give 2 or more that do")
    inside = (ends[0] <= size) & (size <= ends[-1])
    place = np.where(inside, np.searchsorted(ends, size, side="right").clip(1, len(ends) - 1), 0)
    unsized = np.isnan(size) & ~scores.label
    points = []
    for i in range(1, len(ends)):
        mask = (place == i) | unsized
        if len(np.unique(scores.label[mask])) == 2:
            own = scores.where(mask)
            measured = measure(own, threshold=threshold, resamples=resamples, seed=seed)
            points.append(_point(measured, figure, size[mask & scores.label]))
        elif not leave_out_bare:
            raise InputError(
                f"{column} from {ends[i - 1]:g} to {ends[i]:g} has no trials of one kind; give "
                "fewer, wider bins"
            )
    if resamples == 0:
        points = [replace(point, low=np.nan, high=np.nan) for point in points]
    return points


def _point(measured: Metrics, figure: str, sizes: NDArray[np.float64]) -> SizePoint:
    """The point of a bin; `sizes` are those of its targets."""
    if figure not in measured.figures:
        raise InputError(f"{figure!r} is no figure; give one of {', '.join(measured.figures)}")
    f = measured[figure]
    if f.value is None:
        raise InputError(f"{measured.names[figure]} from {sizes.min():g}: {f.note}")
    low, high = (np.nan if end is None else end for end in (f.low, f.high))
    size, smallest, largest = (float(x) for x in (np.median(sizes), sizes.min(), sizes.max()))
    counts = (measured.targets, measured.nontargets)
    return SizePoint(size, smallest, largest, f.value, low, high, *counts)


def error_against_size(
    points: Mapping[str, Sequence[SizePoint]],
    *,
    xlabel: str,
    ylabel: str = "EER, %",
    title: str = "Errors against the size of the change",
) -> Figure:
    """A figure of rates by size of one or more systems, with intervals and numbers of trials.

    >>> figure = error_against_size(
    ...     {"ours": points_by_size(scores, "tempo_factor")}, xlabel=SIZES["tempo_factor"]
    ... )
    """
    refuse_unclear(list(points))
    figure = style.blank(4.8)
    rates, counts = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    style.dress(rates, title=title, ylabel=ylabel)
    style.dress(counts, xlabel=xlabel, ylabel="pairs")
    looks = style.looks(len(points))
    lines = []
    for i, (look, (name, own)) in enumerate(zip(looks, points.items(), strict=True)):
        lines.append(_draw_system(rates, name, look, own, APART_PT * (i - (len(points) - 1) / 2)))
        size = [p.size for p in own]
        counts.plot(size, [p.targets for p in own], "o-", color=look.colour, ms=4, lw=1)
        counts.plot(size, [p.nontargets for p in own], "x:", color=look.colour, ms=5, lw=1)
    together = [point for own in points.values() for point in own]
    _set_axes(rates, counts, together)
    style.letter_lines(rates, looks, lines)
    with_intervals = any(p.low <= p.high for p in together)
    style.legend_below(figure, lettered(looks, points) + _key(with_intervals=with_intervals))
    return figure


def _draw_system(
    axes: Axes, name: str, look: style.Look, points: Sequence[SizePoint], shift_pt: float
) -> Line:
    """Draw points, their intervals and the width of their bins; return the line through them."""
    place = axes.transData + ScaledTranslation(shift_pt / 72, 0, axes.figure.dpi_scale_trans)
    size, value = np.array([(p.size, p.value) for p in points]).T
    common: dict[str, Any] = {"color": look.colour, "transform": place}
    axes.vlines(size, [p.low for p in points], [p.high for p in points], lw=1.0, **common)
    axes.hlines(value, [p.smallest for p in points], [p.largest for p in points], lw=1.0, **common)
    dots: dict[str, Any] = {"ls": look.dashes, "lw": 1.8, "ms": 5, "clip_on": False, "label": name}
    axes.plot(size, value, "o", **dots, **common)
    return size, value


def _set_axes(rates: Axes, counts: Axes, points: Sequence[SizePoint]) -> None:
    """Limits around all bins and intervals; rates from 0, in percent."""
    smallest, largest = min(p.smallest for p in points), max(p.largest for p in points)
    room = 0.04 * (largest - smallest) or 1.0
    highest = np.nanmax([(p.value, p.high) for p in points]) or 0.01
    rates.set(xlim=(smallest - room, largest + room), ylim=(-0.05 * highest, 1.05 * highest))
    rates.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: style.percent_number(rate)))
    counts.set(ylim=(0, 1.2 * max(max(p.targets, p.nontargets) for p in points)))
    set_ticks(counts.yaxis, MaxNLocator(3, integer=True), text=",.0f")


def _key(*, with_intervals: bool) -> list[style.Row]:
    ink: dict[str, Any] = {"color": style.INK, "lw": 1}
    upright = "upright: 95 % interval, recordings resampled; " * with_intervals
    cross = Line2D([], [], marker="+" if with_intervals else "_", ms=14, ls="", color=style.INK)
    return [
        (cross, f"{upright}across: sizes in the bin"),
        (Line2D([], [], marker="o", ms=4, **ink), "below: target pairs in the bin"),
        (Line2D([], [], marker="x", ms=5, ls=":", **ink), "below: nontarget pairs in the bin"),
    ]
