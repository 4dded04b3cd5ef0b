"""What all pictures of a report share: their looks, and how they become part of the page.

Figures are made without pyplot, so that no window and no global state has a part in them. What
colour tells, a number, a letter or a pattern tells too.
"""

import base64
import io
import threading
from dataclasses import dataclass

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from PIL import Image

from verify.wording import clock

WIDTH_IN = 7.4
DPI = 144
SMALL_PT = 8.5  # nothing is smaller
INK, PALE, GRID, SHADE = "#222222", "#666666", "#dcdcdc", "#eeeeee"
# Okabe and Ito's palette, which the colour-blind can tell apart, without black and yellow.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
CLOCK_STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
MOST_TICKS = 12
SAME, DIFFERENT = COLOURS[0], COLOURS[1]

_svg_settings = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """A picture as a part of the page, and what it says to those who do not see it."""

    uri: str  # data:image/…
    alt: str


def blank(height_in: float) -> Figure:
    """An empty white figure as wide as the page."""
    figure = Figure((WIDTH_IN, height_in), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Give axes their words and a pale grid, and take the frame above and on the right."""
    axes.set_xlabel(xlabel, fontsize=SMALL_PT + 0.5, color=INK)
    axes.set_ylabel(ylabel, fontsize=SMALL_PT + 0.5, color=INK)
    if title:
        axes.set_title(title, loc="left", fontsize=SMALL_PT + 1, color=INK)
    axes.tick_params(labelsize=SMALL_PT, colors=INK)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def on_the_clock(axes: Axes, *, x: bool = True) -> None:
    """Write an axis of seconds as minutes and seconds."""
    axis = axes.xaxis if x else axes.yaxis
    low, high = sorted(axes.get_xlim() if x else axes.get_ylim())
    step = next((s for s in CLOCK_STEPS_S if (high - low) / s <= MOST_TICKS), CLOCK_STEPS_S[-1])
    axis.set_major_locator(MultipleLocator(step))
    axis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds).removesuffix(".00")))


def as_png(figure: Figure, alt: str) -> Picture:
    """The figure as pixels of at most 256 colours: for what has many."""
    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    pixels = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    pixels.save(written, format="png")
    return Picture(_uri("image/png", written.getvalue()), alt)


def as_svg(figure: Figure, alt: str) -> Picture:
    """The figure as lines; the same figure gives the same bytes."""
    written = io.BytesIO()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # to lay out again would move things by a hair
    # matplotlib takes the salt of the names in an SVG from its global settings alone.
    with _svg_settings, matplotlib.rc_context({"svg.hashsalt": "cqtnet"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return Picture(_uri("image/svg+xml", written.getvalue()), alt)


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
