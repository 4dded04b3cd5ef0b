"""What the tests of models ask of a model."""

import torch
from torch import Tensor, nn


def n_parameters(model: nn.Module, *, trained_only: bool = False) -> int:
    """Numbers in all parameter tensors."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trained_only)


def traced(model: nn.Module, *input_shape: int) -> list[tuple[str, tuple[int, ...]]]:
    """Kind and output shape (without batch) of each layer with weights or pooling, in order."""
    seen: list[tuple[str, tuple[int, ...]]] = []

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        seen.append((type(layer).__name__, tuple(output.shape[1:])))

    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.MaxPool1d, nn.MaxPool2d, nn.Dropout)
    hooks = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, kinds)]
    device = next(model.parameters()).device
    model.eval()(torch.zeros(2, *input_shape, device=device))
    for hook in hooks:
        hook.remove()
    return seen


def rectified(model: nn.Module) -> bool:
    """Whether every layer with weights but the last is followed by a rectifier, the last by none.

    Then what comes out are logits.
    """
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ReLU, nn.Softmax, nn.Sigmoid)
    order = [type(layer) for layer in model.modules() if isinstance(layer, kinds)]
    return order[1::2] == [nn.ReLU] * (len(order) // 2) and order[-1] is nn.Linear
