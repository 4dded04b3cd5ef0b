"""A detector on disk: its weights, a card beside them, and perhaps a calibration.

`NAME.safetensors` holds the tensors, `NAME.json`, the card, the recipe, their SHA-256 and their
origin. Weights are never used if the hash differs, or if the recipe has changed since.
"""

import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from augment.audio.files import told
from cqtnet import checkpoint
from cqtnet.errors import WeightsError
from cqtnet.files import write_json
from cqtnet.schema import checked, read_json
from spoof.recipes import Recipe, find

CALIBRATION_FORMAT = 1
SHIPPED = Path(__file__).parent / "weights"
DEFAULT = "light"
LAST, BEST, HISTORY = "last.safetensors", "best.safetensors", "history.json"
"""Files of a run: the state to resume from, the weights to use, and a row for each epoch."""


@dataclass(frozen=True)
class Trained:
    """A trained network, its recipe, the SHA-256 that names its weights, and its card."""

    net: nn.Module
    recipe: Recipe
    sha256: str
    path: Path
    card: dict[str, Any]

    @property
    def seed(self) -> int:
        """The seed of its run, which also split the data."""
        return int(self.card.get("seed", 0))


def save_trained(net: nn.Module, recipe: Recipe, path: Path, **card: Any) -> str:
    """Write `path` (.safetensors) and its JSON, and return the SHA-256 of the former."""
    content = {"recipe": recipe.to_dict(), **card}
    return checkpoint.save_network(net, path, {"recipe": recipe.name}, content)


def load_trained(name: str | Path = DEFAULT) -> Trained:
    """The detector of shipped weights, of a .safetensors file, of a run, or of somebody's own."""
    run = Path(name) / BEST
    from spoof.own import is_own, load_own  # it makes what is defined here

    if not run.is_file() and is_own(Path(name)):
        return load_own(Path(name))
    path = checkpoint.find_weights(name, SHIPPED) or (run if run.is_file() else None)
    if path is None:
        shipped = ", ".join(checkpoint.shipped_names(SHIPPED))
        raise WeightsError(
            f"weights {str(name)!r} are neither shipped ({shipped}), nor a run's folder with a "
            f"{BEST}, nor a file or folder that can be read; make some with `cqtnet spoof train`"
        )
    card = checkpoint.read_card(path, "recipe")
    sha256 = checkpoint.stated_sha256(path, card)
    recipe = find(str(card["recipe"].get("name")))
    for part in ("input", "model"):
        if _without_modules(card["recipe"].get(part)) != recipe.to_dict()[part]:
            raise WeightsError(f"{path}: the {part} of {recipe.name} has changed; train it again")
    net = recipe.build()
    checkpoint.load_tensors(net, checkpoint.read_tensors(path), source=path)
    return Trained(net.eval(), recipe, sha256, path, card)


def _without_modules(described: Any) -> Any:
    """The part of a card that describes a recipe, without the modules that older cards name."""
    if isinstance(described, dict):
        return {key: _without_modules(value) for key, value in described.items()}
    return re.sub(r"\b(?:[a-z_]\w*\.)+", "", described) if isinstance(described, str) else described


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
        found = self.slope * score + self.offset
        if not math.isfinite(found):
            raise WeightsError(
                "the likelihood ratio is not a number; check weights and calibration"
            )
        return min(self.most, max(self.least, found))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"format": CALIBRATION_FORMAT, **asdict(self)}

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
        content = read_json(path)
        version = content.pop("format")
        calibration = checked(Calibration, content)
        if version != CALIBRATION_FORMAT or not calibration.least <= 0 <= calibration.most:
            raise ValueError("it is of another format, or its bounds have no 0 between them")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} holds no calibration: {error}; make one with `cqtnet spoof calibrate`"
        ) from error
    if calibration.model_sha256 != model_sha256:
        raise WeightsError(
            f"{path} belongs to weights {told(calibration.model_sha256[:12])}…, not to "
            f"{model_sha256[:12]}…; make one with `cqtnet spoof calibrate`"
        )
    return calibration
