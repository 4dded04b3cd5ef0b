"""The picture of how A keeps to B along the stretches in common: place, tempo and pitch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cqtnet import plotting as style
from verify.align import WINDOW_S, Hits, hits_along, pitch
from verify.features import Values
from verify.report import pictures
from verify.report.language import say
from verify.results import Stretch

REACH_S = 0.1  # how far from the line hits are searched
PITCH_S = 4.0  # length of the parts whose pitch is measured
SLOPE_HITS = 9  # hits per local tempo: of 2 s each, half a second apart, 6 s in all
LEAST = (30.0, 0.6, 0.3)
"""Milliseconds, per cent and semitones: an axis shows at least this much on both sides, so that
nothing small looks large."""
NUMBER_ROWS = (0.91, 0.76, 0.61)  # how far up a number may stand above the dots along a stretch


@dataclass(frozen=True)
class Course:
    """What was measured along one stretch."""

    hits: Hits
    away_ms: Values  # (n,) of each hit from the line
    tempo_s: Values  # (m,) middles of local tempi
    tempo: Values  # (m,)
    pitch_s: Values  # (k,) middles of parts
    semitones: Values  # (k,)


def course(view: pictures.View, stretch: Stretch) -> Course | None:
    """Place, tempo and pitch along a stretch; None where it is too short."""
    line = stretch.line
    start_s, end_s = max(view.a_s[0], stretch.a_start_s), min(view.a_s[1], stretch.a_end_s)
    if end_s - start_s < WINDOW_S:
        return None
    a = view.a.features(start_s, end_s)
    b = view.b.features(line.to_b(start_s) - REACH_S, line.to_b(end_s) + REACH_S)
    hits = hits_along(a, b, line, reach_s=REACH_S)
    if hits is None:
        return None
    starts = np.arange(start_s, max(start_s, end_s - PITCH_S) + 1e-9, PITCH_S / 2)
    semitones = [pitch(a.part(s, s + PITCH_S), b, line)[0] for s in starts]
    middles_s = starts + (np.minimum(starts + PITCH_S, end_s) - starts) / 2
    away_ms = 1000 * hits.distance_s(line)
    return Course(hits, away_ms, *local_tempo(hits), middles_s, np.array(semitones))


def local_tempo(hits: Hits) -> tuple[Values, Values]:
    """Middles (m,) in A of runs of hits, and the tempo (m,) of a line through each run."""
    n = len(hits.a_s)
    runs = [slice(i, i + SLOPE_HITS) for i in range(n - SLOPE_HITS + 1)]
    roots = np.maximum(hits.correlation, 0.05)
    fits = [np.polyfit(hits.a_s[run], hits.b_s[run], 1, w=roots[run])[0] for run in runs]
    return np.array([hits.a_s[run].mean() for run in runs]), np.array(fits)


def draw_warping(view: pictures.View) -> style.Picture | None:
    """Distance from the line, tempo and pitch over the time in A; None where all is too short."""
    found = [course(view, stretch) for stretch in view.stretches]
    if not any(found):
        return None
    figure = style.blank(4.4)
    rows = figure.subplots(3, 1, sharex=True)
    titles = (
        "Place: how far each piece of 2 s lies from the straight line, ms",
        "Tempo of A against B over 6 s, %",
        "Pitch of A over B, semitones",
    )
    for axes, title in zip(rows, titles, strict=True):
        style.dress(axes, title=say(title), title_pt=style.SMALL_PT + 1)
        axes.yaxis.set_major_formatter(pictures.Numbers())
    rows[2].set_xlabel(say("time in A"), fontsize=style.SMALL_PT + 0.5)
    for number, (stretch, one) in enumerate(zip(view.stretches, found, strict=True)):
        _draw_course(rows, stretch, one, pictures.colour_of(number))
    rows[2].set_xlim(view.a_s)
    pictures.on_the_clock(rows[2])
    low, high = rows[0].get_ylim()
    rows[0].set_ylim(low, high + 0.6 * (high - low))  # for the numbers, above the dots
    share, taken = pictures.shares_of(view.a_s), list[tuple[float, float]]()
    for number, stretch in enumerate(view.stretches):
        start, end = share(stretch.a_start_s), share(stretch.a_end_s)
        if start == end:  # beyond what is shown
            continue
        taken.append(pictures.free_spot((start + end) / 2, (start + end) / 2, taken, NUMBER_ROWS))
        mark = str(number + 1), *taken[-1], pictures.colour_of(number)
        style.put_mark(rows[0], *mark, transform=rows[0].transAxes)
    alt = "Distance of pieces from the line, local tempo and local pitch over the time in A."
    return style.as_svg(figure, say(alt))


def _draw_course(
    rows: NDArray[np.object_], stretch: Stretch, found: Course | None, colour: str
) -> None:
    """One stretch: lines for all of it, dots for its hits, of which a short one has none."""
    ends, line = (stretch.a_start_s, stretch.a_end_s), stretch.line
    whole = (0.0, 100 * (line.tempo - 1), line.shift_semitones)
    for axes, value in zip(rows, whole, strict=True):
        axes.plot(ends, (value, value), color=colour, linewidth=1.2, alpha=0.7)
    if found is not None:
        trusted = found.hits.correlation >= 0.3  # others are drawn pale
        for some, alpha in ((trusted, 1.0), (~trusted, 0.3)):
            dots = {"color": colour, "markersize": 3.2, "alpha": alpha, "linestyle": ""}
            rows[0].plot(found.hits.a_s[some], found.away_ms[some], "o", **dots)
        rows[1].plot(found.tempo_s, 100 * (found.tempo - 1), "o-", color=colour, ms=2.6, lw=0.8)
        rows[2].plot(found.pitch_s, found.semitones, "o-", color=colour, ms=3.2, lw=0.8)
    for axes, value, least in zip(rows, whole, LEAST, strict=True):
        low, high = axes.get_ylim()
        axes.set_ylim(min(low, value - least), max(high, value + least))
