"""Weights on disk: safetensors for the numbers, JSON beside them for everything else.

`NAME.safetensors` holds the tensors, matrices in half precision. `NAME.json` holds the preset, the
SHA-256 of that file, and where the weights come from. Nothing is ever unpickled.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from augment.audio.files import told
from cqtnet.errors import WeightsError
from cqtnet.files import file_sha256, write_json, written_whole
from cqtnet.preset import Preset
from cqtnet.schema import parse_json, read_json

if TYPE_CHECKING:
    from torch import nn

    from cqtnet.model import CqtNet

FORMAT = 1
SHIPPED = Path(__file__).parent / "weights"
BEST, FINAL = "best.safetensors", "final.safetensors"
"""Weights of a run: at its best validation, and at its end."""
Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Weights:
    """The tensors of a trained network, the SHA-256 that names them, and their card."""

    path: Path
    preset: Preset
    tensors: Tensors
    sha256: str
    card: dict[str, Any]

    @cached_property
    def model(self) -> "CqtNet":
        """The network, ready for inference with torch."""
        from cqtnet.model import CqtNet  # here, for it loads torch, which takes seconds

        model = CqtNet(self.preset)
        load_tensors(model, self.tensors, source=self.path)
        return model.eval()


def shipped_names(folder: Path = SHIPPED) -> list[str]:
    """Names of the weights that come with the package."""
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def save_weights(model: "CqtNet", path: Path, **card: Any) -> None:
    """Write `path` (.safetensors) and its JSON; `card` says where the weights come from."""
    preset = asdict(model.preset)
    save_network(model, path, {"preset": json.dumps(preset)}, {"preset": preset, **card})


def save_network(net: "nn.Module", path: Path, header: dict[str, str], card: dict[str, Any]) -> str:
    """Write the tensors of any network with a header, and its card; the SHA-256 of the tensors."""
    tensors = {}
    for name, tensor in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            if tensor.is_floating_point():
                tensor = tensor.half() if tensor.dim() > 1 else tensor.float()
            tensors[name] = np.ascontiguousarray(tensor.detach().cpu().numpy())
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata=header)
        sha256 = file_sha256(temporary)
    write_json(path.with_suffix(".json"), {"format": FORMAT, "sha256": sha256, **card})
    return sha256


def load_weights(name: str | Path = "default") -> Weights:
    """The shipped weights of that name, or those at that path."""
    if (path := find_weights(name, SHIPPED)) is None:
        raise WeightsError(
            f"weights {str(name)!r} are neither shipped ({', '.join(shipped_names())}) nor a "
            ".safetensors file or a run's folder; give one of these"
        )
    card = read_card(path, "preset")
    sha256 = stated_sha256(path, card)
    try:
        with safe_open(path, framework="np") as file:  # the preset that the hash covers
            hashed = parse_json((file.metadata() or {}).get("preset", "null"))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path} holds no readable weights: {error}") from error
    if hashed != card["preset"]:
        raise WeightsError(
            f"{path} is not the file that its JSON describes: the presets differ; fetch both again"
        )
    return Weights(path, Preset.from_dict(card["preset"]), read_tensors(path), sha256, card)


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors of a safetensors file."""
    try:
        tensors: dict[str, NDArray[Any]] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} holds no readable weights: {error}") from error
    for name, values in tensors.items():
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise WeightsError(f"{path} holds weights that are not finite, in {name[:99]!r}")
    return tensors


def stated_sha256(path: Path, card: dict[str, Any]) -> str:
    """The SHA-256 of a file of weights; a WeightsError unless its JSON states the same."""
    sha256 = file_sha256(path)
    if sha256 != card["sha256"]:
        raise WeightsError(
            f"{path} has SHA-256 {sha256[:12]}… but its JSON states {told(card['sha256'][:12])}…; "
            "it is damaged or not the file that was trained: fetch it again"
        )
    return sha256


def load_tensors(model: "nn.Module", tensors: Mapping[str, Any], *, source: Path) -> None:
    """Load tensors or arrays into the model; their names and shapes must be the model's."""
    import torch  # here, for reading and naming weights does without

    own = {n: t for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")}
    given = {n: t for n, t in tensors.items() if not n.endswith("num_batches_tracked")}
    for name in own.keys() | given.keys():
        if name not in own or name not in given or own[name].shape != given[name].shape:
            shapes = [tuple(t[name].shape) if name in t else "missing" for t in (given, own)]
            raise WeightsError(
                f"{source} is of another architecture: {name} is {shapes[0]} in the file and "
                f"{shapes[1]} in the model; use the preset it was trained with"
            )
    model.load_state_dict({n: torch.as_tensor(t) for n, t in tensors.items()}, strict=False)


def find_weights(name: str | Path, shipped: Path) -> Path | None:
    """The .safetensors file of a shipped name, at a path or in a run's folder, if there is one."""
    if str(name) in shipped_names(shipped):
        return shipped / f"{name}.safetensors"
    path = Path(name)
    if path.is_dir():
        path = next((one for file in (FINAL, BEST) if (one := path / file).is_file()), path)
    return path if path.suffix == ".safetensors" and path.is_file() else None


def read_card(weights: Path, kind: str) -> dict[str, Any]:
    """The JSON beside weights; it must hold their hash, and their preset or recipe (`kind`)."""
    path = weights.with_suffix(".json")
    try:
        card: dict[str, Any] = dict(read_json(path))
        if missing := {"format", "sha256", kind} - card.keys():
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        if not isinstance(card["sha256"], str) or not isinstance(card[kind], dict):
            raise ValueError(f"its sha256 or {kind} is of the wrong kind")
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(
            f"{path}, the JSON beside the weights, is unreadable: {error}; fetch it again"
        ) from error
    if card["format"] != FORMAT:
        found = told(card["format"], most=40)
        raise WeightsError(f"{path} is of format {found}; this version reads {FORMAT}")
    return card
