"""CQT-Net: 84-bin constant-Q frames in, one embedding out (Yu et al. 2020, the paper's Table 1).

The trunk's dilated convolutions never pool or stride along frequency, so that a transposition moves
features and does not destroy them. A head pools its output over frequency and time into one vector,
and FC0 maps that to the embedding. The classifier is in `cqtnet.train`, data in `cqtnet.preset`.
"""

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cqtnet.cqt import N_BINS, Cqt, normalise
from cqtnet.device import find_device, find_dtype
from cqtnet.preset import HEADS, LAYERS, Layer, Preset, pad_short


class Block(nn.Module):
    """Convolution, BatchNorm, ReLU, and max pooling in time where the table has it."""

    def __init__(self, preset: Preset, layer: Layer, in_channels: int) -> None:
        super().__init__()
        channels, dilation = preset.channels(layer), (1, layer.dilation)
        in_time = layer.reach // 2 if preset.time_padding else 0
        padding = (6 if layer.name == "conv0" else 0, in_time)
        self.conv = nn.Conv2d(
            in_channels, channels, layer.kernel, padding=padding, dilation=dilation, bias=False
        )
        self.norm = nn.BatchNorm2d(channels)
        self.pool = nn.MaxPool2d((1, 2), (1, 2), (0, 1)) if layer.pool else nn.Identity()

    def forward(self, views: list[Tensor]) -> list[Tensor]:
        """Views (B, C, F, T) → (B, C', F', T'), each of its own T, one BatchNorm over all."""
        convolved = [self.conv(view) for view in views]
        alone = len(views) == 1
        together = convolved[0] if alone else torch.cat(convolved, dim=3)
        active = F.relu(self.norm(together), inplace=True)
        widths = [view.shape[3] for view in convolved]
        parts = [active] if alone else torch.split(active, widths, dim=3)
        return [self.pool(part) for part in parts]


class CqtNet(nn.Module):
    """Embeddings (B, embedding_size) of normalised CQT frames (B, 84, T)."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset
        self.trunk, channels = nn.Sequential(), 1
        for layer in LAYERS:
            self.trunk.add_module(layer.name, Block(preset, layer, channels))
            channels = preset.channels(layer)
        pooled = len(HEADS[preset.head]) * channels
        if preset.head == "gem":
            self.gem_power = nn.Parameter(torch.tensor(3.0))
        self.norm: nn.Module = nn.BatchNorm1d(pooled) if preset.standardised else nn.Identity()
        self.fc0 = nn.Linear(pooled, preset.embedding_size)

    def forward(self, *views: Tensor, windows: Sequence[slice] | None = None) -> Tensor:
        """Embeddings (views * B, embedding_size) of views (B, 84, T), of any lengths.

        In training they are normalised together. Only steps in `windows` are pooled.
        """
        steps = self.steps_of([pad_short(view, self.preset) for view in views])
        chosen = windows or [slice(None)] * len(views)
        pooled = [self.pooled(s[:, :, w]) for s, w in zip(steps, chosen, strict=True)]
        return self.embed_pooled(torch.cat(pooled))

    def steps(self, frames: Tensor) -> Tensor:
        """The steps in time, pooled over frequency, (B, S, steps), of frames (B, 84, T)."""
        return self.steps_of([frames])[0]

    def steps_of(self, views: Sequence[Tensor]) -> list[Tensor]:
        """The steps of several views (B, 84, T), each of its own length."""
        x = self.trunk([self._entered(view) for view in views])  # (B, 512, 47, 44) of 20 s
        if self.preset.head == "gem":
            x = [view.clamp(min=1e-6).pow(self.gem_power) for view in x]
        return [torch.cat([_pool(view, kind) for kind in self._kept()], dim=1) for view in x]

    def _entered(self, frames: Tensor) -> Tensor:
        """The trunk's input (B, 1, 84, T)."""
        if frames.shape[1] != N_BINS:
            raise ValueError(f"{frames.shape[1]} bins given; the network takes {N_BINS}")
        if self.preset.frames_averaged > 1:
            frames = F.avg_pool1d(frames, self.preset.frames_averaged, ceil_mode=True)
        x = frames[:, None]
        return x if x.is_cuda else x.contiguous(memory_format=torch.channels_last)

    def _kept(self) -> list[str]:
        """The statistics over frequency that the head needs."""
        needed = {over_frequency for over_frequency, _ in HEADS[self.preset.head]}
        return [statistic for statistic in ("mean", "max") if statistic in needed]

    def embed_steps(self, steps: Tensor) -> Tensor:
        """Embeddings (B, embedding_size) of all steps given, (B, S, steps), in float32."""
        return self.embed_pooled(self.pooled(steps))

    def embed_pooled(self, pooled: Tensor) -> Tensor:
        """Embeddings (B, embedding_size) of pooled steps (B, pooled)."""
        with torch.autocast(pooled.device.type, enabled=False):
            embeddings: Tensor = self.fc0(self.norm(pooled))  # (B, 512) → (B, 2048)
        return embeddings

    def pooled(self, steps: Tensor) -> Tensor:
        """The input of FC0 (B, pooled) of all steps given, (B, S, steps), in float32."""
        kept = self._kept()
        parts = dict(zip(kept, steps.float().chunk(len(kept), dim=1), strict=True))
        statistics = HEADS[self.preset.head]
        pooled = torch.cat([_pool(parts[kind], over_time) for kind, over_time in statistics], dim=1)
        return pooled.pow(1 / self.gem_power) if self.preset.head == "gem" else pooled


def _pool(x: Tensor, statistic: str) -> Tensor:
    """The mean or the maximum over the third axis."""
    return x.mean(dim=2) if statistic == "mean" else x.amax(dim=2)


# The network made ready to embed: BatchNorm folded away, on its device.
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
