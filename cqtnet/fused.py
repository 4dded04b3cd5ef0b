"""A network made ready to embed with torch: BatchNorm folded away, on its device."""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cqtnet.cqt import Cqt, normalise
from cqtnet.device import find_device, find_dtype
from cqtnet.model import Block, CqtNet
from cqtnet.preset import pad_short

Floats = NDArray[np.float32]


class FusedNetwork:
    """What an `Embedder` computes with on GPUs, in bfloat16, and of networks without a graph."""

    def __init__(
        self, model: CqtNet, device: str = "auto", precision: str = "auto", *, deterministic: bool
    ) -> None:
        found = find_device(device)
        self.device, self.deterministic = found.type, deterministic
        self._dtype = find_dtype(found, "float32" if deterministic else precision)
        self.precision = str(self._dtype).removeprefix("torch.")
        if deterministic and found.type == "cuda":
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
        self._model = _fused(model).to(found)
        self._model.trunk.to(self._dtype)  # the head costs little, and compares differences
        if found.type == "cpu":
            self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._place, self._cqt = found, Cqt()

    @torch.inference_mode()
    def steps(self, samples: Floats) -> tuple[Floats, Floats]:
        """Steps (n, S) of samples, and roots of the CQT's magnitudes (84, frames)."""
        with self._exactness():
            magnitudes = self._cqt(torch.from_numpy(samples)[None].to(self._place))
            frames = pad_short(normalise(magnitudes), self._model.preset).to(self._dtype)
            steps = self._model.steps(frames)[0].T.float().cpu().numpy()
        return steps, magnitudes[0].sqrt().cpu().numpy()

    @torch.inference_mode()
    def vectors(self, steps: Floats) -> Floats:
        """Unit embeddings (n, embedding_size) of windows of steps (n, S, length)."""
        with self._exactness():
            raw = self._model.embed_steps(torch.from_numpy(steps).to(self._place))
            unit: Floats = torch.nn.functional.normalize(raw).cpu().numpy()
        return unit

    @contextmanager
    def _exactness(self) -> Iterator[None]:
        """Full float32 and deterministic algorithms where asked for; afterwards as before."""
        # Not `use_deterministic_algorithms`: it imports torch's compiler, which takes a second.
        before = torch.get_deterministic_debug_mode()
        torch.set_deterministic_debug_mode("error" if self.deterministic else before)
        short_floats = self._dtype != torch.float32  # TF32 keeps ten bits of the mantissa
        try:
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=short_floats):
                yield
        finally:
            torch.set_deterministic_debug_mode(before)


def _fused(model: CqtNet) -> CqtNet:
    """A copy for inference with every BatchNorm folded into the layer beside it."""
    fused = copy.deepcopy(model).eval()
    for block in fused.trunk:
        assert isinstance(block, Block)
        block.conv = fuse_conv_bn_eval(block.conv, block.norm)
        block.norm = torch.nn.Identity()  # type: ignore[assignment]
    if isinstance(fused.norm, torch.nn.BatchNorm1d):
        _fold(fused.norm, fused.fc0)
        fused.norm = torch.nn.Identity()
    return fused.requires_grad_(False)


@torch.no_grad()
def _fold(norm: torch.nn.BatchNorm1d, linear: torch.nn.Linear) -> None:
    """Change `linear` so that it does alone what `norm` and then `linear` do."""
    assert norm.running_mean is not None and norm.running_var is not None
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    linear.bias.add_(linear.weight @ (norm.bias - norm.running_mean * gain))
    linear.weight.mul_(gain)
