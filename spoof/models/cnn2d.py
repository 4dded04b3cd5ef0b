"""The small convolutional networks on pictures (S1, S3, S4) and on a mel spectrogram (S2).

All give logits; the source's softmax or sigmoid belongs to the loss.
"""

from typing import Literal

from torch import Tensor, nn

from cqtnet.errors import InputError
from spoof.models.dense import keras_init

Padding = Literal["same", "valid"]


class S1Cnn(nn.Module):
    """Logits (B, 2) of S1's pictures (B, 3, size, size): four convolutions, one dense layer of 512.

    S1's text says 28 × 28, its code `IMG_SHAPE`. Without padding, as Keras does by default, 28
    shrinks to nothing before the fourth pooling; padded to the same size it ends as 1 × 1. So
    "same" is the default here. "valid" needs 46 or more; at 150, where the course notebook that
    these very layers come from has its `IMG_SHAPE`, they have 3,453,634 parameters.
    """

    def __init__(self, size: int = 28, *, channels: int = 3, padding: Padding = "same") -> None:
        super().__init__()
        layers, side = [], size
        for n_inputs, n_outputs in ((channels, 32), (32, 64), (64, 128), (128, 128)):
            layers += [_conv3(n_inputs, n_outputs, padding), nn.ReLU(), nn.MaxPool2d(2)]
            side = (side - 2 * (padding == "valid")) // 2
        if side < 1:
            smallest = {"same": 16, "valid": 46}[padding]
            raise InputError(
                f"pictures of {size} × {size} vanish in four poolings; with {padding!r} padding "
                f"give at least {smallest} × {smallest}"
            )
        self.convolutions = nn.Sequential(*layers)  # (B, 128, 1, 1) of 28 × 28
        self.dense = nn.Sequential(
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(128 * side * side, 512),
            nn.ReLU(),
            nn.Linear(512, 2),
        )
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, size, size) → logits (B, 2)."""
        logits: Tensor = self.dense(self.convolutions(x))
        return logits


class S2SimpleCnn(nn.Module):
    """Logit (B, 1) of a mel spectrogram (B, 64, 188).

    The text's 7.2 M parameters don't fit these layers, which have 50.0 M; the layers are kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 32, 32, 94)
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 64, 16, 47)
        )
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64 * 16 * 47, 1024),
            nn.ReLU(),
            nn.Linear(1024, 512),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Linear(256, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Mel spectrograms (B, 64, 188) → logit (B, 1)."""
        logit: Tensor = self.dense(self.convolutions(x[:, None]))
        return logit


class S3SimpleCnn(nn.Module):
    """Logits (B, 2) of S3's pictures (B, 3, 224, 224)."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 6, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 6, 110, 110)
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (B, 16, 53, 53)
        )
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * 53 * 53, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, 224, 224) → logits (B, 2)."""
        logits: Tensor = self.dense(self.convolutions(x))
        return logits


class S4Cnn(nn.Module):
    """Logits (B, 2) of S4's pictures (B, 3, 128, 128).

    S4 states neither kernel nor padding: 3 × 3, and Keras's default of none.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_inputs, n_outputs in ((3, 32), (32, 64), (64, 128)):
            layers += [_conv3(n_inputs, n_outputs, "valid"), nn.ReLU(), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*layers)  # (B, 128, 14, 14)
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(128 * 14 * 14, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 2),
        )
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, 3, 128, 128) → logits (B, 2)."""
        logits: Tensor = self.dense(self.convolutions(x))
        return logits


def _conv3(n_inputs: int, n_outputs: int, padding: Padding) -> nn.Conv2d:
    return nn.Conv2d(n_inputs, n_outputs, 3, padding=padding)
