"""The report on a detector: a page in Markdown, its data, its scores and its pictures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from cqtnet import plotting as style
from cqtnet.files import make_folder, write_json, written_whole
from cqtnet.tables import markdown_table
from eval.metrics.table import shown
from eval.plots import ScoreSet, det, roc, save
from eval.trials import write_trials
from spoof.checkpoint import Calibration
from spoof.detect import Detection, Verdict
from spoof.evaluate import Evaluation, Shortcut, Slice
from spoof.scores import CLASSES, WEIGHTINGS, Class, Confusion
from verify.report.pictures import on_the_clock
from verify.words import LEAST_RATIO

SHOWN = {"accuracy": "accuracy %", "eer": "EER %", "auc": "AUC", "cllr": "Cllr"}
"""The figures of the first table, with their headings."""
BY_WEIGHT = (*WEIGHTINGS, "coverage %")
"""Headings: the EER by two other weights, and what is found with 5 % of the verdicts wrong."""


def write_report(folder: Path, evaluation: Evaluation) -> Path:
    """Write the report into a folder, `report.json` last of all, and return the page's path."""
    make_folder(folder)
    drawn = pictures(evaluation)
    for name, picture in drawn.items():
        save(picture, folder / name)
    write_trials(folder / "scores.csv", evaluation.recordings.trials)
    write_trials(folder / "segments.csv", evaluation.segments.trials)
    path, text = folder / "report.md", page(evaluation, pictures=list(drawn))
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    write_json(folder / "report.json", evaluation.to_dict())
    return path


def page(evaluation: Evaluation, *, pictures: list[str]) -> str:
    """The report in Markdown."""
    recipe = evaluation.trained.recipe
    notes = list(recipe.remarks)
    keys_of: dict[str, list[str]] = {}  # by note
    for level in (evaluation.recordings, evaluation.segments):
        for key in SHOWN:
            note = level.metrics[key].note
            if note and key not in keys_of.setdefault(note, []):
                keys_of[note].append(key)
    notes += [f"{', '.join(keys)}: {note}" for note, keys in keys_of.items()]
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip
    tables = (main_table, class_table, confusion_table, verdict_table, slice_table, shortcut_table)
    pages.globals |= {table.__name__: table for table in tables}
    text = pages.get_template("report.md.j2").render(
        e=evaluation, recipe=recipe, least_ratio=LEAST_RATIO, notes=notes, pictures=pictures
    )
    return text.rstrip() + "\n"


def pictures(evaluation: Evaluation) -> dict[str, Figure]:
    """The pictures by name of the file."""
    name = evaluation.trained.recipe.name
    levels = {"recordings": evaluation.recordings, "segments": evaluation.segments}
    sets = []
    for level_name, level in levels.items():
        eer = level.metrics["eer"]
        interval = None if eer.low is None or eer.high is None else (eer.low, eer.high)
        sets.append(VoiceSet.of(level_name, level.trials, eer_interval=interval))
    decided = evaluation.recordings.decided
    drawn = {
        "det": reworded(det(sets, title=f"DET: {name}")),
        "roc": reworded(roc(sets, title=f"ROC: {name}")),
        "confusion": confusion_matrix(decided, title=f"Decisions on recordings: {name}"),
    }
    if evaluation.history:
        drawn["curves"] = curves(evaluation.history, title=f"Training: {name}")
    return drawn


def share(value: float | None) -> str:
    """A share in percent with one decimal; a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}"


def main_table(evaluation: Evaluation) -> str:
    """Accuracy, EER three ways, AUC, Cllr and coverage, of recordings and of segments."""
    rows = [["of", "synthetic + human", *SHOWN.values(), *BY_WEIGHT]]
    for name, level in (("recordings", evaluation.recordings), ("segments", evaluation.segments)):
        metrics = level.metrics
        figures = (shown(metrics[key], in_percent=h.endswith("%")) for key, h in SHOWN.items())
        weighted = map(share, (*level.by_weight.values(), level.coverage))
        rows.append([name, f"{metrics.targets:,} + {metrics.nontargets:,}", *figures, *weighted])
    return markdown_table(rows)


def class_table(decided: Confusion) -> str:
    """Precision, recall and F1 of either class."""
    rows = [["class", "precision %", "recall %", "F1 %"]]
    rows += [[of, *map(share, decided.rates(of))] for of in CLASSES]
    return markdown_table(rows)


def confusion_table(decided: Confusion) -> str:
    """The four counts."""
    counts = [f"{count:,}" for count in vars(decided).values()]
    heading = ["in truth", "classified as human", "classified as synthetic"]
    return markdown_table([heading, ["human", *counts[:2]], ["synthetic", *counts[2:]]])


def verdict_table(counts: dict[Class, dict[Verdict, int]]) -> str:
    """How often each verdict is given on each class."""
    verdicts: tuple[Verdict, ...] = ("insufficient", "no trace", "synthetic")
    rows = [[of, *(f"{given[v]:,}" for v in verdicts)] for of, given in counts.items()]
    return markdown_table([["in truth", *verdicts], *rows])


def slice_table(slices: Sequence[Slice], heading: str) -> str:
    """Systems or collections, a row each."""
    rows = [[heading, "synthetic", "human", "found %", "false alarms %", "EER %"]]
    for s in slices:
        counts = (f"{s.synthetic:,}", f"{s.human:,}", share(s.found), share(s.false_alarm))
        rows.append([s.name, *counts, shown(s.eer, in_percent=True)])
    return markdown_table(rows)


def shortcut_table(shortcuts: Sequence[Shortcut]) -> str:
    """The effect of each change of format, a row each."""
    rows = [["change", "human classified as synthetic %", "turned %", "EER %: human changed",
             "both changed", "coverage %"]]  # fmt: skip
    for s in shortcuts:
        taken = f"{share(s.taken_before)} → {share(s.taken_after)}"
        eers = (shown(eer, in_percent=True) for eer in (s.eer_human_changed, s.eer_both_changed))
        rows.append([s.change, taken, share(s.turned), *eers, share(s.coverage)])
    return markdown_table(rows)


# The pictures.

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
        edges = [calibration.score_at(limit) for limit in limits]
        axes.axhspan(*edges, color=style.SHADE, zorder=0)
        text = f"insufficient: a ratio from 1 to {LEAST_RATIO:g}; above: synthetic; below: no trace"
        rows.append((Patch(fc=style.SHADE, ec=style.PALE, lw=0.5), text))
        low, high = min(low, edges[0]), max(high, edges[1])
    axes.set(xlim=(0, max(detection.duration_s, 0.1)), ylim=(low - ROOM, high + ROOM))
    on_the_clock(axes)
    style.legend_below(figure, rows)
    return figure
