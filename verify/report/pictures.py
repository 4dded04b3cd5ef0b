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

from cqtnet import plotting as style
from cqtnet.cqt import BINS_PER_OCTAVE, C1_HZ, N_BINS
from verify.edits import EditMap
from verify.features import COARSE_PER_SECOND, Features, Floats, cqt, played_at, shifted
from verify.recording import Recording
from verify.report.language import say
from verify.results import Comparison, Line, Stretch
from verify.words import clock

Span = tuple[float, float]

MOST_S = 300.0  # at most so much of a recording is shown
STRETCH_COLOURS = tuple(style.COLOURS[i] for i in (1, 2, 4, 6, 5, 3))
"""Colours of stretches, all but black; the two blues as far from each other as can be."""
CLOCK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
"""Distances of ticks on an axis of time; the first that leaves at most twelve ticks is taken."""
NUMBER_HEIGHTS = (0.72, 0.5, 0.28, 0.86, 0.14)
"""How far up its band a number may stand; the first that is clear of the others is taken."""
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
    edits = comparison.edits
    seen: tuple[Stretch, ...] = (comparison.alignment,) if comparison.alignment else ()
    stretches = seen if comparison.verdict == "same" else ()
    if edits is not None and edits.stretches:
        seen = stretches = edits.stretches
    a_s = _shown_span([(s.a_start_s, s.a_end_s) for s in seen], a.duration_s)
    b_s = _shown_span([(s.b_start_s, s.b_end_s) for s in seen], b.duration_s)
    line = max(seen, key=lambda s: s.duration_s).line if seen else None
    return View(a, b, a_s, b_s, stretches, line, tuple(x.alignment for x in comparison.places))


def _shown_span(spans: Iterable[Span], duration_s: float) -> Span:
    """All of a recording; of a long one, the part around the spans."""
    if duration_s <= MOST_S:
        return 0.0, duration_s
    times = [second for span in spans for second in span] or [0.0]
    first, last = min(times), max(times)
    room = max(0.15 * (last - first), (MOST_S / 5 - (last - first)) / 2)
    start_s = max(0.0, min(first - room, duration_s - MOST_S / 5))
    return start_s, min(duration_s, last + room, start_s + MOST_S)


def colour_of(number: int) -> str:
    """The colour of a stretch by its number, from 0."""
    return STRETCH_COLOURS[number % len(STRETCH_COLOURS)]


def on_the_clock(axes: Axes, *, x: bool = True) -> None:
    """Write an axis of seconds as minutes and seconds."""
    axis = axes.xaxis if x else axes.yaxis
    low, high = sorted(axes.get_xlim() if x else axes.get_ylim())
    step = next((s for s in CLOCK_STEPS_S if (high - low) / s <= 12), CLOCK_STEPS_S[-1])
    axis.set_major_locator(MultipleLocator(step))
    axis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds).removesuffix(".00")))


def draw_spectrograms(view: View) -> style.Picture:
    """A above, B below, as the network hears them, on their own clocks; bands join the stretches.

    84 semitones from C1, 43 frames a second.
    """
    figure = style.blank(4.8)
    heights = (5, 1.6, 5) if view.stretches else (5, 0.1, 5)
    above, between, below = figure.subplots(3, 1, height_ratios=heights)
    _draw_levels(above, view.a, view.a_s, "A")
    _draw_levels(below, view.b, view.b_s, "B")
    draw_bands(between, view.stretches, view.a_s, view.b_s)
    _tint(above, below, view.stretches, alpha=0.16)
    below.set_xlabel(say("minutes and seconds of each recording"), fontsize=style.SMALL_PT + 0.5)
    joined = say("the stretches in common are joined" if view.stretches else "nothing is joined")
    alt = f"{say('Spectrograms of A, above, and of B, below')}; {joined}."
    return style.as_png(figure, alt)


def _draw_levels(axes: Axes, recording: Recording, span: Span, name: str) -> None:
    """Roots of CQT magnitudes, each column the loudest of its moment; or why there are none."""
    style.dress(axes)
    axes.set_title(name, loc="left", fontsize=12, fontweight="bold", color=style.INK, pad=3)
    axes.set(xlim=span, ylim=(0, N_BINS))
    axes.grid(False)
    on_the_clock(axes)
    octaves = range(N_BINS // BINS_PER_OCTAVE)
    notes = [say(f"C{octave + 1} {C1_HZ * 2**octave:,.0f} Hz") for octave in octaves]
    axes.set_yticks([BINS_PER_OCTAVE * octave + 0.5 for octave in octaves], notes)
    if recording.problem:
        axes.text(
            0.5, 0.5, say(f"{name} {recording.problem}"), transform=axes.transAxes, ha="center",
            color=style.PALE, fontsize=style.SMALL_PT + 1,
        )  # fmt: skip
        return
    image = _pooled(np.sqrt(cqt()(recording.samples(*span)[None])[0]), 1300, axis=1)
    black = max(float(np.quantile(image, 0.995)), 1e-6)
    _show(axes, image, (*span, 0, N_BINS), black)


def _pooled(values: Floats, most: int, *, axis: int) -> Floats:
    """The highest of neighbours along an axis, so that at most `most` are left."""
    n = values.shape[axis]
    edges: NDArray[np.int64] = np.unique(np.linspace(0, n, min(n, most) + 1).astype(int)[:-1])
    return np.asarray(np.maximum.reduceat(values, edges, axis=axis))


def _show(axes: Axes, image: Floats, extent: tuple[float, ...], black: float) -> Any:
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
        style.put_mark(axes, str(number + 1), *taken[-1], colour)


def shares_of(span: Span) -> Callable[[float], float]:
    """From seconds to shares of the width."""
    start_s, end_s = span
    length_s = max(end_s - start_s, 1e-9)
    return lambda second: min(1.0, max(0.0, (second - start_s) / length_s))


def free_spot(
    x_above: float, x_below: float, taken: list[tuple[float, float]],
    heights: tuple[float, ...] = NUMBER_HEIGHTS,
) -> tuple[float, float]:  # fmt: skip
    """Where on the middle of its band a number is clear of the others, or farthest from them."""
    spots = [(height * x_above + (1 - height) * x_below, height) for height in heights]

    def room_in(spot: tuple[float, float]) -> float:
        apart_in = np.subtract(np.reshape(taken, (-1, 2)), spot) * (6.3, 0.9)  # size of the axes
        return float(np.hypot(*apart_in.T).min(initial=0.24))  # width of a number in its disc

    return max(spots, key=room_in)  # of several that are clear, the first


def draw_similarity(view: View, line: Line) -> style.Picture:
    """Time in A to the right, time in B upwards; each stretch in common runs between two lines."""
    found = similarity(view.a.features(*view.a_s), view.b.features(*view.b_s), line)
    for axis in (0, 1):
        found = _pooled(found, 520, axis=axis)
    figure = style.blank(4.7)
    axes = figure.subplots()
    style.dress(axes, xlabel=say("time in A"), ylabel=say("time in B"))
    axes.grid(False)
    black = max(0.6, 0.9 * float(found.max()))  # chance stays pale
    image = _show(axes, found.T, (*view.a_s, *view.b_s), black)
    axes.set(xlim=view.a_s, ylim=view.b_s)
    on_the_clock(axes)
    on_the_clock(axes, x=False)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, pad=0.02)
    bar.set_label(say("correlation over 2 s"), fontsize=style.SMALL_PT)
    bar.ax.tick_params(labelsize=style.SMALL_PT)
    bar.ax.yaxis.set_major_formatter(Numbers())
    for number, stretch in enumerate(view.stretches):
        ends = (stretch.a_start_s, stretch.a_end_s)
        _beside(axes, figure, ends, stretch.line, colour_of(number), "-")
        _put_number(axes, figure, view, number, stretch)
    for place in view.places:
        ends = (place.a_start_s, place.a_end_s)
        _beside(axes, figure, ends, place.line, style.PALE, ":")
    if not view.stretches:
        _beside(axes, figure, view.a_s, line, style.PALE, "--")
    runs = "the stretches in common run" if view.stretches else "no dark line runs"
    alt = f"Similarity of moments of A and of B; {runs} along the marked lines."
    return style.as_png(figure, say(alt))


class Numbers(ScalarFormatter):
    """Numbers of an axis in the language of now."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The number as text."""
        return say(super().__call__(x, pos))


def similarity(a: Features, b: Features, line: Line) -> Floats:
    """Correlations (frames of A at the tempo of B, frames of B) over 2 s, in [-1, 1].

    A is brought to the tempo and pitch of B first. Single moments are alike by chance, so the
    correlation is averaged along the line.
    """
    played = shifted(played_at(a.coarse, line.tempo), -line.shift_semitones)
    products = _units(played).T @ _units(b.coarse)
    rows, columns = products.shape
    half = min(round(COARSE_PER_SECOND), rows // 4, columns // 4)  # a second to both sides
    padded = np.pad(products, half)
    found = np.zeros_like(products)
    for step in range(2 * half + 1):
        found += padded[step : step + rows, step : step + columns]
    return np.asarray(found / (2 * half + 1), np.float32)


def _units(changes: Floats) -> Floats:
    length = np.linalg.norm(changes, axis=0, keepdims=True)
    return np.asarray(changes / np.maximum(length, 1e-3), np.float32)


def _put_number(axes: Axes, figure: Figure, view: View, number: int, stretch: Stretch) -> None:
    """The number of a stretch, beside the middle of what is seen of it."""
    line, ends = stretch.line, np.array([stretch.a_start_s, stretch.a_end_s])
    seen = np.clip(np.clip(ends, *line.to_a(np.array(view.b_s))), *view.a_s)
    if seen[0] == seen[1]:  # beyond what is shown
        return
    middle_s = float(seen.mean())
    at_b_s = line.to_b(middle_s)
    is_high = at_b_s > view.b_s[0] + 0.9 * (view.b_s[1] - view.b_s[0])
    beside = offset_copy(axes.transData, figure, y=-16 if is_high else 16, units="points")
    colour = colour_of(number)
    style.put_mark(axes, str(number + 1), middle_s, at_b_s, colour, transform=beside)


def _beside(axes: Axes, figure: Figure, a_s: Span, line: Line, colour: str, dashes: str) -> None:
    """Two lines, 5 points from a path on each side of it: on the path they would hide it."""
    for side in (-5, 5):
        place = offset_copy(axes.transData, figure, x=-side, y=side, units="points")
        ends = np.array(a_s)
        axes.plot(ends, line.to_b(ends), dashes, color=colour, linewidth=1.3, transform=place)


def draw_strip(edits: EditMap) -> style.Picture:
    """Both recordings as bars on their own clocks, with stretches and edits."""
    figure = style.blank(2.3)
    above, between, below = figure.subplots(3, 1, height_ratios=(1, 2, 1))
    spans = (0.0, edits.a_duration_s), (0.0, edits.b_duration_s)
    for axes, (start_s, end_s), name in ((above, spans[0], "A"), (below, spans[1], "B")):
        style.dress(axes)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set(xlim=(start_s, max(end_s, 1e-3)), ylim=(0, 1), yticks=[])
        axes.set_ylabel(name, rotation=0, fontsize=12, fontweight="bold", va="center", labelpad=10)
        axes.axvspan(start_s, end_s, color=style.SHADE, linewidth=0)
        on_the_clock(axes)
    above.xaxis.tick_top()
    _tint(above, below, edits.stretches, alpha=0.55)
    for edit in edits.edits:
        if edit.kind in HATCHES:
            _hatch(above, edit.kind, edit.a_start_s, edit.a_end_s)
            _hatch(below, edit.kind, edit.b_start_s, edit.b_end_s)
    draw_bands(between, edits.stretches, *spans)
    kinds = ", ".join(edit.kind for edit in edits.edits) or "none"
    told = say(f"A and B as bars, stretches in common joined; edits: {kinds}.")
    return style.as_svg(figure, told)


def _hatch(axes: Axes, kind: str, start_s: float, end_s: float) -> None:
    """What only one recording holds; in the other one, a line."""
    if end_s - start_s >= 1e-3:
        look: dict[str, Any] = {"facecolor": "white", "edgecolor": style.PALE, "linewidth": 0.8}
        axes.axvspan(start_s, end_s, hatch=HATCHES[kind], **look)
    elif kind != "trimmed":
        axes.axvline(start_s, color=style.INK, linewidth=1.6)
