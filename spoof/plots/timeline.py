"""The score of a recording over time."""

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cqtnet import plotting as style
from spoof.calibration import Calibration
from spoof.detect import Detection, scores_over_time
from verify.report.pictures import on_the_clock
from verify.words import LEAST_RATIO

ROOM = 0.5


def timeline(found: Detection, calibration: Calibration | None = None) -> Figure:
    """A figure of the windows' scores; with a calibration, of where they would say something.

    >>> figure = timeline(detector.detect("questioned.m4a"), detector.calibration)
    """
    figure = style.blank(3.2)
    axes = figure.subplots()
    style.dress(axes, title=found.path, xlabel="time", ylabel="log-odds of synthetic")
    times_s, scores = scores_over_time(found)
    axes.plot(times_s, scores, color=style.TARGET.colour, lw=1.5, marker=".")
    rows: list[style.Row] = [(style.TARGET.handle(), "score of each window, at its middle")]
    if found.score is not None:
        axes.axhline(found.score, color=style.INK, lw=1, ls=(0, (5, 1.5)))
        dashed = Line2D([], [], color=style.INK, lw=1, ls=(0, (5, 1.5)))
        rows.append((dashed, "their mean, which the verdict rests on"))
    heard = scores[np.isfinite(scores)]
    low, high = (float(heard.min()), float(heard.max())) if len(heard) else (-1.0, 1.0)
    if calibration is not None and calibration.slope > 0:
        edges = [
            (sign * math.log(LEAST_RATIO) - calibration.offset) / calibration.slope
            for sign in (-1, 1)
        ]
        axes.axhspan(*edges, color=style.SHADE, zorder=0)
        text = f"insufficient: a recording's ratio nearer to 1 than {LEAST_RATIO:g}"
        rows.append((Patch(fc=style.SHADE, ec=style.PALE, lw=0.5), text))
        low, high = min(low, edges[0]), max(high, edges[1])
    axes.set(xlim=(0, max(found.duration_s, 0.1)), ylim=(low - ROOM, high + ROOM))
    on_the_clock(axes)
    style.legend_below(figure, rows)
    return figure
