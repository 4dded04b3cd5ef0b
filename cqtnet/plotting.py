"""What all pictures share: looks that survive grey, letters on lines, files that repeat.

Figures are made without pyplot and its global state. Lines differ in colour, dashes and a letter.
"""

import base64
import io
import textwrap
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, product
from pathlib import Path
from string import ascii_uppercase
from typing import IO, Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from PIL import Image

from cqtnet.errors import InputError
from cqtnet.files import written_whole

WIDTH_IN = 7.0  # width of every figure; what is pasted into a page of A4 keeps its size
DPI = 150
SMALL_PT = 9  # size of the smallest text
INK, PALE, GRID, SHADE = "#222222", "#666666", "#dcdcdc", "#eeeeee"
COLOURS = ("#000000", "#0072B2", "#D55E00", "#56B4E9", "#009E73", "#E69F00", "#CC79A7")
"""Okabe and Ito's palette, which the colour-blind can tell apart, without its yellow and in an
order in which neighbours differ in grey."""
GREEN = COLOURS[4]
Dashes = tuple[float, tuple[float, ...]]
"""Where a pattern starts, and the lengths of its strokes and gaps; none: a solid line."""
_STROKES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1.2, 1.2), (6, 1.5, 1.2, 1.5), (9, 3))
DASHES: tuple[Dashes, ...] = tuple((0, strokes) for strokes in _STROKES)
LETTER_ROOM = 0.07  # share of the axes that a letter needs to itself
TITLE_CHARACTERS, LEGEND_CHARACTERS = 66, 90  # that fit a line of the title and of the legend

Row = tuple[Artist, str]  # a line of the legend: what is drawn, and what it means
Points = NDArray[np.float64]
Line = tuple[Points, Points]
"""x and y along a line, (k,) each; in a DET or ROC, false-alarm rates come first."""

_svg_settings = threading.Lock()


@dataclass(frozen=True)
class Look:
    """How one line is told from the others, also without colour."""

    letter: str
    colour: str
    dashes: Dashes

    def handle(self) -> Line2D:
        """A line like that, for the legend."""
        return Line2D([], [], color=self.colour, linestyle=self.dashes, linewidth=2)

    def patch(self) -> Patch:
        """A filled area of that colour in an outline of those dashes."""
        face, edge = to_rgba(self.colour, 0.3), self.colour
        return Patch(facecolor=face, edgecolor=edge, linestyle=self.dashes, linewidth=1.5)


TARGET = Look("", COLOURS[1], DASHES[0])  # pairs of the same recording
NONTARGET = Look("", COLOURS[2], DASHES[1])  # pairs of different recordings


def looks(number: int) -> list[Look]:
    """As many looks; 5 dashes and 7 colours make 35 pairs, letters go on as AA and AB."""
    letters = [*ascii_uppercase, *map("".join, product(ascii_uppercase, repeat=2))]
    return list(islice(map(Look, letters, cycle(COLOURS), cycle(DASHES)), number))


def blank(height_in: float) -> Figure:
    """An empty white figure as wide as a page."""
    figure = Figure((WIDTH_IN, height_in), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def dress(
    axes: Axes, *, title: str = "", xlabel: str = "", ylabel: str = "", title_pt: float = 12,
    title_pad_pt: float = 8,
) -> None:  # fmt: skip
    """Give axes their words, a pale grid below the lines, and no frame above and right."""
    axes.set_xlabel(xlabel, fontsize=SMALL_PT + 0.5, color=INK)
    axes.set_ylabel(ylabel, fontsize=SMALL_PT + 0.5, color=INK)
    if title:
        title = textwrap.fill(title, TITLE_CHARACTERS)
        axes.set_title(title, loc="left", fontsize=title_pt, color=INK, pad=title_pad_pt)
    axes.tick_params(labelsize=SMALL_PT, labelcolor=INK)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def percent(rate: float) -> str:
    r"""A rate as a percentage with three significant digits; no line breaks before the sign."""
    return unbroken(f"{percent_number(rate, digits=3)} %")


def unbroken(text: str) -> str:
    """The text with spaces at which no line breaks."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def percent_number(rate: float, *, digits: int = 6) -> str:
    """The same without the sign, never in powers of ten; for ticks of an axis in percent."""
    return np.format_float_positional(100 * rate, precision=digits, fractional=False, trim="-")


def legend_below(figure: Figure, rows: Sequence[Row]) -> None:
    """One column of wrapped lines below the axes; the figure grows by what they need."""
    labels = [textwrap.fill(text, LEGEND_CHARACTERS, subsequent_indent="    ") for _, text in rows]
    lines = sum(label.count("\n") + 1 for label in labels)
    width_in, height_in = figure.get_size_inches()
    figure.set_size_inches(width_in, height_in + 0.18 * lines + 0.1)
    look: dict[str, Any] = {"fontsize": SMALL_PT, "handlelength": 3.2, "labelspacing": 0.25}
    handles = [handle for handle, _ in rows]
    figure.legend(handles, labels, loc="outside lower left", frameon=False, **look)


def letter_lines(
    axes: Axes, looks: Sequence[Look], lines: Sequence[Line], *,
    avoid: Sequence[tuple[float, float]] = (),
) -> None:  # fmt: skip
    """Put each line's letter on it, where the other lines, letters and `avoid` are farthest.

    Lines are x and y in data coordinates; what lies outside the axes' limits carries no letter.
    """
    axes.autoscale_view()  # else limits may still be due
    place = axes.transScale + axes.transLimits  # needs no layout, unlike transAxes
    paths = [_evenly(place.transform(np.column_stack([x, y]))) for x, y in lines]
    taken = [place.transform(point) for point in avoid]
    for i, look in enumerate(looks):
        if len(paths[i]):
            others = np.concatenate(paths[:i] + paths[i + 1 :] + [np.empty((0, 2))])
            taken.append(_freest(paths[i], others, np.reshape(taken, (-1, 2))))
            x, y = taken[-1]
            put_mark(axes, look.letter, float(x), float(y), look.colour, transform=axes.transAxes)


def put_mark(axes: Axes, text: str, x: float, y: float, colour: str, **place: Any) -> None:
    """A letter or number in a white disc, in data coordinates unless `place` says otherwise."""
    disc = {"boxstyle": "circle,pad=0.2", "fc": "white", "ec": colour, "lw": 1.4}
    letters: dict[str, Any] = {"fontsize": SMALL_PT, "fontweight": "bold", "color": INK}
    axes.text(x, y, text, ha="center", va="center", bbox=disc, zorder=6, **letters, **place)


def _evenly(points: Points) -> Points:
    """Up to 80 points at equal steps along a line, of those well inside the unit square."""
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return points
    along = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    steps = np.linspace(0, along[-1], 80)
    even = np.column_stack([np.interp(steps, along, column) for column in points.T])[4:-4]
    return even[((even > 0.03) & (even < 0.97)).all(axis=1)]


def _freest(path: Points, others: Points, taken: Points) -> Points:
    """The point of a path farthest from other lines, of those clear of what is marked already."""
    from_others, from_taken = (
        np.hypot(*(path[:, None] - points).transpose(2, 0, 1)).min(axis=1, initial=np.inf)
        for points in (others, taken)
    )
    clear = from_taken > LETTER_ROOM
    freedom = np.where(clear, np.minimum(from_others, from_taken), from_taken - 1)
    best = int(freedom.argmax()) if len(others) or len(taken) else len(path) // 2
    spot: Points = path[best]
    return spot


@dataclass(frozen=True)
class Picture:
    """A picture as a part of a page, and what it says to those who do not see it."""

    uri: str  # data:image/…
    alt: str


def as_png(figure: Figure, alt: str) -> Picture:
    """The figure as pixels of at most 256 colours: for what has many."""
    drawn, written = io.BytesIO(), io.BytesIO()
    _take_literally(figure)
    figure.savefig(drawn, format="png", metadata={"Software": None})
    pixels = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    pixels.save(written, format="png")
    return Picture(_uri("image/png", written), alt)


def as_svg(figure: Figure, alt: str) -> Picture:
    """The figure as lines; the same figure gives the same bytes."""
    written = io.BytesIO()
    _settle(figure)
    _write_svg(figure, written)
    return Picture(_uri("image/svg+xml", written), alt)


def save(figure: Figure, path: Path) -> tuple[Path, Path]:
    """Write `path`.png and `path`.svg, the same bytes for the same figure; return both names."""
    _settle(figure)
    png, svg = (path.with_name(path.name + suffix) for suffix in (".png", ".svg"))
    with written_whole(png) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    with written_whole(svg) as temporary, temporary.open("wb") as file:
        _write_svg(figure, file)
    return png, svg


def _take_literally(figure: Figure) -> None:
    """Take no text for a formula: a name may hold dollar signs."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)


def _settle(figure: Figure) -> None:
    """Lay the figure out once and for all; to do it again would move things by a hair."""
    _take_literally(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def _write_svg(figure: Figure, file: IO[bytes]) -> None:
    # matplotlib takes the salt of the names in an SVG from its global settings alone.
    with _svg_settings, matplotlib.rc_context({"svg.hashsalt": "cqtnet"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def _uri(kind: str, content: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(content.getvalue()).decode()}"


def draw_curves(history: Sequence[dict[str, float]], path: Path) -> None:
    """Write a PNG of a training: loss and learning rate above, validation EERs below."""
    figure = blank(6.2)
    losses, eers = figure.subplots(2, 1, sharex=True)
    steps = [row["step"] for row in history]
    dress(losses, ylabel="training loss, mean of the epoch")
    (loss,) = losses.plot(steps, [row["loss"] for row in history], color=INK, marker=".")
    rates = losses.twinx()
    (rate,) = rates.plot(steps, [row["lr"] for row in history], color=PALE, ls=":")
    rates.set_ylabel("learning rate", fontsize=SMALL_PT)
    dress(eers, xlabel="step", ylabel="EER of held-out recordings, %")
    eers.xaxis.set_major_locator(MaxNLocator(integer=True))
    rows: list[Row] = [(loss, "loss"), (rate, "learning rate")]
    names = [key for key in history[0] if key.startswith("eer_")]
    for name, look in zip(names, looks(len(names)), strict=True):
        values = [100 * row[name] for row in history]
        eers.plot(steps, values, color=look.colour, ls=look.dashes, marker=".")
        rows.append((look.handle(), f"EER with {name.removeprefix('eer_')}"))
    eers.set_ylim(0, None)
    legend_below(figure, rows)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png")


def refuse_unclear(names: Sequence[str]) -> None:
    """Raise unless there is something to draw and every line has a name of its own."""
    if not names:
        raise InputError("0 systems to draw; give at least 1")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{len(names)} systems, but {twice[0]!r} names several; give each its own")


def lettered(looks: Sequence[Look], texts: Iterable[str]) -> list[Row]:
    """The legend's rows of lines with a letter."""
    pairs = zip(looks, texts, strict=True)
    return [(look.handle(), f"{look.letter}  {text}") for look, text in pairs]


def set_ticks(axis: Axis, at: Locator, *, small: Locator | None = None, text: str = "") -> None:
    """Ticks of an axis in percent, or in numbers formatted by `text`; small ones have no text."""
    axis.set_major_locator(at)
    if small is not None:
        axis.set_minor_locator(small)
    shown = FuncFormatter(lambda x, _: format(x, text) if text else percent_number(x))
    axis.set_major_formatter(shown)
    axis.set_minor_formatter(NullFormatter())
