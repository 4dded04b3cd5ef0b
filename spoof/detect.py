"""Whether a voice is synthetic: the score over time, a likelihood ratio, and a verdict."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.device import find_device
from cqtnet.errors import InputError
from spoof.calibration import Calibration, load_calibration
from spoof.checkpoint import DEFAULT, Trained, load_trained
from spoof.data.segments import filled
from spoof.prepare import checked_input
from spoof.recipes.recipe import Recipe, Samples
from spoof.scores import AT_ONCE, Floats, score_inputs
from spoof.words import HEADLINES, Verdict, support_in_words, verdict_of
from verify.wording import LEAST_RATIO, clock, ratio

LEAST_SOUND_S = 1.0
FRAME_S = 0.02
FLOOR_DBFS, RANGE_DB = -60.0, 40.0
"""A frame is heard that is louder than the floor and within the range of the loudest ones."""
OVERLAPPING_S = 90.0
"""Windows overlap by half in recordings up to this long, which have few; else not at all."""
HEARD_SHARE = 0.1
"""A window counts whose frames are heard in such a share at least."""


@dataclass(frozen=True)
class Window:
    """A stretch, and the log-odds of "synthetic" that the network states for it."""

    start_s: float
    end_s: float
    score: float | None  # None: nothing to hear

    def to_dict(self) -> dict[str, float | None]:
        """Plain data."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class Detection:
    """What is said of one recording."""

    path: str
    sha256: str
    verdict: Verdict
    log_lr: float | None  # natural logarithm, above 0 for synthetic; None: none is stated
    least_log_lr: float | None  # the bounds that the calibration supports
    most_log_lr: float | None
    score: float | None  # mean over the windows with something to hear
    reasons: tuple[str, ...]  # why the evidence is insufficient
    duration_s: float
    sound_s: float  # seconds with something to hear
    windows: tuple[Window, ...]
    recipe: str
    model_sha256: str
    trained_on: str

    @property
    def support(self) -> str:
        """What the ratio means, in words; "" where none is stated."""
        return "" if self.log_lr is None else support_in_words(self.log_lr)

    @property
    def is_bounded(self) -> bool:
        """Whether the ratio would be stronger, had the calibration seen more recordings."""
        return self.log_lr is not None and self.log_lr in (self.least_log_lr, self.most_log_lr)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        record = {**vars(self), "windows": [window.to_dict() for window in self.windows]}
        return {**record, "support": self.support, "is_bounded": self.is_bounded}


class Detector:
    """A trained network with its calibration.

    >>> detector = Detector.named("light")
    >>> detector.detect("questioned.m4a").verdict
    'insufficient'
    """

    def __init__(
        self, trained: Trained, calibration: Calibration | None, *, device: torch.device
    ) -> None:
        self.trained, self.calibration, self.device = trained, calibration, device
        trained.net.to(device).eval()

    @classmethod
    def named(cls, name: str | Path = DEFAULT, *, device: str = "auto") -> Self:
        """The detector of shipped weights, of a run's folder or of a .safetensors file."""
        trained = load_trained(name)
        return cls(
            trained, load_calibration(trained.path, trained.sha256), device=find_device(device)
        )

    def detect(self, path: audio.StrPath, *, hop_s: float | None = None) -> Detection:
        """What is said of a recording; windows begin every `hop_s`.

        By default they overlap by half, in recordings longer than OVERLAPPING_S not at all.
        """
        recipe = self.trained.recipe
        check_hop(hop_s)
        samples = audio.load(path, sample_rate=recipe.rate_hz)
        heard = heard_frames(samples, recipe.rate_hz)
        sound_s = float(heard.sum() * FRAME_S)
        duration_s = samples.size / recipe.rate_hz
        reason = _too_little(samples, sound_s, duration_s, recipe)
        windows = () if reason else self._windows(samples, heard, hop_s, name=audio.shown(path))
        scores = [window.score for window in windows if window.score is not None]
        score = float(np.mean(scores)) if scores else None
        reasons: tuple[str, ...] = (reason,) if reason else ()
        log_lr = None
        if score is not None:
            log_lr = self.calibration.log_lr(score) if self.calibration else None
            reasons = self._doubts(log_lr)
        return Detection(
            audio.shown(path),
            audio.file_sha256(path),
            "insufficient" if log_lr is None else verdict_of(log_lr),
            log_lr,
            self.calibration.least if self.calibration else None,
            self.calibration.most if self.calibration else None,
            score,
            reasons,
            duration_s,
            sound_s,
            windows,
            recipe.name,
            self.trained.sha256,
            trained_on(self.trained.card),
        )

    def _windows(
        self, samples: Samples, heard: NDArray[np.bool_], hop_s: float | None, *, name: str
    ) -> tuple[Window, ...]:
        """The windows from the beginning to the end, with their scores."""
        recipe = self.trained.recipe
        rate = recipe.rate_hz
        starts, length = window_starts(samples.size, recipe, hop_s)
        if samples.size < length:
            samples = filled(samples, length, recipe.short)[0]
            heard = np.ones(1, bool)  # enough was heard to come here
        frame = rate * FRAME_S
        spans = [(int(s / frame), math.ceil((s + length) / frame)) for s in starts]
        loud = np.array([heard[a:b].mean() >= HEARD_SHARE for a, b in spans], bool)
        scores = np.full(len(starts), np.nan)
        for group in np.array_split(np.flatnonzero(loud), max(1, -(-int(loud.sum()) // AT_ONCE))):
            if not len(group):
                continue
            inputs = [
                checked_input(samples[starts[at] : starts[at] + length], recipe, name=name)
                for at in group
            ]
            scores[group] = score_inputs(self.trained.net, np.stack(inputs), device=self.device)
        if not np.isfinite(scores[loud]).all():
            raise InputError(f"{name}: the network gives scores that are no numbers; train it anew")
        return tuple(
            Window(float(s / rate), float((s + length) / rate), float(score) if ok else None)
            for s, score, ok in zip(starts, scores, loud, strict=True)
        )

    def _doubts(self, log_lr: float | None) -> tuple[str, ...]:
        if log_lr is None:
            return (
                "these weights have no calibration, so that no ratio can be stated; make one "
                "with `cqtnet spoof calibrate`",
            )
        assert self.calibration is not None
        if verdict_of(log_lr) != "insufficient":
            return ()
        reason = f"the ratio is nearer to 1 than {LEAST_RATIO:g}"
        if log_lr in (self.calibration.least, self.calibration.most):
            reason += "; the calibration rests on too few collections or speakers to support more"
        return (reason,)


def check_hop(hop_s: float | None) -> None:
    """Refuse a step between windows that leads nowhere."""
    if hop_s is not None and not 0.01 <= hop_s < math.inf:
        raise InputError(f"a hop of {hop_s:g} s is too short; give 0.01 s or more")


def window_starts(
    n_samples: int, recipe: Recipe, hop_s: float | None
) -> tuple[NDArray[np.int64], int]:
    """First samples of all windows, the last ending with the recording; and their length.

    Without `hop_s` windows overlap by half in recordings up to OVERLAPPING_S long.
    """
    if recipe.segment_s is None:
        return np.zeros(1, np.int64), n_samples
    length = round(recipe.segment_s * recipe.rate_hz)
    if hop_s is None:
        is_long = n_samples > OVERLAPPING_S * recipe.rate_hz
        hop_s = recipe.segment_s if is_long else recipe.segment_s / 2
    hop = max(1, round(hop_s * recipe.rate_hz))
    last = max(0, n_samples - length)
    return np.unique(np.append(np.arange(0, last + 1, hop), last)), length


def heard_frames(samples: Samples, rate_hz: int) -> NDArray[np.bool_]:
    """Whether there is something to hear in each frame of 20 ms, (n,)."""
    length = round(FRAME_S * rate_hz)
    if samples.size < length:
        return np.zeros(0, bool)
    frames = samples[: samples.size // length * length].reshape(-1, length)
    levels = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-20)
    loudest = float(np.quantile(levels, 0.95))
    return np.asarray(levels > max(FLOOR_DBFS, loudest - RANGE_DB))


def trained_on(card: dict[str, Any]) -> str:
    """What a detector has learned from, in words; what it has not, it cannot know."""
    known = card.get("learned", {})
    systems, collections = known.get("systems", []), known.get("collections", [])
    text = f"{known.get('human', 0):,} human and {known.get('synthetic', 0):,} synthetic recordings"
    if systems:
        text += f" of {len(systems)} systems"
    if collections:
        text += f" from {len(collections)} collections"
    return text


def _too_little(samples: Samples, sound_s: float, duration_s: float, recipe: Recipe) -> str:
    """Why nothing can be said of what is heard; "" where something can."""
    if not samples.size or not np.abs(samples).max() > 0:
        return "the recording is silent"
    if sound_s < LEAST_SOUND_S:
        return f"{sound_s:.2f} s of sound are less than the {LEAST_SOUND_S:g} s that are needed"
    if recipe.short == "skip" and recipe.segment_s and duration_s < recipe.segment_s:
        return f"{duration_s:.2f} s are less than the {recipe.segment_s:g} s that the model hears"
    return ""


def scores_over_time(detection: Detection) -> tuple[Floats, Floats]:
    """Middles of the windows in seconds, (n,), and their scores; NaN where nothing is heard."""
    middles = [(window.start_s + window.end_s) / 2 for window in detection.windows]
    scores = [math.nan if w.score is None else w.score for w in detection.windows]
    return np.array(middles), np.array(scores)


# A detection as lines of text: the verdict first, then what it rests on.

MARGIN = 1.0
"""Windows whose score is so far above the recording's mean are told as the most suspicious."""


def tell(found: Detection) -> list[str]:
    """The lines, the verdict first."""
    lines = [f"{found.path}: {headline(found)}"]
    lines += [f"  because {reason}" for reason in found.reasons]
    if found.score is not None:
        scores = [window.score for window in found.windows if window.score is not None]
        lines.append(
            f"  score    {found.score:.2f} on average, {min(scores):.2f} to {max(scores):.2f} over "
            f"{len(scores)} windows; {found.sound_s:.1f} s of sound in {clock(found.duration_s)}"
        )
        lines += _highest(found)
    lines.append(
        f"  model    {found.recipe} {found.model_sha256[:12]}, trained on {found.trained_on}; "
        "music, noise and what else it was not trained on it cannot judge"
    )
    return lines


def headline(found: Detection) -> str:
    """The verdict with its ratio.

    >>> headline(detection)
    'SYNTHETIC  LR 36 (ln 3.6): moderate support for a synthetic voice rather than a human one'
    """
    text = HEADLINES[found.verdict]
    if found.log_lr is None:
        return text
    text += f"  LR {ratio(found.log_lr)} (ln {found.log_lr:.1f}): {found.support}"
    return f"{text}; the bound of what the calibration supports" if found.is_bounded else text


def _highest(found: Detection) -> list[str]:
    """Where the score is highest, where that stands out."""
    assert found.score is not None
    window = max(found.windows, key=lambda w: -math.inf if w.score is None else w.score)
    if window.score is None or window.score < found.score + MARGIN:
        return []
    return [f"  highest  {window.score:.2f} at {clock(window.start_s)} to {clock(window.end_s)}"]
