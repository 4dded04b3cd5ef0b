"""Residual networks with the names and layers of torchvision and timm, so that theirs load.

`resnet18` is torchvision's. `resnet101` and `resnet200d` are timm's; the D means a stem of three
3 × 3 convolutions in place of one 7 × 7, and shortcuts that average before they project (He et
al. 2019, "Bag of tricks for image classification").
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


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
