"""The detectors that begin as a ResNet of ImageNet: S1's, S2's two and S3's.

Each says in `origin` what its weights began as, to be printed and kept with the run.
"""

from pathlib import Path
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from spoof.models.pretrained import FROM_RANDOM, freeze_first, load_pretrained
from spoof.models.resnet import ResNet

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
