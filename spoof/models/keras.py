"""Weights as Keras begins with them, for the networks whose sources are written in Keras."""

from torch import nn


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
