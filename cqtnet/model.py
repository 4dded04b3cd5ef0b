"""CQT-Net: 84-bin constant-Q frames in, one embedding out (Yu et al. 2020, the paper's Table 1).

The trunk's dilated convolutions never pool or stride along frequency, so that a transposition moves
features and does not destroy them. A head pools its output over frequency and time into one vector,
and FC0 maps that to the embedding. The classifier is in `cqtnet.losses`, data in `cqtnet.preset`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cqtnet.cqt import N_BINS
from cqtnet.preset import HEADS, LAYERS, Layer, Preset, pad_short


class Block(nn.Module):
    """Convolution, BatchNorm, ReLU, and max pooling in time where the table has it."""

    def __init__(self, preset: Preset, layer: Layer, in_channels: int) -> None:
        super().__init__()
        channels, dilation = preset.channels(layer), (1, layer.dilation)
        in_time = (layer.kernel[1] - 1) * layer.dilation // 2 if preset.time_padding else 0
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
    """Embeddings (B, embedding_size) of normalised CQT frames (B, 84, T).

    >>> CqtNet(PRESETS["paper"]).eval()(torch.zeros(1, 84, 862)).shape
    torch.Size([1, 2048])
    """

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
        """Embeddings (views * B, embedding_size) of normalised CQT frames (B, 84, T).

        In training views, of any lengths, are normalised together. Only steps in `windows` are
        pooled.
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
