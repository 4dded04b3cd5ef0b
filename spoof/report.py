"""The report on a detector: a page in Markdown, its data, its scores and its pictures."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cqtnet.files import make_folder, write_json, written_whole
from eval.plots import save, style
from eval.report import shown
from eval.trials import write_scores
from spoof.calibration import Calibration
from spoof.detect import Detection, scores_over_time
from spoof.evaluate import Evaluation, Level, Slice, scores_of
from spoof.plots import VoiceSet, confusion_matrix, curves, voice_det, voice_roc
from spoof.scores import CLASSES, Class, Confusion
from spoof.shortcut import Shortcut
from spoof.words import Verdict
from verify.report.style import on_the_clock
from verify.wording import LEAST_RATIO

# Figures as tables that people read: Markdown, which is also plain text.

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


# The report on a detector: a page in Markdown, its data, its scores and its pictures.

READING = (
    "In brackets: 95 % intervals, whole groups (speakers or recordings) drawn anew. A score is a "
    'log-odds of "synthetic"; from 0 up it is taken for that, and a human voice that is, is a '
    "false alarm. A recording's score is the mean of its segments'. `<`, `>`: no error seen, and "
    "with 95 % confidence not worse than that."
)
LEAKY = (
    "**By segment: segments of one recording were learned from and judged.** The figures tell "
    "how well recordings are remembered, not how well synthesis is heard."
)
VERDICTS = (
    f"By the ratios of these scores, as `detect` gives them: from {LEAST_RATIO:g} up, either way; "
    "what lies between is insufficient evidence."
)
SHORTCUT = (
    'Recordings are changed in ways that make no voice synthetic. What turns to "synthetic" '
    "then was judged by its format. `Human changed`: synthetic recordings stay as they are."
)


def write_report(folder: Path, found: Evaluation) -> Path:
    """Write the report into a folder, `report.json` last of all, and return the page's path."""
    make_folder(folder)
    drawn = pictures(found)
    for name, picture in drawn.items():
        save(picture, folder / name)
    write_scores(folder / "scores.csv", found.recordings.trials)
    write_scores(folder / "segments.csv", found.segments.trials)
    path = folder / "report.md"
    with written_whole(path) as temporary:
        temporary.write_text(
            page(found, pictures=list(drawn)), encoding="utf-8", errors="surrogateescape"
        )
    write_json(folder / "report.json", found.to_dict())
    return path


def page(found: Evaluation, *, pictures: list[str]) -> str:
    """The report in Markdown."""
    recipe = found.trained.recipe
    parts = [
        f"# {recipe.name}: {recipe.title}",
        f"Weights {found.trained.sha256[:12]}, {found.parameters:,} parameters. Judged by the "
        f"part `{found.part}`, split by {found.split_by}: {found.balance[0]}.",
        LEAKY if found.split_by == "segment" else "",
        main_table(found),
        READING,
        "## Decisions on recordings",
        class_table(found.recordings.decided),
        confusion_table(found.recordings.decided),
        *_verdicts(found),
        "## Training",
        training_line(found),
        *_source(found),
        *_sliced(found),
        *_shortcuts(found),
        *_notes(found),
        *(f"![{name}]({name}.png)" for name in pictures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def pictures(found: Evaluation) -> dict[str, Picture]:
    """The pictures by name of the file."""
    name = found.trained.recipe.name
    sets = [_set("recordings", found.recordings), _set("segments", found.segments)]
    drawn = {
        "det": voice_det(sets, title=f"DET: {name}"),
        "roc": voice_roc(sets, title=f"ROC: {name}"),
        "confusion": confusion_matrix(
            found.recordings.decided, title=f"Decisions on recordings: {name}"
        ),
    }
    if found.history:
        drawn["curves"] = curves(found.history, title=f"Training: {name}")
    return drawn


def _set(name: str, level: Level) -> VoiceSet:
    eer = level.metrics["eer"]
    interval = None if eer.low is None or eer.high is None else (eer.low, eer.high)
    return VoiceSet(name, scores_of(level, True), scores_of(level, False), eer_interval=interval)


def _verdicts(found: Evaluation) -> list[str]:
    if found.verdicts is None:
        return []
    return ["## Verdicts by likelihood ratio", VERDICTS, verdict_table(found.verdicts)]


def _source(found: Evaluation) -> list[str]:
    recipe = found.trained.recipe
    if not recipe.results:
        return []
    stated = "; ".join(map(str, recipe.results))
    return [f"{recipe.source} itself states: {stated}. Its data are others than these."]


def _sliced(found: Evaluation) -> list[str]:
    parts = []
    if found.systems:
        parts += ["## By system, against all human recordings"]
        parts += [slice_table(found.systems, "system")]
    if found.collections:
        parts += ["## By collection", slice_table(found.collections, "collection")]
    return parts


def _shortcuts(found: Evaluation) -> list[str]:
    if not found.shortcuts:
        return []
    first = found.shortcuts[0]
    worst = max(found.shortcuts, key=lambda s: s.worst_eer_change)
    return [
        "## The shortcut test",
        SHORTCUT,
        shortcut_table(found.shortcuts),
        f"{first.human:,} human and {first.synthetic:,} synthetic recordings, EER "
        f"{100 * first.eer_before:.1f} % as they are. It rises most by {worst.change}: "
        f"{100 * worst.worst_eer_change:+.1f} points.",
    ]


def _notes(found: Evaluation) -> list[str]:
    notes = [f"* {remark}" for remark in found.trained.recipe.remarks]
    concerned: dict[str, list[str]] = {}
    for level in (found.recordings, found.segments):
        for key in SHOWN:
            note = level.metrics[key].note
            if note and key not in concerned.setdefault(note, []):
                concerned[note].append(key)
    notes += [f"* {', '.join(keys)}: {note}" for note, keys in concerned.items()]
    return ["## Notes", "\n".join(notes)] if notes else []


# The score of a recording over time.

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
