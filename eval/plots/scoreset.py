"""The scores of one system under one condition, from which pictures are drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, Locator, NullFormatter

from cqtnet import plotting as style
from cqtnet.eer import Floats
from cqtnet.errors import InputError
from eval.metrics import RocBand, equal_error_rate
from eval.trials import Scores

Line = tuple[Floats, Floats]
"""x and y along a line, (k,) each; in a DET or ROC, false-alarm rates come first."""


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """Scores of target and nontarget pairs under one name; higher means the same recording."""

    name: str
    target: Floats  # (n,)
    nontarget: Floats  # (m,)
    log_lr_target: Floats | None = None  # (n,) natural logarithm
    log_lr_nontarget: Floats | None = None  # (m,)
    band: RocBand | None = None  # interval of the miss rate along the false-alarm rate
    eer_interval: tuple[float, float] | None = None  # rates, not percent

    @classmethod
    def of(cls, name: str, scores: Scores, **known: Any) -> Self:
        """The score set of a score file, or of some of its rows; with `band` or `eer_interval`."""
        classes = (scores.label, ~scores.label)
        target, nontarget = (scores.score[mask] for mask in classes)
        ratio, other = (None if scores.log_lr is None else scores.log_lr[mask] for mask in classes)
        return cls(name, target, nontarget, ratio, other, **known)

    @property
    def counts(self) -> str:
        """The numbers of pairs in words."""
        return f"{len(self.target):,} target, {len(self.nontarget):,} nontarget pairs"

    @cached_property
    def eer(self) -> float:
        """The equal error rate, on the convex hull of the ROC."""
        return equal_error_rate(self.target, self.nontarget)

    @property
    def one_error(self) -> tuple[float, float]:
        """The rates of one false alarm and of one miss: less was not measured."""
        almost_one = 0.999  # for a single trial; probit axes have no place for 1
        return min(1 / len(self.nontarget), almost_one), min(1 / len(self.target), almost_one)

    @property
    def log_lrs(self) -> tuple[Floats, Floats]:
        """Log-likelihood ratios of target and nontarget pairs; an error if there are none."""
        if self.log_lr_target is None or self.log_lr_nontarget is None:
            raise InputError(
                f"{self.name} has no likelihood ratios, which this picture needs; "
                "give scores with a column log_lr"
            )
        return self.log_lr_target, self.log_lr_nontarget


def refuse_unclear(names: Sequence[str]) -> None:
    """Raise unless there is something to draw and every line has a name of its own."""
    if not names:
        raise InputError("0 systems to draw; give at least 1")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{len(names)} systems, but {twice[0]!r} names several; give each its own")


def lettered(looks: Sequence[style.Look], texts: Iterable[str]) -> list[style.Row]:
    """The legend's rows of lines with a letter."""
    return [
        (look.handle(), f"{look.letter}  {text}") for look, text in zip(looks, texts, strict=True)
    ]


def set_ticks(axis: Axis, at: Locator, *, small: Locator | None = None, text: str = "") -> None:
    """Ticks of an axis in percent, or in numbers formatted by `text`; small ones have no text."""
    axis.set_major_locator(at)
    if small is not None:
        axis.set_minor_locator(small)
    axis.set_major_formatter(
        FuncFormatter(lambda x, _: format(x, text) if text else style.percent_number(x))
    )
    axis.set_minor_formatter(NullFormatter())
