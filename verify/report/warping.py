"""Tempo and pitch along the stretches in common, and how far each piece lies from its line."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from verify.align import WINDOW_S, Hits, hits_along, pitch
from verify.report import style
from verify.report.view import View
from verify.results import Stretch

Values = NDArray[np.float64]

REACH_S = 0.1
PITCH_S = 4.0
"""Length of the parts whose pitch is measured."""
SLOPE_PIECES = 9
"""Hits through which a local tempo goes: of 2 s each, half a second apart, 6 s in all."""
TRUSTED = 0.3
"""Correlation under which a piece is drawn pale."""
LEAST_MS, LEAST_PERCENT, LEAST_SEMITONES = 30.0, 0.6, 0.3
"""What an axis shows at least on both sides, so that nothing small looks large."""


@dataclass(frozen=True)
class Course:
    """What was measured along one stretch."""

    pieces: Hits
    away_ms: Values  # (n,) of each piece from the line
    tempo_s: Values  # (m,) middles of local tempi
    tempo: Values  # (m,)
    pitch_s: Values  # (k,) middles of parts
    semitones: Values  # (k,)


def course(view: View, stretch: Stretch) -> Course | None:
    """What was measured along a stretch; None where it is too short."""
    line = stretch.line
    start_s, end_s = max(view.a_s[0], stretch.a_start_s), min(view.a_s[1], stretch.a_end_s)
    if end_s - start_s < WINDOW_S:
        return None
    a = view.a.features(start_s, end_s)
    b = view.b.features(line.to_b(start_s) - REACH_S, line.to_b(end_s) + REACH_S)
    pieces = hits_along(a, b, line, reach_s=REACH_S)
    if pieces is None:
        return None
    starts = np.arange(start_s, max(start_s, end_s - PITCH_S) + 1e-9, PITCH_S / 2)
    semitones = [pitch(a.part(s, s + PITCH_S), b, line)[0] for s in starts]
    middles, tempi = local_tempo(pieces)
    lengths = np.minimum(starts + PITCH_S, end_s) - starts
    away_ms = 1000 * (pieces.b_s - line.to_b(pieces.a_s))
    return Course(pieces, away_ms, middles, tempi, starts + lengths / 2, np.array(semitones))


def local_tempo(pieces: Hits) -> tuple[Values, Values]:
    """Middles (m,) in A of runs of pieces, and the tempo (m,) of a line through each run."""
    n = len(pieces.a_s)
    runs = [slice(i, i + SLOPE_PIECES) for i in range(n - SLOPE_PIECES + 1)]
    roots = np.maximum(pieces.correlation, 0.05)
    fits = [np.polyfit(pieces.a_s[run], pieces.b_s[run], 1, w=roots[run])[0] for run in runs]
    return np.array([pieces.a_s[run].mean() for run in runs]), np.array(fits)


def draw_warping(view: View) -> style.Picture | None:
    """Distance from the line, tempo and pitch over the time in A; None where all is too short."""
    found = [(n, s, course(view, s)) for n, s in enumerate(view.stretches)]
    courses = [(n, s, c) for n, s, c in found if c is not None]
    if not courses:
        return None
    figure = style.blank(5.2)
    rows = figure.subplots(3, 1, sharex=True)
    style.dress(rows[0], title="Place: how far each piece of 2 s lies from the straight line, ms")
    style.dress(rows[1], title="Tempo of A against B over 6 s, %")
    style.dress(rows[2], title="Pitch of A over B, semitones", xlabel="time in A")
    for number, stretch, measured in courses:
        _draw(rows, stretch, measured, view.colour(number))
    line = courses[0][1].line
    _widen(rows[0], 0.0, LEAST_MS)
    _widen(rows[1], 100 * (line.tempo - 1), LEAST_PERCENT)
    _widen(rows[2], line.shift_semitones, LEAST_SEMITONES)
    rows[2].set_xlim(view.a_s)
    style.on_the_clock(rows[2])
    return style.as_svg(
        figure, "Distance of pieces from the line, local tempo and local pitch over the time in A."
    )


def _draw(rows: NDArray[np.object_], stretch: Stretch, found: Course, colour: str) -> None:
    """One stretch: lines for what was found of all of it, dots for its pieces."""
    ends = (stretch.a_start_s, stretch.a_end_s)
    line = stretch.line
    whole = (0.0, 100 * (line.tempo - 1), line.shift_semitones)
    for axes, value in zip(rows, whole, strict=True):
        axes.plot(ends, (value, value), color=colour, linewidth=1.2, alpha=0.7)
    trusted = found.pieces.correlation >= TRUSTED
    for some, alpha in ((trusted, 1.0), (~trusted, 0.3)):
        dots = {"color": colour, "markersize": 3.2, "alpha": alpha, "linestyle": ""}
        rows[0].plot(found.pieces.a_s[some], found.away_ms[some], "o", **dots)
    rows[1].plot(found.tempo_s, 100 * (found.tempo - 1), "o-", color=colour, ms=2.6, lw=0.8)
    rows[2].plot(found.pitch_s, found.semitones, "o-", color=colour, ms=3.2, lw=0.8)


def _widen(axes: Axes, middle: float, least: float) -> None:
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, middle - least), max(high, middle + least))
