"""Training, as one flat loop over epochs: learn, judge by the validation part, keep, stop."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cqtnet.device import find_device
from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError
from cqtnet.files import file_sha256, write_json
from cqtnet.runstate import Progress, load_state, save_state
from cqtnet.train import require_fit
from cqtnet.versions import versions
from spoof.checkpoint import BEST, HISTORY, LAST, save_trained
from spoof.data.utterance import Utterance, class_weights
from spoof.parts import SplitBy, batches, data_hash, learning_parts, n_batches
from spoof.plots import draw_curves
from spoof.prepare import Examples, Preparer
from spoof.recipes.recipe import Recipe, Training
from spoof.scores import confusion, fake_logit, recording_scores, score_examples

SAVED_EVERY_S = 30.0
"""Seconds between the states that a run can be resumed from; more go between short epochs."""


@dataclass(frozen=True)
class TrainConfig:
    """A run: what is trained how, from which seed, where it is kept."""

    out: Path
    recipe: Recipe
    preparer: Preparer
    seed: int = 0
    split_by: SplitBy = "group"
    device: str = "auto"
    pretrained: Path | None = None  # weights to start from
    resume: bool = False
    stop_after_s: float = math.inf  # stop early, ready to be resumed


@dataclass(frozen=True)
class Step:
    """What is known after a batch; `row`, the figures of an epoch, only after its last."""

    epoch: int
    n_epochs: int
    batch: int
    n_batches: int
    loss: float
    row: dict[str, float] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run has come to."""

    weights: Path
    best_epoch: int
    history: tuple[dict[str, float], ...]  # a row for each epoch
    is_finished: bool  # or stopped for lack of time

    @property
    def seconds(self) -> float:
        """Seconds that learning took, validation included."""
        return sum(row["seconds"] for row in self.history)


class Learner(nn.Module):
    """The network that learns and, where a recipe asks for it, the running mean of its weights."""

    def __init__(self, net: nn.Module, *, ema: float = 0.0) -> None:
        super().__init__()
        self.net = net
        self.mean = (
            AveragedModel(
                net,
                multi_avg_fn=get_ema_multi_avg_fn(ema),  # type: ignore[no-untyped-call]
                use_buffers=True,
            )
            if ema
            else None
        )

    @property
    def judged(self) -> nn.Module:
        """The network whose weights are kept."""
        return self.net if self.mean is None else self.mean.module


def train(
    utterances: Sequence[Utterance], config: TrainConfig, *, told: Callable[[Step], None]
) -> Outcome:
    """Learn from recordings of both classes, and keep what the recipe says is best.

    Writes to `config.out`: `last.safetensors` (to resume), `best.safetensors` with its JSON (to
    use), `config.json`, `history.json`, `curves.png`. The test part is not looked at.
    """
    recipe, training = config.recipe, config.recipe.training
    device = find_device(config.device)
    card = run_card(utterances, config)
    require_fit(config.out, card, resume=config.resume)
    learning, choosing = learning_parts(
        utterances, recipe, config.preparer, split_by=config.split_by, seed=config.seed
    )
    _require_judgeable(choosing, training)
    weights_card = {**card, "learned": learned(learning)}

    learner = _learner(config).to(device)
    optimiser = _optimiser(learner.net, training)
    progress = Progress()
    if config.resume:
        progress = load_state(config.out / LAST, learner, optimiser)
    else:
        write_json(config.out / "config.json", card)
    weights = _class_weights(learning, training, device)
    count = n_batches(learning, training)
    saved = time.monotonic()
    ends = saved + config.stop_after_s
    while not is_over(progress, training) and (progress.best is None or time.monotonic() < ends):
        started, epoch, rows = time.monotonic(), progress.step, []
        torch.manual_seed(config.seed * 1_000_003 + epoch)  # dropout, the same when resumed
        for batch in _learn(learner, optimiser, learning, config, weights, epoch=epoch):
            rows.append(batch)
            told(Step(epoch, training.epochs, len(rows), count, batch[0]))
            if progress.best is None and time.monotonic() > ends:
                break  # some of an epoch, where time is too short for any
        row = {"epoch": epoch + 1, "lr": optimiser.param_groups[0]["lr"], **_means(rows)}
        row |= {"share": len(rows) / count}
        row |= validated(learner.judged, choosing, device=device)
        row["seconds"] = time.monotonic() - started
        progress.step = epoch + 1
        progress.history.append(row)
        is_last = is_over(progress, training) or time.monotonic() > ends
        _keep(config, learner, progress, weights_card, is_last=is_last)
        if is_last or time.monotonic() - saved >= SAVED_EVERY_S:
            save_state(config.out / LAST, learner, optimiser, progress)
            write_json(config.out / HISTORY, progress.history)
            saved = time.monotonic()
        told(Step(epoch + 1, training.epochs, count, count, row["loss"], row))
    assert progress.best is not None
    draw_curves(progress.history, config.out / "curves.png", title=recipe.name)
    best = int(progress.best[1])
    return Outcome(config.out / BEST, best, tuple(progress.history), is_over(progress, training))


def _learn(
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    examples: Examples,
    config: TrainConfig,
    weights: Tensor | None,
    *,
    epoch: int,
) -> Iterator[tuple[float, float, int]]:
    """Loss, accuracy and size of every batch of an epoch, learned from."""
    training = config.recipe.training
    count = n_batches(examples, training)
    device = next(learner.parameters()).device
    learner.train()
    for number, at in enumerate(batches(examples, training, seed=config.seed, epoch=epoch)):
        set_rate(optimiser, training, epoch + number / count)
        inputs = torch.from_numpy(examples.inputs(at)).to(device).float()
        is_fake = torch.from_numpy(examples.is_fake[at]).to(device)
        logits = learner.net(inputs)
        loss = loss_of(logits, is_fake, weights=weights, smoothing=training.smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if learner.mean is not None:
            learner.mean.update_parameters(learner.net)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise InputError(
                f"the loss is {value} in epoch {epoch + 1}; lower the learning rate of "
                f"{training.learning_rate:g}"
            )
        right = (fake_logit(logits.detach()) >= 0) == is_fake
        yield value, float(right.float().mean()), len(at)


def loss_of(
    logits: Tensor, is_fake: Tensor, *, weights: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Binary cross-entropy of one logit, cross-entropy of two: what sigmoid and softmax go with.

    `weights` are those of human and synthetic; `smoothing` moves labels towards one half.
    """
    if logits.shape[1] == 1:
        wanted = is_fake.float() * (1 - smoothing) + smoothing / 2
        weight = None if weights is None else weights[is_fake.long()]
        return F.binary_cross_entropy_with_logits(logits[:, 0], wanted, weight=weight)
    return F.cross_entropy(logits, is_fake.long(), weight=weights, label_smoothing=smoothing)


def set_rate(optimiser: torch.optim.Optimizer, training: Training, epochs: float) -> None:
    """Set the rate after so many epochs, whole and broken."""
    rate = training.learning_rate
    if training.warmup_epochs:
        rate *= min(1.0, (epochs + 1e-3) / training.warmup_epochs)
    if training.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * epochs / training.epochs))
    for group in optimiser.param_groups:
        group["lr"] = rate


def validated(net: nn.Module, examples: Examples, *, device: torch.device) -> dict[str, float]:
    """Loss, accuracy, F1 of the human class over segments; EER over recordings of both classes."""
    scores, is_fake = score_examples(net, examples, device=device), examples.is_fake
    signed = np.where(is_fake, -scores, scores)
    decided = confusion(scores, is_fake)
    figures = {
        "valid_loss": float(np.logaddexp(0, signed).mean()),
        "valid_accuracy": decided.accuracy,
        "valid_f1": decided.f1("human"),
    }
    held, means = recording_scores(examples, scores)
    fake = np.array([examples.recordings[i].is_fake for i in held], bool)
    if 0 < fake.sum() < len(fake):
        figures["valid_eer"] = equal_error_rate(means[fake], means[~fake])
    return figures


def rank_of(row: dict[str, float], training: Training) -> float:
    """How good an epoch is by the recipe's rule; lower is better."""
    if training.keep == "last":
        return -row["epoch"]
    sign = -1 if training.keep in ("accuracy", "f1") else 1
    return sign * row[f"valid_{training.keep}"]


def is_over(progress: Progress, training: Training) -> bool:
    """Whether all epochs are done, or none was better for as long as patience lasts."""
    if progress.step >= training.epochs:
        return True
    if training.patience is None or not progress.history:
        return False
    ranks = [rank_of(row, training) for row in progress.history]
    return len(ranks) - 1 - int(np.argmin(ranks)) >= training.patience


def run_card(utterances: Sequence[Utterance], config: TrainConfig) -> dict[str, Any]:
    """What has to be known to repeat the run, as plain data saved with its weights."""
    given = config.pretrained
    card = {
        "recipe": config.recipe.to_dict(),
        "seed": config.seed,
        "split_by": config.split_by,
        "recordings": {
            "human": sum(not u.is_fake for u in utterances),
            "synthetic": sum(u.is_fake for u in utterances),
        },
        "data_sha256": data_hash(utterances),
        "pretrained_sha256": file_sha256(given) if given else None,
        "versions": versions(),
    }
    plain: dict[str, Any] = json.loads(json.dumps(card))  # as it will be read again
    return plain


def learned(examples: Examples) -> dict[str, Any]:
    """Whose voices were learned from, as plain data."""
    recordings = [examples.recordings[at] for at in np.unique(examples.recording)]
    return {
        "human": sum(not r.is_fake for r in recordings),
        "synthetic": sum(r.is_fake for r in recordings),
        "systems": sorted({r.system for r in recordings if r.system}),
        "collections": sorted({r.collection for r in recordings if r.collection}),
    }


def _keep(
    config: TrainConfig,
    learner: Learner,
    progress: Progress,
    card: dict[str, Any],
    *,
    is_last: bool,
) -> None:
    """Save the weights where they are the best so far, of epochs that may be kept."""
    training, row = config.recipe.training, progress.history[-1]
    rank = rank_of(row, training)
    allowed = progress.step % training.keep_every == 0 or is_last
    if allowed and (progress.best is None or rank < progress.best[0]):
        progress.best = (rank, row["epoch"])
        own = {name: value for name, value in card.items() if name != "recipe"}
        own |= {"epoch": progress.step, "history": progress.history}
        save_trained(learner.judged, config.recipe, config.out / BEST, **own)


def _learner(config: TrainConfig) -> Learner:
    """The network with the weights it starts from."""
    torch.manual_seed(config.seed)
    net = config.recipe.build(pretrained=config.pretrained)
    return Learner(net, ema=config.recipe.training.ema)


def _optimiser(net: nn.Module, training: Training) -> torch.optim.Optimizer:
    """The recipe's optimiser over what is not frozen."""
    free = [parameter for parameter in net.parameters() if parameter.requires_grad]
    rate, decay = training.learning_rate, training.weight_decay
    if training.optimiser == "sgd":
        return torch.optim.SGD(free, lr=rate, momentum=0.9, weight_decay=decay)
    kind = torch.optim.AdamW if training.optimiser == "adamw" else torch.optim.Adam
    return kind(free, lr=rate, weight_decay=decay)


def _class_weights(examples: Examples, training: Training, device: torch.device) -> Tensor | None:
    if not training.weighted:
        return None
    return torch.tensor(class_weights(examples.is_fake), dtype=torch.float32, device=device)


def _means(rows: Sequence[tuple[float, float, int]]) -> dict[str, float]:
    """Mean loss and accuracy of an epoch's batches by their sizes."""
    loss, accuracy, size = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "loss": float(np.average(loss, weights=size)),
        "accuracy": float(np.average(accuracy, weights=size)),
    }


def _require_judgeable(examples: Examples, training: Training) -> None:
    """Raise unless the validation part can say what the recipe keeps weights by."""
    if training.keep in ("f1", "eer") and len(np.unique(examples.is_fake)) < 2:
        raise InputError(
            f"the validation part holds one class only, which no {training.keep} can be had "
            "from; give more speakers, or mark recordings of both classes as valid"
        )
