"""Error against the size of a change: how far one may go until a system fails.

Targets are judged in the bin of their size. So are nontargets that have one, for shorter or
noisier pairs of different recordings score otherwise too; nontargets without a size are judged
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

from cqtnet import plotting as style
from cqtnet.errors import InputError
from eval.metrics import Metrics, measure
from eval.plots.det import Line
from eval.plots.scoreset import refuse_unclear
from eval.trials import Scores

SIZES = {
    "tempo_factor": "tempo factor",
    "shift_semitones": "pitch shift, semitones",
    "snr_db": "signal-to-noise ratio, dB",
    "rt60_s": "reverberation time, s",
    "kbps": "bit rate, kbit/s",
    "length_s": "length, s",
}
"""What the columns of the protocols are called on an axis."""

LARGEST = 1e100  # of the sizes that an axis bears
APART_PT = 6.0  # between the points of two systems in one bin


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
    """The sizes in a column, (n,); NaN also where one is too large for an axis, as `1e999` is."""
    size = scores.size(column)
    return np.where(np.abs(size) <= LARGEST, size, np.nan)


def bin_edges(sizes: ArrayLike, *, bins: int = 10) -> NDArray[np.float64]:
    """Ascending edges of bins with about as many sizes each; NaNs do not count.

    As few values as `bins` get a bin of their own each.

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

    `figure` is a key of `measure`, such as "miss" where a `threshold` is given. By default the
    `edges` are those of `bin_edges`; sizes beyond them are left out. Give the trials of one
    condition, for nontargets without a size are taken into every bin. A bin without trials of
    one kind is refused, or left out with `leave_out_bare`. With 0 `resamples` there are no
    intervals: `low` and `high` are NaN.

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
        held = (place == i) | unsized
        if len(np.unique(scores.label[held])) < 2:
            if leave_out_bare:
                continue
            bin_in_words = f"{column} from {ends[i - 1]:g} to {ends[i]:g}"
            raise InputError(f"{bin_in_words} lacks trials of one kind; give fewer, wider bins")
        measured = measure(scores.where(held), threshold=threshold, resamples=resamples, seed=seed)
        points.append(_point(measured, figure, size[held & scores.label]))
    if resamples == 0:
        points = [replace(point, low=np.nan, high=np.nan) for point in points]
    return points


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
    for i, (look, (name, of_system)) in enumerate(zip(looks, points.items(), strict=True)):
        shift_pt = APART_PT * (i - (len(points) - 1) / 2)
        lines.append(_draw_system(rates, name, look, of_system, shift_pt))
        _draw_counts(counts, look, of_system)
    together = [point for of_system in points.values() for point in of_system]
    _set_axes(rates, counts, together)
    style.letter_lines(rates, looks, lines)
    rows = [
        (look.handle(), f"{look.letter}  {name}") for look, name in zip(looks, points, strict=True)
    ]
    style.legend_below(figure, rows + _key(with_intervals=any(p.low <= p.high for p in together)))
    return figure


def _point(measured: Metrics, figure: str, sizes: NDArray[np.float64]) -> SizePoint:
    """The point of a bin, `sizes` being those of its targets."""
    if figure not in measured.figures:
        raise InputError(f"{figure!r} is no figure; give one of {', '.join(measured.figures)}")
    found = measured[figure]
    if found.value is None:
        raise InputError(f"{measured.names[figure]} from {sizes.min():g}: {found.note}")
    return SizePoint(
        size=float(np.median(sizes)),
        smallest=float(sizes.min()),
        largest=float(sizes.max()),
        value=found.value,
        low=np.nan if found.low is None else found.low,
        high=np.nan if found.high is None else found.high,
        targets=measured.targets,
        nontargets=measured.nontargets,
    )


def _draw_system(
    axes: Axes, name: str, look: style.Look, points: Sequence[SizePoint], shift_pt: float
) -> Line:
    """Draw points, their intervals and the width of their bins; return the line through them."""
    place = axes.transData + ScaledTranslation(shift_pt / 72, 0, axes.figure.dpi_scale_trans)
    size, value = np.array([(p.size, p.value) for p in points]).T
    plain: dict[str, Any] = {"color": look.colour, "lw": 1.0, "transform": place}
    axes.vlines(size, [p.low for p in points], [p.high for p in points], **plain)
    axes.hlines(value, [p.smallest for p in points], [p.largest for p in points], **plain)
    axes.plot(
        size,
        value,
        "o",
        ls=look.dashes,
        color=look.colour,
        lw=1.8,
        ms=5,
        transform=place,
        clip_on=False,
        label=name,
    )
    return size, value


def _draw_counts(axes: Axes, look: style.Look, points: Sequence[SizePoint]) -> None:
    size = [p.size for p in points]
    axes.plot(size, [p.targets for p in points], "o-", color=look.colour, ms=4, lw=1)
    axes.plot(size, [p.nontargets for p in points], "x:", color=look.colour, ms=5, lw=1)


def _set_axes(rates: Axes, counts: Axes, points: Sequence[SizePoint]) -> None:
    """Limits around all bins and intervals; rates from 0, in percent."""
    smallest, largest = min(p.smallest for p in points), max(p.largest for p in points)
    room = 0.04 * (largest - smallest) or 1.0
    highest = np.nanmax([(p.value, p.high) for p in points]) or 0.01
    rates.set(xlim=(smallest - room, largest + room), ylim=(-0.05 * highest, 1.05 * highest))
    rates.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: style.percent_number(rate)))
    counts.set(ylim=(0, 1.2 * max(max(p.targets, p.nontargets) for p in points)))
    counts.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    counts.yaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))


def _key(*, with_intervals: bool) -> list[style.Row]:
    ink: dict[str, Any] = {"color": style.INK, "lw": 1}
    upright = "upright: 95 % interval, recordings resampled; " * with_intervals
    cross = Line2D([], [], marker="+" if with_intervals else "_", ms=14, ls="", color=style.INK)
    return [
        (cross, f"{upright}across: sizes in the bin"),
        (Line2D([], [], marker="o", ms=4, **ink), "below: target pairs in the bin"),
        (Line2D([], [], marker="x", ms=5, ls=":", **ink), "below: nontarget pairs in the bin"),
    ]
