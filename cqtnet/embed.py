"""Embeddings of recordings of any length, from one pass of the trunk.

The network is convolutional in time up to its pooling, so a recording goes through the trunk
once, in blocks that overlap by exactly what a step can hear. What is kept of each step is small
(`Trace`), and every window of every length is pooled from it afterwards.
"""

import copy
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cqtnet import SAMPLE_RATE, audio
from cqtnet.checkpoint import load_weights
from cqtnet.cqt import FRAMES_PER_SECOND, Cqt, normalise
from cqtnet.errors import FragmentTooShortError, InputError
from cqtnet.model import Block, CqtNet
from cqtnet.steps import StepSpan, window_steps

Samples = NDArray[np.float32]
Precision = Literal["auto", "float32", "bfloat16"]

BLOCK_STEPS = 256
"""Steps of the trunk per block: 95 s for the paper's preset, 380 s for the default."""


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of the windows of one recording."""

    vectors: NDArray[np.float32]  # (n, embedding_size), of length 1: their product is the cosine
    start_s: NDArray[np.float64]  # (n,)
    end_s: NDArray[np.float64]  # (n,)


@dataclass(frozen=True)
class Trace:
    """What the trunk saw of one recording: small, and enough for windows of any length."""

    steps: NDArray[np.float32]  # (n, S)
    n_samples: int

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.n_samples / SAMPLE_RATE


class Embedder:
    """A network made ready to embed: fused, on its device, in its precision.

    >>> embedder = Embedder.named("default")
    >>> embedder.windows(embedder.trace_file("a.flac"), window_s=20, hop_s=5).vectors.shape
    (9, 2048)
    """

    def __init__(
        self,
        model: CqtNet,
        *,
        device: str | None = None,
        precision: Precision = "auto",
        deterministic: bool = False,
        sha256: str = "",
    ) -> None:
        """`deterministic` computes in float32 with algorithms that give the same bits again."""
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.deterministic = deterministic
        self.dtype = _choose_dtype(self.device, "float32" if deterministic else precision)
        self.preset = model.preset
        self.sha256 = sha256
        self.model = _fused(model).to(self.device, self.dtype)
        if self.device.type == "cpu":
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.cqt = Cqt().to(self.device)

    @classmethod
    def named(
        cls,
        name: str | Path = "default",
        *,
        device: str | None = None,
        precision: Precision = "auto",
        deterministic: bool = False,
    ) -> "Embedder":
        """The embedder of shipped weights, or of weights at a path."""
        weights = load_weights(name)
        return cls(
            weights.model,
            device=device,
            precision=precision,
            deterministic=deterministic,
            sha256=weights.sha256,
        )

    def trace_file(self, path: str | os.PathLike[str]) -> Trace:
        """The trace of a file, decoded as it is needed; what is odd about it is a warning."""
        with audio.stream(path) as blocks:
            try:
                trace = self.trace(blocks, name=os.fspath(path))
            except FragmentTooShortError as error:
                raise FragmentTooShortError(f"{path}: {error}") from error
            for note in blocks.notes:
                warnings.warn(f"{path}: {note}", audio.AudioWarning, stacklevel=2)
        return trace

    def trace(self, blocks: Samples | Iterable[Samples], *, name: str = "the recording") -> Trace:
        """The trace of mono samples at 22,050 Hz, given at once or in blocks of any size.

        `name` is what an error calls the recording.
        """
        if isinstance(blocks, np.ndarray):
            blocks = [blocks]
        counted = _Counted(blocks)
        steps = list(self.step_blocks(counted, name=name))
        return Trace(np.concatenate(steps), counted.n_samples)

    def step_blocks(
        self, blocks: Iterable[Samples], *, name: str = "the recording"
    ) -> Iterator[NDArray[np.float32]]:
        """Steps (n, S) of samples arriving in blocks, each as soon as nothing can change it."""
        span = StepSpan.of(self.preset)
        held: list[Samples] = []
        n_held = first_step = 0
        peaks = np.zeros(0, np.float32)
        need = span.block_samples(BLOCK_STEPS)
        for block in blocks:
            peaks = np.abs(np.append(peaks, block)).max(keepdims=True, initial=0)
            held.append(block)
            n_held += len(block)
            while n_held >= need:
                samples = np.concatenate(held)
                skip = span.context_steps if first_step else 0
                yield self._steps(samples[:need], first=skip, count=BLOCK_STEPS)
                first_step += BLOCK_STEPS
                keep_from = span.held_from(first_step) - span.held_from(first_step - BLOCK_STEPS)
                held, n_held = [samples[keep_from:]], len(samples) - keep_from
                need = span.block_samples(BLOCK_STEPS, first_step=first_step)
        audio.require_content(peaks, name=name)
        skip = span.context_steps if first_step else 0
        yield self._steps(np.concatenate(held), first=skip, count=None)

    def windows(self, trace: Trace, *, window_s: float = 20.0, hop_s: float = 5.0) -> Embeddings:
        """Embeddings of windows every `hop_s`, the last one ending with the recording.

        Starts fall on whole steps of the trunk. A window is pooled from as many steps as it
        would have on its own; a recording shorter than a window is one window.
        """
        if window_s <= 0 or hop_s <= 0:
            raise InputError(f"window {window_s} s and hop {hop_s} s must be above 0 s")
        starts, length = window_steps(self.preset, len(trace.steps), window_s=window_s, hop_s=hop_s)
        pooled = torch.from_numpy(np.stack([trace.steps[s : s + length].T for s in starts]))
        vectors = self._embed_steps(pooled)
        step_s = self.preset.stride_frames / FRAMES_PER_SECOND
        start_s = (starts * step_s).astype(np.float64)
        end_s = np.minimum(start_s + window_s, trace.duration_s)
        return Embeddings(vectors, start_s, end_s)

    def embed(self, samples: Samples) -> NDArray[np.float32]:
        """The one embedding (embedding_size,) of a whole fragment: the paper's feature vector."""
        steps = torch.from_numpy(self.trace(samples).steps.T[None].copy())
        vector: NDArray[np.float32] = self._embed_steps(steps)[0]
        return vector

    @torch.inference_mode()
    def _steps(self, samples: Samples, *, first: int, count: int | None) -> NDArray[np.float32]:
        """Steps first … first + count of the trunk over a stretch of samples, (count, S)."""
        with _determinism(self.deterministic):
            tensor = torch.from_numpy(samples)[None].to(self.device)
            frames = self.model.pad_short(normalise(self.cqt(tensor))).to(self.dtype)
            steps = self.model.steps(frames)[0].T.float()
        stop = None if count is None else first + count
        result: NDArray[np.float32] = steps[first:stop].cpu().numpy()
        return result

    @torch.inference_mode()
    def _embed_steps(self, steps: torch.Tensor) -> NDArray[np.float32]:
        """Unit embeddings (n, embedding_size) of windows of steps (n, S, length)."""
        with _determinism(self.deterministic):
            raw = self.model.embed_steps(steps.to(self.device, self.dtype)).float()
            unit: NDArray[np.float32] = torch.nn.functional.normalize(raw).cpu().numpy()
        return unit


class _Counted:
    """Blocks of samples, counted as they pass."""

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self.blocks = blocks
        self.n_samples = 0

    def __iter__(self) -> Iterator[Samples]:
        for block in self.blocks:
            self.n_samples += len(block)
            yield block


def _fused(model: CqtNet) -> CqtNet:
    """A copy for inference with every BatchNorm folded into its convolution."""
    fused = copy.deepcopy(model).eval()
    for block in fused.trunk:
        assert isinstance(block, Block)
        block.conv = fuse_conv_bn_eval(block.conv, block.norm)
        block.norm = torch.nn.Identity()  # type: ignore[assignment]
    return fused.requires_grad_(False)


def _choose_dtype(device: torch.device, precision: Precision) -> torch.dtype:
    """bfloat16 where the device computes it natively, else float32."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


class _determinism:
    """Torch's deterministic algorithms within a block, as before afterwards."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted

    def __enter__(self) -> None:
        self.before = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(self.wanted or self.before)

    def __exit__(self, *_: object) -> None:
        torch.use_deterministic_algorithms(self.before)
