"""The report on a detector: a page in Markdown, its data, its scores and its pictures."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure as Picture

from cqtnet.files import make_folder, write_json, written_whole
from cqtnet.tables import markdown_table
from eval.metrics.table import shown
from eval.plots import det, roc, save
from eval.trials import write_trials
from spoof.detect import Verdict
from spoof.evaluate import Evaluation, Shortcut, Slice
from spoof.plots import VoiceSet, confusion_matrix, curves, reworded
from spoof.scores import CLASSES, WEIGHTINGS, Class, Confusion
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


def pictures(evaluation: Evaluation) -> dict[str, Picture]:
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
