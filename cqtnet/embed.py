"""Embeddings of recordings of any length, from one pass of the trunk.

The network is convolutional in time up to its pooling, so a recording goes through the trunk
once, in blocks that overlap by exactly what a step depends on. What is kept of each step is small
(`Trace`), and windows of any length are pooled from it afterwards.
"""

import math
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from augment.audio.decode import ahead
from cqtnet import SAMPLE_RATE, audio
from cqtnet.checkpoint import Weights, load_weights
from cqtnet.cqt import FRAMES_PER_SECOND, N_BINS, SILENCE_LEVEL
from cqtnet.device import cpu_precision, is_cpu, one_thread
from cqtnet.errors import FragmentTooShortError, InputError, NoContentError, NotAudioError
from cqtnet.files import written_whole
from cqtnet.graph import GraphNetwork
from cqtnet.preset import MINIMUM_S, StepSpan, step_count
from cqtnet.progress import progress_bar

if TYPE_CHECKING:
    from cqtnet.model import CqtNet, FusedNetwork

T = TypeVar("T")
Samples = NDArray[np.float32]
Precision = Literal["auto", "float32", "bfloat16"]

POOLED_BYTES = 64 << 20  # windows are pooled together until their steps take so much memory
BLOCK_STEPS = 256  # steps of the trunk per block: 95 s for the paper, 380 s for the default preset

BLOCKS_AHEAD = 12  # blocks decoded while the network computes: six minutes, 32 MB


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of the windows of one recording."""

    vectors: NDArray[np.float32]  # (n, embedding_size), of length 1: their product is the cosine
    start_s: NDArray[np.float64]  # (n,)
    end_s: NDArray[np.float64]  # (n,)
    level: NDArray[np.float64]  # (n,) mean root of the CQT magnitudes

    @property
    def has_content(self) -> NDArray[np.bool_]:
        """Which windows hold more than silence, (n,); silent ones resemble any other silence."""
        return self.level >= SILENCE_LEVEL


ROOT_FRAMES = 4  # CQT frames that one row of `Stretch.roots` is the mean of


@dataclass(frozen=True)
class Stretch:
    """The trunk's steps over a stretch of a recording, and how loud its frames are."""

    steps: NDArray[np.float32]  # (n, S)
    levels: NDArray[np.float32]  # (frames,) mean root of the CQT magnitudes
    roots: NDArray[np.float32] = field(
        default_factory=lambda: np.zeros((0, N_BINS), np.float32), kw_only=True
    )
    """(frames // 4, 84): roots of the CQT magnitudes, each the mean of four frames."""


@dataclass(frozen=True)
class Trace(Stretch):
    """The trunk's steps over a whole recording: small, and enough for windows of any length."""

    n_samples: int

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return self.n_samples / SAMPLE_RATE

    def mean_levels(
        self, start_s: NDArray[np.float64], end_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Mean level of the frames from each start to each end, of their common shape."""
        sums = np.concatenate([[0.0], np.cumsum(self.levels, dtype=np.float64)])
        first, last = (
            np.clip((seconds * FRAMES_PER_SECOND).astype(int), 0, len(self.levels))
            for seconds in (start_s, end_s)
        )
        return np.asarray((sums[last] - sums[first]) / np.maximum(1, last - first))


class Embedder:
    """A network made ready to embed: fused, on its device, in its precision.

    >>> embedder = Embedder.named("default")
    >>> embedder.windows(embedder.read("a.flac"), window_s=20, hop_s=5).vectors.shape
    (9, 2048)
    """

    def __init__(
        self, model: "CqtNet | Weights", device: str = "auto", precision: Precision = "auto",
        deterministic: bool = False, *, sha256: str = "",
    ) -> None:  # fmt: skip
        """`deterministic` computes in float32, with algorithms that always give the same bits."""
        self.preset, self.sha256 = model.preset, sha256
        self.network = _ready(model, device, precision, deterministic=deterministic)

    @classmethod
    def named(cls, name: str | Path = "default", **options: Any) -> "Embedder":
        """The embedder of shipped weights, or of weights at a path; `options` as for the class."""
        weights = load_weights(name)
        return cls(weights, sha256=weights.sha256, **options)

    def __repr__(self) -> str:
        return f"<Embedder: {self.fingerprint}>"

    @property
    def fingerprint(self) -> str:
        """Short text that is another one where traces may be: of the weights and how they run."""
        network = self.network
        kind = type(network).__name__
        return f"{self.sha256[:16] or id(self)}-{kind}-{network.device}-{network.precision}"

    def read(self, source: "audio.Source") -> Trace:
        """The trace of a recording: a path, an open file, or samples and their rate.

        What is wrong with the file is an `AudioWarning`; what cannot be used is an InputError.

        >>> embedder.read((samples, 44100)).duration_s
        20.0
        """
        path = audio.file_of(source)
        name = audio.shown(path)
        with audio.stream(path) as blocks:
            try:
                trace = self.trace(blocks, name=name)
            except FragmentTooShortError as error:
                raise FragmentTooShortError(f"{name}: {error}") from error
            for note in blocks.notes:
                warnings.warn(f"{name}: {note}", audio.AudioWarning, stacklevel=2)
        return trace

    def trace(self, blocks: Samples | Iterable[Samples], *, name: str = "the recording") -> Trace:
        """The trace of mono samples at 22,050 Hz, given at once or in blocks of any size.

        Errors call the recording `name`.
        """
        checked = _Checked([blocks] if isinstance(blocks, np.ndarray) else blocks, name)
        with closing(ahead(iter(checked), BLOCKS_AHEAD)) as read:
            stretches = list(self.stretches(read))
        checked.require_content()
        names = ("steps", "levels", "roots")
        whole = {n: np.concatenate([getattr(stretch, n) for stretch in stretches]) for n in names}
        return Trace(**whole, n_samples=checked.n_samples)

    def stretches(self, blocks: Iterable[Samples]) -> Iterator[Stretch]:
        """The trunk's steps over samples that arrive in blocks, as soon as they are final."""
        span = StepSpan.of(self.preset)
        held: list[Samples] = []
        n_held = first_step = 0
        need = span.block_samples(BLOCK_STEPS)
        for block in blocks:
            held.append(block)
            n_held += len(block)
            while n_held >= need:
                samples = np.concatenate(held)
                skip = span.context_steps if first_step else 0
                yield self._stretch(samples[:need], skip, skip + BLOCK_STEPS)
                first_step += BLOCK_STEPS
                keep_from = span.held_from(first_step) - span.held_from(first_step - BLOCK_STEPS)
                held, n_held = [samples[keep_from:]], len(samples) - keep_from
                need = span.block_samples(BLOCK_STEPS, first_step=first_step)
        if n_held:
            skip = span.context_steps if first_step else 0
            yield self._stretch(np.concatenate(held), skip, None)

    def windows(self, trace: Trace, *, window_s: float = 20.0, hop_s: float = 5.0) -> Embeddings:
        """Embeddings of windows every `hop_s`, the last one ending with the last step.

        Windows start on whole steps of the trunk, and hops are at least one step. A window is
        pooled from as many steps as it would have on its own. A recording shorter than a window
        is one window.
        """
        check_windows(window_s=window_s, hop_s=hop_s)
        n_steps, step_s = len(trace.steps), self.preset.stride_frames / FRAMES_PER_SECOND
        length = min(step_count(self.preset, round(window_s * SAMPLE_RATE)), n_steps)
        last = n_steps - length
        starts = np.rint(np.arange(0, last * step_s + 1e-9, max(hop_s, step_s)) / step_s)
        starts = np.unique(np.append(np.minimum(starts.astype(np.int64), last), last))
        at_once = max(1, POOLED_BYTES // (length * trace.steps[0].nbytes))
        vectors = []
        for some in np.split(starts, range(at_once, len(starts), at_once)):
            windows = np.stack([trace.steps[start : start + length].T for start in some])
            vectors.append(self.network.vectors(windows))
        start_s = starts * step_s
        end_s = np.minimum(start_s + window_s, trace.duration_s)
        levels = trace.mean_levels(start_s, end_s)
        return Embeddings(np.concatenate(vectors), start_s, end_s, levels)

    def embed(self, fragment: "Samples | audio.Source") -> NDArray[np.float32]:
        """The one embedding (embedding_size,) of a whole fragment: the paper's feature vector.

        The fragment is given as for `read`, or as mono samples at 22,050 Hz.

        >>> float(embedder.embed("a.flac") @ embedder.embed("b.flac"))  # the cosine
        0.87
        """
        trace = self.trace(fragment) if isinstance(fragment, np.ndarray) else self.read(fragment)
        return np.asarray(self.network.vectors(np.ascontiguousarray(trace.steps.T[None]))[0])

    def _stretch(self, samples: Samples, first: int, stop: int | None) -> Stretch:
        """The trunk's steps from `first` to `stop` over a stretch of samples, and their frames."""
        (steps, roots), stride = self.network.steps(samples), self.preset.stride_frames
        own = roots[:, first * stride : None if stop is None else stop * stride].T
        fours = own[: len(own) // ROOT_FRAMES * ROOT_FRAMES].reshape(-1, ROOT_FRAMES, N_BINS)
        return Stretch(steps[first:stop], own.mean(axis=1), roots=fours.mean(axis=1))


def _ready(
    model: "CqtNet | Weights", device: str, precision: Precision, *, deterministic: bool
) -> "GraphNetwork | FusedNetwork":
    """The network without torch where that is possible: on the CPU, in float32, with a graph."""
    wanted = cpu_precision("float32" if deterministic else precision)
    if isinstance(model, Weights):
        usable = is_cpu(device) and wanted == "float32"
        if usable and (network := GraphNetwork.of(model.preset, model.tensors)):
            return network
        model = model.model
    from cqtnet.model import FusedNetwork  # here, for it loads torch, which takes seconds

    return FusedNetwork(model, device, precision, deterministic=deterministic)


def check_windows(*, window_s: float, hop_s: float) -> None:
    """Raise unless windows of that length and hop can be made."""
    if not MINIMUM_S <= window_s < math.inf or not 0 < hop_s < math.inf:
        raise InputError(
            f"windows of {window_s:g} s every {hop_s:g} s cannot be made; give windows of at least "
            f"{MINIMUM_S:g} s, and a hop above 0 s"
        )


class _Checked:
    """Blocks of samples, checked, counted and measured as they pass."""

    def __init__(self, blocks: Iterable[Samples], name: str) -> None:
        self.blocks, self.name = blocks, name
        self.n_samples, self.peak = 0, 0.0

    def __iter__(self) -> Iterator[Samples]:
        for block in self.blocks:
            if block.ndim != 1 or not np.issubdtype(block.dtype, np.floating):
                raise InputError(
                    f"{self.name}: samples of shape {block.shape} and type {block.dtype} given; "
                    "give mono floating-point samples (n,)"
                )
            if not np.isfinite(block).all():
                raise InputError(f"{self.name} holds samples that are not finite; remove them")
            self.n_samples += len(block)
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
            yield block.astype(np.float32, copy=False)

    def require_content(self) -> None:
        """Raise unless some sample rose above silence."""
        if self.peak < 10 ** (audio.SILENCE_DBFS / 20):
            raise NoContentError(
                f"{self.name} holds nothing to compare: none of its {self.n_samples} samples "
                f"rises above {audio.SILENCE_DBFS:g} dB full scale"
            )


@dataclass(frozen=True)
class EmbedSummary:
    """What was embedded, and what could not be."""

    files: tuple[str, ...]
    failed: dict[str, str]  # file → why
    windows: int
    duration_s: float
    elapsed_s: float


def embed_files(
    paths: Sequence[Path], out: Path, embedder: Embedder, *, window_s: float, hop_s: float
) -> EmbedSummary:
    """Embed every audio file of `paths` and write `out` (.npz); files that fail are listed."""
    check_windows(window_s=window_s, hop_s=hop_s)
    started = time.monotonic()
    if not (files := list(audio.find_audio(paths))):
        given = ", ".join(map(audio.shown, paths))
        raise NotAudioError(f"no audio in {given}; give files or folders")
    done: dict[str, Embeddings] = {}
    failed: dict[str, str] = {}
    duration_s = 0.0

    def embed(path: Path) -> tuple[Embeddings, float] | InputError:
        try:
            trace = embedder.read(path)
            return embedder.windows(trace, window_s=window_s, hop_s=hop_s), trace.duration_s
        except InputError as error:
            return error

    several = len(files) > 1
    with (
        progress_bar("embedding", len(files)) as bar,
        one_thread() if several else nullcontext(),
        ThreadPoolExecutor((os.cpu_count() or 1) if several else 1) as pool,
    ):
        try:
            for path, result in zip(files, pool.map(embed, files), strict=True):
                if not isinstance(result, InputError):
                    done[str(path)] = result[0]
                    duration_s += result[1]
                elif not several:
                    raise result
                else:
                    failed[os.fspath(path)] = str(result)
                bar.advance()
        finally:
            pool.shutdown(cancel_futures=True)
    if not done:
        reasons = "; ".join(failed.values())
        raise InputError(f"none of {len(files)} files could be embedded: {reasons}")
    _write(out, done, embedder)
    windows = sum(len(e.vectors) for e in done.values())
    return EmbedSummary(tuple(done), failed, windows, duration_s, time.monotonic() - started)


def _write(out: Path, done: dict[str, Embeddings], embedder: Embedder) -> None:
    parts, names = list(done.values()), ("vectors", "start_s", "level", "end_s")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    arrays["file_index"] = np.repeat(np.arange(len(parts)), [len(p.vectors) for p in parts])
    arrays |= {"files": np.array(list(done)), "model": np.array(embedder.sha256)}
    with written_whole(out) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
