"""A detector on disk: its weights, a card beside them, and perhaps a calibration.

`NAME.safetensors` holds the tensors, `NAME.json`, the card, the recipe, their SHA-256 and their
origin. Weights are never used if the hash differs, or if the recipe has changed since.
"""

import hashlib
import math
import re
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from augment.audio.files import told
from cqtnet import checkpoint
from cqtnet.errors import WeightsError
from cqtnet.files import file_sha256, write_json
from cqtnet.schema import checked, read_json
from spoof.data import Samples
from spoof.data.folders import is_fake_word
from spoof.recipes import Recipe, Training, find

CALIBRATION_FORMAT = 1
SHIPPED = Path(__file__).parent / "weights"
DEFAULT = "fine"
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
    if not run.is_file() and is_own(Path(name)):
        return load_own(Path(name))
    path = checkpoint.find_weights(name, SHIPPED)
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
            raise WeightsError("the likelihood ratio is not a number; check the calibration")
        return min(self.most, max(self.least, found))

    def score_at(self, log_lr: float) -> float:
        """The score that has a natural-log likelihood ratio; infinite where none has."""
        return score_for(log_lr, self.slope, self.offset)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"format": CALIBRATION_FORMAT, **asdict(self)}

    def save(self, weights: Path) -> Path:
        """Write it beside the weights that it belongs to, and return its path."""
        path = calibration_path(weights)
        write_json(path, self.to_dict())
        return path


def score_for(log_lr: float, slope: float, offset: float) -> float:
    """The score that a line turns into a natural-log likelihood ratio; infinite where none is."""
    return (log_lr - offset) / slope if slope > 0 else math.inf


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


# Networks of your own: a TorchScript or ONNX file, or a folder of Hugging Face, read from disk.
#
# A network takes samples (B, n) and gives one logit of "synthetic", or one of each class. What it
# takes is in `NAME.json` beside a file, or in `detector.json` in a folder:
# `{"rate_hz": 16000, "segment_s": 4.0, "synthetic": 1}`; `synthetic` is the place of that class.

TORCHSCRIPT, ONNX = (".pt", ".ts", ".torchscript"), ".onnx"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Weights in a folder of Hugging Face; the latter are read with `weights_only`."""


@dataclass(frozen=True)
class Settings:
    """What a network takes, and which of its outputs is that of synthetic voices."""

    rate_hz: int = 16_000
    segment_s: float = 4.0
    synthetic: int = 1

    @classmethod
    def read(cls, path: Path, **defaults: Any) -> "Settings":
        """The settings in a JSON file; the defaults where there is none."""
        try:
            content = read_json(path) if path.exists() else {}
            settings = checked(cls, {**defaults, **content})
            length = settings.rate_hz * settings.segment_s
            if not (1_000 <= length <= 10_000_000 and settings.synthetic in (0, 1)):
                raise ValueError(f"{settings} is out of range")
        except (OSError, ValueError, TypeError) as error:
            wanted = '{"rate_hz": 16000, "segment_s": 4.0, "synthetic": 1}'
            raise WeightsError(f"{path}: {error}; write it as {wanted}") from error
        return settings


class Own(nn.Module):
    """Logit (B, 1) of samples (B, n), by somebody's network."""

    def __init__(self, inner: Any, synthetic: int, *, normalised: bool = False) -> None:
        super().__init__()
        self.inner, self.synthetic, self.normalised = inner, synthetic, normalised

    def forward(self, x: Tensor) -> Tensor:
        """Samples (B, n) → log-odds (B, 1) of synthetic."""
        if self.normalised:
            variance, mean = torch.var_mean(x, dim=1, keepdim=True, correction=0)
            x = (x - mean) / torch.sqrt(variance + 1e-7)
        logits: Any = self.inner(x)
        if not isinstance(logits, Tensor):  # of Hugging Face; or embeddings, and logits last
            logits = logits.logits if hasattr(logits, "logits") else logits[-1]
        logits = logits.reshape(len(x), -1).float()  # (B, 1 or 2)
        if logits.shape[1] > 2:
            raise WeightsError(f"the network has {logits.shape[1]} outputs; one or two are read")
        if logits.shape[1] == 1:
            chosen: Tensor = logits if self.synthetic else -logits
        else:
            chosen = (logits[:, self.synthetic] - logits[:, 1 - self.synthetic])[:, None]
        return chosen


class OnnxSession:
    """A graph as a function of samples (B, n); one without a free batch gets one at a time."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        self.given = self.session.get_inputs()[0]

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs of samples (B, n)."""
        values = x.cpu().numpy().astype(np.float32)
        if len(self.given.shape) == 3:
            values = values[:, None]
        parts = [values] if not isinstance(self.given.shape[0], int) else np.split(values, len(x))
        found = [self.session.run(None, {self.given.name: part})[-1] for part in parts]
        return torch.from_numpy(np.concatenate(found)).to(x.device)


def waveform(samples: Samples) -> Samples:
    """The samples themselves."""
    return samples


def is_own(path: Path) -> bool:
    """Whether a path is a network of somebody's own, by its name or its content."""
    if path.suffix in (*TORCHSCRIPT, ONNX):
        return path.is_file()
    card = path / "config.json"
    return card.is_file() and '"model_type"' in card.read_text(errors="replace")


def load_own(path: Path) -> Trained:
    """A network of somebody's own as a detector; nothing is downloaded.

    A TorchScript file is a program, and it is run.
    """
    try:
        if path.is_dir():
            return _from_folder(path)
        settings = Settings.read(path.with_suffix(".json"))
        inner = OnnxSession(path) if path.suffix == ONNX else _script(path)
    except (WeightsError, ImportError):
        raise
    except Exception as error:  # torch, onnxruntime and transformers have no common class
        first = str(error).strip().partition("\n")[0]
        raise WeightsError(f"{path} holds no network that can be read: {first}") from error
    return _detector(path, Own(inner, settings.synthetic), settings, file_sha256(path))


def _script(path: Path) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch would have it written anew
        script: nn.Module = torch.jit.load(path, "cpu")  # type: ignore[no-untyped-call]
    return script


def _from_folder(folder: Path) -> Trained:
    """The network of a folder of Hugging Face that classifies audio, as wav2vec 2 does."""
    try:
        from transformers import AutoModelForAudioClassification
    except ImportError as error:
        raise WeightsError(f"{folder} needs the package transformers; install it") from error
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise WeightsError(f"{folder} holds neither {' nor '.join(WEIGHTS)}")
    net = AutoModelForAudioClassification.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, weights_only=True,
    )  # fmt: skip
    front = folder / "preprocessor_config.json"
    known = read_json(front) if front.is_file() else {}
    fake = [place for place, label in net.config.id2label.items() if is_fake_word(str(label))]
    defaults = {"rate_hz": int(known.get("sampling_rate", 16_000))}
    settings = Settings.read(
        folder / "detector.json", **defaults, synthetic=fake[0] if len(fake) == 1 else 1
    )
    parts = [file_sha256(path) for path in (folder / "config.json", weights)]
    sha256 = hashlib.sha256("".join(parts).encode()).hexdigest()
    own = Own(net, settings.synthetic, normalised=bool(known.get("do_normalize", False)))
    return _detector(weights, own, settings, sha256)


def _detector(path: Path, net: Own, settings: Settings, sha256: str) -> Trained:
    length = round(settings.rate_hz * settings.segment_s)
    name = path.parent.name if path.name in WEIGHTS else path.stem
    recipe = Recipe(
        name, "a user", "a network of your own on samples", settings.rate_hz,
        segment_s=settings.segment_s, feature=waveform, input_shape=(length,),
        model=nn.Identity, training=Training(epochs=1, batch=1),
        remarks=("What it was trained on is not known here.",),
    )  # fmt: skip
    return Trained(net.eval(), recipe, sha256, path, {"recipe": recipe.to_dict()})
