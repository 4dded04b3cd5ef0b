"""S2's dense networks: on the means of 40 MFCCs, or on a whole mel spectrogram.

All give logits; the source's softmax or sigmoid belongs to the loss. Its DEEP-VOICE networks
have two softmax outputs and binary cross-entropy: on two outputs that sum to 1 that is the same
number as cross-entropy.
"""

import math

from torch import Tensor, nn

from spoof.models.keras import keras_init


class DeepVoiceAnn(nn.Module):
    """Logits (B, 2) of MFCC means (B, 40): three dense layers of 64.

    `dropout` after each is the source's second variant: 0.2 in its layers, 0.1 in its text. The
    layers are what was run, so 0.2 it is.
    """

    def __init__(self, n_features: int = 40, *, dropout: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_inputs in (n_features, 64, 64):
            layers += [nn.Linear(n_inputs, 64), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*layers, nn.Linear(64, 2))
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, 40) → logits (B, 2)."""
        logits: Tensor = self.layers(x)
        return logits


class SimpleAnn(nn.Module):
    """Logit (B, 1) of a mel spectrogram (B, 64, 188), all 12,032 numbers at once."""

    def __init__(self, input_shape: tuple[int, ...] = (64, 188)) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(math.prod(input_shape), 1024),
            nn.ReLU(),
            nn.Linear(1024, 512),
            nn.ReLU(),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Linear(256, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Mel spectrograms (B, 64, 188) → logit (B, 1)."""
        logit: Tensor = self.layers(x)
        return logit


class SimpleAnnDropout(nn.Module):
    """Logit (B, 1) of MFCC means (B, 40)."""

    def __init__(self, n_features: int = 40) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, 40) → logit (B, 1)."""
        logit: Tensor = self.layers(x)
        return logit
