"""Figures as tables that people read: Markdown, which is also plain text."""

from collections.abc import Sequence

from eval.report_table import shown
from spoof.confusion import CLASSES, Class, Confusion
from spoof.evaluate import Evaluation, Slice
from spoof.shortcut import Shortcut
from spoof.wording import Verdict

Rows = Sequence[Sequence[str]]
SHOWN = {"accuracy": "accuracy %", "eer": "EER %", "auc": "AUC", "cllr": "Cllr"}
"""The figures that stand first, with their headings."""


def markdown(rows: Rows) -> str:
    """Rows, the first the heading, with columns as wide as they need.

    >>> print(markdown([["a", "b"], ["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def share(value: float | None) -> str:
    """A share in percent with one decimal; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}"


def main_table(found: Evaluation) -> str:
    """Accuracy, EER, AUC and, where ratios are stated, Cllr, of recordings and of segments."""
    rows = [["of", "synthetic + human", *SHOWN.values()]]
    for name, level in (("recordings", found.recordings), ("segments", found.segments)):
        figures = (
            shown(level.metrics[key], in_percent=heading.endswith("%"))
            for key, heading in SHOWN.items()
        )
        counts = f"{level.metrics.targets:,} + {level.metrics.nontargets:,}"
        rows.append([name, counts, *figures])
    return markdown(rows)


def class_table(decided: Confusion) -> str:
    """Precision, recall and F1 of either class."""
    rows = [["class", "precision %", "recall %", "F1 %"]]
    for of in CLASSES:
        figures = (decided.precision(of), decided.recall(of), decided.f1(of))
        rows.append([of, *map(share, figures)])
    return markdown(rows)


def confusion_table(decided: Confusion) -> str:
    """The four counts."""
    rows = [
        ["in truth", "taken for human", "taken for synthetic"],
        ["human", f"{decided.human_as_human:,}", f"{decided.human_as_synthetic:,}"],
        ["synthetic", f"{decided.synthetic_as_human:,}", f"{decided.synthetic_as_synthetic:,}"],
    ]
    return markdown(rows)


def verdict_table(counts: dict[Class, dict[Verdict, int]]) -> str:
    """How often each verdict is given on each class."""
    rows = [["in truth", "insufficient", "human", "synthetic"]]
    for of, given in counts.items():
        rows.append([of, *(f"{given[v]:,}" for v in ("insufficient", "human", "synthetic"))])
    return markdown(rows)


def slice_table(slices: Sequence[Slice], heading: str) -> str:
    """Systems or collections, a row each."""
    rows = [[heading, "synthetic", "human", "found %", "false alarms %", "EER %"]]
    for s in slices:
        counts = (f"{s.synthetic:,}", f"{s.human:,}", share(s.found), share(s.false_alarm))
        rows.append([s.name, *counts, shown(s.eer, in_percent=True)])
    return markdown(rows)


def shortcut_table(shortcuts: Sequence[Shortcut]) -> str:
    """What each change of format does."""
    rows = [
        [
            "change",
            "human taken for synthetic %",
            "turned %",
            "EER %: human changed",
            "both changed",
        ]
    ]
    for s in shortcuts:
        taken = f"{share(s.taken_before)} → {share(s.taken_after)}"
        eers = (shown(eer, in_percent=True) for eer in (s.eer_human_changed, s.eer_both_changed))
        rows.append([s.change, taken, share(s.turned), *eers])
    return markdown(rows)


def training_line(found: Evaluation) -> str:
    """How long training took, and what is known of it."""
    seconds = found.training_seconds
    if seconds is None:
        return "How long training took is not known."
    return f"Training took {seconds:,.0f} s for {len(found.history)} epochs."
