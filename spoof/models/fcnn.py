"""S1's FCNN-3, of which it gives the name and the result: a fully connected net of three layers.

That is our reading of the name. The two hidden layers have 512 units, the only width of a dense
layer that S1 names.
"""

from torch import Tensor, nn

from spoof.models.keras import keras_init


class Fcnn3(nn.Module):
    """Logits (B, 2) of pictures (B, channels, size, size), all pixels at once."""

    def __init__(self, size: int = 28, *, channels: int = 3) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * size * size, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, 2),
        )
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (B, channels, size, size) → logits (B, 2)."""
        logits: Tensor = self.layers(x)
        return logits
