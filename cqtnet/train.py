"""Training, as one flat loop: plan, alter, embed, compare, step; every epoch validate and save."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cqtnet import views
from cqtnet.cache import content_hash, data_hash, load_frames
from cqtnet.checkpoint import BEST, FINAL, Weights, load_tensors, save_weights
from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.data import Item
from cqtnet.device import find_dtype, versions
from cqtnet.errors import InputError, ManifestError, WeightsError
from cqtnet.files import make_folder, write_json
from cqtnet.model import CqtNet
from cqtnet.plotting import draw_curves
from cqtnet.preset import Preset
from cqtnet.recipes import Recipe
from cqtnet.runstate import Progress, Ranks, gather, joined, load_state, save_state
from cqtnet.schema import read_json
from cqtnet.views import Batch, Pairs, Verdict, Views, Waveforms

STATE = "last.safetensors"


@dataclass(frozen=True)
class TrainConfig:
    """Everything about a run: where it is kept, what is trained, how, and from which seed."""

    out: Path
    cache: Path
    preset: Preset
    recipe: Recipe
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"  # auto, float32 or bfloat16
    workers: int = 0  # processes that alter waveforms
    noise: tuple[Path, ...] = ()  # recordings of background noise
    begin_with: Weights | None = None  # instead of random ones; of the same preset
    resume: bool = False
    stop_after_s: float = math.inf  # stop early, ready to be resumed


@dataclass(frozen=True)
class StepReport:
    """The figures of a step; there is a `verdict` only when the step ends an epoch."""

    step: int
    n_steps: int
    loss: float
    lr: float
    fragments_per_s: float
    verdict: Verdict | None = None


class Learner(nn.Module):
    """The network and its classifier, trained together."""

    def __init__(self, preset: Preset, recipe: Recipe, n_classes: int) -> None:
        super().__init__()
        self.net = CqtNet(preset)
        self.head = ClassHead(
            preset.embedding_size, n_classes, scale=recipe.class_scale, margin=recipe.class_margin
        )

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings (n, E), logits (n, classes) and labels (n,) of all views of a batch."""
        embeddings = views.embed_batch(self.net, batch)
        labels = batch.recordings.repeat(len(embeddings) // len(batch.second))
        return embeddings, self.head(embeddings, labels), labels


def train(
    items: list[Item], config: TrainConfig, *, on_step: Callable[[StepReport], None]
) -> Verdict | None:
    """Train on the items marked `train`, judge by those marked `valid`; return the last verdict.

    Writes to `config.out`: `last.safetensors` (to resume), `best.safetensors` and, when the
    schedule has ended, `final.safetensors` (to use, each with its JSON), `config.json`,
    `history.json` and `curves.png`. If a run stops early, the best verdict is returned.
    """
    with joined(config.device) as ranks:
        return _trained(items, config, ranks, on_step)


def _trained(
    items: list[Item], config: TrainConfig, ranks: Ranks, on_step: Callable[[StepReport], None]
) -> Verdict | None:
    """What `train` does, by one of its processes; the model must be gone when they part."""
    run = _Run(items, config, ranks)
    started = step_started = time.monotonic()
    losses: list[float] = []
    for step, altered in run.waveform_steps(run.progress.step, run.n_steps):
        loss, lr, n_fragments = run.learn(step, altered)
        losses.append(ranks.mean(loss))
        if not math.isfinite(losses[-1]):
            raise InputError(f"the loss is {losses[-1]} at step {step}; lower the learning rate")
        now = time.monotonic()
        speed, step_started = n_fragments / (now - step_started), now  # waiting for data counts
        verdict, epoch_ends = None, (step + 1) % run.n_epoch == 0
        if epoch_ends:
            verdict = run.end_epoch(step + 1, float(np.mean(losses[-run.n_epoch :])), lr)
        on_step(StepReport(step + 1, run.n_steps, losses[-1], lr, speed, verdict))
        out_of_time = time.monotonic() - started > config.stop_after_s
        if epoch_ends and ranks.mean(float(out_of_time)) > 0:
            break
    if run.pairs is None or run.progress.step < run.n_steps:
        return min(_verdicts(run.progress.history), key=_rank, default=None)
    return run.finish(run.pairs)


class _Run:
    """A run: the network and what it learns from, as at the start or as it was resumed."""

    def __init__(self, items: list[Item], config: TrainConfig, ranks: Ranks) -> None:
        recipe, device, self.world = config.recipe, ranks.device, ranks.world
        self.config, self.dtype = config, find_dtype(device, config.precision)
        torch.manual_seed(config.seed)
        learning = [item for item in items if item.split == "train"]
        if len(learning) < 2:
            raise ManifestError("1 recording is left to learn from; give two at least")
        self.card = run_card(config, items, dtype=self.dtype, world=self.world)
        require_fit(config.out, self.card, resume=config.resume)

        self.learner = Learner(config.preset, recipe, len(learning)).to(device)
        if (first := config.begin_with) and not config.resume:
            load_tensors(self.learner.net, first.tensors, source=first.path)
        if device.type == "cpu":
            self.learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights, decay = self.learner.parameters(), recipe.weight_decay
        self.optimiser = make_optimiser(recipe.optimiser, weights, recipe.lr, decay)
        self.plateau = ReduceLROnPlateau(self.optimiser, factor=0.3, patience=3)
        self.progress = Progress()
        if config.resume:
            self.progress = load_state(config.out / STATE, self.learner, self.optimiser)
            self.plateau.load_state_dict(self.progress.schedule)

        held_out = [item for item in items if item.split == "valid"]
        self.pairs = views.make_pairs(held_out, config.cache) if ranks.rank == 0 else None
        store = load_frames(learning, config.cache, device=str(device))
        noise, stride = views.noise_frames(config.noise), config.preset.stride_frames
        of_step = {"seed": config.seed, "rank": ranks.rank}
        self.views = Views(store, learning, recipe, noise=noise, stride_frames=stride, **of_step)
        self.waveforms = Waveforms(learning, store.places, recipe, cache=config.cache, **of_step)
        self.n_epoch = steps_per_epoch(store.places.lengths, recipe, world=self.world)
        self.n_steps = self.n_epoch * recipe.epochs
        if ranks.rank == 0 and not config.resume:
            write_json(config.out / "config.json", self.card)
        parallel = DistributedDataParallel(self.learner) if self.world > 1 else self.learner
        self.model: nn.Module = parallel

    def waveform_steps(self, first: int, end: int) -> Iterator[tuple[int, Tensor | None]]:
        """The number of each step with its altered waveforms."""
        steps = range(first, end)
        altered = views.waveform_batches(self.waveforms, steps, workers=self.config.workers)
        return zip(steps, altered, strict=True)

    def learn(self, step: int, altered: Tensor | None) -> tuple[float, float, int]:
        """Take a step; its loss, learning rate and number of fragments."""
        recipe, device = self.config.recipe, self.views.noise.device.type
        group = self.optimiser.param_groups[0]
        if recipe.schedule == "cosine":
            warmup = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
            falling = 0.5 * (1 + math.cos(math.pi * step / self.n_steps))
            group["lr"] = recipe.lr * warmup * falling
        batch = self.views.batch(step, altered, paired=recipe.pair_weight > 0)
        self.learner.train()
        if step >= (1 - recipe.frozen_share) * self.n_steps:
            # BatchNorm as in inference. A batch's own statistics are others: all of its fragments
            # are equally long, and half of them are altered.
            for module in self.learner.modules():
                if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                    module.eval()
        with torch.autocast(device, self.dtype, enabled=self.dtype != torch.float32):
            loss = loss_of(self.model, batch, recipe, world=self.world)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        n_fragments = sum(len(v) for v in (batch.first, batch.second) if v is not None)
        return float(loss.detach()), float(group["lr"]), self.world * n_fragments

    def end_epoch(self, step: int, loss: float, lr: float) -> Verdict | None:
        """Judge and save after an epoch; no verdict but on the first device."""
        progress, out = self.progress, self.config.out
        if self.config.recipe.schedule == "plateau":
            self.plateau.step(loss)
        progress.step, progress.schedule = step, self.plateau.state_dict()
        if self.pairs is None:
            return None
        verdict = views.validate(self.learner.net, self.pairs, dtype=self.dtype)
        eers = {f"eer_{name}": eer for name, eer in verdict.eer.items()}
        row = {"step": step, "loss": loss, "lr": lr, "separation": verdict.separation, **eers}
        progress.history.append(row)
        if progress.best is None or _rank(verdict) < progress.best:
            progress.best = _rank(verdict)
            self.save(BEST, verdict)
        save_state(out / STATE, self.learner, self.optimiser, progress)
        write_json(out / "history.json", progress.history)
        draw_curves(progress.history, out / "curves.png")
        return verdict

    def finish(self, pairs: Pairs) -> Verdict:
        """Whiten where the recipe does; judge and save the weights at the end of the schedule."""
        if count := self.config.recipe.whitening_steps:
            drawn = self.waveform_steps(self.n_steps, self.n_steps + count)
            batches = (self.views.batch(step, altered) for step, altered in drawn)
            whiten(self.learner.net, batches, dtype=self.dtype)
        verdict = views.validate(self.learner.net, pairs, dtype=self.dtype)
        self.save(FINAL, verdict)
        return verdict

    def save(self, name: str, verdict: Verdict) -> None:
        """Write the weights with their figures."""
        figures = {"step": self.progress.step, "validation": asdict(verdict)}
        save_weights(self.learner.net, self.config.out / name, **figures, **self.card)


def loss_of(model: nn.Module, batch: Batch, recipe: Recipe, *, world: int = 1) -> Tensor:
    """The recipe's loss of a batch: pairs over all devices, classes on each."""
    embeddings, logits, labels = model(batch)
    loss = recipe.class_weight * F.cross_entropy(logits.float(), labels)
    if recipe.pair_weight > 0:
        parts = [*embeddings.float().chunk(2), batch.recordings, batch.collections]
        first, second, *groups = map(gather, parts) if world > 1 else parts
        pair = nt_xent(first, second, *groups, temperature=recipe.temperature)
        loss = loss + recipe.pair_weight * pair
    return loss


def steps_per_epoch(lengths: "np.ndarray[Any, Any]", recipe: Recipe, *, world: int = 1) -> int:
    """Steps until the fragments are as long in all as the recordings."""
    seconds = float(lengths.sum()) / FRAMES_PER_SECOND
    batch = min(recipe.batch, len(lengths)) * world
    return max(1, math.ceil(seconds / max(recipe.fragment_s) / batch))


def run_card(
    config: TrainConfig, items: list[Item], *, dtype: torch.dtype, world: int
) -> dict[str, Any]:
    """Everything that is needed to repeat the run, as plain data that is saved with the weights."""
    counts = {split: sum(i.split == split for i in items) for split in ("train", "valid")}
    first = config.begin_with
    card = {
        "recipe": asdict(config.recipe), "preset_trained": asdict(config.preset),
        "seed": config.seed, "recordings": counts,
        "data_sha256": data_hash([i for i in items if i.split in counts]),
        "noise_sha256": [content_hash(path) for path in config.noise],
        **({"begun_with_sha256": first.sha256} if first else {}),
        "precision": str(dtype).removeprefix("torch."), "processes": world, "versions": versions(),
    }  # fmt: skip
    plain: dict[str, Any] = json.loads(json.dumps(card))  # as it will be read again
    return plain


def require_fit(out: Path, card: dict[str, Any], *, resume: bool) -> None:
    """Raise unless `out` is free for a new run, or holds the run to be resumed."""
    if not resume:
        if (out / STATE).exists():
            raise WeightsError(f"{out} holds a run already; use --resume or another --out")
        make_folder(out)
        return
    if not (out / STATE).exists():
        raise WeightsError(f"{out} holds no run to resume; start one without --resume")
    try:
        before = dict(read_json(path := out / "config.json"))
    except (OSError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} is unreadable; cannot resume: {error}") from error
    for key in (card.keys() | before.keys()) - {"versions"}:
        if before.get(key) != card.get(key):
            raise WeightsError(f"{out} was trained with another {key}; give that, or a new --out")


def make_optimiser(
    name: str, weights: Iterable[nn.Parameter], rate: float, decay: float
) -> torch.optim.Optimizer:
    """The optimiser of that name, adam, adamw or sgd, over some weights."""
    if name == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=0.9, weight_decay=decay)
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    return kind(weights, lr=rate, weight_decay=decay)


def _rank(verdict: Verdict) -> tuple[float, float]:
    """What verdicts are ordered by: the lowest mean EER is best, then the largest separation."""
    return float(np.mean([*verdict.eer.values()])), -verdict.separation


def _verdicts(history: list[dict[str, float]]) -> Iterator[Verdict]:
    for row in history:
        eer = {key[4:]: value for key, value in row.items() if key.startswith("eer_")}
        yield Verdict(eer, row["separation"])


# What training minimises: recordings as classes, and pairs of views.
class ClassHead(nn.Module):
    """FC1: logits (B, classes) of embeddings (B, E); dropped after training.

    With `scale` 0 it is the paper's linear layer. Otherwise the logits are cosines times `scale`,
    with `margin` taken off that of the right class (additive-margin softmax).
    """

    def __init__(
        self, embedding_size: int, n_classes: int, *, scale: float = 0.0, margin: float = 0.0
    ) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin
        self.fc1 = nn.Linear(embedding_size, n_classes, bias=scale == 0)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, classes) for cross-entropy against `labels` (B,)."""
        if self.scale == 0:
            logits: Tensor = self.fc1(embeddings)
            return logits
        with torch.autocast(embeddings.device.type, enabled=False):
            cosine = F.normalize(embeddings.float()) @ F.normalize(self.fc1.weight).T
        margin = self.margin * F.one_hot(labels, cosine.shape[1])
        return self.scale * (cosine - margin)


def nt_xent(first: Tensor, second: Tensor, *groups: Tensor, temperature: float) -> Tensor:
    """Mean cross-entropy of finding, for each view (B, E), the other view of the same moment.

    The alternatives are all other views of the batch (NT-Xent), except those of the same group
    (B,), such as a collection: they may hold the same music.
    """
    n = len(first)
    views = F.normalize(torch.cat([first, second]).float())
    with torch.autocast(views.device.type, enabled=False):  # cosines near 1 need float32
        logits = views @ views.T / temperature  # (2B, 2B)
    partner = (torch.arange(2 * n, device=views.device) + n) % (2 * n)
    excluded = torch.eye(2 * n, dtype=torch.bool, device=views.device)
    for group in groups:
        both = torch.cat([group, group])
        excluded |= both[:, None] == both[None]
    excluded[torch.arange(2 * n, device=views.device), partner] = False
    return F.cross_entropy(logits.masked_fill(excluded, float("-inf")), partner)


# Whitening: the last stage of training, a closed-form change of FC0. After training, embeddings
# vary a lot in some directions and little in others, and alterations move them more in some than
# in others. The cosine weighs all directions alike, so the directions that vary most for no good
# reason dominate it. Both variations are measured on pairs of views, and FC0 is changed so that
# their mean is about the same in every direction. Nothing is added at inference.

WITHIN = 0.5  # weight of the variation that alterations cause; the rest is that between fragments
FLOOR = 0.1  # variance added in every direction, where the mean is 1: keeps empty directions small


@torch.inference_mode()
def whiten(net: CqtNet, batches: Iterable[Batch], *, dtype: torch.dtype = torch.float32) -> None:
    """Change FC0 of `net` by the pairs of views in `batches`, some thousands for 768 features."""
    was_training = net.training
    net.eval()
    embedded = []
    for batch in batches:
        device = batch.second.device.type
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            embedded.append(views.embed_batch(net, batch).double().chunk(2))
    first, second = (torch.cat(side) for side in zip(*embedded, strict=True))
    both = torch.cat([first, second])
    within, total = torch.cov((first - second).T) / 2, torch.cov(both.T)
    rank = min(net.fc0.in_features, net.fc0.out_features)
    spread = WITHIN * within / within.trace() + (1 - WITHIN) * total / total.trace()
    variances, directions = torch.linalg.eigh(rank * spread)
    scale = (variances.clamp(min=0) + FLOOR).rsqrt()
    change = (directions * scale) @ directions.T
    weight, bias = net.fc0.weight.double(), net.fc0.bias.double()
    net.fc0.weight.copy_(change @ weight)
    net.fc0.bias.copy_(change @ (bias - both.mean(dim=0)))
    net.train(was_training)
