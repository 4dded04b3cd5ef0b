"""Residual networks with the names and layers of torchvision and timm, so that theirs load.

`resnet18` is torchvision's. `resnet101` and `resnet200d` are timm's; the D means a stem of three
3 × 3 convolutions in place of one 7 × 7, and shortcuts that average before they project (He et
al. 2019, "Bag of tricks for image classification").
"""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cqtnet.checkpoint import load_tensors, read_tensors
from cqtnet.errors import WeightsError


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(
        self, n_inputs: int, width: int, *, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The normalisation before the shortcut is added."""
        return self.bn2

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_inputs, H, W) → (B, width, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut)


class Bottleneck(nn.Module):
    """A 3 × 3 convolution between two of 1 × 1 that narrow and widen, beside a shortcut."""

    expansion = 4

    def __init__(
        self, n_inputs: int, width: int, *, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = downsample

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The normalisation before the shortcut is added."""
        return self.bn3

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_inputs, H, W) → (B, 4 · width, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut)


@dataclass(frozen=True)
class Architecture:
    """What one member of the family is made of."""

    block: type[BasicBlock] | type[Bottleneck]
    layers: tuple[int, int, int, int]  # blocks in each of the four stages
    deep_stem: bool = False
    average_down: bool = False
    zero_last: bool = False  # each block begins as its shortcut alone (timm)


ARCHITECTURES = {
    "resnet18": Architecture(BasicBlock, (2, 2, 2, 2)),
    "resnet101": Architecture(Bottleneck, (3, 4, 23, 3), zero_last=True),
    "resnet200d": Architecture(
        Bottleneck, (3, 24, 36, 3), deep_stem=True, average_down=True, zero_last=True
    ),
}


class ResNet(nn.Module):
    """Logits (B, n_classes) of pictures (B, in_channels, H, W).

    >>> ResNet("resnet18")(torch.zeros(1, 3, 224, 224)).shape
    torch.Size([1, 1000])
    """

    def __init__(self, name: str, *, n_classes: int = 1000, in_channels: int = 3) -> None:
        super().__init__()
        architecture = ARCHITECTURES[name]
        self.conv1 = _stem(in_channels, deep=architecture.deep_stem)  # a half of H and W
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)  # a quarter
        self.layer1 = _stage(architecture, 0)
        self.layer2 = _stage(architecture, 1)
        self.layer3 = _stage(architecture, 2)
        self.layer4 = _stage(architecture, 3)
        self.n_features = 512 * architecture.block.expansion
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(self.n_features, n_classes)
        self._init_weights(zero_last=architecture.zero_last)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) → (B, n_classes)."""
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        logits: Tensor = self.fc(self.global_pool(x))  # (B, 512 or 2048) → (B, n_classes)
        return logits

    def _init_weights(self, *, zero_last: bool) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            elif zero_last and isinstance(layer, BasicBlock | Bottleneck):
                nn.init.zeros_(layer.last_norm.weight)


def _stem(in_channels: int, *, deep: bool) -> nn.Module:
    if not deep:
        return nn.Conv2d(in_channels, 64, 7, 2, padding=3, bias=False)
    return nn.Sequential(
        nn.Conv2d(in_channels, 32, 3, 2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1, bias=False),
    )


def _stage(architecture: Architecture, stage: int) -> nn.Sequential:
    """The blocks of one stage; the first halves height and width, but in stage 0."""
    block, width = architecture.block, 64 << stage
    n_outputs = width * block.expansion
    n_inputs, stride = (64, 1) if stage == 0 else (n_outputs // 2, 2)
    blocks = []
    for _ in range(architecture.layers[stage]):
        shortcut = None
        if stride != 1 or n_inputs != n_outputs:
            shortcut = _shortcut(n_inputs, n_outputs, stride, average=architecture.average_down)
        blocks.append(block(n_inputs, width, stride=stride, downsample=shortcut))
        n_inputs, stride = n_outputs, 1
    return nn.Sequential(*blocks)


def _shortcut(n_inputs: int, n_outputs: int, stride: int, *, average: bool) -> nn.Module:
    """A projection of the shortcut to the block's shape."""
    norm = nn.BatchNorm2d(n_outputs)
    if not average:
        return nn.Sequential(nn.Conv2d(n_inputs, n_outputs, 1, stride, bias=False), norm)
    pool = nn.AvgPool2d(2, stride, ceil_mode=True)
    return nn.Sequential(
        nn.Identity() if stride == 1 else pool,
        nn.Conv2d(n_inputs, n_outputs, 1, bias=False),
        norm,
    )


# ImageNet weights from torchvision or timm, when they are on this machine; nothing is fetched.

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


# The detectors that begin as a ResNet of ImageNet: S1's, S2's two and S3's.
# Each says in `origin` what its weights began as, to be printed and kept with the run.

N_FROZEN = 39
"""Parameter tensors that S2 doesn't train: of ResNet200d exactly the stem and the first stage."""


class S1ResNet18(nn.Module):
    """Logits (B, 2) of S1's pictures (B, channels, size, size).

    S1 gives the name and the result only: torchvision's layers, trained from random weights.
    """

    origin = FROM_RANDOM

    def __init__(self, *, channels: int = 3) -> None:
        super().__init__()
        self.resnet = ResNet("resnet18", n_classes=2, in_channels=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, channels, size, size) → logits (B, 2)."""
        logits: Tensor = self.resnet(x)
        return logits


class S2ResNet(nn.Module):
    """Logit (B, 1) of a mel spectrogram (B, 64, 188) by timm's resnet101 or resnet200d.

    With `pretrained`, the path of a state dict for ImageNet, its first 39 parameter tensors are
    frozen, as in S2. Without, every tensor is trained: frozen random ones would be a handicap
    that S2 didn't have. As in S2 the running statistics of frozen layers still follow the data.
    """

    def __init__(
        self, name: Literal["resnet101", "resnet200d"], *, pretrained: Path | None = None
    ) -> None:
        super().__init__()
        self.resnet = ResNet(name, in_channels=1)
        self.origin = FROM_RANDOM
        if pretrained is not None:
            load_pretrained(self.resnet, pretrained)
            freeze_first(self.resnet, N_FROZEN)
            self.origin = f"weights of {pretrained.name}, first {N_FROZEN} tensors frozen"
        self.resnet.fc = nn.Linear(self.resnet.n_features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Mel spectrograms (B, 64, 188) → logit (B, 1)."""
        logit: Tensor = self.resnet(x[:, None])
        return logit


class S3ResNet18(nn.Module):
    """Logits (B, 2) of S3's pictures (B, 3, 224, 224): a convolution, ResNet-18, two dense layers.

    `pretrained` is the path of torchvision's state dict; all of it is trained on.
    """

    def __init__(self, *, pretrained: Path | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 7, 2, padding=3, bias=False)  # (B, 3, 112, 112)
        self.resnet = ResNet("resnet18")
        self.origin = FROM_RANDOM
        if pretrained is not None:
            load_pretrained(self.resnet, pretrained)
            self.origin = f"weights of {pretrained.name}"
        self.dense = nn.Linear(1000, 100)
        self.dropout = nn.Dropout(0.1)
        self.out = nn.Linear(100, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, 224, 224) → logits (B, 2)."""
        x = self.resnet(self.conv(x))  # (B, 1000)
        logits: Tensor = self.out(self.dropout(F.relu(self.dense(x))))
        return logits
