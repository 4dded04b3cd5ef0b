"""All recipes on the same data, in one table; an interrupted comparison can be continued."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from cqtnet.errors import InputError
from cqtnet.files import make_folder, write_json, written_whole
from cqtnet.tables import markdown_table
from spoof.checkpoint import BEST, HISTORY, LAST, load_trained
from spoof.data import Utterance
from spoof.evaluate import MOST, evaluate
from spoof.prepare import Preparer, SplitBy, data_hash
from spoof.recipes import Recipe
from spoof.report import share, write_report
from spoof.scores import WEIGHTINGS
from spoof.train import Step, TrainConfig, train

REMARK = (
    "Means over the seeds; in brackets 95 % intervals, whole groups resampled. Shortcut: the "
    "largest rise of the EER, in points, when recordings are re-encoded, low-passed or "
    "resampled. The sources' own figures are of other data and other splits: they are here for "
    "information, not for comparison."
)
Report = dict[str, Any]
"""The report of one run, as `cqtnet spoof evaluate` writes it."""
Interval = tuple[float, float | None, float | None]
"""A figure and the ends of its 95 % interval."""


@dataclass(frozen=True)
class CompareConfig:
    """How recipes are compared, and the folder for the results."""

    out: Path
    preparer: Preparer
    seeds: int = 1
    split_bys: tuple[SplitBy, ...] = ("group",)
    limit_s: float = math.inf  # of training, for each recipe and seed
    epochs: int | None = None  # instead of the recipes' own
    shortcuts: int = MOST
    device: str = "auto"


@dataclass(frozen=True)
class Entry:
    """One recipe's reports, by how the data were split."""

    recipe: Recipe
    reports: dict[str, list[Report]]  # by split: one for each seed
    error: str = ""  # why there are none

    def figure(self, key: str, *, split_by: str = "group") -> Interval | None:
        """Means over the seeds of a figure and of its interval's ends; None where unknown."""
        figures = [r["recordings"]["figures"][key] for r in self.reports.get(split_by, [])]
        columns = [[figure[name] for figure in figures] for name in ("value", "low", "high")]
        value, low, high = (None if None in c or not c else float(np.mean(c)) for c in columns)
        return None if value is None else (value, low, high)

    def mean(self, of: Callable[[Report], float | None]) -> float | None:
        """Mean over the seeds of a number in a report, split by group where there is such."""
        reports = self.reports.get("group") or next(iter(self.reports.values()), [])
        values = [value for value in map(of, reports) if value is not None]
        return float(np.mean(values)) if values else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the figures of the table."""
        worst = "worst_eer_change"
        return {
            "recipe": self.recipe.name, "error": self.error,
            "parameters": self.mean(lambda r: r["parameters"]),
            "training_s": self.mean(lambda r: r["training_s"]),
            "accuracy": self.mean(lambda r: r["recordings"]["decided"]["accuracy"]),
            "f1": self.mean(lambda r: r["recordings"]["decided"]["synthetic"]["f1"]),
            "eer": self.figure("eer"),
            **{f"eer, {name}": self.mean(partial(_by_weight, name=name)) for name in WEIGHTINGS},
            "eer_by_segment": self.figure("eer", split_by="segment"),
            "accuracy_by_segment": self.figure("accuracy", split_by="segment"),
            "shortcut": self.mean(lambda r: max((s[worst] for s in r["shortcuts"]), default=None)),
            "source": [vars(result) for result in self.recipe.results],
            "seeds": {split_by: len(reports) for split_by, reports in self.reports.items()},
        }  # fmt: skip


def compare_recipes(
    utterances: Sequence[Utterance], recipes: Sequence[Recipe], config: CompareConfig, *,
    report: Callable[[str, Step], None],
) -> list[Entry]:  # fmt: skip
    """Train and evaluate each recipe; `report` gets the run's name and its steps.

    Writes a folder for each run, `comparison.md` and `comparison.json`. A recipe that fails is an
    entry with its error.
    """
    make_folder(config.out)
    own, card = data_hash(utterances), config.out / "data.json"
    if not card.exists():
        write_json(card, {"data_sha256": own, "recordings": len(utterances)})
    elif json.loads(card.read_text()).get("data_sha256") != own:
        raise InputError(f"{config.out} holds a comparison on other data; give another --out")
    entries = []
    for recipe in recipes:
        entries.append(_entry(utterances, recipe, config, report))
        write_json(config.out / "comparison.json", [entry.to_dict() for entry in entries])
        with written_whole(config.out / "comparison.md") as temporary:
            temporary.write_text(f"# Recipes compared\n\n{table(entries)}\n\n{REMARK}\n")
    return entries


def table(entries: Sequence[Entry]) -> str:
    """The comparison in Markdown, the best first; those that failed at the end."""
    leaky = any("segment" in entry.reports for entry in entries)
    heading = ["recipe", "parameters", "seconds", "accuracy %", "F1 %", "EER %", *WEIGHTINGS,
               "shortcut"]  # fmt: skip
    heading += ["by segment: accuracy %", "EER %"] * leaky + ["source's own, on other data"]
    rows = [_row(entry, leaky=leaky) for entry in sorted(entries, key=_rank)]
    return markdown_table([heading, *rows])


def _entry(
    utterances: Sequence[Utterance], recipe: Recipe, config: CompareConfig,
    report: Callable[[str, Step], None],
) -> Entry:  # fmt: skip
    reports: dict[str, list[Report]] = {}
    if config.epochs is not None:
        recipe = recipe.changed(epochs=config.epochs)
    for split_by, seed in product(config.split_bys, range(config.seeds)):
        name = f"{recipe.name}-{split_by}-{seed}"
        run = TrainConfig(config.out / "runs" / name, recipe, config.preparer, seed, split_by)
        try:
            made = _report(utterances, run, config, partial(report, name))
        except InputError as error:
            return Entry(recipe, {}, str(error))
        reports.setdefault(split_by, []).append(made)
    return Entry(recipe, reports)


def _report(
    utterances: Sequence[Utterance], run: TrainConfig, config: CompareConfig,
    report: Callable[[Step], None],
) -> Report:  # fmt: skip
    """The report of one run, which is made where it is missing."""
    file = run.out / "report" / "report.json"
    if not file.exists():
        history = run.out / HISTORY
        rows = json.loads(history.read_text()) if history.exists() else []
        limit_s = config.limit_s - sum(row["seconds"] for row in rows)
        if limit_s > 0 or not (run.out / BEST).exists():
            run = replace(
                run, device=config.device, pretrained=run.recipe.pretrained_file(),
                resume=(run.out / LAST).exists(), stop_after_s=limit_s,
            )  # fmt: skip
            train(utterances, run, report=report)
        evaluation = evaluate(
            load_trained(run.out), utterances, config.preparer, device=config.device,
            shortcuts=config.shortcuts,
        )  # fmt: skip
        write_report(file.parent, evaluation)
    made: Report = json.loads(file.read_text())
    return made


def _row(entry: Entry, *, leaky: bool) -> list[str]:
    source = "; ".join(f"{result.what} {result.value}" for result in entry.recipe.results) or "–"
    if entry.error:
        failed = ["", "", "", "", f"failed: {entry.error}", "", "", "", *[""] * (2 * leaky)]
        return [entry.recipe.name, *failed, source]
    known = entry.to_dict()
    counts = (known["parameters"], known["training_s"])
    numbers = ["–" if count is None else f"{count:,.0f}" for count in counts]
    worst = "–" if known["shortcut"] is None else f"{100 * known['shortcut']:+.1f}"
    shares = [share(known["accuracy"]), share(known["f1"]), _with_interval(known["eer"])]
    by_segment = [_with_interval(known[f"{key}_by_segment"]) for key in ("accuracy", "eer")]
    shares += [share(known[f"eer, {name}"]) for name in WEIGHTINGS]
    return [entry.recipe.name, *numbers, *shares, worst, *by_segment * leaky, source]


def _by_weight(report: Report, *, name: str) -> float | None:
    value: float | None = report["recordings"].get("eer_by_weight", {}).get(name)
    return value


def _with_interval(figure: Interval | None) -> str:
    if figure is None:
        return "–"
    value, low, high = (share(end) for end in figure)
    return value if figure[1] is None else f"{value} [{low}, {high}]"


def _rank(entry: Entry) -> tuple[bool, float]:
    eer = entry.figure("eer") or entry.figure("eer", split_by="segment")
    return eer is None, eer[0] if eer else 0.0
