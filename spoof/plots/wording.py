"""The pictures of `eval` in the words of this question: not pairs, but recordings of voices."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.text import Text

from eval.plots import ScoreSet, det, roc

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
