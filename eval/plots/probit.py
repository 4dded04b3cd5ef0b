"""Probit axes: error rates spaced so that those of normally distributed scores lie on a line."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from cqtnet import plotting as style

TICKS = (*10.0 ** np.arange(-7, -2), 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
TICKS += (0.6, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
SMALL_TICKS = tuple(digit * tick for tick in TICKS if tick < 0.01 for digit in (2, 5))

Line = tuple[NDArray[np.float64], NDArray[np.float64]]
"""False-alarm and miss rates along a line, (k,) each."""


@dataclass(frozen=True)
class Window:
    """What of the unit square is seen: rates from and to, along both axes."""

    false_alarm: tuple[float, float]
    miss: tuple[float, float]

    def hold(self, false_alarm: float, miss: float) -> tuple[float, float]:
        """The point of the window that is nearest to one that may lie outside."""
        return float(np.clip(false_alarm, *self.false_alarm)), float(np.clip(miss, *self.miss))


def probit_figure(window: Window) -> Figure:
    """A figure with one pair of axes, to the same scale along both, in percent."""
    wide, high = (float(np.ptp(ndtri(limits))) for limits in (window.false_alarm, window.miss))
    beside_in, above_and_below_in = 1.3, 1.1  # what the words around the axes take
    figure = style.blank(above_and_below_in + (style.WIDTH_IN - beside_in) * high / wide)
    axes = figure.subplots()
    axes.set_xscale("function", functions=(ndtri, ndtr))
    axes.set_yscale("function", functions=(ndtri, ndtr))
    axes.set(xlim=window.false_alarm, ylim=window.miss, aspect="equal")
    _set_ticks(axes)
    return figure


def measured_part(line: Line, *, floor: tuple[float, float], ceiling: float) -> Line:
    """The falling line as far as both rates reach `floor`, fine enough for curved axes.

    `floor` is a false-alarm and a miss rate, `ceiling` holds for both. Joined by straight lines
    in linear coordinates, as the convex hull and scores of the same value ask for.
    """
    false_alarm, miss = line
    across, down = (probit_steps(low, ceiling) for low in floor)
    x = np.concatenate([false_alarm, across, np.interp(down, miss[::-1], false_alarm[::-1])])
    y = np.concatenate([miss, np.interp(across, false_alarm, miss), down])
    order = np.lexsort((-y, x))
    x, y = x[order], y[order]
    near = 1 - 1e-9  # rates are quotients: as large as the floor but for rounding
    kept = (x >= floor[0] * near) & (y >= floor[1] * near)
    return x[kept], y[kept]


def probit_steps(low: float, high: float) -> NDArray[np.float64]:
    """Rates at equal steps on the axis, both ends exact."""
    inner: NDArray[np.float64] = ndtr(np.linspace(ndtri(low), ndtri(high), 300)[1:-1])
    return np.concatenate([[low], inner, [high]])


def _set_ticks(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(TICKS))
        axis.set_minor_locator(FixedLocator(SMALL_TICKS))
        axis.set_major_formatter(FuncFormatter(lambda rate, _: style.percent_number(rate)))
        axis.set_minor_formatter(NullFormatter())
