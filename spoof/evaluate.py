"""The figures of a trained detector: errors with intervals, by system, collection and format."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from cqtnet.device import find_device
from cqtnet.versions import versions
from eval.bootstrap import Figure
from eval.metrics import Metrics, measure
from eval.trials import Scores
from spoof.calibration import Verdict, load_calibration
from spoof.checkpoint import BEST, HISTORY, Trained
from spoof.data import Utterance, balance
from spoof.prepare import Part, PartOrAll, Preparer, SplitBy, data_hash, members, part_examples
from spoof.scores import Class, Confusion, as_trials, confusion, score, verdict_counts
from spoof.shortcut import MOST, Shortcut, eer_of, shortcut_test

RESAMPLES = 1000
"""Resamples behind each interval."""


@dataclass(frozen=True, eq=False)
class Level:
    """The figures of scores of recordings, or of segments."""

    trials: Scores  # a synthetic one is a target
    metrics: Metrics  # accuracy where a score of at least 0 is classified as synthetic
    decided: Confusion

    @classmethod
    def of(cls, trials: Scores, *, resamples: int = RESAMPLES) -> "Level":
        """The figures of scores."""
        metrics = measure(trials, threshold=0.0, resamples=resamples)
        return cls(trials, metrics, confusion(trials.score, trials.label))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the scores."""
        return {**self.metrics.to_dict(), "decided": self.decided.to_dict()}


@dataclass(frozen=True)
class Slice:
    """A system with all human recordings, or a collection by itself; rates at a score of 0."""

    name: str
    synthetic: int
    human: int
    found: float | None  # share of the synthetic that is classified as such; None if there is none
    false_alarm: float | None  # share of the human that is classified as synthetic
    eer: Figure

    @classmethod
    def of(cls, name: str, trials: Scores) -> "Slice":
        """The rates of some trials."""
        label, synthetic = trials.label, trials.score >= 0
        both = 0 < label.sum() < len(trials)
        found, alarm = (float(synthetic[of].mean()) if of.any() else None for of in (label, ~label))
        eer = eer_of(trials) if both else Figure(None, note="of one class only")
        return cls(name, int(label.sum()), int((~label).sum()), found, alarm, eer)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "eer": self.eer.to_dict()}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A detector and its figures."""

    trained: Trained
    part: str
    split_by: str
    data_sha256: str
    balance: str  # how many of the recordings were real and fake
    recordings: Level
    segments: Level
    systems: list[Slice]
    collections: list[Slice]
    shortcuts: list[Shortcut]
    seconds: float  # that scoring took

    @property
    def parameters(self) -> int:
        """The number of parameters of the network."""
        return sum(parameter.numel() for parameter in self.trained.net.parameters())

    @property
    def verdicts(self) -> dict[Class, dict[Verdict, int]] | None:
        """How often each verdict is given on each class; None without a calibration."""
        trials = self.recordings.trials
        return None if trials.log_lr is None else verdict_counts(trials.log_lr, trials.label)

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """The rows of training: all of its run if that is there, else up to the epoch kept."""
        run = self.trained.path.parent / HISTORY
        rows: list[dict[str, float]] = self.trained.card.get("history", [])
        if self.trained.path.name == BEST and run.exists():
            rows = json.loads(run.read_text())
        return rows

    @property
    def training_seconds(self) -> float | None:
        """Seconds that these epochs took; None where it is unknown."""
        return sum(row["seconds"] for row in self.history) if self.history else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as report.json holds it."""
        record = {
            "recipe": self.trained.recipe.to_dict(),
            "weights": str(self.trained.path),
            "weights_sha256": self.trained.sha256,
            "data_sha256": self.data_sha256,
            "trained_on_sha256": self.trained.card.get("data_sha256"),
            "part": self.part,
            "split_by": self.split_by,
            "parameters": self.parameters,
            "training_seconds": self.training_seconds,
            "scoring_seconds": self.seconds,
            "recordings": self.recordings.to_dict(),
            "segments": self.segments.to_dict(),
            "verdicts": self.verdicts,
            "systems": [s.to_dict() for s in self.systems],
            "collections": [s.to_dict() for s in self.collections],
            "shortcuts": [s.to_dict() for s in self.shortcuts],
            "source": [vars(result) for result in self.trained.recipe.results],
            "versions": versions(),
        }
        plain: dict[str, Any] = json.loads(json.dumps(record))
        return plain


def evaluate(
    trained: Trained,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    *,
    part: PartOrAll = "auto",
    device: str = "auto",
    shortcuts: int = MOST,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """The figures of a detector on a part of the data.

    `auto` is the test part: of data that it was trained on as its run split them, of others what
    they mark as such, or all. `shortcuts` is how many recordings of each class the shortcut test
    changes; 0 leaves it out, as does a split by segment, whose recordings were learned from.
    """
    split_by, chosen = _split(trained, utterances, part)
    judged = utterances
    if chosen and split_by == "group":
        judged = members(utterances, chosen, seed=trained.seed)
    started = time.monotonic()
    if chosen:
        examples = part_examples(
            chosen, utterances, trained.recipe, preparer, split_by=split_by, seed=trained.seed
        )
    else:
        examples = preparer.examples(utterances, trained.recipe)
    scored = score(trained.net, examples, device=find_device(device))
    seconds = time.monotonic() - started
    trials = as_trials(scored.recordings, scored.score)
    if calibration := load_calibration(trained.path, trained.sha256):
        trials = replace(trials, log_lr=np.array([calibration.log_lr(s) for s in trials.score]))
    segments = as_trials(
        [examples.recordings[at] for at in examples.recording], scored.segment_score,
        segment=examples.segment,
    )  # fmt: skip
    tested: list[Shortcut] = []
    if shortcuts and split_by == "group":
        tested = shortcut_test(trained, judged, preparer, most=shortcuts, device=device)
    levels = (Level.of(trials, resamples=resamples), Level.of(segments, resamples=resamples))
    return Evaluation(
        trained, chosen or "all", split_by, data_hash(utterances), balance(judged), *levels,
        _systems(trials), _collections(trials), tested, seconds,
    )  # fmt: skip


def _split(
    trained: Trained, utterances: Sequence[Utterance], part: PartOrAll
) -> tuple[SplitBy, Part | None]:
    """How to split, and the part to take; None for all."""
    split_by: SplitBy = "group"
    if trained.card.get("data_sha256") == data_hash(utterances):
        split_by = trained.card.get("split_by", "group")
        part = "test" if part == "auto" else part
    elif part == "auto":
        part = "test" if any(u.split == "test" for u in utterances) else "all"
    return split_by, None if part == "all" else part


def _systems(trials: Scores) -> list[Slice]:
    """Each system's recordings against all human ones, the hardest first."""
    system, names = trials.extras["system"], np.unique(trials.extras["system"][trials.label])
    slices = [Slice.of(str(n), trials.where(~trials.label | (system == n))) for n in names if n]
    return sorted(slices, key=lambda s: -(s.eer.value or 0.0))


def _collections(trials: Scores) -> list[Slice]:
    """Each collection by itself, the largest first."""
    collection = trials.extras["collection"]
    slices = [Slice.of(str(n), trials.where(collection == n)) for n in np.unique(collection) if n]
    return sorted(slices, key=lambda s: -(s.synthetic + s.human))
