"""The shortcut test: whether a detector hears synthesis, or the format that fakes came in.

Human recordings are re-encoded, narrowed and resampled, which makes no voice synthetic. A
detector that learned codecs, bands or rates now takes them for synthetic. Then both classes are
changed alike: what still tells them apart is no trace of the format.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from augment.codec import Codec
from augment.effect import Effect
from augment.tempo import resample
from augment.tone import LowPass
from cqtnet.device import find_device
from eval.bootstrap import Figure
from eval.metrics import measure
from spoof.data.segments import Joined
from spoof.data.utterance import Utterance
from spoof.prepare import Change, Preparer
from spoof.recipes.recipe import Recipe, Samples
from spoof.scores import Floats, as_trials, recording_scores, score_examples

MOST = 200
"""Recordings of each class that are changed."""


def _altered(samples: Samples, rate_hz: int, *, effect: Effect) -> Samples:
    return effect.apply(samples, rate_hz).samples


def _through_rate(samples: Samples, rate_hz: int, *, through_hz: int) -> Samples:
    """Samples as they come back from a lower rate; as they are where theirs is not higher."""
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
    """What one change does; shares of human recordings, and equal error rates."""

    change: str
    human: int
    synthetic: int
    taken_before: float  # share of human recordings taken for synthetic as they are,
    taken_after: float  # and changed
    turned: float  # share that was taken for human and now is not
    eer_before: float
    eer_human_changed: Figure
    eer_both_changed: Figure

    @property
    def worst_eer_change(self) -> float:
        """By how much the EER changes, human or both classes changed; the larger of the two."""
        figures = (self.eer_human_changed.value, self.eer_both_changed.value)
        return max((v for v in figures if v is not None), default=0.0) - self.eer_before

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        eers = {
            name: getattr(self, name).to_dict()
            for name in ("eer_human_changed", "eer_both_changed")
        }
        return {**vars(self), **eers, "worst_eer_change": self.worst_eer_change}


def shortcut_test(
    net: nn.Module,
    recipe: Recipe,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    *,
    most: int = MOST,
    device: str = "auto",
    seed: int = 0,
    changes: Sequence[Change] = CHANGES,
) -> list[Shortcut]:
    """What each change does to the scores of at most `most` recordings of each class."""
    chosen = some(utterances, most, seed=seed)
    as_they_are = _scores(net, recipe, chosen, preparer, device, None)
    return [
        _compared(change.name, as_they_are, _scores(net, recipe, chosen, preparer, device, change))
        for change in changes
    ]


def some(utterances: Sequence[Utterance], most: int, *, seed: int) -> list[Utterance]:
    """At most so many recordings of each class, by chance, in their order."""
    is_fake = np.array([u.is_fake for u in utterances], bool)
    order = np.random.default_rng(seed).permutation(len(utterances))
    kept = [at for label in (False, True) for at in order[is_fake[order] == label][:most]]
    return [utterances[at] for at in sorted(kept)]


@dataclass(frozen=True, eq=False)
class _Scored:
    recordings: tuple[Joined, ...]
    scores: Floats
    is_fake: NDArray[np.bool_]

    def only(self, recordings: Sequence[Joined]) -> "_Scored":
        """Those of these recordings; a change may leave one too short for a recipe that skips."""
        kept = set(recordings)
        held = np.array([r in kept for r in self.recordings], bool)
        chosen = tuple(r for r in self.recordings if r in kept)
        return _Scored(chosen, self.scores[held], self.is_fake[held])

    def eer(self, scores: Floats) -> Figure:
        trials = as_trials(self.recordings, scores)
        return measure(trials, operating_points=(), false_alarm_rates=(), resamples=200)["eer"]


def _scores(
    net: nn.Module,
    recipe: Recipe,
    utterances: Sequence[Utterance],
    preparer: Preparer,
    device: str,
    change: Change | None,
) -> _Scored:
    examples = preparer.examples(utterances, recipe, change=change)
    scores = score_examples(net, examples, device=find_device(device))
    held, means = recording_scores(examples, scores)
    recordings = tuple(examples.recordings[at] for at in held)
    return _Scored(recordings, means, np.array([r.is_fake for r in recordings], bool))


def _compared(name: str, before: _Scored, after: _Scored) -> Shortcut:
    """What changed between two rounds, over the recordings that are in both."""
    before, after = before.only(after.recordings), after.only(before.recordings)
    human = ~before.is_fake
    taken, taken_now = before.scores[human] >= 0, after.scores[human] >= 0
    eer = before.eer(before.scores).value
    assert eer is not None
    return Shortcut(
        name,
        int(human.sum()),
        int((~human).sum()),
        float(taken.mean()),
        float(taken_now.mean()),
        float((taken_now & ~taken).mean()),
        eer,
        before.eer(np.where(human, after.scores, before.scores)),
        before.eer(after.scores),
    )
