"""The edit map: which stretches of A come from B, and what was done in between."""

from verify.edits import EditMap
from verify.report.markup import Row, figure, number, paragraph, section, table
from verify.report.opening import extent
from verify.report.strip import draw_strip
from verify.report.view import View
from verify.results import Stretch
from verify.wording import clock


def edit_section(view: View, edits: EditMap | None) -> str:
    """The edit map, drawn and as tables; nothing where none was made."""
    if edits is None:
        return ""
    if not edits.stretches:
        words = "No stretch of A was found in B, so nothing can be said about edits."
        return section("Edit map", paragraph(words), name="edits")
    stretches = [_stretch_row(n, s) for n, s in enumerate(edits.stretches, start=1)]
    changes: list[Row] = [
        (e.kind, _moment(e.a_start_s, e.a_end_s), _moment(e.b_start_s, e.b_end_s), e.words)
        for e in edits.edits
    ]
    return section(
        "Edit map: how A could have been made from B",
        paragraph(extent(edits)),
        figure(
            draw_strip(view, edits),
            "A above, B below, each on its own clock. Joined: what both have in common. Crossed: "
            "cut from B. Striped: in A only. Plain: B before and after what A holds. A black line: "
            "here something was cut or put in.",
        ),
        table(
            stretches,
            head=("Stretch", "in A", "in B", "tempo", "pitch", "correlation"),
            kind="edits",
        ),
        table(changes, head=("Edit", "in A", "in B", "in words"), kind="edits"),
        "" if changes else paragraph("No edits were found."),
        name="edits",
    )


def _stretch_row(index: int, stretch: Stretch) -> Row:
    line = stretch.line
    return (
        str(index),
        _moment(stretch.a_start_s, stretch.a_end_s),
        _moment(stretch.b_start_s, stretch.b_end_s),
        f"× {line.tempo:.4f}",
        f"{number(line.shift_semitones, digits=2)} st",
        f"{stretch.correlation:.2f}",
    )


def _moment(start_s: float, end_s: float) -> str:
    if end_s - start_s < 0.005:
        return clock(start_s)
    return f"{clock(start_s)} – {clock(end_s)}"
