"""The confusion matrix: what the recordings are against what they are taken for."""

import numpy as np
from matplotlib.figure import Figure

from cqtnet import plotting as style
from spoof.confusion import CLASSES, Confusion

SHADES = "Greys"


def confusion_matrix(decided: Confusion, *, title: str = "Decisions") -> Figure:
    """A figure of the four counts, each with its share of the true class.

    >>> figure = confusion_matrix(confusion(scores, is_fake), title="s4-cnn")
    """
    counts = np.array(
        [
            [decided.human_as_human, decided.human_as_synthetic],
            [decided.synthetic_as_human, decided.synthetic_as_synthetic],
        ]
    )
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    figure = style.blank(4.0)
    axes = figure.subplots()
    style.dress(axes, title=title, xlabel="taken for", ylabel="in truth")
    axes.grid(False)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1.6)  # so far from black that ink is read
    axes.set_xticks([0, 1], CLASSES)
    axes.set_yticks([0, 1], CLASSES)
    for row, column in np.ndindex(2, 2):
        text = f"{counts[row, column]:,}\n{style.percent(float(shares[row, column]))}"
        axes.text(column, row, text, ha="center", va="center", color=style.INK)
    return figure
