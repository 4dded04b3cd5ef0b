"""Residual networks with the names and layers of torchvision and timm, so that theirs load.

`resnet18` is torchvision's. `resnet101` and `resnet200d` are timm's; the D means a stem of three 3
× 3 convolutions in place of one 7 × 7, and shortcuts that average before they project (He et al.
2019, "Bag of tricks for image classification").
"""

import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cqtnet.checkpoint import load_tensors, read_tensors
from cqtnet.errors import WeightsError

N_FROZEN = 39
"""Parameter tensors that S2 doesn't train: of ResNet200d exactly the stem and the first stage."""


class Block(nn.Module):
    """Convolutions conv1, conv2, … with their normalisations bn1, bn2, … beside a shortcut."""

    def __init__(self, convolutions: Sequence[nn.Conv2d], downsample: nn.Module | None) -> None:
        super().__init__()
        self.depth = len(convolutions)
        for number, convolution in enumerate(convolutions, start=1):
            self.add_module(f"conv{number}", convolution)
            self.add_module(f"bn{number}", nn.BatchNorm2d(convolution.out_channels))
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_inputs, H, W) → (B, n_outputs, H / stride, W / stride)."""
        y = x
        for number in range(1, self.depth + 1):
            y = self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(y))
            y = F.relu(y) if number < self.depth else y
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


@dataclass(frozen=True)
class Architecture:
    """What one member of the family is made of."""

    layers: tuple[int, int, int, int]  # blocks in each of the four stages
    expansion: int  # channels that leave a block for each one inside: 4 with a bottleneck
    d: bool = False  # a deep stem, and shortcuts that average


ARCHITECTURES = {
    "resnet18": Architecture((2, 2, 2, 2), expansion=1),
    "resnet101": Architecture((3, 4, 23, 3), expansion=4),
    "resnet200d": Architecture((3, 24, 36, 3), expansion=4, d=True),
}


class ResNet(nn.Module):
    """Logits (B, n_classes) of pictures (B, in_channels, H, W)."""

    def __init__(self, name: str, *, n_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        architecture = ARCHITECTURES[name]
        self.conv1 = _stem(in_channels, deep=architecture.d)  # a half of H and W
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)  # a quarter
        self.layer1 = _stage(architecture, 0)
        self.layer2 = _stage(architecture, 1)
        self.layer3 = _stage(architecture, 2)
        self.layer4 = _stage(architecture, 3)
        self.n_features = 512 * architecture.expansion
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(self.n_features, n_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, Block) and architecture.expansion > 1:
                nn.init.zeros_(layer.get_parameter(f"bn{layer.depth}.weight"))  # as timm begins

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) → (B, n_classes)."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        logits: Tensor = self.fc(self.global_pool(x))  # (B, 512 or 2048) → (B, n_classes)
        return logits


def _conv(n_inputs: int, n_outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_inputs, n_outputs, kernel, stride, padding=kernel // 2, bias=False)


def _stem(in_channels: int, *, deep: bool) -> nn.Module:
    if not deep:
        return _conv(in_channels, 64, 7, 2)
    first = (_conv(in_channels, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU())
    return nn.Sequential(*first, _conv(32, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), _conv(32, 64, 3))


def _stage(architecture: Architecture, stage: int) -> nn.Sequential:
    """The blocks of one stage; the first halves height and width, except in stage 0."""
    width = 64 << stage
    n_outputs = width * architecture.expansion
    n_inputs, stride = (64, 1) if stage == 0 else (n_outputs // 2, 2)
    blocks = []
    for _ in range(architecture.layers[stage]):
        if architecture.expansion > 1:
            convolutions = [_conv(n_inputs, width, 1), _conv(width, width, 3, stride),
                            _conv(width, n_outputs, 1)]  # fmt: skip
        else:
            convolutions = [_conv(n_inputs, width, 3, stride), _conv(width, width, 3)]
        shortcut = None
        if stride != 1 or n_inputs != n_outputs:
            shortcut = _shortcut(n_inputs, n_outputs, stride, average=architecture.d)
        blocks.append(Block(convolutions, shortcut))
        n_inputs, stride = n_outputs, 1
    return nn.Sequential(*blocks)


def _shortcut(n_inputs: int, n_outputs: int, stride: int, *, average: bool) -> nn.Module:
    """A projection of the shortcut to the block's shape."""
    norm = nn.BatchNorm2d(n_outputs)
    if not average:
        return nn.Sequential(_conv(n_inputs, n_outputs, 1, stride), norm)
    pool = nn.Identity() if stride == 1 else nn.AvgPool2d(2, stride, ceil_mode=True)
    return nn.Sequential(pool, _conv(n_inputs, n_outputs, 1), norm)


def find_pretrained(name: str) -> Path | None:
    """Path of ImageNet weights of "resnet18", "resnet101" or "resnet200d" on this machine, or None.

    Nothing is fetched: they are looked for in the caches of PyTorch's hub and Hugging Face.
    """
    hugging_face = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    places = [
        (hub, f"{name}[-_]*.pth"),
        (hugging_face / "hub", f"models--timm--{name}.*/snapshots/*/model.safetensors"),
    ]
    files = (path for folder, pattern in places for path in sorted(folder.glob(pattern)))
    return next(files, None)


def load_pretrained(net: ResNet, path: Path) -> None:
    """Put a state dict (.safetensors, or .pth without code in it) into a net with 1000 classes.

    A net of one input channel gets the sum of the three colours' kernels, as in timm.
    """
    tensors = dict(_state_dict(path))
    name, first = next(net.named_parameters())  # of the first convolution
    if first.shape[1] == 1 and name in tensors:
        tensors[name] = tensors[name].sum(dim=1, keepdim=True)
    load_tensors(net, tensors, source=path)


def _state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name; a .pth is read as plain data, never run."""
    if path.suffix == ".safetensors":
        return {name: torch.from_numpy(t) for name, t in read_tensors(path).items()}
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise WeightsError(f"{path} holds no readable weights: {reason}") from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise WeightsError(f"{path} holds no state dict; give one as torchvision or timm save it")
    return tensors


class S1ResNet18(nn.Module):
    """Logits (B, 2) of S1's pictures (B, 3, size, size), with torchvision's layers."""

    def __init__(self) -> None:
        super().__init__()
        self.resnet = ResNet("resnet18", n_classes=2)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, size, size) → logits (B, 2)."""
        logits: Tensor = self.resnet(x)
        return logits


class S2ResNet(nn.Module):
    """Logit (B, 1) of a mel spectrogram (B, 64, 188) by timm's resnet101 or resnet200d.

    With `pretrained`, a state dict for ImageNet, its first 39 parameter tensors are frozen, as in
    S2; without, every tensor is trained. Running statistics of frozen layers still follow the data.
    """

    def __init__(
        self, name: Literal["resnet101", "resnet200d"], *, pretrained: Path | None = None
    ) -> None:
        super().__init__()
        self.resnet = ResNet(name, in_channels=1)
        if pretrained is not None:
            load_pretrained(self.resnet, pretrained)
            for parameter in list(self.resnet.parameters())[:N_FROZEN]:
                parameter.requires_grad_(False)
        self.resnet.fc = nn.Linear(self.resnet.n_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Mel spectrograms (B, 64, 188) → logit (B, 1)."""
        logit: Tensor = self.resnet(x[:, None])
        return logit


class S3ResNet18(nn.Module):
    """Logits (B, 2) of S3's pictures (B, 3, 224, 224): a convolution, ResNet-18, dense layers."""

    def __init__(self, *, pretrained: Path | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 7, 2, padding=3, bias=False)  # (B, 3, 112, 112)
        self.resnet = ResNet("resnet18")
        if pretrained is not None:
            load_pretrained(self.resnet, pretrained)
        self.dense = nn.Linear(1000, 100)
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(100, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, 224, 224) → logits (B, 2)."""
        x = self.resnet(self.conv(x))  # (B, 1000)
        logits: Tensor = self.out(self.dropout(F.relu(self.dense(x))))
        return logits
