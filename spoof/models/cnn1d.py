"""S2's convolutions along the 40 means of MFCCs, as if neighbouring coefficients were neighbours.

All take (B, n_features) and give logits.
"""

from torch import Tensor, nn

from spoof.models.keras import keras_init


class DeepVoiceCnn(nn.Module):
    """Logits (B, 2) of MFCC means (B, 40): three convolutions of 64, then two dense layers.

    The dropout variant has dense layers of 32, each with Dropout 0.5, in place of 64.
    """

    def __init__(self, n_features: int = 40, *, dropout: bool = False) -> None:
        super().__init__()
        convolutions: list[nn.Module] = []
        for channels in (1, 64, 64):
            convolutions += [nn.Conv1d(channels, 64, 3, padding="same"), nn.ReLU(), nn.MaxPool1d(2)]
        self.convolutions = nn.Sequential(*convolutions)  # (B, 64, 5) of 40
        width = 32 if dropout else 64
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64 * (n_features // 8), width),
            nn.ReLU(),
            nn.Dropout(0.5 if dropout else 0.0),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(0.5 if dropout else 0.0),
            nn.Linear(width, 2),
        )
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, 40) → logits (B, 2)."""
        logits: Tensor = self.dense(self.convolutions(x[:, None]))
        return logits


class SimpleCnnDropout(nn.Module):
    """Logit (B, 1) of MFCC means (B, 40): convolutions of 128 and 64, without padding.

    The source says no padding; none is the default of Keras, whose words it uses.
    """

    def __init__(self, n_features: int = 40) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv1d(1, 128, 3),
            nn.ReLU(),
            nn.MaxPool1d(2),  # (B, 128, 19) of 40
            nn.Dropout(0.5),
            nn.Conv1d(128, 64, 3),
            nn.ReLU(),
            nn.MaxPool1d(2),  # (B, 64, 8)
            nn.Dropout(0.5),
        )
        n_steps = ((n_features - 2) // 2 - 2) // 2
        self.dense = nn.Sequential(
            nn.Flatten(), nn.Linear(64 * n_steps, 64), nn.ReLU(), nn.Linear(64, 1)
        )
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, 40) → logit (B, 1)."""
        logit: Tensor = self.dense(self.convolutions(x[:, None]))
        return logit
