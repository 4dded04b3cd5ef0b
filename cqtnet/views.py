"""What a training step sees: which fragments, and how each is altered.

Every step is planned from its own random generator, seeded by the run's seed, the step and the
rank. So nothing random has to be saved: a run that resumes at step n sees what it would have
seen without the pause, and worker processes can prepare waveforms ahead of time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from augment.chain import PAPER, REAL_LIFE, draw_chain
from augment.spectral import apply_spectral, draw_spectral
from cqtnet import SAMPLE_RATE, audio
from cqtnet.cqt import FRAMES_PER_SECOND, HOP_LENGTH, Cqt, normalise, power_weights
from cqtnet.data import Item
from cqtnet.files import written_whole
from cqtnet.frames import FrameStore, Places
from cqtnet.recipes import Recipe

EDITS = {"crop", "cut", "repeat", "insert_silence"}
CHAINS = {
    "paper": PAPER,
    # Two views of a pair are to hold the same moment: nothing that moves it away.
    "default": {name: how for name, how in REAL_LIFE.items() if name not in EDITS},
}
"""Alterations of the waveform by the recipe's name."""
SLOWEST = 1.5
"""How much more than a fragment is read, so that a faster tempo still fills it."""


@dataclass(frozen=True)
class Plan:
    """The fragments of one step: recording, first frame, and their common length."""

    recordings: NDArray[np.int64]  # (B,)
    starts: NDArray[np.int64]  # (B,) frames
    n_frames: int

    @property
    def n_samples(self) -> int:
        """Samples that make exactly `n_frames` frames."""
        return (self.n_frames - 1) * HOP_LENGTH


@dataclass(frozen=True)
class Batch:
    """Normalised frames of one step: an untouched and an altered view of every fragment."""

    first: Tensor | None  # (B, 84, T); none where only altered views are wanted
    second: Tensor  # (B, 84, T)
    recordings: Tensor  # (B,) classes
    collections: Tensor  # (B,)


def plan_rng(seed: int, step: int, rank: int) -> np.random.Generator:
    """The random generator of one step on one device."""
    return np.random.default_rng([seed, step, rank])


def plan_step(recipe: Recipe, places: Places, rng: np.random.Generator) -> Plan:
    """Distinct recordings, each as likely as it is long, and a place in each."""
    lengths = places.lengths
    fragment_s = float(rng.choice(recipe.fragment_s))
    n_frames = 1 + int(fragment_s * FRAMES_PER_SECOND)
    batch = int(recipe.batch * max(recipe.fragment_s) / fragment_s)
    n = min(batch, len(lengths))
    recordings = rng.choice(len(lengths), n, replace=False, p=lengths / lengths.sum())
    return Plan(recordings, places.choose(recordings, n_frames, rng), n_frames)


class Views:
    """Batches of altered fragments, on the device that trains."""

    def __init__(
        self,
        store: FrameStore,
        items: Sequence[Item],
        recipe: Recipe,
        *,
        seed: int,
        noise: Tensor,
        rank: int = 0,
    ) -> None:
        self.store, self.recipe, self.seed, self.rank = store, recipe, seed, rank
        device = store.roots.device
        self.noise = noise.to(device)
        self.power_weights = power_weights().to(device)
        self.cqt = Cqt().to(device)
        names = {name: i for i, name in enumerate(sorted({item.collection for item in items}))}
        self.collections = np.array([names[item.collection] for item in items])

    def batch(self, step: int, waveforms: Tensor | None = None) -> Batch:
        """The views of a step; `waveforms` (k, n) replace its last k altered ones."""
        rng = plan_rng(self.seed, step, self.rank)
        plan = plan_step(self.recipe, self.store.places, rng)
        first = self._untouched(plan) if self.recipe.pair_weight > 0 else None
        n_spectral = len(plan.recordings) - (0 if waveforms is None else len(waveforms))
        seconds = []
        if n_spectral:
            seconds.append(self._altered(plan, n_spectral, rng))
        if waveforms is not None:
            seconds.append(self.cqt(waveforms.to(self.noise.device)))
        device = self.noise.device
        return Batch(
            first,
            normalise(torch.cat(seconds)),
            torch.from_numpy(plan.recordings).to(device),
            torch.from_numpy(self.collections[plan.recordings]).to(device),
        )

    def _untouched(self, plan: Plan) -> Tensor:
        magnitudes = self.store.crops(plan.recordings, plan.starts, plan.n_frames)
        margin = (magnitudes.shape[1] - len(self.power_weights)) // 2
        return normalise(magnitudes[:, margin : magnitudes.shape[1] - margin])

    def _altered(self, plan: Plan, n: int, rng: np.random.Generator) -> Tensor:
        """Magnitudes (n, 84, T) of the plan's first n fragments, altered, starting nearby."""
        ranges = self.recipe.spectral
        draw = draw_spectral(rng, n, ranges=ranges)
        jitter = rng.uniform(-1, 1, n) * self.recipe.jitter_s * FRAMES_PER_SECOND
        n_source = int(plan.n_frames * ranges.tempo[1]) + 2
        starts = plan.starts[:n] + jitter.astype(np.int64)
        return apply_spectral(
            self.store.crops(plan.recordings[:n], starts, n_source),
            draw,
            n_frames=plan.n_frames,
            power_weights=self.power_weights,
            frames_per_second=FRAMES_PER_SECOND,
            noise=self.noise,
        )


class Waveforms(Dataset[Tensor]):
    """Altered waveforms (k, n) of each step's last fragments, by real processing of audio."""

    def __init__(
        self,
        items: Sequence[Item],
        places: Places,
        recipe: Recipe,
        *,
        cache: Path,
        seed: int,
        rank: int = 0,
    ) -> None:
        self.paths = [cached_samples(item, cache) for item in items]
        self.places, self.recipe, self.seed, self.rank = places, recipe, seed, rank
        self.chain = CHAINS[recipe.name]

    def __getitem__(self, step: int) -> Tensor:
        """Altered waveforms (k, n) of one step."""
        plan = plan_step(self.recipe, self.places, plan_rng(self.seed, step, self.rank))
        n = round(self.recipe.waveform_share * len(plan.recordings))
        chosen = range(len(plan.recordings) - n, len(plan.recordings))
        return torch.from_numpy(np.stack([self._fragment(plan, i, step) for i in chosen]))

    def _fragment(self, plan: Plan, i: int, step: int) -> NDArray[np.float32]:
        """One altered fragment (n,), exactly as long as the plan wants it."""
        rng = np.random.default_rng([self.seed, step, self.rank, i, 1])
        pcm = np.load(self.paths[plan.recordings[i]], mmap_mode="r", allow_pickle=False)
        start = plan.starts[i] * HOP_LENGTH
        fragment = pcm[start : start + int(plan.n_samples * SLOWEST)].astype(np.float32) / 32768
        duration_s = len(fragment) / SAMPLE_RATE
        chain = draw_chain(rng, self.chain, duration_s=duration_s)
        altered = chain.apply(fragment, SAMPLE_RATE).samples
        samples = np.zeros(plan.n_samples, np.float32)
        kept = altered[: len(samples)]
        samples[: len(kept)] = kept
        return samples


def waveform_batches(dataset: Waveforms, steps: range, *, workers: int) -> Iterator[Tensor | None]:
    """The altered waveforms of the given steps, in order, prepared by worker processes."""
    if dataset.recipe.waveform_share == 0:
        for _ in steps:
            yield None
        return
    loader = DataLoader(
        dataset,
        batch_size=None,
        sampler=list(steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        worker_init_fn=partial(_one_thread),
    )
    yield from loader


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def cached_samples(item: Item, cache: Path) -> Path:
    """Path of the recording's decoded samples as a 16-bit .npy, made where it is missing."""
    path = cache / f"{audio.file_sha256(item.path)[:24]}-pcm.npy"
    if not path.exists():
        samples = audio.load(item.path)
        with written_whole(path) as temporary:
            np.save(temporary, (np.clip(samples, -1, 1) * 32767).astype(np.int16))
    return path


def noise_frames(files: Sequence[Path], *, seed: int = 0, white_s: float = 60.0) -> Tensor:
    """CQT magnitudes (84, many) of noise of unit variance: white, then every given file."""
    white = np.random.default_rng(seed).standard_normal(int(white_s * SAMPLE_RATE))
    stretches = [white.astype(np.float32), *(audio.load(file) for file in files)]
    transform = Cqt()
    parts = [
        transform(torch.from_numpy(stretch / stretch.std())[None])[0]
        for stretch in stretches
        if stretch.std() > 1e-5
    ]
    return torch.cat(parts, dim=1)
