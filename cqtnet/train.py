"""Training, as one flat loop: plan, alter, embed, compare, step; validate and save every epoch."""

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import ReduceLROnPlateau

from cqtnet.checkpoint import save_weights
from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.curves import draw_curves
from cqtnet.data import Item, data_hash
from cqtnet.errors import InputError
from cqtnet.files import written_whole
from cqtnet.frames import load_frames
from cqtnet.losses import ClassHead, nt_xent
from cqtnet.model import CqtNet, Preset
from cqtnet.recipes import Recipe
from cqtnet.runstate import resume_or_start, save_state
from cqtnet.validation import Verdict, make_pairs, validate
from cqtnet.versions import versions
from cqtnet.views import Batch, Views, Waveforms, noise_frames, waveform_batches


@dataclass(frozen=True)
class TrainConfig:
    """A run: what is trained how, from which seed, where it is kept."""

    out: Path
    cache: Path
    preset: Preset
    recipe: Recipe
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"  # auto, float32 or bfloat16
    workers: int = 0  # processes that alter waveforms
    noise: tuple[Path, ...] = ()  # recordings of background noise
    resume: bool = False
    stop_after_s: float = math.inf  # stop early, ready to be resumed


@dataclass(frozen=True)
class StepReport:
    """What is known after a step; `verdict` only after those that end an epoch."""

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
            preset.embedding_size,
            n_classes,
            scale=recipe.class_scale,
            margin=recipe.class_margin,
        )

    def forward(self, frames: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (B, E) and logits (B, classes)."""
        embeddings = self.net(frames)
        return embeddings, self.head(embeddings, labels)


def train(
    items: list[Item], config: TrainConfig, *, on_step: Callable[[StepReport], None]
) -> Verdict | None:
    """Train on the items marked `train`, choose by those marked `valid`; return the best verdict.

    Writes to `config.out`: `last.safetensors` (to resume), `best.safetensors` with its JSON
    (to use), `config.json`, `history.json` and `curves.png`.

    Longer than functions are here: a training loop is understood in one piece or not at all.
    """
    rank, world, device = _join_group(config.device)
    torch.manual_seed(config.seed)
    recipe, main = config.recipe, rank == 0
    learning = [item for item in items if item.split == "train"]
    held_out = [item for item in items if item.split == "valid"]
    pairs = make_pairs(held_out, config.cache) if main else None
    store = load_frames(learning, config.cache, device=str(device))
    noise = noise_frames(config.noise)
    views = Views(store, learning, recipe, seed=config.seed, noise=noise, rank=rank)
    waveforms = Waveforms(
        learning, store.places, recipe, cache=config.cache, seed=config.seed, rank=rank
    )

    learner = Learner(config.preset, recipe, len(learning)).to(device)
    if device.type == "cpu":
        learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = _optimiser(learner, recipe)
    n_epoch = steps_per_epoch(store.places.lengths, recipe, world=world)
    n_steps = n_epoch * recipe.epochs
    plateau = ReduceLROnPlateau(optimiser, factor=0.3, patience=3)
    dtype = training_dtype(device, config.precision)

    card = run_card(config, items)
    progress = resume_or_start(
        config.out / "last.safetensors", learner, optimiser, resume=config.resume
    )
    if progress.step:
        plateau.load_state_dict(progress.schedule)
        _require_same_run(config.out, card)
    elif main:
        _write_json(config.out / "config.json", card)
    model: nn.Module = DistributedDataParallel(learner) if world > 1 else learner
    started = time.monotonic()
    losses: list[float] = []
    steps = range(progress.step, n_steps)
    for step, altered in zip(
        steps, waveform_batches(waveforms, steps, workers=config.workers), strict=True
    ):
        step_started = time.monotonic()
        lr = _learning_rate(recipe, step, n_steps, optimiser)
        batch = views.batch(step, altered)
        learner.train()
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            loss = loss_of(model, batch, recipe, world=world)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            raise InputError(f"the loss is {losses[-1]} at step {step}; lower the learning rate")
        n_fragments = world * sum(len(v) for v in (batch.first, batch.second) if v is not None)
        speed = n_fragments / (time.monotonic() - step_started)
        verdict = None
        if (step + 1) % n_epoch == 0:
            mean_loss = float(np.mean(losses[-n_epoch:]))
            if recipe.schedule == "plateau":
                plateau.step(mean_loss)
            progress.step, progress.schedule = step + 1, plateau.state_dict()
            if main and pairs is not None:
                verdict = validate(learner.net, pairs, dtype=dtype)
                progress.history.append(_history_row(step + 1, mean_loss, lr, verdict))
                _keep(config, learner, optimiser, progress, verdict, card)
        on_step(StepReport(step + 1, n_steps, losses[-1], lr, speed, verdict))
        if verdict is not None and time.monotonic() - started > config.stop_after_s:
            break
    return None if progress.best is None else _best_verdict(progress.history)


def loss_of(model: nn.Module, batch: Batch, recipe: Recipe, *, world: int = 1) -> Tensor:
    """The recipe's loss of a batch: pairs over all devices, classes on each."""
    views = [view for view in (batch.first, batch.second) if view is not None]
    labels = batch.recordings.repeat(len(views))
    embeddings, logits = model(torch.cat(views), labels)
    loss = recipe.class_weight * F.cross_entropy(logits.float(), labels)
    if recipe.pair_weight > 0:
        first, second = embeddings.float().chunk(2)
        groups = [batch.recordings, batch.collections]
        if world > 1:
            first, second, *groups = (
                torch.cat(all_gather(part.contiguous()))  # type: ignore[no-untyped-call]
                for part in (first, second, *groups)
            )
        pair = nt_xent(
            first,
            second,
            temperature=recipe.temperature,
            recordings=groups[0],
            collections=groups[1],
        )
        loss = loss + recipe.pair_weight * pair
    return loss


def steps_per_epoch(lengths: "np.ndarray[Any, Any]", recipe: Recipe, *, world: int = 1) -> int:
    """Steps until as many fragments were seen as the recordings last."""
    seconds = float(lengths.sum()) / FRAMES_PER_SECOND
    batch = min(recipe.batch, len(lengths)) * world
    return max(1, math.ceil(seconds / max(recipe.fragment_s) / batch))


def training_dtype(device: torch.device, precision: str) -> torch.dtype:
    """What convolutions are computed in; weights stay float32."""
    if precision == "auto":
        native = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
        precision = "bfloat16" if native else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def run_card(config: TrainConfig, items: list[Item]) -> dict[str, Any]:
    """What has to be known to repeat the run, as plain data saved with its weights."""
    counts = {split: sum(i.split == split for i in items) for split in ("train", "valid")}
    return {
        "recipe": config.recipe.to_dict(),
        "preset_trained": config.preset.to_dict(),
        "seed": config.seed,
        "recordings": counts,
        "data_sha256": data_hash([i for i in items if i.split in counts]),
        "versions": versions(),
    }


def _join_group(device: str) -> tuple[int, int, torch.device]:
    """Rank, number of processes and device; under torchrun, after joining its group."""
    cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return (
            0,
            1,
            torch.device("cuda" if device == "auto" and cuda else device.replace("auto", "cpu")),
        )
    if not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    local = int(os.environ["LOCAL_RANK"])
    if cuda:
        torch.cuda.set_device(local)
    return dist.get_rank(), world, torch.device("cuda", local) if cuda else torch.device("cpu")


def _optimiser(learner: Learner, recipe: Recipe) -> torch.optim.Optimizer:
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            learner.parameters(), lr=recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay
        )
    return torch.optim.AdamW(learner.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)


def _learning_rate(
    recipe: Recipe, step: int, n_steps: int, optimiser: torch.optim.Optimizer
) -> float:
    """Set and return the rate of a step; with `plateau` it is what the schedule left."""
    group = optimiser.param_groups[0]
    if recipe.schedule == "cosine":
        warmup = min(1.0, (step + 1) / max(1, recipe.warmup_steps))
        group["lr"] = recipe.lr * warmup * 0.5 * (1 + math.cos(math.pi * step / n_steps))
    return float(group["lr"])


def _keep(
    config: TrainConfig,
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    progress: Any,
    verdict: Verdict,
    card: dict[str, Any],
) -> None:
    """Save the state to resume, the weights where they are the best so far, and the curves."""
    rank = (verdict.mean_eer, -verdict.separation)
    if progress.best is None or rank < progress.best:
        progress.best = rank
        figures = {"step": progress.step, "validation": asdict(verdict)}
        save_weights(learner.net, config.out / "best.safetensors", **figures, **card)
    save_state(config.out / "last.safetensors", learner, optimiser, progress)
    _write_json(config.out / "history.json", progress.history)
    draw_curves(progress.history, config.out / "curves.png")


def _history_row(step: int, loss: float, lr: float, verdict: Verdict) -> dict[str, float]:
    eers = {f"eer_{name}": eer for name, eer in verdict.eer.items()}
    return {"step": step, "loss": loss, "lr": lr, "separation": verdict.separation, **eers}


def _best_verdict(history: list[dict[str, float]]) -> Verdict:
    verdicts = [
        Verdict({k[4:]: v for k, v in row.items() if k.startswith("eer_")}, row["separation"])
        for row in history
    ]
    return min(verdicts, key=lambda verdict: (verdict.mean_eer, -verdict.separation))


def _require_same_run(out: Path, card: dict[str, Any]) -> None:
    """Raise where the run to resume was of another recipe, preset, seed or data."""
    try:
        before = json.loads((out / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{out / 'config.json'} is unreadable; cannot resume: {error}") from error
    now = json.loads(json.dumps(card))
    for key in ("recipe", "preset_trained", "seed", "data_sha256"):
        if before.get(key) != now[key]:
            raise InputError(f"{out} was trained with another {key}; give the same, or a new --out")


def _write_json(path: Path, content: Any) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
