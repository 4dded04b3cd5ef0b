"""Pictures of detectors: each function returns a matplotlib figure, or writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from cqtnet.files import written_whole
from eval.plots import ScoreSet, det, roc, style
from spoof.scores import CLASSES, Confusion

# The confusion matrix: what the recordings are against what they are taken for.

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


# Curves of a training run: loss and accuracy by epoch, of what is learned and what is held out.

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


# The pictures of `eval` in the words of this question: not pairs, but recordings of voices.

WORDS = (
    ("pairs of different recordings accepted", "human voices taken for synthetic"),
    ("pairs of the same recording rejected", "synthetic voices taken for human"),
    ("same recording accepted", "synthetic voices found"),
    ("recordings resampled", "groups resampled"),
    ("in all these pairs", "in all these recordings"),
)
"""What `eval` says, and what is said here; the first that fits is taken."""


@dataclass(frozen=True, eq=False)
class VoiceSet(ScoreSet):
    """Scores of synthetic (target) and human (nontarget) voices under one name."""

    @property
    def counts(self) -> str:
        """The numbers of recordings in words."""
        return f"{len(self.target):,} synthetic, {len(self.nontarget):,} human"


def voice_det(sets: Sequence[ScoreSet], *, title: str) -> Figure:
    """The DET curve of one or more detectors or kinds of sound."""
    return _reworded(det(sets, title=title))


def voice_roc(sets: Sequence[ScoreSet], *, title: str) -> Figure:
    """The ROC of one or more detectors or kinds of sound."""
    return _reworded(roc(sets, title=title))


def _reworded(figure: Figure) -> Figure:
    for text in figure.findobj(Text):
        for before, after in WORDS:
            if before in text.get_text():
                text.set_text(text.get_text().replace(before, after))
                break
    return figure
