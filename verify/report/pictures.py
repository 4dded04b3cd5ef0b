"""The pictures of both recordings: spectrograms, similarity, tempo and pitch, and the edit map."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import FuncFormatter, MultipleLocator, ScalarFormatter
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray

from cqtnet.cqt import BINS_PER_OCTAVE, C1_HZ, N_BINS
from cqtnet.plotting import (
    COLOURS,
    INK,
    PALE,
    SHADE,
    SMALL_PT,
    Picture,
    as_png,
    as_svg,
    blank,
    dress,
    put_mark,
)
from verify.align import played_at, shifted
from verify.edits import Edit, EditMap
from verify.features import COARSE_PER_SECOND, Features, Floats, cqt
from verify.recording import Recording
from verify.report.language import say
from verify.results import Comparison, Line, Stretch
from verify.words import clock

Span = tuple[float, float]
Values = NDArray[np.float64]

MOST_S = 300.0
"""At most so much of a recording is shown."""
MARGIN = 0.15
"""How much is shown on both sides of what is in common, as a share of it."""
STRETCH_COLOURS = tuple(COLOURS[i] for i in (1, 2, 4, 6, 5, 3))
"""Colours of stretches, all but black; the two blues as far from each other as can be."""
CLOCK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
"""Distances of ticks on an axis of time; the first that leaves at most MOST_TICKS is taken."""
MOST_TICKS = 12

COLUMNS = 1300
"""Columns of a spectrogram at most."""
BLACK_QUANTILE = 0.995
"""This quantile of a spectrogram's levels is black."""

ALONG_S = 2.0
"""Similarity is averaged over so long, along the line of the tempo."""
PIXELS = 520
"""Points of the picture of similarity at most, each way."""
LEAST_BLACK = 0.6
"""Similarity that is black at least: chance stays pale."""
BESIDE_PT = 5
"""Distance of the two lines beside a path, which would hide it."""

NUMBER_HEIGHTS = (0.72, 0.5, 0.28, 0.86, 0.14)
"""How far up its band a number may stand; the first that is clear of the others is taken."""
BAND_IN = (6.3, 0.9)
"""About how wide and high the axes of the bands are."""
NUMBER_IN = 0.24
"""Width of a number in its disc."""
HATCHES = {"trimmed": "", "cut": "xxxx", "inserted": "////", "replaced": "////"}
"""How the edit map draws what only A or only B holds."""


@dataclass(frozen=True)
class View:
    """The parts of A and B that are shown, and what they have in common."""

    a: Recording
    b: Recording
    a_s: Span
    b_s: Span
    stretches: tuple[Stretch, ...]  # none where the verdict is not "same"
    line: Line | None  # how A was made from B, or where they are least unlike
    places: tuple[Stretch, ...] = ()  # where else in B the stretch fits

    @property
    def is_whole(self) -> bool:
        """Whether both recordings are shown from beginning to end."""
        spans = ((self.a_s, self.a), (self.b_s, self.b))
        return all(end - start >= x.duration_s for (start, end), x in spans)


def view_of(comparison: Comparison, a: Recording, b: Recording) -> View:
    """What is worth showing of a comparison."""
    stretches = _stretches(comparison)
    alignment = comparison.alignment
    line = alignment.line if alignment else None
    if stretches:
        line = max(stretches, key=lambda s: s.duration_s).line
    shown = stretches or ((alignment,) if alignment else ())
    return View(
        a,
        b,
        _shown_span(((s.a_start_s, s.a_end_s) for s in shown), a.duration_s),
        _shown_span(((s.b_start_s, s.b_end_s) for s in shown), b.duration_s),
        stretches,
        line,
        tuple(place.alignment for place in comparison.places),
    )


def _stretches(comparison: Comparison) -> tuple[Stretch, ...]:
    if comparison.edits is not None and comparison.edits.stretches:
        return comparison.edits.stretches
    if comparison.verdict != "same" or comparison.alignment is None:
        return ()
    return (comparison.alignment,)


def _shown_span(spans: Iterable[Span], duration_s: float) -> Span:
    """All of a recording; of a long one, the part around the spans."""
    if duration_s <= MOST_S:
        return 0.0, duration_s
    times = [second for span in spans for second in span] or [0.0]
    first, last = min(times), max(times)
    room = max(MARGIN * (last - first), (MOST_S / 5 - (last - first)) / 2)
    start_s = max(0.0, min(first - room, duration_s - MOST_S / 5))
    return start_s, min(duration_s, last + room, start_s + MOST_S)


def colour_of(number: int) -> str:
    """The colour of a stretch by its number, from 0."""
    return STRETCH_COLOURS[number % len(STRETCH_COLOURS)]


def on_the_clock(axes: Axes, *, x: bool = True) -> None:
    """Write an axis of seconds as minutes and seconds."""
    axis = axes.xaxis if x else axes.yaxis
    low, high = sorted(axes.get_xlim() if x else axes.get_ylim())
    step = next((s for s in CLOCK_STEPS_S if (high - low) / s <= MOST_TICKS), CLOCK_STEPS_S[-1])
    axis.set_major_locator(MultipleLocator(step))
    axis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds).removesuffix(".00")))


def draw_spectrograms(view: View) -> Picture:
    """A above, B below, as the network hears them, on their own clocks; bands join the stretches.

    84 semitones from C1, 43 frames a second.
    """
    figure = blank(4.8)
    heights = (5, 1.6, 5) if view.stretches else (5, 0.1, 5)
    above, between, below = figure.subplots(3, 1, height_ratios=heights)
    _draw_levels(above, view.a, view.a_s, "A")
    _draw_levels(below, view.b, view.b_s, "B")
    draw_bands(between, view.stretches, view.a_s, view.b_s)
    _tint(above, below, view.stretches, alpha=0.16)
    below.set_xlabel(say("minutes and seconds of each recording"), fontsize=SMALL_PT + 0.5)
    joined = say("the stretches in common are joined" if view.stretches else "nothing is joined")
    return as_png(figure, f"{say('Spectrograms of A, above, and of B, below')}; {joined}.")


def levels(recording: Recording, span: Span) -> Floats:
    """Roots of CQT magnitudes (84, at most COLUMNS) of a part, each the loudest of its moment."""
    samples = recording.samples(*span)
    return _pooled(np.sqrt(cqt()(samples[None])[0]), COLUMNS, axis=1)


def _pooled(values: Floats, most: int, *, axis: int) -> Floats:
    """The highest of neighbours along an axis, so that at most `most` are left."""
    n = values.shape[axis]
    edges: NDArray[np.int64] = np.unique(np.linspace(0, n, min(n, most) + 1).astype(int)[:-1])
    return np.asarray(np.maximum.reduceat(values, edges, axis=axis))


def _draw_levels(axes: Axes, recording: Recording, span: Span, name: str) -> None:
    dress(axes)
    axes.set_title(name, loc="left", fontsize=12, fontweight="bold", color=INK, pad=3)
    axes.set(xlim=span, ylim=(0, N_BINS))
    axes.grid(False)
    on_the_clock(axes)
    octaves = range(N_BINS // BINS_PER_OCTAVE)
    notes = [say(f"C{octave + 1} {C1_HZ * 2**octave:,.0f} Hz") for octave in octaves]
    axes.set_yticks([BINS_PER_OCTAVE * octave + 0.5 for octave in octaves], notes)
    if recording.problem:
        axes.text(
            0.5, 0.5, say(f"{name} {recording.problem}"), transform=axes.transAxes, ha="center",
            color=PALE, fontsize=SMALL_PT + 1,
        )  # fmt: skip
        return
    image = levels(recording, span)
    black = max(float(np.quantile(image, BLACK_QUANTILE)), 1e-6)
    _show(axes, image, (*span, 0, N_BINS), black)


def _show(axes: Axes, image: Floats, extent: tuple[float, ...], black: float) -> object:
    """Draw an image from white, 0, to black."""
    return axes.imshow(
        image, cmap="Greys", vmin=0, vmax=black, origin="lower", aspect="auto",
        extent=extent, interpolation="antialiased",  # type: ignore[arg-type]
    )  # fmt: skip


def _tint(above: Axes, below: Axes, stretches: Iterable[Stretch], *, alpha: float) -> None:
    """Colour the stretches of A above, and those of B below."""
    for number, stretch in enumerate(stretches):
        look: dict[str, Any] = {"color": colour_of(number), "alpha": alpha, "linewidth": 0}
        above.axvspan(stretch.a_start_s, stretch.a_end_s, **look)
        below.axvspan(stretch.b_start_s, stretch.b_end_s, **look)


def draw_bands(axes: Axes, stretches: Iterable[Stretch], a_s: Span, b_s: Span) -> None:
    """Bands from A, at the top edge of the axes, to B, at the bottom, each with its number."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    on_a, on_b = shares_of(a_s), shares_of(b_s)
    taken: list[tuple[float, float]] = []
    for number, stretch in enumerate(stretches):
        top = on_a(stretch.a_start_s), on_a(stretch.a_end_s)
        bottom = on_b(stretch.b_start_s), on_b(stretch.b_end_s)
        if top[0] == top[1] and bottom[0] == bottom[1]:  # beyond what is shown
            continue
        colour = colour_of(number)
        corners = [(top[0], 1), (top[1], 1), (bottom[1], 0), (bottom[0], 0)]
        axes.add_patch(Polygon(corners, closed=True, facecolor=colour, alpha=0.22, linewidth=0))
        for x_above, x_below in zip(top, bottom, strict=True):
            axes.plot((x_above, x_below), (1, 0), color=colour, linewidth=1.4)
        taken.append(free_spot(sum(top) / 2, sum(bottom) / 2, taken))
        put_mark(axes, str(number + 1), *taken[-1], colour)


def shares_of(span: Span) -> Callable[[float], float]:
    """From seconds to shares of the width."""
    start_s, end_s = span
    length_s = max(end_s - start_s, 1e-9)
    return lambda second: min(1.0, max(0.0, (second - start_s) / length_s))


def free_spot(
    x_above: float,
    x_below: float,
    taken: list[tuple[float, float]],
    heights: tuple[float, ...] = NUMBER_HEIGHTS,
) -> tuple[float, float]:
    """Where on the middle of its band a number is clear of the others, or farthest from them."""
    spots = [(height * x_above + (1 - height) * x_below, height) for height in heights]

    def room_in(spot: tuple[float, float]) -> float:
        apart = np.abs(np.subtract(np.reshape(taken, (-1, 2)), spot)) * BAND_IN
        return float(np.hypot(*apart.T).min(initial=NUMBER_IN))

    return max(spots, key=room_in)  # of several that are clear, the first


def draw_similarity(view: View, line: Line) -> Picture:
    """Time in A to the right, time in B upwards; each stretch in common runs between two lines."""
    a, b = view.a.features(*view.a_s), view.b.features(*view.b_s)
    found = similarity(a, b, line)
    for axis in (0, 1):
        found = _pooled(found, PIXELS, axis=axis)
    figure = blank(4.7)
    axes = figure.subplots()
    dress(axes, xlabel=say("time in A"), ylabel=say("time in B"))
    axes.grid(False)
    black = max(LEAST_BLACK, 0.9 * float(found.max()))
    image = _show(axes, found.T, (*view.a_s, *view.b_s), black)
    axes.set(xlim=view.a_s, ylim=view.b_s)
    on_the_clock(axes)
    on_the_clock(axes, x=False)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)  # type: ignore[arg-type]
    bar.set_label(say("correlation over 2 s"), fontsize=SMALL_PT)
    bar.ax.tick_params(labelsize=SMALL_PT)
    for number, stretch in enumerate(view.stretches):
        _enclose(axes, figure, view, number, stretch)
    for place in view.places:
        times_a_s = np.array([place.a_start_s, place.a_end_s])
        _beside(axes, figure, times_a_s, place.line.to_b(times_a_s), PALE, ":")
    if not view.stretches:
        ends = np.array(view.a_s)
        _beside(axes, figure, ends, line.to_b(ends), PALE, "--")
    bar.ax.yaxis.set_major_formatter(Numbers())
    runs = "the stretches in common run" if view.stretches else "no dark line runs"
    alt = f"Similarity of moments of A and of B; {runs} along the marked lines."
    return as_png(figure, say(alt))


class Numbers(ScalarFormatter):
    """Numbers of an axis in the language of now."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The number as text."""
        return say(super().__call__(x, pos))


def similarity(a: Features, b: Features, line: Line) -> Floats:
    """Correlations (frames of A at the tempo of B, frames of B) over ALONG_S, in [-1, 1].

    A is brought to the tempo and pitch of B first. Single moments are alike by chance, so the
    correlation is averaged along the line.
    """
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


def _units(changes: Floats) -> Floats:
    length = np.linalg.norm(changes, axis=0, keepdims=True)
    return np.asarray(changes / np.maximum(length, 1e-3), np.float32)


def _enclose(axes: Axes, figure: Figure, view: View, number: int, stretch: Stretch) -> None:
    """Two lines beside a stretch, and its number beside the middle of what is seen of it."""
    ends = np.array([stretch.a_start_s, stretch.a_end_s])
    colour, line = colour_of(number), stretch.line
    _beside(axes, figure, ends, line.to_b(ends), colour, "-")
    seen = np.clip(np.clip(ends, *line.to_a(np.array(view.b_s))), *view.a_s)
    if seen[0] == seen[1]:  # beyond what is shown
        return
    middle_s = float(seen.mean())
    at_b_s = line.to_b(middle_s)
    is_high = at_b_s > view.b_s[0] + 0.9 * (view.b_s[1] - view.b_s[0])
    beside = offset_copy(axes.transData, figure, y=-16 if is_high else 16, units="points")
    put_mark(axes, str(number + 1), middle_s, at_b_s, colour, transform=beside)


def _beside(axes: Axes, figure: Figure, x: Values, y: Values, colour: str, dashes: str) -> None:
    """Two lines, one on each side of a path."""
    for side in (-1, 1):
        place = offset_copy(
            axes.transData, figure, x=-side * BESIDE_PT, y=side * BESIDE_PT, units="points"
        )
        axes.plot(x, y, dashes, color=colour, linewidth=1.3, transform=place)


def draw_strip(edits: EditMap) -> Picture:
    """Both recordings as bars on their own clocks, with stretches and edits."""
    figure = blank(2.3)
    above, between, below = figure.subplots(3, 1, height_ratios=(1, 2, 1))
    spans = (0.0, edits.a_duration_s), (0.0, edits.b_duration_s)
    for axes, span, name in ((above, spans[0], "A"), (below, spans[1], "B")):
        _draw_bar(axes, span, name)
    above.xaxis.tick_top()
    _tint(above, below, edits.stretches, alpha=0.55)
    for edit in edits.edits:
        if edit.kind in HATCHES:
            _hatch(above, edit, edit.a_start_s, edit.a_end_s)
            _hatch(below, edit, edit.b_start_s, edit.b_end_s)
    draw_bands(between, edits.stretches, *spans)
    kinds = ", ".join(edit.kind for edit in edits.edits) or "none"
    return as_svg(figure, say(f"A and B as bars, stretches in common joined; edits: {kinds}."))


def _draw_bar(axes: Axes, span: Span, name: str) -> None:
    dress(axes)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set(xlim=(span[0], max(span[1], 1e-3)), ylim=(0, 1), yticks=[])
    axes.set_ylabel(name, rotation=0, fontsize=12, fontweight="bold", va="center", labelpad=10)
    axes.axvspan(*span, color=SHADE, linewidth=0)
    on_the_clock(axes)


def _hatch(axes: Axes, edit: Edit, start_s: float, end_s: float) -> None:
    """What only one recording holds; in the other one, a line."""
    if end_s - start_s < 1e-3:
        if edit.kind != "trimmed":
            axes.axvline(start_s, color=INK, linewidth=1.6)
        return
    axes.axvspan(
        start_s, end_s, facecolor="white", edgecolor=PALE, hatch=HATCHES[edit.kind],
        linewidth=0.8,
    )  # fmt: skip
