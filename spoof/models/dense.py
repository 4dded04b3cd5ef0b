"""Weights as Keras begins with them, for the networks whose sources are written in Keras."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def keras_init(model: nn.Module) -> None:
    """Glorot-uniform weights and zero biases in every dense, convolutional and LSTM layer.

    As Keras has it, an LSTM's recurrent weights are orthogonal and its forget gate starts open
    (bias 1). Keras has one bias where PyTorch has two: the second stays zero and is not trained.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.LSTM):
            _init_lstm(layer)


def _init_lstm(layer: nn.LSTM) -> None:
    """The one layer of an LSTM; its gates stand in the order input, forget, cell, output."""
    part = dict(layer.named_parameters())
    nn.init.xavier_uniform_(part["weight_ih_l0"])
    nn.init.orthogonal_(part["weight_hh_l0"])
    nn.init.zeros_(part["bias_hh_l0"]).requires_grad_(False)
    nn.init.zeros_(part["bias_ih_l0"])
    nn.init.ones_(part["bias_ih_l0"].data[layer.hidden_size : 2 * layer.hidden_size])


# S2's dense networks: on the means of 40 MFCCs, or on a whole mel spectrogram.
# All give logits; the source's softmax or sigmoid belongs to the loss. Its DEEP-VOICE networks
# have two softmax outputs and binary cross-entropy: on two outputs that sum to 1 that is the same
# number as cross-entropy.


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


# S2's convolutions along the 40 means of MFCCs, as if neighbouring coefficients were neighbours.
# All take (B, n_features) and give logits.


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


# S1's FCNN-3, of which it gives the name and the result: a fully connected net of three layers.
# That is our reading of the name. The two hidden layers have 512 units, the only width of a dense
# layer that S1 names.


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


# Our own detector: a small dense network on statistics of a voice.

LARGEST = 4.0
"""Standard deviations at which a statistic is cut off: a strange microphone must not decide."""
NOISE = 0.1


class Light(nn.Module):
    """Logit (B, 1) of statistics (B, n_inputs).

    They are standardised by what training saw of them, whatever its labels.
    """

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.standard = nn.BatchNorm1d(n_inputs, affine=False, momentum=0.02)
        self.first = nn.Linear(n_inputs, 96)
        self.norm = nn.BatchNorm1d(96)
        self.second = nn.Linear(96, 48)
        self.out = nn.Linear(48, 1)
        self.input_dropout = nn.Dropout(0.2)
        self.dropout = nn.Dropout(0.4)

    def forward(self, x: Tensor) -> Tensor:
        """Statistics (B, n_inputs) → logit (B, 1)."""
        x = self.standard(x).clamp(-LARGEST, LARGEST)
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        x = F.gelu(self.norm(self.first(self.input_dropout(x))))  # (B, 96)
        x = F.gelu(self.second(self.dropout(x)))  # (B, 48)
        logit: Tensor = self.out(self.dropout(x))
        return logit


# S2's LSTM over the frames of a feature.


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
