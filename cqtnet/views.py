"""What training looks at: batches of altered fragments to learn from, and pairs to judge by.

Every step is planned from its own random generator, seeded by the run's seed, the step and the
rank. So nothing random has to be saved, and worker processes can prepare waveforms ahead of time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils.data import DataLoader, Dataset

from augment.effect import Recipe as Alterations
from augment.effect import draw_chain, recipe_named
from augment.spectral import apply_spectral, draw_spectral
from augment.tempo import with_length
from cqtnet import SAMPLE_RATE, audio
from cqtnet.cache import FrameStore, Places, cached_samples
from cqtnet.cqt import FRAMES_PER_SECOND, HOP_LENGTH, Cqt, normalise, power_weights
from cqtnet.data import Item, spread
from cqtnet.eer import equal_error_rate
from cqtnet.errors import ManifestError
from cqtnet.model import CqtNet
from cqtnet.preset import step_count
from cqtnet.recipes import LONGEST_S, Recipe

EDITS = {"crop", "cut", "repeat", "insert_silence"}
"""Effects left out of training: two views of a pair must hold the same moment."""
OF_ALL_RANKS = 1 << 20  # used as a rank for what is drawn for all devices together
SLOWEST = 1.5  # so many times a fragment's length is read, so that a faster tempo still fills it


@dataclass(frozen=True)
class Plan:
    """The fragments of one step: recording, first frame, and their common length."""

    recordings: NDArray[np.int64]  # (B,)
    starts: NDArray[np.int64]  # (B,) frames
    n_frames: int
    context_s: float  # seconds of the untouched view on both sides of the fragment

    @property
    def n_samples(self) -> int:
        """Samples that make exactly `n_frames` frames."""
        return (self.n_frames - 1) * HOP_LENGTH


@dataclass(frozen=True)
class Batch:
    """Normalised frames of one step: an untouched and an altered view of every fragment."""

    first: Tensor | None  # (B, 84, T'), untouched; None if only altered views are wanted
    second: Tensor  # (B, 84, T)
    recordings: Tensor  # (B,) classes
    collections: Tensor  # (B,)
    context_frames: int = 0  # on both sides of the fragment in `first`


def plan_step(recipe: Recipe, places: Places, *, seed: int, step: int, rank: int = 0) -> Plan:
    """Distinct recordings, each as probable as it is long, and a place in each.

    The length of the fragments, and so their number, is the same on all devices.
    """
    shared = np.random.default_rng([seed, step, OF_ALL_RANKS])
    fragment_s = float(shared.choice(recipe.fragment_s))
    n_frames = 1 + int(fragment_s * FRAMES_PER_SECOND)
    has_context = shared.random() < recipe.context_share and recipe.pair_weight > 0
    context_s = recipe.context_s if has_context else 0.0  # only untouched views have any
    batch = int(recipe.batch * max(recipe.fragment_s) / (fragment_s + context_s))
    lengths = places.lengths
    n = min(max(2, batch), len(lengths))
    rng = np.random.default_rng([seed, step, rank])
    recordings = rng.choice(len(lengths), n, replace=False, p=lengths / lengths.sum())
    return Plan(recordings, places.choose(recordings, n_frames, rng), n_frames, context_s)


def n_waveforms(recipe: Recipe, n: int) -> int:
    """How many of n altered views are altered as waveforms; at least one, unless none are."""
    return max(1, round(recipe.waveform_share * n)) if recipe.waveform_share > 0 else 0


@dataclass
class Views:
    """Batches of altered fragments, on the device that trains."""

    store: FrameStore
    items: Sequence[Item]
    recipe: Recipe
    noise: Tensor
    seed: int
    rank: int = 0
    stride_frames: int = 1  # the preset's: context is whole steps of its trunk

    def __post_init__(self) -> None:
        device = self.store.roots.device
        self.noise = self.noise.to(device)
        self.power_weights = torch.from_numpy(power_weights()).to(device)
        self.cqt = Cqt()
        places = {name: i for i, name in enumerate(sorted({i.collection for i in self.items}))}
        self.collections = np.array([places[item.collection] for item in self.items])

    def batch(self, step: int, waveforms: Tensor | None = None, *, paired: bool = True) -> Batch:
        """The views of a step, `paired` or altered ones; `waveforms` (k, n) replace the last k."""
        plan = plan_step(self.recipe, self.store.places, seed=self.seed, step=step, rank=self.rank)
        rng = np.random.default_rng([self.seed, step, self.rank, 0, 2])
        # The context is whole steps of the trunk, so that the fragment begins with one.
        around = self.stride_frames * round(plan.context_s * FRAMES_PER_SECOND / self.stride_frames)
        first = None
        if paired:
            n_frames = plan.n_frames + 2 * around
            frames = self.store.crops(plan.recordings, plan.starts - around, n_frames)
            margin = (frames.shape[1] - len(self.power_weights)) // 2
            first = normalise(frames[:, margin : frames.shape[1] - margin])
        n_spectral = len(plan.recordings) - (0 if waveforms is None else len(waveforms))
        seconds = [self._altered(plan, n_spectral, rng)] if n_spectral else []
        if waveforms is not None:
            seconds.append(self.cqt(waveforms.to(self.noise.device)))
        numbers = (plan.recordings, self.collections[plan.recordings])
        recordings, collections = (torch.from_numpy(n).to(self.noise.device) for n in numbers)
        return Batch(first, normalise(torch.cat(seconds)), recordings, collections, around)

    def _altered(self, plan: Plan, n: int, rng: np.random.Generator) -> Tensor:
        """Magnitudes (n, 84, T) of the plan's first n fragments, altered, starting nearby."""
        ranges = self.recipe.spectral
        draw = draw_spectral(rng, n, ranges=ranges)
        jitter = rng.uniform(-1, 1, n) * self.recipe.jitter_s * FRAMES_PER_SECOND
        n_source = int(plan.n_frames * max(1.0, ranges.tempo[1])) + 2  # 1: the untouched ones
        starts = plan.starts[:n] + jitter.astype(np.int64)
        return apply_spectral(
            self.store.crops(plan.recordings[:n], starts, n_source), draw, n_frames=plan.n_frames,
            power_weights=self.power_weights, frames_per_second=FRAMES_PER_SECOND, noise=self.noise,
        )  # fmt: skip


@dataclass
class Waveforms(Dataset[Tensor]):
    """Altered waveforms (k, n) of each step's last fragments, by real audio processing."""

    items: Sequence[Item]
    places: Places
    recipe: Recipe
    cache: Path
    seed: int
    rank: int = 0

    def __post_init__(self) -> None:
        chain = recipe_named(self.recipe.chain).items()
        self.chain = {name: how for name, how in chain if name not in EDITS}

    def __getitem__(self, step: int) -> Tensor:
        """Altered waveforms (k, n) of one step."""
        plan = plan_step(self.recipe, self.places, seed=self.seed, step=step, rank=self.rank)
        n = n_waveforms(self.recipe, len(plan.recordings))
        chosen = range(len(plan.recordings) - n, len(plan.recordings))
        return torch.from_numpy(np.stack([self._fragment(plan, i, step) for i in chosen]))

    def _fragment(self, plan: Plan, i: int, step: int) -> NDArray[np.float32]:
        """One altered fragment (n,), exactly as long as in the plan."""
        rng = np.random.default_rng([self.seed, step, self.rank, i, 1])
        pcm = cached_samples(self.items[plan.recordings[i]], self.cache)
        start = plan.starts[i] * HOP_LENGTH
        read = pcm[start : start + int(plan.n_samples * SLOWEST)]
        fragment = np.divide(read, 32767, dtype=np.float32)
        chain = draw_chain(rng, self.chain, duration_s=len(fragment) / SAMPLE_RATE)
        return with_length(chain.apply(fragment, SAMPLE_RATE).samples, plan.n_samples)


def waveform_batches(dataset: Waveforms, steps: range, *, workers: int) -> Iterator[Tensor | None]:
    """The altered waveforms of the given steps, in order, prepared by worker processes."""
    if dataset.recipe.waveform_share == 0:
        for _ in steps:
            yield None
        return
    yield from DataLoader(
        dataset, batch_size=None, sampler=list(steps), num_workers=workers,
        prefetch_factor=4 if workers else None, worker_init_fn=_one_thread,
    )  # fmt: skip


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def noise_frames(files: Sequence[Path], *, white_s: float = LONGEST_S) -> Tensor:
    """CQT magnitudes (84, many) of noise of unit variance: white, then every given file."""
    white = np.random.default_rng(0).standard_normal(int(white_s * SAMPLE_RATE))
    stretches = [white.astype(np.float32), *map(audio.load, files)]
    transform = Cqt()
    sounds = [torch.from_numpy(s / s.std()) for s in stretches if s.std() > 1e-5]
    return torch.cat([transform(sound[None])[0] for sound in sounds], dim=1)


def embed_batch(net: CqtNet, batch: Batch) -> Tensor:
    """Embeddings (B or 2B, E) of a batch's views, the untouched before the altered."""
    if batch.first is None:
        embeddings: Tensor = net(batch.second)
    elif not batch.context_frames:
        embeddings = net(torch.cat([batch.first, batch.second]))
    else:
        first = batch.context_frames // net.preset.stride_frames
        count = step_count(net.preset, (batch.second.shape[-1] - 1) * HOP_LENGTH)
        windows = [slice(first, first + count), slice(None)]
        embeddings = net(batch.first, batch.second, windows=windows)
    return embeddings


# Verification of held-out recordings while training: fragments against altered fragments. The
# alterations are real processing of the waveform, from a fixed seed, so that every epoch and run
# uses the same pairs. These few only choose between epochs; `eval` measures the final model.

TEMPO: Alterations = {"tempo": (1.0, {"factor": (0.85, 1.35)})}
PITCH: Alterations = {"pitch": (1.0, {"shift_semitones": (-4.0, 4.0)})}
NOISE: Alterations = {"coloured_noise": (1.0, {"snr_db": (0.0, 10.0)})}
REVERB: Alterations = {
    "room": (1.0, {"rt60_s": (0.4, 1.5), "direct_to_reverberant_db": (-6.0, 3.0)})
}
HARD: Alterations = {**PITCH, **TEMPO, **REVERB, "coloured_noise": (1.0, {"snr_db": (10.0, 10.0)})}
CONDITIONS = {"tempo": TEMPO, "pitch": PITCH, "noise": NOISE, "reverb": REVERB, "hard": HARD}
SHORTEST_S = 3.0  # at the fastest tempo so many seconds are still long enough for every model
MOST_JUDGED = 48
FRAGMENT_S = {"hard": 10.0}  # seconds of a fragment by condition; 20 for the others


@dataclass(frozen=True)
class Pairs:
    """Normalised frames of fragments and of their altered versions, by condition."""

    collections: NDArray[np.int64]  # (n,)
    originals: dict[str, list[Tensor]]  # n of (84, T) by condition
    altered: dict[str, list[Tensor]]


@dataclass(frozen=True)
class Verdict:
    """How well held-out recordings are verified."""

    eer: dict[str, float]  # by condition, in [0, 0.5]
    separation: float  # mean difference of target and nontarget cosines over their deviation


def make_pairs(items: Sequence[Item], cache: Path) -> Pairs:
    """Fragments of at most `MOST_JUDGED` recordings, and each altered in every condition."""
    names = sorted({item.collection for item in items})
    if len(names) < 2:
        raise ManifestError(
            f"{len(names)} collections are held out for validation; two are needed for pairs of "
            "different recordings: mark some `valid` or raise --validation"
        )
    shuffled = (items[i] for i in np.random.default_rng(0).permutation(len(items)))
    chosen = spread(shuffled, MOST_JUDGED)
    transform = Cqt()
    originals: dict[str, list[Tensor]] = {name: [] for name in CONDITIONS}
    altered: dict[str, list[Tensor]] = {name: [] for name in CONDITIONS}
    for number, item in enumerate(chosen):
        pcm = cached_samples(item, cache)
        if len(pcm) < SHORTEST_S * SAMPLE_RATE:
            raise ManifestError(
                f"{audio.shown(item.path)} lasts {len(pcm) / SAMPLE_RATE:.1f} s; recordings held "
                f"out for validation need {SHORTEST_S:g} s, for some are played faster"
            )
        for index, (name, recipe) in enumerate(CONDITIONS.items()):
            rng = np.random.default_rng([0, number, index])
            length = min(len(pcm), int(FRAGMENT_S.get(name, 20.0) * SAMPLE_RATE))
            start = int(rng.integers(len(pcm) - length + 1))
            fragment = np.divide(pcm[start : start + length], 32767, dtype=np.float32)
            chain = draw_chain(rng, recipe, duration_s=length / SAMPLE_RATE)
            changed = chain.apply(fragment, SAMPLE_RATE).samples
            originals[name].append(_frames_of(transform, fragment))
            altered[name].append(_frames_of(transform, changed))
    return Pairs(np.array([names.index(i.collection) for i in chosen]), originals, altered)


@torch.inference_mode()
def validate(model: CqtNet, pairs: Pairs, *, dtype: torch.dtype) -> Verdict:
    """How well the model, on its device, separates the pairs by cosine."""
    was_training = model.training
    model.eval()
    device = model.fc0.weight.device
    others = pairs.collections[:, None] != pairs.collections[None]
    eer, separations = {}, []
    for name in CONDITIONS:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            first, second = (
                torch.cat([normalize(model(f[None].to(device)).float()) for f in side[name]])
                for side in (pairs.originals, pairs.altered)
            )
        cosines = (first @ second.T).cpu().numpy()
        target, nontarget = np.diag(cosines), cosines[others]
        eer[name] = equal_error_rate(target, nontarget)
        deviation = np.sqrt((target.var() + nontarget.var()) / 2)
        separations.append((target.mean() - nontarget.mean()) / (deviation + 1e-9))
    model.train(was_training)
    return Verdict(eer, float(np.mean(separations)))


@torch.inference_mode()
def _frames_of(transform: Cqt, samples: NDArray[np.float32]) -> Tensor:
    return normalise(transform(torch.from_numpy(samples)[None]))[0]
