"""The shortcut test: whether a detector recognises synthesis, or the format of the files.

Human recordings are re-encoded, low-passed and resampled, which makes no voice synthetic. A
detector that learned codecs, bands or rates now classifies them as synthetic. Then both classes
are changed alike: what still separates them is no trace of the format.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from augment.codec import Codec
from augment.effect import Effect
from augment.tempo import resample
from augment.tone import LowPass
from cqtnet.device import find_device
from eval.bootstrap import Figure
from eval.metrics import measure
from eval.trials import Scores
from spoof.checkpoint import Trained
from spoof.data import Utterance
from spoof.data.segments import Samples
from spoof.prepare import Change, Preparer
from spoof.scores import Floats, as_trials, score

MOST = 200
"""Utterances of each class that are changed."""
RESAMPLES = 200
"""Resamples behind the interval of an EER that is one of many."""


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

    @property
    def worst_eer_change(self) -> float:
        """The larger change of the EER: with human recordings changed, or with both classes."""
        figures = (self.eer_human_changed.value, self.eer_both_changed.value)
        return max((v for v in figures if v is not None), default=0.0) - self.eer_before

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        names = ("eer_human_changed", "eer_both_changed")
        eers = {name: getattr(self, name).to_dict() for name in names}
        return {**vars(self), **eers, "worst_eer_change": self.worst_eer_change}


def shortcut_test(
    trained: Trained,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    *,
    most: int = MOST,
    device: str = "auto",
    seed: int = 0,
    changes: Sequence[Change] = CHANGES,
) -> list[Shortcut]:
    """The effect of each change on the scores of at most `most` recordings of each class."""
    chosen = some_of_each(utterances, most, seed=seed)

    def scores(change: Change | None) -> dict[Utterance, float]:
        examples = preparer.examples(chosen, trained.recipe, change=change)
        scored = score(trained.net, examples, device=find_device(device))
        return dict(zip(scored.recordings, scored.score.tolist(), strict=True))

    unchanged = scores(None)
    return [_compared(change.name, unchanged, scores(change)) for change in changes]


def some_of_each(utterances: Sequence[Utterance], most: int, *, seed: int) -> list[Utterance]:
    """At most so many utterances of each class, drawn at random, in their order."""
    is_fake = np.array([u.is_fake for u in utterances], bool)
    order = np.random.default_rng(seed).permutation(len(utterances))
    kept = [at for label in (False, True) for at in order[is_fake[order] == label][:most]]
    return [utterances[at] for at in sorted(kept)]


def eer_of(trials: Scores) -> Figure:
    """The equal error rate with an interval of few resamples."""
    return measure(trials, operating_points=(), false_alarm_rates=(), resamples=RESAMPLES)["eer"]


def _compared(name: str, before: dict[Utterance, float], after: dict[Utterance, float]) -> Shortcut:
    """What changed, over the recordings that have scores both times.

    A change may leave a recording too short for a recipe that skips such.
    """
    recordings = [r for r in before if r in after]
    was, now = (np.array([scores[r] for r in recordings]) for scores in (before, after))
    human = ~np.array([r.is_fake for r in recordings], bool)

    def eer(scores: Floats) -> Figure:
        return eer_of(as_trials(recordings, scores))

    eer_before = eer(was).value
    assert eer_before is not None
    masks = (was[human] >= 0, now[human] >= 0, (now[human] >= 0) & (was[human] < 0))
    taken_before, taken_after, turned = (float(mask.mean()) for mask in masks)
    return Shortcut(
        name, int(human.sum()), int((~human).sum()), taken_before, taken_after, turned,
        eer_before, eer(np.where(human, now, was)), eer(now),
    )  # fmt: skip
