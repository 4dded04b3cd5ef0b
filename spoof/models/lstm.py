"""S2's LSTM over the frames of a feature."""

from torch import Tensor, nn

from spoof.models.keras import keras_init


class Lstm(nn.Module):
    """Logit (B, 1) of features over time (B, n_features, frames), of any number of frames.

    S2 doesn't state what the LSTM reads: here the frames of 40 MFCCs, in order. What it holds
    after the last frame goes on, as Keras's LSTM(128) returns it.
    """

    def __init__(self, n_features: int = 40) -> None:
        super().__init__()
        self.lstm = nn.LSTM(n_features, 128, batch_first=True)
        self.dense = nn.Sequential(nn.Dropout(0.5), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, n_features, frames) → logit (B, 1)."""
        _, (last, _) = self.lstm(x.transpose(1, 2))  # (1, B, 128)
        logit: Tensor = self.dense(last[0])
        return logit
