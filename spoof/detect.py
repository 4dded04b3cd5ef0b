"""Whether a voice is synthetic: the score over time, a likelihood ratio, and a verdict."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.device import find_device, one_thread
from cqtnet.errors import InputError
from cqtnet.schema import plain
from spoof.checkpoint import DEFAULT, Calibration, Trained, load_calibration, load_trained
from spoof.data import Samples, filled
from spoof.networks import AT_ONCE, score_inputs
from spoof.recipes import Recipe
from verify.words import LEAST_RATIO, Proposition, clock, support_in_words
from verify.words import headline as with_ratio

Verdict = Literal["synthetic", "no trace", "insufficient"]
"""No verdict is "human": a synthesiser that the detector misses leaves no trace either."""
HEADLINES: dict[Verdict, str] = {
    "synthetic": "SYNTHETIC", "no trace": "NO TRACE FOUND", "insufficient": "INSUFFICIENT EVIDENCE",
}  # fmt: skip
SYNTHETIC = Proposition("the voice is synthetic", "a synthetic voice rather than a human one")
LEAST_LOG_LR = math.log(LEAST_RATIO)
"""The natural-log likelihood ratio from which a voice is called synthetic."""
LEAST_SOUND_S = 1.0
"""Seconds of sound that a verdict needs."""
FRAME_S = 0.02
FLOOR_DBFS, RANGE_DB = -60.0, 40.0
"""A frame holds sound if it is louder than the floor and within the range below the loudest."""
OVERLAPPING_S = 90.0
"""Windows overlap by half in recordings up to this long; in longer ones not at all."""
SOUND_SHARE = 0.1
"""A window has a score if at least this share of its frames holds sound."""
MARGIN = 1.0
"""A window is named as the highest if its score is at least so far above the mean."""


def verdict_of(log_lr: float) -> Verdict:
    """The verdict by a natural-log likelihood ratio alone: traces from 10 up, none below 1."""
    if log_lr >= LEAST_LOG_LR:
        return "synthetic"
    return "no trace" if log_lr <= 0 else "insufficient"


class Found(NamedTuple):
    """The share of unknown synthetic voices that the verdict "synthetic" finds."""

    system: str  # a family of synthesisers; "": all
    change: str  # what was done to the recordings; "": nothing
    share: float  # with every collection of equal weight
    voices: int


@dataclass(frozen=True)
class Window:
    """A stretch, and its score: the log-odds of "synthetic" that the network states."""

    start_s: float
    end_s: float
    score: float | None  # None: no sound


@dataclass(frozen=True, eq=False)
class Detection:
    """The answer about one recording."""

    path: str
    sha256: str
    verdict: Verdict
    log_lr: float | None  # natural logarithm, above 0 for synthetic; None: none is stated
    least_log_lr: float | None  # the bounds that the calibration supports
    most_log_lr: float | None
    score: float | None  # mean over the windows with sound
    reasons: tuple[str, ...]  # why the evidence is insufficient
    would_find: tuple[Found, ...]  # what the detector finds of voices that are known as synthetic
    duration_s: float
    sound_s: float  # seconds with sound
    windows: tuple[Window, ...]
    recipe: str
    model_sha256: str
    trained_on: str

    @property
    def support(self) -> str:
        """What the ratio means for a synthetic voice; "" where none is stated."""
        if self.log_lr is None:
            return ""
        return support_in_words(max(0.0, self.log_lr), SYNTHETIC, SYNTHETIC)

    @property
    def is_bounded(self) -> bool:
        """Whether the ratio is at a bound, which more recordings in the calibration would move."""
        return self.log_lr is not None and self.log_lr in (self.least_log_lr, self.most_log_lr)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        own = {name: value for name, value in vars(self).items() if "_log_lr" not in name}
        bounds = (self.least_log_lr, self.most_log_lr)
        record: dict[str, Any] = plain({
            **own,
            "lr": None if self.log_lr is None else math.exp(self.log_lr),
            "bounds_log_lr": None if None in bounds else bounds,
            "is_bounded": self.is_bounded,
            "support": self.support,
            "would_find": [found._asdict() for found in self.would_find],
        })  # fmt: skip
        return record


class Detector:
    """A trained network with its calibration."""

    def __init__(
        self, trained: Trained, calibration: Calibration | None, *, device: torch.device
    ) -> None:
        self.trained, self.calibration, self.device = trained, calibration, device
        trained.net.to(device).eval()

    @classmethod
    def named(cls, name: str | Path = DEFAULT, *, device: str = "auto") -> Self:
        """The detector of shipped weights, of a run's folder or of a .safetensors file."""
        trained = load_trained(name)
        calibration = load_calibration(trained.path, trained.sha256)
        return cls(trained, calibration, device=find_device(device))

    def detect(self, path: audio.StrPath, *, hop_s: float | None = None) -> Detection:
        """The answer about a recording; windows begin every `hop_s`, or as in `window_starts`."""
        recipe = self.trained.recipe
        check_hop(hop_s)
        with audio.unchanged(path):
            samples = audio.load(path, sample_rate=recipe.rate_hz)
            sha256 = audio.file_sha256(path)
        sounding = sounding_frames(samples, recipe.rate_hz)
        sound_s = float(sounding.sum() * FRAME_S)
        duration_s = samples.size / recipe.rate_hz
        reason = ""
        if not samples.size or not np.abs(samples).max() > 0:
            reason = "the recording is silent"
        elif sound_s < LEAST_SOUND_S:
            reason = f"{sound_s:.2f} s of sound are less than the {LEAST_SOUND_S:g} s needed"
        windows = () if reason else self._windows(samples, sounding, hop_s, name=audio.shown(path))
        scores = [window.score for window in windows if window.score is not None]
        score = float(np.mean(scores)) if scores else None
        log_lr = None
        if score is not None:
            log_lr = self.calibration.log_lr(score) if self.calibration else None
            reason = self._doubt(log_lr, scores)
        known = self.calibration
        least, most = (known.least, known.most) if known else (None, None)
        verdict: Verdict = "insufficient" if reason or log_lr is None else verdict_of(log_lr)
        found = known.data.get("found", []) if known else []
        return Detection(
            audio.shown(path), sha256, verdict, log_lr, least, most, score,
            (reason,) if reason else (), tuple(Found(**row) for row in found), duration_s, sound_s,
            windows, recipe.name, self.trained.sha256, _trained_on(self.trained.card),
        )  # fmt: skip

    def _windows(
        self, samples: Samples, sounding: NDArray[np.bool_], hop_s: float | None, *, name: str
    ) -> tuple[Window, ...]:
        """The windows from the beginning to the end, with their scores."""
        recipe = self.trained.recipe
        rate = recipe.rate_hz
        starts, length = window_starts(samples.size, recipe, hop_s)
        if samples.size < length:
            samples = filled(samples, length)
            sounding = np.ones(1, bool)  # there is enough sound, or we would not be here
        frame = rate * FRAME_S
        spans = [(int(s / frame), math.ceil((s + length) / frame)) for s in starts]
        used = np.array([sounding[a:b].mean() >= SOUND_SHARE for a, b in spans], bool)
        scores = np.full(len(starts), np.nan)
        # The transforms leave Python's lock; threads within threads would be slower.
        with one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
            for group in np.array_split(np.flatnonzero(used), -(-int(used.sum()) // AT_ONCE) or 1):
                segments = [samples[starts[at] : starts[at] + length] for at in group]
                inputs = [*pool.map(partial(recipe.input_of, name=name), segments)]
                if inputs:
                    scores[group] = score_inputs(
                        self.trained.net, np.stack(inputs), device=self.device
                    )
        if not np.isfinite(scores[used]).all():
            raise InputError(f"{name}: the network's scores are not numbers; train it again")
        return tuple(
            Window(float(s / rate), float((s + length) / rate), float(score) if ok else None)
            for s, score, ok in zip(starts, scores, used, strict=True)
        )

    def _doubt(self, log_lr: float | None, scores: list[float]) -> str:
        """Why a ratio, or the windows' scores, support no verdict; "" where they do."""
        if self.calibration is None or log_lr is None:
            return "these weights have no calibration; make one with `cqtnet spoof calibrate`"
        if self.calibration.most < LEAST_LOG_LR:
            return (
                "the calibration has too few collections or speakers to support a ratio of "
                f"{LEAST_RATIO:g}"
            )
        if verdict_of(log_lr) == "insufficient":
            return f"there are traces, but the ratio is below {LEAST_RATIO:g}"
        if log_lr <= 0 and verdict_of(self.calibration.log_lr(max(scores))) == "synthetic":
            return "there are traces in some windows, but not in the whole recording"
        return ""


def check_hop(hop_s: float | None) -> None:
    """Raise where the step between windows is too short."""
    if hop_s is not None and not 0.01 <= hop_s < math.inf:
        raise InputError(f"a hop of {hop_s:g} s is too short; give at least 0.01 s")


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


def sounding_frames(samples: Samples, rate_hz: int) -> NDArray[np.bool_]:
    """Whether each frame of 20 ms holds sound, (n,)."""
    length = round(FRAME_S * rate_hz)
    if samples.size < length:
        return np.zeros(0, bool)
    frames = samples[: samples.size // length * length].reshape(-1, length)
    levels = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-20)
    loudest = float(np.quantile(levels, 0.95))
    return np.asarray(levels > max(FLOOR_DBFS, loudest - RANGE_DB))


def _trained_on(card: dict[str, Any]) -> str:
    """The recordings that a detector has learned from, in words."""
    known = card.get("learned", {})
    if not known:
        return "what is not stated"
    systems, collections = known.get("systems", []), known.get("collections", [])
    text = f"{known.get('human', 0):,} human and {known.get('synthetic', 0):,} synthetic recordings"
    if systems:
        text += f" of {len(systems)} systems"
    if collections:
        text += f" from {len(collections)} collections"
    return text


def as_lines(detection: Detection) -> list[str]:
    """A detection as lines of text: the verdict first, then the evidence for it."""
    lines = [f"{detection.path}: {headline(detection)}"]
    lines += [f"  because {reason}" for reason in detection.reasons]
    if detection.verdict == "no trace":
        lines += [f"  {words}" for words in what_it_finds(detection.would_find)]
    if detection.score is not None:
        scored = [(w.score, w.start_s, w.end_s) for w in detection.windows if w.score is not None]
        highest, start_s, end_s = max(scored)
        lines.append(
            f"  score    {detection.score:.2f} on average, {min(scored)[0]:.2f} to {highest:.2f} "
            f"over {len(scored)} windows; {detection.sound_s:.1f} s of sound in "
            f"{clock(detection.duration_s)}"
        )
        if highest >= detection.score + MARGIN:
            lines.append(f"  highest  {highest:.2f} at {clock(start_s)} to {clock(end_s)}")
    lines.append(
        f"  model    {detection.recipe} {detection.model_sha256[:12]}, trained on "
        f"{detection.trained_on}; it cannot judge music, noise or anything else that it was not "
        "trained on"
    )
    return lines


def what_it_finds(found: tuple[Found, ...]) -> list[str]:
    """What a detector that found no trace finds of synthetic voices, in words."""
    if not found:
        return ["finds an unknown share of synthetic voices; calibrate by folds to know it"]
    shares = [f"{100 * r.share:.0f} % after {r.change}" for r in found if r.change]
    families = [f"{r.system} {100 * r.share:.0f} %" for r in found if r.system]
    of_all = (
        f"finds {100 * found[0].share:.0f} % of {found[0].voices:,} synthetic voices from "
        "collections that it had not learned from"
    )
    return [", ".join([of_all, *shares]), *([f"by kind: {', '.join(families)}"] * bool(families))]


def headline(detection: Detection) -> str:
    """The verdict with its ratio, as "SYNTHETIC  LR 36 (ln 3.6): moderate support for …"."""
    text = HEADLINES[detection.verdict]
    if detection.verdict == "no trace":
        return f"{text}; that is no evidence of a human voice"
    if detection.log_lr is None:
        return text
    text = with_ratio(text, detection.log_lr, detection.support, is_bounded=False)
    return f"{text}; the calibration supports no more" if detection.is_bounded else text
