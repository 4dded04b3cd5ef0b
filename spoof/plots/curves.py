"""Curves of a training run: loss and accuracy by epoch, of what is learned and what is held out."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cqtnet import plotting as style
from cqtnet.files import written_whole

LEARNED, HELD_OUT = style.looks(2)


def curves(history: Sequence[dict[str, float]], *, title: str = "Training") -> Figure:
    """A figure of the rows that `train` keeps, one an epoch.

    >>> figure = curves(outcome.history, title="s4-cnn")
    """
    figure = style.blank(5.2)
    losses, accuracies = figure.subplots(2, 1, sharex=True)
    style.dress(losses, title=title, ylabel="loss")
    style.dress(accuracies, xlabel="epoch", ylabel="segments decided rightly, %")
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


def draw_curves(history: Sequence[dict[str, float]], path: Path, *, title: str) -> None:
    """Write the curves as a PNG."""
    with written_whole(path) as temporary:
        curves(history, title=title).savefig(temporary)
