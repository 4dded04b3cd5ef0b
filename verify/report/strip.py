"""The edit map drawn: A above, B below, what is the same joined, what is not hatched."""

from matplotlib.axes import Axes

from verify.edits import Edit, EditMap
from verify.report import style
from verify.report.joins import draw_joins
from verify.report.view import Span, View

HATCHES = {"trimmed": "", "cut": "xxxx", "inserted": "////", "replaced": "////"}
"""How what only one of both holds is drawn; other edits take what both hold."""


def draw_strip(view: View, edits: EditMap) -> style.Picture:
    """Both recordings as bars on their own clocks, with stretches and edits."""
    figure = style.blank(2.3)
    above, between, below = figure.subplots(3, 1, height_ratios=(1, 2, 1))
    spans = (0.0, edits.a_duration_s), (0.0, edits.b_duration_s)
    for axes, span, name in ((above, spans[0], "A"), (below, spans[1], "B")):
        _bar(axes, span, name)
    above.xaxis.tick_top()
    for number, stretch in enumerate(edits.stretches):
        colour = view.colour(number)
        above.axvspan(stretch.a_start_s, stretch.a_end_s, color=colour, alpha=0.55, linewidth=0)
        below.axvspan(stretch.b_start_s, stretch.b_end_s, color=colour, alpha=0.55, linewidth=0)
    for edit in edits.edits:
        if edit.kind in HATCHES:
            _hatch(above, edit, edit.a_start_s, edit.a_end_s)
            _hatch(below, edit, edit.b_start_s, edit.b_end_s)
    draw_joins(between, view, *spans)
    kinds = ", ".join(edit.kind for edit in edits.edits) or "no edits"
    return style.as_svg(figure, f"A and B as bars, stretches in common joined; edits: {kinds}.")


def _bar(axes: Axes, span: Span, name: str) -> None:
    style.dress(axes)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set(xlim=(span[0], max(span[1], 1e-3)), ylim=(0, 1), yticks=[])
    axes.set_ylabel(name, rotation=0, fontsize=12, fontweight="bold", va="center", labelpad=10)
    axes.axvspan(*span, color=style.SHADE, linewidth=0)
    style.on_the_clock(axes)


def _hatch(axes: Axes, edit: Edit, start_s: float, end_s: float) -> None:
    """What is foreign or gone; a line where it has no length here."""
    if end_s - start_s < 1e-3:
        if edit.kind != "trimmed":
            axes.axvline(start_s, color=style.INK, linewidth=1.6)
        return
    axes.axvspan(
        start_s, end_s, facecolor="white", edgecolor=style.PALE, hatch=HATCHES[edit.kind],
        linewidth=0.8,
    )  # fmt: skip
