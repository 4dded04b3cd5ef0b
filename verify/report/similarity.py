"""Every moment of A against every moment of B: where both are the same, a dark line runs.

A is put to the tempo and pitch found first, so that what is the same runs at the slope of that
tempo. Agreement is summed along it over two seconds: single moments are alike by chance.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray

from verify.align import played_at, shifted
from verify.features import COARSE_PER_SECOND, Features, Floats
from verify.report import style
from verify.report.joins import put_number
from verify.report.view import View
from verify.results import Line

ALONG_S = 2.0
PIXELS = 520
LEAST_BLACK = 0.6
"""Agreement that is black at least: chance stays pale."""
BESIDE_PT = 5
"""How far from the path its two lines are drawn, which would hide it."""


def draw_similarity(view: View, line: Line) -> style.Picture:
    """Time in A to the right, time in B upwards; what was found runs between two lines."""
    a, b = view.a.features(*view.a_s), view.b.features(*view.b_s)
    found = pooled(similarity(a, b, line))
    figure = style.blank(5.4)
    axes = figure.subplots()
    style.dress(axes, xlabel="time in A", ylabel="time in B")
    axes.grid(False)
    black = max(LEAST_BLACK, 0.9 * float(found.max()))
    image = axes.imshow(
        found.T, cmap="Greys", vmin=0, vmax=black, origin="lower", aspect="auto",
        extent=(*view.a_s, *view.b_s), interpolation="antialiased",
    )  # fmt: skip
    axes.set(xlim=view.a_s, ylim=view.b_s)
    style.on_the_clock(axes)
    style.on_the_clock(axes, x=False)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label("correlation over 2 s", fontsize=style.SMALL_PT)
    bar.ax.tick_params(labelsize=style.SMALL_PT)
    for number, stretch in enumerate(view.stretches):
        ends_a = np.array([stretch.a_start_s, stretch.a_end_s])
        _beside(axes, ends_a, stretch.line.to_b(ends_a), view.colour(number), "-")
        middle_s = float(ends_a.mean())
        place = (middle_s, stretch.line.to_b(middle_s))
        put_number(axes, *place, number, view.colour(number), up_pt=16)
    if not view.stretches:
        _beside(axes, np.array(view.a_s), line.to_b(np.array(view.a_s)), style.PALE, "--")
    words = "the stretches in common run along" if view.stretches else "no line runs along"
    return style.as_png(figure, f"Similarity of moments of A and of B; {words} the marked lines.")


def similarity(a: Features, b: Features, line: Line) -> Floats:
    """Correlations (frames of A at the tempo of B, frames of B) over ALONG_S, in [-1, 1]."""
    played = shifted(played_at(a.coarse, line.tempo), -line.shift_semitones)
    products = _units(played).T @ _units(b.coarse)
    half = round(ALONG_S * COARSE_PER_SECOND / 2)
    half = min(half, min(products.shape) // 4)
    rows, columns = products.shape
    padded = np.pad(products, half)
    found = np.zeros_like(products)
    for step in range(2 * half + 1):
        found += padded[step : step + rows, step : step + columns]
    return np.asarray(found / (2 * half + 1), np.float32)


def pooled(found: Floats, *, pixels: int = PIXELS) -> Floats:
    """The highest of neighbours, so that at most `pixels` are left each way."""
    for axis in (0, 1):
        n = found.shape[axis]
        edges: NDArray[np.int64] = np.unique(np.linspace(0, n, min(n, pixels) + 1).astype(int)[:-1])
        found = np.asarray(np.maximum.reduceat(found, edges, axis=axis))
    return found


def _units(changes: Floats) -> Floats:
    length = np.linalg.norm(changes, axis=0, keepdims=True)
    return np.asarray(changes / np.maximum(length, 1e-3), np.float32)


def _beside(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], colour: str, dashes: str
) -> None:
    """Two lines, one on each side of a path."""
    figure = axes.get_figure(root=True)
    for side in (-1, 1):
        place = offset_copy(
            axes.transData, figure, x=-side * BESIDE_PT, y=side * BESIDE_PT, units="points"
        )
        axes.plot(x, y, dashes, color=colour, linewidth=1.3, transform=place)
