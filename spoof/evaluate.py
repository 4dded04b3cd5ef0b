"""What a trained detector is worth: errors with intervals, by system, by collection, by format."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.device import find_device
from cqtnet.versions import versions
from eval.bootstrap import Figure
from eval.metrics import Metrics, measure
from eval.trials import Scores
from spoof.calibration import Calibration, load_calibration
from spoof.checkpoint import BEST, HISTORY, Trained
from spoof.data.utterance import Utterance, balance
from spoof.parts import SplitBy, Which, data_hash, known_split, members, one_part
from spoof.prepare import Examples, Preparer
from spoof.scores import (
    Class,
    Confusion,
    Floats,
    as_trials,
    confusion,
    recording_scores,
    score_examples,
    verdict_counts,
)
from spoof.shortcut import MOST, Shortcut, shortcut_test
from spoof.words import Verdict

RESAMPLES = 1000
SLICE_RESAMPLES = 200


@dataclass(frozen=True, eq=False)
class Level:
    """What is known of scores of recordings, or of segments."""

    trials: Scores  # a synthetic one is a target
    metrics: Metrics  # accuracy where a score of 0 or more is taken for synthetic
    decided: Confusion

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the scores."""
        return {**self.metrics.to_dict(), "decided": self.decided.to_dict()}


@dataclass(frozen=True)
class Slice:
    """A system with all human recordings, or a collection by itself; rates at a score of 0."""

    name: str
    synthetic: int
    human: int
    found: float | None  # share of the synthetic that is taken for it; None where there is none
    false_alarm: float | None  # share of the human that is taken for synthetic
    eer: Figure

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "eer": self.eer.to_dict()}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A detector and what was measured of it."""

    trained: Trained
    part: str
    split_by: str
    data_sha256: str
    balance: tuple[str, ...]  # lines on the recordings that were scored
    recordings: Level
    segments: Level
    systems: tuple[Slice, ...]
    collections: tuple[Slice, ...]
    shortcuts: tuple[Shortcut, ...]
    seconds: float  # that scoring took

    @property
    def parameters(self) -> int:
        """How many numbers the network has."""
        return sum(parameter.numel() for parameter in self.trained.net.parameters())

    @property
    def verdicts(self) -> dict[Class, dict[Verdict, int]] | None:
        """How often each verdict is given on each class; None without a calibration."""
        trials = self.recordings.trials
        return None if trials.log_lr is None else verdict_counts(trials.log_lr, trials.label)

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """The rows of training: of its run where that is at hand, else up to the epoch kept."""
        run = self.trained.path.parent / HISTORY
        rows: list[dict[str, float]] = self.trained.card.get("history", [])
        if self.trained.path.name == BEST and run.exists():
            rows = json.loads(run.read_text())
        return rows

    @property
    def training_seconds(self) -> float | None:
        """Seconds that these epochs took; None where nobody tells."""
        return sum(row["seconds"] for row in self.history) if self.history else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as report.json holds it."""
        plain: dict[str, Any] = json.loads(
            json.dumps(
                {
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
            )
        )
        return plain


def evaluate(
    trained: Trained,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    *,
    part: Which = "auto",
    device: str = "auto",
    shortcuts: int = MOST,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """The figures of a detector on a part of the data.

    `auto` is the test part: of data that it was trained on as its run split them, of others what
    they mark as such, or all. `shortcuts` is how many recordings of each class the shortcut test
    changes; 0 leaves it out, as does a split by segment, whose recordings were learned from.
    """
    split_by, chosen = _ways(trained, utterances, part)
    started = time.monotonic()
    examples = _examples(trained, utterances, preparer, chosen, split_by)
    scores = score_examples(trained.net, examples, device=find_device(device))
    seconds = time.monotonic() - started
    held, means = recording_scores(examples, scores)
    recordings = [examples.recordings[at] for at in held]
    calibration = load_calibration(trained.path, trained.sha256)
    trials = _with_log_lr(as_trials(recordings, means), calibration)
    own = [examples.recordings[at] for at in examples.recording]
    heard = _heard(utterances, trained, chosen) if split_by == "group" else []
    tested = []
    if shortcuts and heard:
        tested = shortcut_test(
            trained.net, trained.recipe, heard, preparer, most=shortcuts, device=device
        )
    return Evaluation(
        trained,
        chosen,
        split_by,
        data_hash(utterances),
        tuple(balance(heard or utterances).lines()),
        level(trials, resamples=resamples),
        level(as_trials(own, scores, segment=examples.segment), resamples=resamples),
        tuple(_systems(trials)),
        tuple(_collections(trials)),
        tuple(tested),
        seconds,
    )


def level(trials: Scores, *, resamples: int = RESAMPLES) -> Level:
    """The figures of scores."""
    return Level(
        trials,
        measure(trials, threshold=0.0, resamples=resamples),
        confusion(trials.score, trials.label),
    )


def _ways(trained: Trained, utterances: Sequence[Utterance], part: Which) -> tuple[SplitBy, Which]:
    """How to split, and the part to take."""
    if trained.card.get("data_sha256") == data_hash(utterances):
        split_by = known_split(trained.card.get("split_by", "group"))
        return split_by, "test" if part == "auto" else part
    if part != "auto":
        return "group", part
    return "group", "test" if any(u.split == "test" for u in utterances) else "all"


def _heard(utterances: Sequence[Utterance], trained: Trained, part: Which) -> Sequence[Utterance]:
    """The recordings of the part, split by group."""
    if part == "all":
        return utterances
    assert part != "auto"
    return members(utterances, part, seed=_seed(trained))


def _examples(
    trained: Trained,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    part: Which,
    split_by: SplitBy,
) -> Examples:
    if part == "all":
        return preparer.examples(utterances, trained.recipe)
    assert part != "auto"
    return one_part(
        utterances, trained.recipe, preparer, part=part, split_by=split_by, seed=_seed(trained)
    )


def _seed(trained: Trained) -> int:
    return int(trained.card.get("seed", 0))


def _with_log_lr(trials: Scores, calibration: Calibration | None) -> Scores:
    if calibration is None:
        return trials
    return replace(trials, log_lr=np.array([calibration.log_lr(s) for s in trials.score]))


def _systems(trials: Scores) -> list[Slice]:
    """Each system's recordings against all human ones, the hardest first."""
    system = trials.extras["system"]
    names = [str(name) for name in np.unique(system[trials.label]) if name]
    found = [_slice(name, trials.where(~trials.label | (system == name))) for name in names]
    return sorted(found, key=lambda s: -(s.eer.value or 0.0))


def _collections(trials: Scores) -> list[Slice]:
    """Each collection by itself, the largest first."""
    collection = trials.extras["collection"]
    names = [str(name) for name in np.unique(collection) if name]
    found = [_slice(name, trials.where(collection == name)) for name in names]
    return sorted(found, key=lambda s: -(s.synthetic + s.human))


def _slice(name: str, trials: Scores) -> Slice:
    both = 0 < trials.label.sum() < len(trials)
    eer = (
        measure(trials, operating_points=(), false_alarm_rates=(), resamples=SLICE_RESAMPLES)["eer"]
        if both
        else Figure(None, note="of one class only")
    )
    taken = trials.score >= 0
    return Slice(
        name,
        int(trials.label.sum()),
        int((~trials.label).sum()),
        _mean(taken[trials.label]),
        _mean(taken[~trials.label]),
        eer,
    )


def _mean(taken: NDArray[np.bool_]) -> float | None:
    return float(taken.mean()) if len(taken) else None


def scores_of(level: Level, is_fake: bool) -> Floats:
    """The scores of one class."""
    scores: Floats = level.trials.score[level.trials.label == is_fake]
    return scores
