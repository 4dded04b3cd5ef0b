"""ImageNet weights from torchvision or timm, when they are on this machine; nothing is fetched."""

import os
import pickle
from pathlib import Path

import torch
from torch import Tensor, nn

from cqtnet.checkpoint import load_tensors, read_tensors
from cqtnet.errors import WeightsError
from spoof.models.resnet import ResNet

FROM_RANDOM = "random weights: no pretrained file was given"


def find_pretrained(name: str) -> Path | None:
    """Path of the weights of "resnet18", "resnet101" or "resnet200d" in the usual caches, or None.

    torchvision, and timm of old, keep theirs in PyTorch's hub folder, timm of today in Hugging
    Face's. The first by name is taken.
    """
    hugging_face = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    places = [
        (hub, f"{name}[-_]*.pth"),
        (hugging_face / "hub", f"models--timm--{name}.*/snapshots/*/model.safetensors"),
    ]
    found = (path for folder, pattern in places for path in sorted(folder.glob(pattern)))
    return next(found, None)


def load_pretrained(net: ResNet, path: Path) -> None:
    """Put a state dict (.safetensors, or .pth without code in it) into a net with 1000 classes.

    A net of one input channel gets the sum of the three colours' kernels, as timm does it: grey
    then gives what the same grey in three channels gave.
    """
    tensors = dict(_state_dict(path))
    first = net.conv1[0] if isinstance(net.conv1, nn.Sequential) else net.conv1
    name = "conv1.0.weight" if isinstance(net.conv1, nn.Sequential) else "conv1.weight"
    if first.in_channels == 1 and name in tensors:
        tensors[name] = tensors[name].sum(dim=1, keepdim=True)
    load_tensors(net, tensors, source=path)


def freeze_first(model: nn.Module, count: int) -> None:
    """Leave the first `count` parameter tensors as they are in training."""
    for parameter in list(model.parameters())[:count]:
        parameter.requires_grad_(False)


def _state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name; a .pth is read as plain data, never run."""
    if path.suffix == ".safetensors":
        return read_tensors(path)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{path} holds no readable weights: {reason}") from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise WeightsError(f"{path} holds no state dict; give one as torchvision or timm save it")
    return tensors
