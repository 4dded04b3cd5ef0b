"""All recipes on the same data, in one table; a run that was interrupted goes on where it was."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cqtnet.errors import InputError
from cqtnet.files import make_folder, write_json, written_whole
from spoof.checkpoint import BEST, HISTORY, LAST, load_trained
from spoof.data.utterance import Utterance
from spoof.evaluate import evaluate
from spoof.models import find_pretrained
from spoof.parts import SplitBy, data_hash
from spoof.prepare import Preparer
from spoof.recipes.recipe import Recipe
from spoof.report import markdown, share, write_report
from spoof.shortcut import MOST
from spoof.train import Step, TrainConfig, train

REMARK = (
    "Mean of the seeds; in brackets 95 % intervals, whole groups drawn anew. Shortcut: by how many "
    "points the EER rises at most when recordings are re-encoded, narrowed or resampled. "
    "The sources' own figures are of other data and other splits: they stand here to be known, "
    "not to be compared with."
)


@dataclass(frozen=True)
class CompareConfig:
    """How recipes are compared, and where it is kept."""

    out: Path
    preparer: Preparer
    seeds: int = 1
    split_bys: tuple[SplitBy, ...] = ("group",)
    limit_s: float = math.inf  # of training, for each recipe and seed
    epochs: int | None = None  # instead of the recipes' own
    shortcuts: int = MOST
    device: str = "auto"


Interval = tuple[float, float | None, float | None]
"""A figure and the ends of its 95 % interval."""


@dataclass(frozen=True)
class Entry:
    """One recipe's reports, those of `cqtnet spoof evaluate`, by how the data were split."""

    recipe: Recipe
    reports: dict[str, list[dict[str, Any]]]  # by split: one for each seed
    error: str = ""  # why there are none

    def figure(self, key: str, *, split_by: str = "group") -> Interval | None:
        """Mean over seeds of a figure of recordings and of its interval's ends.

        None where it cannot be had; without an interval both ends are None.
        """
        found = [r["recordings"]["figures"][key] for r in self.reports.get(split_by, [])]
        columns = [[figure[name] for figure in found] for name in ("value", "low", "high")]
        value, low, high = (None if None in c or not c else float(np.mean(c)) for c in columns)
        return None if value is None else (value, low, high)

    def mean(self, of: Callable[[dict[str, Any]], float | None]) -> float | None:
        """Mean over seeds of what is taken from a report, split by group where that was done."""
        reports = self.reports.get("group") or next(iter(self.reports.values()), [])
        found = [value for value in map(of, reports) if value is not None]
        return float(np.mean(found)) if found else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the figures of the table, and what each seed gave."""
        return {
            "recipe": self.recipe.name,
            "error": self.error,
            "parameters": self.mean(lambda r: r["parameters"]),
            "training_seconds": self.mean(lambda r: r["training_seconds"]),
            "accuracy": self.mean(lambda r: r["recordings"]["decided"]["accuracy"]),
            "f1": self.mean(_f1),
            "eer": self.figure("eer"),
            "eer_by_segment": self.figure("eer", split_by="segment"),
            "accuracy_by_segment": self.figure("accuracy", split_by="segment"),
            "shortcut": self.mean(worst_shortcut),
            "source": [vars(result) for result in self.recipe.results],
            "seeds": {split_by: len(found) for split_by, found in self.reports.items()},
        }


def compare_recipes(
    utterances: Sequence[Utterance],
    recipes: Sequence[Recipe],
    config: CompareConfig,
    *,
    told: Callable[[str, Step], None],
) -> list[Entry]:
    """Train and evaluate each recipe; `told` gets the run's name and its steps.

    Writes a folder for each run, `comparison.md` and `comparison.json`. A recipe that fails is an
    entry with its error; the others go on.
    """
    make_folder(config.out)
    _require_same_data(utterances, config.out)
    entries = []
    for recipe in recipes:
        entries.append(_entry(utterances, recipe, config, told))
        write_json(config.out / "comparison.json", [entry.to_dict() for entry in entries])
        with written_whole(config.out / "comparison.md") as temporary:
            temporary.write_text(f"# Recipes compared\n\n{table(entries)}\n\n{REMARK}\n")
    return entries


def table(entries: Sequence[Entry]) -> str:
    """The comparison in Markdown, the best first; those that failed at the end."""
    leaky = any("segment" in entry.reports for entry in entries)
    rows = [
        ["recipe", "parameters", "seconds", "accuracy %", "F1 %", "EER %", "shortcut"]
        + ["by segment: accuracy %", "EER %"] * leaky
        + ["source's own, on other data"]
    ]
    for entry in sorted(entries, key=_place):
        rows.append(_row(entry, leaky=leaky))
    return markdown(rows)


def worst_shortcut(report: dict[str, Any]) -> float | None:
    """By how much the EER rises at most under the changes of the shortcut test."""
    return max((s["worst_eer_change"] for s in report["shortcuts"]), default=None)


def _f1(report: dict[str, Any]) -> float:
    return float(report["recordings"]["decided"]["synthetic"]["f1"])


def _entry(
    utterances: Sequence[Utterance],
    recipe: Recipe,
    config: CompareConfig,
    told: Callable[[str, Step], None],
) -> Entry:
    reports: dict[str, list[dict[str, Any]]] = {}
    if config.epochs is not None:
        recipe = recipe.changed(epochs=config.epochs)
    for split_by in config.split_bys:
        for seed in range(config.seeds):
            try:
                report = _report(utterances, recipe, config, split_by, seed, told)
            except InputError as error:
                return Entry(recipe, {}, str(error))
            reports.setdefault(split_by, []).append(report)
    return Entry(recipe, reports)


def _report(
    utterances: Sequence[Utterance],
    recipe: Recipe,
    config: CompareConfig,
    split_by: SplitBy,
    seed: int,
    told: Callable[[str, Step], None],
) -> dict[str, Any]:
    """The report of one run, which is made where it is missing."""
    name = f"{recipe.name}-{split_by}-{seed}"
    run = config.out / "runs" / name
    file = run / "report" / "report.json"
    if not file.exists():
        limit_s = config.limit_s - _seconds_spent(run)
        if limit_s > 0 or not (run / BEST).exists():
            own = TrainConfig(
                run, recipe, config.preparer, seed=seed, split_by=split_by, device=config.device,
                pretrained=find_pretrained(recipe.imagenet) if recipe.imagenet else None,
                resume=(run / LAST).exists(), stop_after_s=limit_s,
            )  # fmt: skip
            train(utterances, own, told=lambda step: told(name, step))
        found = evaluate(
            load_trained(run),
            utterances,
            config.preparer,
            part="auto",
            device=config.device,
            shortcuts=config.shortcuts,
        )
        write_report(file.parent, found)
    report: dict[str, Any] = json.loads(file.read_text())
    return report


def _seconds_spent(run: Path) -> float:
    """Seconds that a run has learned for."""
    history = run / HISTORY
    if not history.exists():
        return 0.0
    return float(sum(row["seconds"] for row in json.loads(history.read_text())))


def _require_same_data(utterances: Sequence[Utterance], out: Path) -> None:
    """Raise where the folder holds a comparison on other data."""
    own, card = data_hash(utterances), out / "data.json"
    if not card.exists():
        write_json(card, {"data_sha256": own, "recordings": len(utterances)})
    elif json.loads(card.read_text()).get("data_sha256") != own:
        raise InputError(f"{out} holds a comparison on other data; give another --out")


def _row(entry: Entry, *, leaky: bool) -> list[str]:
    blank = [""] * (2 * leaky)
    source = "; ".join(f"{result.what} {result.value}" for result in entry.recipe.results) or "–"
    if entry.error:
        return [entry.recipe.name, "", "", "", "", f"failed: {entry.error}", "", *blank, source]
    known = entry.to_dict()
    worst = known["shortcut"]
    cells = [
        entry.recipe.name,
        _number(known["parameters"]),
        _number(known["training_seconds"]),
        share(known["accuracy"]),
        share(known["f1"]),
        _with_interval(known["eer"]),
        "–" if worst is None else f"{100 * worst:+.1f}",
    ]
    if leaky:
        cells += [_with_interval(known["accuracy_by_segment"]),
                  _with_interval(known["eer_by_segment"])]  # fmt: skip
    return [*cells, source]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _with_interval(figure: Interval | None) -> str:
    if figure is None:
        return "–"
    value, low, high = (share(end) for end in figure)
    return value if figure[1] is None else f"{value} [{low}, {high}]"


def _place(entry: Entry) -> tuple[bool, float]:
    eer = entry.figure("eer") or entry.figure("eer", split_by="segment")
    return eer is None, eer[0] if eer else 0.0
