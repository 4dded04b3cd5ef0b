"""Pictures of detectors, as matplotlib figures: decisions, training, DET and ROC, a timeline."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from cqtnet import plotting as style
from eval.plots import ScoreSet
from spoof.checkpoint import Calibration
from spoof.detect import Detection
from spoof.scores import CLASSES, Confusion
from verify.report.pictures import on_the_clock
from verify.words import LEAST_RATIO

SHADES = "Greys"
LEARNED, HELD_OUT = style.looks(2)
"""Lines of what is learned from, and of what is held out."""
ROOM = 0.5
"""Room above and below the scores of a timeline."""
WORDS = (
    ("pairs of different recordings accepted", "human voices classified as synthetic"),
    ("pairs of the same recording rejected", "synthetic voices classified as human"),
    ("same recording accepted", "synthetic voices found"),
    ("recordings resampled", "groups resampled"),
    ("in all these pairs", "in all these recordings"),
)
"""The words of `eval` about pairs, and the words here; the first that fits is replaced."""


def confusion_matrix(decided: Confusion, *, title: str = "Decisions") -> Figure:
    """A figure of the four counts, each with its share of the true class."""
    counts = np.array([*vars(decided).values()]).reshape(2, 2)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    figure = style.blank(4.0)
    axes = figure.subplots()
    style.dress(axes, title=title, xlabel="classified as", ylabel="in truth")
    axes.grid(False)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1.6)  # light enough for dark letters
    axes.set_xticks([0, 1], CLASSES)
    axes.set_yticks([0, 1], CLASSES)
    for row, column in np.ndindex(2, 2):
        text = f"{counts[row, column]:,}\n{style.percent(float(shares[row, column]))}"
        axes.text(column, row, text, ha="center", va="center", color=style.INK)
    return figure


def curves(history: Sequence[dict[str, float]], *, title: str = "Training") -> Figure:
    """A figure of loss and accuracy by epoch, from the rows that `train` keeps."""
    figure = style.blank(5.2)
    losses, accuracies = figure.subplots(2, 1, sharex=True)
    style.dress(losses, title=title, ylabel="loss")
    style.dress(accuracies, xlabel="epoch", ylabel="segments classified correctly, %")
    epochs = [row["epoch"] for row in history]
    for axes, name, scale in ((losses, "loss", 1), (accuracies, "accuracy", 100)):
        for look, key in ((LEARNED, name), (HELD_OUT, f"valid_{name}")):
            values = [scale * row[key] for row in history]
            axes.plot(epochs, values, color=look.colour, ls=look.dashes, lw=2, marker=".")
    losses.set(ylim=(0, None))
    accuracies.xaxis.set_major_locator(MaxNLocator(integer=True))
    words = ((LEARNED, "learned from"), (HELD_OUT, "held out, to choose the epoch by"))
    style.legend_below(figure, [(look.handle(), text) for look, text in words])
    return figure


@dataclass(frozen=True, eq=False)
class VoiceSet(ScoreSet):
    """Scores of synthetic (target) and human (nontarget) voices under one name."""

    @property
    def counts(self) -> str:
        """The numbers of recordings in words."""
        return f"{len(self.target):,} synthetic, {len(self.nontarget):,} human"


def reworded(figure: Figure) -> Figure:
    """A DET curve or a ROC of `eval` in words about voices."""
    for text in figure.findobj(Text):
        for before, after in WORDS:
            if before in text.get_text():
                text.set_text(text.get_text().replace(before, after))
                break
    return figure


def timeline(detection: Detection, calibration: Calibration | None = None) -> Figure:
    """A figure of the windows' scores; with a calibration, of where they are insufficient."""
    figure = style.blank(3.2)
    axes = figure.subplots()
    style.dress(axes, title=detection.path, xlabel="time", ylabel="log-odds of synthetic")
    middles_s = [(window.start_s + window.end_s) / 2 for window in detection.windows]
    scores = [math.nan if w.score is None else w.score for w in detection.windows]
    axes.plot(middles_s, scores, color=style.TARGET.colour, lw=1.5, marker=".")
    rows: list[style.Row] = [(style.TARGET.handle(), "score of each window, at its middle")]
    if detection.score is not None:
        look: dict[str, Any] = {"color": style.INK, "lw": 1, "ls": (0, (5, 1.5))}
        axes.axhline(detection.score, **look)
        rows.append((Line2D([], [], **look), "their mean, which the verdict rests on"))
    known = [score for score in scores if not math.isnan(score)] or [-1.0, 1.0]
    low, high = min(known), max(known)
    if calibration is not None and calibration.slope > 0:
        limits = (0.0, math.log(LEAST_RATIO))
        edges = [(limit - calibration.offset) / calibration.slope for limit in limits]
        axes.axhspan(*edges, color=style.SHADE, zorder=0)
        text = f"insufficient: a ratio from 1 to {LEAST_RATIO:g}; above: synthetic; below: no trace"
        rows.append((Patch(fc=style.SHADE, ec=style.PALE, lw=0.5), text))
        low, high = min(low, edges[0]), max(high, edges[1])
    axes.set(xlim=(0, max(detection.duration_s, 0.1)), ylim=(low - ROOM, high + ROOM))
    on_the_clock(axes)
    style.legend_below(figure, rows)
    return figure
