"""Two time lines, A above B, and bands between them: which stretch of one is which of the other."""

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from verify.report.style import INK, SMALL_PT
from verify.report.view import Span, View

Place = Callable[[float], float]
NEAR_A = 0.72
"""How far up its band a number stands: bands of what was moved cross in the middle."""
LEAST_LABELLED = 0.02
"""Share of the width under which a band carries no number."""


def draw_joins(axes: Axes, view: View, a_s: Span, b_s: Span) -> None:
    """Bands from A, at the top edge of the axes, to B, at the bottom, each with its number."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    on_a, on_b = _places(a_s), _places(b_s)
    for number, stretch in enumerate(view.stretches):
        corners = [
            (on_a(stretch.a_start_s), 1), (on_a(stretch.a_end_s), 1),
            (on_b(stretch.b_end_s), 0), (on_b(stretch.b_start_s), 0),
        ]  # fmt: skip
        colour = view.colour(number)
        band = Polygon(corners, closed=True, facecolor=colour, alpha=0.22, linewidth=0)
        axes.add_patch(band)
        for top, bottom in ((corners[0], corners[3]), (corners[1], corners[2])):
            axes.plot(*zip(top, bottom, strict=True), color=colour, linewidth=1.4)
        if max(corners[1][0] - corners[0][0], corners[2][0] - corners[3][0]) > LEAST_LABELLED:
            (x1, _), (x2, _), (x3, _), (x4, _) = corners
            middle = NEAR_A * (x1 + x2) / 2 + (1 - NEAR_A) * (x3 + x4) / 2
            put_number(axes, middle, NEAR_A, number, colour)


def put_number(
    axes: Axes, x: float, y: float, number: int, colour: str, *, up_pt: float = 0
) -> None:
    """The number of a stretch in a white disc, the first being 1, at a place or above it."""
    axes.annotate(
        str(number + 1),
        (x, y),
        (0, up_pt),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=SMALL_PT,
        fontweight="bold",
        color=INK,
        annotation_clip=True,
        bbox={"boxstyle": "circle,pad=0.2", "fc": "white", "ec": colour, "lw": 1.4},
        zorder=6,
    )


def _places(span: Span) -> Place:
    """From seconds to shares of the width."""
    start_s, end_s = span
    length_s = max(end_s - start_s, 1e-9)
    return lambda second: min(1.0, max(0.0, (second - start_s) / length_s))
