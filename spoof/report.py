"""The report on a detector: a page in Markdown, its data, its scores and its pictures."""

from pathlib import Path

from matplotlib.figure import Figure as Picture

from cqtnet.files import make_folder, write_json, written_whole
from eval.plots import save
from eval.trials import write_scores
from spoof.evaluate import Evaluation, Level, scores_of
from spoof.plots.confusion import confusion_matrix
from spoof.plots.curves import curves
from spoof.plots.wording import VoiceSet, voice_det, voice_roc
from spoof.tables import (
    SHOWN,
    class_table,
    confusion_table,
    main_table,
    shortcut_table,
    slice_table,
    training_line,
    verdict_table,
)
from verify.words import LEAST_RATIO

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
