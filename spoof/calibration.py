"""From a detector's score to a likelihood ratio, and from a ratio to a verdict and its words."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cqtnet.errors import WeightsError
from cqtnet.files import write_json
from verify.words import LEAST_RATIO, strength_in_words

FORMAT = 1
Verdict = Literal["synthetic", "human", "insufficient"]
HEADLINES: dict[Verdict, str] = {
    "synthetic": "SYNTHETIC",
    "human": "HUMAN",
    "insufficient": "INSUFFICIENT EVIDENCE",
}


def verdict_of(log_lr: float) -> Verdict:
    """The verdict that a natural-log likelihood ratio alone supports."""
    if abs(log_lr) < math.log(LEAST_RATIO):
        return "insufficient"
    return "synthetic" if log_lr > 0 else "human"


def support_in_words(log_lr: float) -> str:
    """The meaning of a ratio, without any prior.

    >>> support_in_words(math.log(50))
    'moderate support for a synthetic voice rather than a human one'
    """
    word = strength_in_words(log_lr)
    if word == "no":
        return "no support for either proposition"
    sides = ("synthetic", "human") if log_lr > 0 else ("human", "synthetic")
    return f"{word} support for a {sides[0]} voice rather than a {sides[1]} one"


@dataclass(frozen=True)
class Calibration:
    """How a score becomes a natural-log likelihood ratio, above 0 for synthetic."""

    model_sha256: str
    slope: float
    offset: float
    least: float  # the bounds of the ratio: as many witnesses cannot support more
    most: float
    data: dict[str, Any]  # what it was learned from, and its figures on unseen groups

    def log_lr(self, score: float) -> float:
        """The natural-log likelihood ratio of a recording's score, within the bounds."""
        return min(self.most, max(self.least, self.slope * score + self.offset))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"format": FORMAT, **asdict(self)}

    def save(self, weights: Path) -> Path:
        """Write it beside the weights that it belongs to, and return its path."""
        path = calibration_path(weights)
        write_json(path, self.to_dict())
        return path


def calibration_path(weights: Path) -> Path:
    """The path of the calibration of weights."""
    return weights.with_suffix(".calibration.json")


def load_calibration(weights: Path, model_sha256: str) -> Calibration | None:
    """The calibration beside weights, or None; an error where it belongs to other weights."""
    path = calibration_path(weights)
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text())
        version = content.pop("format")
        calibration = Calibration(**content)
        numbers = [calibration.slope, calibration.offset, calibration.least, calibration.most]
        if version != FORMAT or not all(map(math.isfinite, numbers)):
            raise ValueError(f"format {version}, numbers {numbers}")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} holds no calibration: {error}; make one with `cqtnet spoof calibrate`"
        ) from error
    if calibration.model_sha256 != model_sha256:
        raise WeightsError(
            f"{path} belongs to weights {calibration.model_sha256[:12]}…, not to "
            f"{model_sha256[:12]}…; make one with `cqtnet spoof calibrate`"
        )
    return calibration
