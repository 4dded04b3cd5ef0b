"""The small networks, and the score in a network's logits.

All give logits (B, 1), or (B, 2) with fake second; the source's softmax or sigmoid belongs to the
loss. Every layer with weights but the last is followed by a rectifier.
"""

from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cqtnet.errors import InputError

AT_ONCE = 64
"""Inputs that a network is given at once when it scores."""
LARGEST = 4.0
"""Standard deviations at which `Light` clips: a strange microphone must not decide."""
QUARTILES = 1.349
"""Distance of the quartiles of a normal distribution, in standard deviations."""
NOISE = 0.3
"""Standard deviations of the noise that `Light` adds in training."""


def fake_logit(logits: Tensor) -> Tensor:
    """The log-odds of "synthetic" (B,) in logits (B, 1), or (B, 2) with fake second."""
    return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


def score_inputs(
    net: nn.Module, inputs: NDArray[np.floating], *, device: torch.device
) -> NDArray[np.float64]:
    """Scores (n,) of inputs (n, *input_shape): natural log-odds, higher for synthetic."""
    if not len(inputs):
        return np.zeros(0)
    net.eval()
    with torch.inference_mode():
        logits = net(torch.from_numpy(np.asarray(inputs, np.float32)).to(device))
    return fake_logit(logits).double().cpu().numpy()


def keras_init(model: nn.Module) -> None:
    """Set weights as Keras begins: Glorot-uniform, biases zero.

    An LSTM's recurrent weights are orthogonal and its forget gate starts open (bias 1). Keras has
    one bias where PyTorch has two: the second stays zero and is not trained.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.LSTM):  # of one layer
            part = dict(layer.named_parameters())
            nn.init.xavier_uniform_(part["weight_ih_l0"])
            nn.init.orthogonal_(part["weight_hh_l0"])
            nn.init.zeros_(part["bias_hh_l0"]).requires_grad_(False)
            nn.init.zeros_(part["bias_ih_l0"])
            # The gates are in the order input, forget, cell, output.
            nn.init.ones_(part["bias_ih_l0"].data[layer.hidden_size : 2 * layer.hidden_size])


def _dense(*widths: int, dropout: float | None = None) -> list[nn.Module]:
    """Dense layers from each width to the next, with rectifiers and dropout between them."""
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(widths[:-1]):
        layers += [nn.Linear(n_inputs, n_outputs), nn.ReLU()]
        if dropout is not None:
            layers.append(nn.Dropout(dropout))
    return [*layers, nn.Linear(widths[-2], widths[-1])]


class Dense(nn.Module):
    """A network whose `layers` follow each other."""

    def __init__(self, *layers: nn.Module, keras: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        if keras:
            keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs (B, …) → logits (B, 1 or 2)."""
        logits: Tensor = self.layers(x)
        return logits


class Fcnn3(Dense):
    """Logits (B, 2) of pictures (B, 3, size, size), all pixels at once.

    S1 gives the name and the result only; 512 is the only width of a dense layer that it names.
    """

    def __init__(self, size: int = 28) -> None:
        super().__init__(nn.Flatten(), *_dense(3 * size * size, 512, 512, 2), keras=True)


class DeepVoiceAnn(Dense):
    """Logits (B, 2) of MFCC means (B, 40): three dense layers of 64.

    `dropout` after each is the source's second variant: 0.2 in its layers, which were run. S2's
    binary cross-entropy on two softmax outputs is the same number as cross-entropy.
    """

    def __init__(self, n_features: int = 40, *, dropout: float | None = None) -> None:
        super().__init__(*_dense(n_features, 64, 64, 64, 2, dropout=dropout), keras=True)


class SimpleAnn(Dense):
    """Logit (B, 1) of a mel spectrogram (B, 64, 188), all 12,032 numbers at once."""

    def __init__(self) -> None:
        super().__init__(nn.Flatten(), *_dense(64 * 188, 1024, 512, 256, 1))


class SimpleAnnDropout(Dense):
    """Logit (B, 1) of MFCC means (B, 40)."""

    def __init__(self, n_features: int = 40) -> None:
        super().__init__(*_dense(n_features, 128, 64, 1, dropout=0.5))


# Convolutional networks: on pictures (S1, S3, S4), on a mel spectrogram, or along the 40 means of
# MFCCs (S2), as if neighbouring coefficients were neighbours.


def _conv(n_inputs: int, n_outputs: int, kernel: int, padding: str | int = 0) -> list[nn.Module]:
    """A convolution over height and width, a rectifier, and a pooling that halves them."""
    convolution = nn.Conv2d(n_inputs, n_outputs, kernel, padding=padding)
    return [convolution, nn.ReLU(), nn.MaxPool2d(2)]


def _conv_1d(n_inputs: int, n_outputs: int, padding: str | int = 0) -> list[nn.Module]:
    """A convolution by 3 along coefficients, a rectifier, and a pooling that halves them."""
    return [nn.Conv1d(n_inputs, n_outputs, 3, padding=padding), nn.ReLU(), nn.MaxPool1d(2)]


class Convolutional(nn.Module):
    """A network of `convolutions`, then `dense` layers, for inputs with or without channels."""

    def __init__(
        self, convolutions: list[nn.Module], *dense: nn.Module, channels: bool, keras: bool = False
    ) -> None:
        super().__init__()
        self.convolutions, self.dense = nn.Sequential(*convolutions), nn.Sequential(*dense)
        self.channels = channels
        if keras:
            keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Inputs (B, …) → logits (B, 1 or 2)."""
        logits: Tensor = self.dense(self.convolutions(x if self.channels else x[:, None]))
        return logits


class S1Cnn(Convolutional):
    """Logits (B, 2) of S1's pictures (B, 3, size, size): four convolutions, one dense layer of 512.

    Without padding, Keras's default, S1's 28 × 28 shrinks to nothing before the fourth pooling;
    padded to the same size it ends as 1 × 1. "valid" needs 46 or more; at 150, the size of the
    notebook that these layers come from, they have 3,453,634 parameters.
    """

    def __init__(self, size: int = 28, *, padding: Literal["same", "valid"] = "same") -> None:
        layers, side = [], size
        for n_inputs, n_outputs in ((3, 32), (32, 64), (64, 128), (128, 128)):
            layers += _conv(n_inputs, n_outputs, 3, padding)
            side = (side - 2 * (padding == "valid")) // 2
        if side < 1:
            smallest = {"same": 16, "valid": 46}[padding]
            raise InputError(
                f"pictures of {size} × {size} vanish in four poolings; with {padding!r} padding "
                f"give at least {smallest} × {smallest}"
            )
        dense = [nn.Dropout(0.5), nn.Flatten(), *_dense(128 * side * side, 512, 2)]
        super().__init__(layers, *dense, channels=True, keras=True)  # (B, 128, 1, 1) of 28 × 28


class S2SimpleCnn(Convolutional):
    """Logit (B, 1) of a mel spectrogram (B, 64, 188).

    The text's 7.2 M parameters don't fit these layers, which have 50.0 M; the layers are kept.
    """

    def __init__(self) -> None:
        layers = [*_conv(1, 32, 5, padding=2), *_conv(32, 64, 5, padding=2)]  # (B, 64, 16, 47)
        dense = _dense(64 * 16 * 47, 1024, 512, 256, 1)
        super().__init__(layers, nn.Flatten(), *dense, channels=False)


class DeepVoiceCnn(Convolutional):
    """Logits (B, 2) of MFCC means (B, 40): three convolutions of 64, then two dense layers.

    The dropout variant has dense layers of 32, each with Dropout 0.5, in place of 64.
    """

    def __init__(self, n_features: int = 40, *, dropout: bool = False) -> None:
        layers = [layer for n in (1, 64, 64) for layer in _conv_1d(n, 64, "same")]  # (B, 64, 5)
        width, share = (32, 0.5) if dropout else (64, 0.0)
        dense = _dense(64 * (n_features // 8), width, width, 2, dropout=share)
        super().__init__(layers, nn.Flatten(), *dense, channels=False, keras=True)


class SimpleCnnDropout(Convolutional):
    """Logit (B, 1) of MFCC means (B, 40): convolutions of 128 and 64, unpadded as in Keras."""

    def __init__(self, n_features: int = 40) -> None:
        first = [*_conv_1d(1, 128), nn.Dropout(0.5)]  # (B, 128, 19) of 40
        second = [*_conv_1d(128, 64), nn.Dropout(0.5)]  # (B, 64, 8)
        dense = _dense(64 * (((n_features - 2) // 2 - 2) // 2), 64, 1)
        super().__init__([*first, *second], nn.Flatten(), *dense, channels=False, keras=True)


class S3SimpleCnn(Convolutional):
    """Logits (B, 2) of S3's pictures (B, 3, 224, 224)."""

    def __init__(self) -> None:
        layers = [*_conv(3, 6, 5), *_conv(6, 16, 5)]  # (B, 16, 53, 53)
        super().__init__(layers, nn.Flatten(), *_dense(16 * 53 * 53, 120, 84, 2), channels=True)


class S4Cnn(Convolutional):
    """Logits (B, 2) of S4's pictures (B, 3, 128, 128); kernels of 3 × 3, unpadded, are ours."""

    def __init__(self) -> None:
        layers = [*_conv(3, 32, 3), *_conv(32, 64, 3), *_conv(64, 128, 3)]  # (B, 128, 14, 14)
        dense = _dense(128 * 14 * 14, 128, 2, dropout=0.5)
        super().__init__(layers, nn.Flatten(), *dense, channels=True, keras=True)


class Lstm(nn.Module):
    """Logit (B, 1) of features over time (B, n_features, frames), of any number of frames.

    What S2's LSTM reads is not stated: here the frames of 40 MFCCs. Its last state goes on.
    """

    def __init__(self, n_features: int = 40) -> None:
        super().__init__()
        self.lstm = nn.LSTM(n_features, 128, batch_first=True)
        self.dense = nn.Sequential(nn.Dropout(0.5), *_dense(128, 64, 1))
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Features (B, n_features, frames) → logit (B, 1)."""
        _, (last, _) = self.lstm(x.transpose(1, 2))  # (1, B, 128)
        logit: Tensor = self.dense(last[0])
        return logit


class Light(nn.Module):
    """Logit (B, 1) of statistics (B, n_inputs) of a voice, standardised as in training: ours."""

    middle: Tensor
    spread: Tensor

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.zeros(n_inputs))
        self.register_buffer("spread", torch.ones(n_inputs))
        self.layers = nn.Sequential(
            nn.Dropout(0.5), nn.Linear(n_inputs, 64), nn.GELU(), nn.Dropout(0.3), nn.Linear(64, 1)
        )

    def standardise(self, inputs: NDArray[np.floating]) -> None:
        """Take middle and spread, by quartiles, from all inputs (n, n_inputs) of a training."""
        low, middle, high = np.quantile(np.asarray(inputs, np.float32), (0.25, 0.5, 0.75), axis=0)
        self.middle.copy_(torch.from_numpy(middle))
        self.spread.copy_(torch.from_numpy((high - low) / QUARTILES + 1e-3))

    def forward(self, x: Tensor) -> Tensor:
        """Statistics (B, n_inputs) → logit (B, 1)."""
        x = ((x - self.middle) / self.spread).clamp(-LARGEST, LARGEST)
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        logit: Tensor = self.layers(x)
        return logit
