"""The figures of a trained detector: errors with intervals, by system, collection and format."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from augment.codec import Codec
from augment.effect import Effect
from augment.tempo import resample
from augment.tone import LowPass
from cqtnet.device import find_device, versions
from eval.bootstrap import Figure
from eval.metrics import Metrics, measure
from eval.trials import Scores
from spoof import prepare, scores
from spoof.checkpoint import BEST, HISTORY, Trained, load_calibration
from spoof.data import Samples, Utterance, balance
from spoof.detect import Verdict
from spoof.prepare import Change, Part, PartOrAll, Preparer, SplitBy
from spoof.scores import Class, Confusion, Floats, as_trials

RESAMPLES = 1000
"""Resamples behind each interval."""
FEW_RESAMPLES = 200
"""Resamples behind the interval of an EER that is one of many."""


# The shortcut test. Human recordings are re-encoded, low-passed and resampled, which makes no voice
# synthetic. A detector that learned codecs, bands or rates now classifies them as synthetic. Then
# both classes are changed alike: what still separates them is no trace of the format.

MOST = 200
"""Utterances of each class that are changed."""


def _altered(samples: Samples, rate_hz: int, *, effect: Effect) -> Samples:
    return effect.apply(samples, rate_hz).samples


def _through_rate(samples: Samples, rate_hz: int, *, through_hz: int) -> Samples:
    """Samples resampled to a lower rate and back; unchanged where their rate is not higher."""
    if rate_hz <= through_hz:
        return samples
    narrow = resample(samples, rate_hz, through_hz)
    return resample(narrow, through_hz, rate_hz)[: samples.size]


CHANGES = (
    Change("mp3 32 kbit/s", partial(_altered, effect=Codec("mp3", 32.0))),
    Change("opus 12 kbit/s", partial(_altered, effect=Codec("opus", 12.0))),
    Change("low-pass 4 kHz", partial(_altered, effect=LowPass(4000.0))),
    Change("low-pass 8 kHz", partial(_altered, effect=LowPass(8000.0))),
    Change("resampled 8 kHz", partial(_through_rate, through_hz=8000)),
    Change("resampled 16 kHz", partial(_through_rate, through_hz=16000)),
)


@dataclass(frozen=True)
class Shortcut:
    """The effect of one change: shares of human recordings, and equal error rates."""

    change: str
    human: int
    synthetic: int
    taken_before: float  # share of human recordings classified as synthetic, unchanged,
    taken_after: float  # and changed
    turned: float  # share that was classified as human, and is no more
    eer_before: float
    eer_human_changed: Figure
    eer_both_changed: Figure
    coverage: float  # of synthetic recordings at 5 % wrong verdicts, both classes changed

    @property
    def worst_eer_change(self) -> float:
        """The larger change of the EER: with human recordings changed, or with both classes."""
        figures = (self.eer_human_changed.value, self.eer_both_changed.value)
        return max((v for v in figures if v is not None), default=0.0) - self.eer_before

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "worst_eer_change": self.worst_eer_change}


def shortcut_test(
    trained: Trained, utterances: Sequence[Utterance], preparer: Preparer, *, most: int = MOST,
    device: str = "auto", seed: int = 0, changes: Sequence[Change] = CHANGES,
) -> list[Shortcut]:  # fmt: skip
    """The effect of each change on the scores of at most `most` recordings of each class."""
    chosen = some_of_each(utterances, most, seed=seed)

    def by_recording(change: Change | None) -> dict[Utterance, float]:
        scored = scores.score_recordings(trained, chosen, preparer, device=device, change=change)
        return dict(zip(scored.recordings, scored.score.tolist(), strict=True))

    unchanged = by_recording(None)
    return [_compared(change.name, unchanged, by_recording(change)) for change in changes]


def some_of_each(utterances: Sequence[Utterance], most: int, *, seed: int) -> list[Utterance]:
    """At most so many utterances of each class, drawn at random, in their order."""
    is_fake = np.array([u.is_fake for u in utterances], bool)
    order = np.random.default_rng(seed).permutation(len(utterances))
    kept = [at for label in (False, True) for at in order[is_fake[order] == label][:most]]
    return [utterances[at] for at in sorted(kept)]


def eer_of(trials: Scores) -> Figure:
    """The equal error rate with an interval of few resamples."""
    metrics = measure(trials, operating_points=(), false_alarm_rates=(), resamples=FEW_RESAMPLES)
    return metrics["eer"]


def _compared(name: str, before: dict[Utterance, float], after: dict[Utterance, float]) -> Shortcut:
    """The effect of a change, by the scores of recordings without and with it."""
    recordings = list(before)
    was, now = (np.array([known[r] for r in recordings]) for known in (before, after))
    human = ~np.array([r.is_fake for r in recordings], bool)

    def eer(values: Floats) -> Figure:
        return eer_of(as_trials(recordings, values))

    eer_before = eer(was).value
    assert eer_before is not None
    masks = (was[human] >= 0, now[human] >= 0, (now[human] >= 0) & (was[human] < 0))
    taken_before, taken_after, turned = (float(mask.mean()) for mask in masks)
    return Shortcut(
        name, int(human.sum()), int((~human).sum()), taken_before, taken_after, turned,
        eer_before, eer(np.where(human, now, was)), eer(now),
        scores.coverage(now, ~human, np.ones(len(now))),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Level:
    """The figures of scores of recordings, or of segments."""

    trials: Scores  # a synthetic one is a target
    metrics: Metrics  # accuracy where a score of at least 0 is classified as synthetic
    decided: Confusion
    by_weight: dict[str, float | None]  # the EER with collections of equal weight, and so on
    coverage: float  # of synthetic ones at 5 % wrong verdicts, with collections of equal weight

    @classmethod
    def of(cls, trials: Scores, *, resamples: int = RESAMPLES) -> "Level":
        """The figures of scores."""
        metrics = measure(trials, threshold=0.0, resamples=resamples)
        weights = scores.group_weights(trials.label, trials.extras["collection"])
        return cls(
            trials, metrics, scores.confusion(trials.score, trials.label),
            scores.eers_by_weight(trials), scores.coverage(trials.score, trials.label, weights),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the scores."""
        return {
            **self.metrics.to_dict(), "decided": self.decided.to_dict(),
            "eer_by_weight": self.by_weight, "coverage": self.coverage,
        }  # fmt: skip


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
        return None if trials.log_lr is None else scores.verdict_counts(trials.log_lr, trials.label)

    @cached_property
    def history(self) -> list[dict[str, float]]:
        """The rows of training: all of its run if that is there, else up to the epoch kept."""
        run = self.trained.path.parent / HISTORY
        rows: list[dict[str, float]] = self.trained.card.get("history", [])
        if self.trained.path.name == BEST and run.exists():
            rows = json.loads(run.read_text())
        return rows

    @property
    def training_s(self) -> float | None:
        """Seconds that these epochs took; None where it is unknown."""
        return sum(row["seconds"] for row in self.history) if self.history else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as report.json holds it."""
        trained = self.trained
        record = {
            "recipe": trained.recipe.to_dict(), "weights": str(trained.path),
            "weights_sha256": trained.sha256, "data_sha256": self.data_sha256,
            "trained_on_sha256": trained.card.get("data_sha256"), "part": self.part,
            "split_by": self.split_by, "parameters": self.parameters,
            "training_s": self.training_s, "scoring_s": self.seconds,
            "recordings": self.recordings.to_dict(), "segments": self.segments.to_dict(),
            "verdicts": self.verdicts,
            "systems": [asdict(s) for s in self.systems],
            "collections": [asdict(s) for s in self.collections],
            "shortcuts": [s.to_dict() for s in self.shortcuts],
            "source": [vars(result) for result in trained.recipe.results], "versions": versions(),
        }  # fmt: skip
        plain: dict[str, Any] = json.loads(json.dumps(record))
        return plain


def evaluate(
    trained: Trained, utterances: Sequence[Utterance], preparer: Preparer, *,
    part: PartOrAll = "auto", device: str = "auto", shortcuts: int = MOST,
    resamples: int = RESAMPLES,
) -> Evaluation:  # fmt: skip
    """The figures of a detector on a part of the data.

    `auto` is the test part: of data that it was trained on as its run split them, of others what
    they mark as such, or all. `shortcuts` is how many recordings of each class the shortcut test
    changes; 0 leaves it out, as does a split by segment, whose recordings were learned from.
    """
    split_by, chosen = _split(trained, utterances, part)
    judged = utterances
    if chosen and split_by == "group":
        judged = prepare.members(utterances, chosen, seed=trained.seed)
    started = time.monotonic()
    if chosen:
        examples = prepare.part_examples(
            chosen, utterances, trained.recipe, preparer, split_by=split_by, seed=trained.seed
        )
    else:
        examples = preparer.examples(utterances, trained.recipe)
    scored = scores.score(trained.net, examples, device=find_device(device))
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
        trained, chosen or "all", split_by, prepare.data_hash(utterances), balance(judged), *levels,
        _slices(trials, "system"), _slices(trials, "collection"), tested, seconds,
    )  # fmt: skip


def _split(
    trained: Trained, utterances: Sequence[Utterance], part: PartOrAll
) -> tuple[SplitBy, Part | None]:
    """How to split, and the part to take; None for all."""
    split_by: SplitBy = "group"
    if trained.card.get("data_sha256") == prepare.data_hash(utterances):
        split_by = trained.card.get("split_by", "group")
        part = "test" if part == "auto" else part
    elif part == "auto":
        part = "test" if any(u.split == "test" for u in utterances) else "all"
    return split_by, None if part == "all" else part


def _slices(trials: Scores, column: str) -> list[Slice]:
    """Each system's recordings and all human ones, the hardest first; or each collection's."""
    value, named = trials.extras[column], column == "system"
    names = [str(name) for name in np.unique(value[trials.label] if named else value) if name]
    human = ~trials.label & named
    slices = [Slice.of(name, trials.where(human | (value == name))) for name in names]
    if named:
        return sorted(slices, key=lambda s: -(s.eer.value or 0.0))
    return sorted(slices, key=lambda s: -(s.synthetic + s.human))
