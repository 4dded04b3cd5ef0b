"""The report on a detector: a page in Markdown, its data, its scores and its pictures."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Picture

from cqtnet.files import make_folder, write_json, written_whole
from cqtnet.tables import markdown_table
from eval.plots import det, roc, save
from eval.report import shown
from eval.trials import write_trials
from spoof.detect import Verdict
from spoof.evaluate import Evaluation, Shortcut, Slice
from spoof.plots import VoiceSet, confusion_matrix, curves, reworded
from spoof.scores import CLASSES, Class, Confusion
from verify.words import LEAST_RATIO

SHOWN = {"accuracy": "accuracy %", "eer": "EER %", "auc": "AUC", "cllr": "Cllr"}
"""The figures of the first table, with their headings."""
READING = (
    "In brackets: 95 % intervals, whole groups (speakers or recordings) resampled. A score is a "
    'log-odds of "synthetic"; from 0 up a voice is classified as synthetic, and a human voice '
    "that is so is a false alarm. A recording's score is the mean of its segments'. `<`, `>`: no "
    "error seen, and with 95 % confidence not worse than that."
)
LEAKY = (
    "**By segment: segments of one recording were learned from and judged.** The figures show "
    "how well recordings are remembered, not how well synthesis is recognised."
)
VERDICTS = (
    f"By the ratios of these scores, as `detect` gives them: a ratio of at least {LEAST_RATIO:g} "
    "either way is a verdict; anything between is insufficient evidence."
)
SHORTCUT = (
    "Recordings are changed in ways that make no voice synthetic. A voice that turns "
    '"synthetic" then was judged by its format. `Human changed`: synthetic recordings stay '
    "unchanged."
)


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
    decided = evaluation.recordings.decided
    parts = [
        f"# {recipe.name}: {recipe.title}",
        f"Weights {evaluation.trained.sha256[:12]}, {evaluation.parameters:,} parameters. Judged "
        f"by the part `{evaluation.part}`, split by {evaluation.split_by}: {evaluation.balance}.",
        LEAKY if evaluation.split_by == "segment" else "", main_table(evaluation), READING,
        "## Decisions on recordings", class_table(decided), confusion_table(decided),
    ]  # fmt: skip
    if evaluation.verdicts is not None:
        table = verdict_table(evaluation.verdicts)
        parts += ["## Verdicts by likelihood ratio", VERDICTS, table]
    training = "The duration of the training is not known."
    if evaluation.training_seconds is not None:
        seconds, epochs = evaluation.training_seconds, len(evaluation.history)
        training = f"Training took {seconds:,.0f} s for {epochs} epochs."
    parts += ["## Training", training]
    if recipe.results:
        stated = "; ".join(map(str, recipe.results))
        parts.append(f"{recipe.source} itself states: {stated}. Its data are different.")
    if evaluation.systems:
        table = slice_table(evaluation.systems, "system")
        parts += ["## By system, against all human recordings", table]
    if evaluation.collections:
        parts += ["## By collection", slice_table(evaluation.collections, "collection")]
    parts += [*_shortcuts(evaluation.shortcuts), *_notes(evaluation)]
    parts += [f"![{name}]({name}.png)" for name in pictures]
    return "\n\n".join(part for part in parts if part) + "\n"


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
    """Accuracy, EER, AUC and, where ratios are stated, Cllr, of recordings and of segments."""
    rows = [["of", "synthetic + human", *SHOWN.values()]]
    for name, level in (("recordings", evaluation.recordings), ("segments", evaluation.segments)):
        metrics = level.metrics
        figures = (shown(metrics[key], in_percent=h.endswith("%")) for key, h in SHOWN.items())
        rows.append([name, f"{metrics.targets:,} + {metrics.nontargets:,}", *figures])
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
    verdicts: tuple[Verdict, ...] = ("insufficient", "human", "synthetic")
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
             "both changed"]]  # fmt: skip
    for s in shortcuts:
        taken = f"{share(s.taken_before)} → {share(s.taken_after)}"
        eers = (shown(eer, in_percent=True) for eer in (s.eer_human_changed, s.eer_both_changed))
        rows.append([s.change, taken, share(s.turned), *eers])
    return markdown_table(rows)


def _shortcuts(shortcuts: Sequence[Shortcut]) -> list[str]:
    if not shortcuts:
        return []
    first, worst = shortcuts[0], max(shortcuts, key=lambda s: s.worst_eer_change)
    return [
        "## The shortcut test", SHORTCUT, shortcut_table(shortcuts),
        f"{first.human:,} human and {first.synthetic:,} synthetic recordings, EER "
        f"{100 * first.eer_before:.1f} % unchanged. It rises most by {worst.change}: "
        f"{100 * worst.worst_eer_change:+.1f} points.",
    ]  # fmt: skip


def _notes(evaluation: Evaluation) -> list[str]:
    notes = [f"* {remark}" for remark in evaluation.trained.recipe.remarks]
    keys_of: dict[str, list[str]] = {}  # by note
    for level in (evaluation.recordings, evaluation.segments):
        for key in SHOWN:
            note = level.metrics[key].note
            if note and key not in keys_of.setdefault(note, []):
                keys_of[note].append(key)
    notes += [f"* {', '.join(keys)}: {note}" for note, keys in keys_of.items()]
    return ["## Notes", "\n".join(notes)] if notes else []
