"""Training, as one flat loop over epochs: learn, validate, keep the best weights, stop."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from cqtnet.device import find_device, versions
from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError
from cqtnet.files import file_sha256, write_json, written_whole
from cqtnet.runstate import Progress, load_state, save_state
from cqtnet.train import make_optimiser, require_fit
from spoof.checkpoint import BEST, HISTORY, LAST, save_trained
from spoof.data import Utterance, class_counts
from spoof.networks import Light, fake_logit
from spoof.prepare import Examples, Indices, Preparer, SplitBy, data_hash, part_examples
from spoof.recipes import Recipe, Training
from spoof.report import curves
from spoof.scores import CLASSES, confusion, score

SAVED_EVERY_S = 30.0
"""Least seconds between the states that a run can be resumed from."""


@dataclass(frozen=True)
class TrainConfig:
    """A run: its recipe, data preparation, seed and folder."""

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
    """The state after a batch; `row`, the figures of an epoch, only after its last."""

    epoch: int
    n_epochs: int
    batch: int
    n_batches: int
    loss: float
    row: dict[str, float] | None = None


@dataclass(frozen=True)
class Outcome:
    """The result of a run."""

    weights: Path
    best_epoch: int
    history: tuple[dict[str, float], ...]  # a row for each epoch
    is_finished: bool  # or stopped for lack of time

    @property
    def seconds(self) -> float:
        """Seconds that learning took, validation included."""
        return sum(row["seconds"] for row in self.history)


def train(
    utterances: Sequence[Utterance], config: TrainConfig, *, report: Callable[[Step], None]
) -> Outcome:
    """Learn from recordings of both classes, and keep the best weights by the recipe's rule.

    Writes to `config.out`: `last.safetensors` (to resume), `best.safetensors` with its JSON (to
    use), `config.json`, `history.json`, `curves.png`. The test part is not read.
    """
    run = _Run(utterances, config)
    training, progress = config.recipe.training, run.progress
    count = n_batches(run.learning, training)
    saved = time.monotonic()
    ends = saved + config.stop_after_s
    while not is_over(progress, training) and (progress.best is None or time.monotonic() < ends):
        started, epoch, rows = time.monotonic(), progress.step, []
        for batch in run.learn(epoch):
            rows.append(batch)
            report(Step(epoch, training.epochs, len(rows), count, batch[0]))
            if progress.best is None and time.monotonic() > ends:
                break  # a part of an epoch, where time is too short for a whole one
        *figures, size = (np.array(column) for column in zip(*rows, strict=True))
        loss, accuracy = (float(np.average(figure, weights=size)) for figure in figures)
        row = {"epoch": epoch + 1, "lr": run.optimiser.param_groups[0]["lr"], "loss": loss}
        row |= {"accuracy": accuracy, "share": len(rows) / count}
        row |= validated(run.net, run.choosing, device=run.device)
        row["seconds"] = time.monotonic() - started
        progress.step = epoch + 1
        progress.history.append(row)
        is_last = is_over(progress, training) or time.monotonic() > ends
        run.keep(is_last=is_last)
        if is_last or time.monotonic() - saved >= SAVED_EVERY_S:
            save_state(config.out / LAST, run.net, run.optimiser, progress)
            write_json(config.out / HISTORY, progress.history)
            saved = time.monotonic()
        report(Step(epoch + 1, training.epochs, count, count, row["loss"], row))
    assert progress.best is not None
    with written_whole(config.out / "curves.png") as temporary:
        curves(progress.history, title=config.recipe.name).savefig(temporary)
    best = int(progress.best[1])
    return Outcome(config.out / BEST, best, tuple(progress.history), is_over(progress, training))


class _Run:
    """A run: the network and its examples, as at the start or as it was resumed."""

    def __init__(self, utterances: Sequence[Utterance], config: TrainConfig) -> None:
        self.config, recipe, training = config, config.recipe, config.recipe.training
        self.device = find_device(config.device)
        card = run_card(utterances, config)
        require_fit(config.out, card, resume=config.resume)
        part = partial(
            part_examples, utterances=utterances, recipe=recipe, preparer=config.preparer,
            split_by=config.split_by, seed=config.seed,
        )  # fmt: skip
        self.choosing, self.learning = part("valid"), part("train", copies=training.copies)
        if training.keep in ("f1", "eer") and len(np.unique(self.choosing.is_fake)) < 2:
            raise InputError(
                f"the validation part holds one class only, which has no {training.keep}; give "
                "more speakers, or mark recordings of both classes as valid"
            )
        self.card = {**card, "learned": learned(self.learning)}
        torch.manual_seed(config.seed)
        net = recipe.build(pretrained=config.pretrained)
        if isinstance(net, Light):
            net.standardise(self.learning.inputs(np.arange(len(self.learning))))
        self.net = net.to(self.device)
        free = [weight for weight in self.net.parameters() if weight.requires_grad]
        how = training.learning_rate, training.weight_decay
        self.optimiser = make_optimiser(training.optimiser, free, *how)
        self.progress = Progress()
        if config.resume:
            self.progress = load_state(config.out / LAST, self.net, self.optimiser)
        else:
            write_json(config.out / "config.json", card)

    def learn(self, epoch: int) -> Iterator[tuple[float, float, int]]:
        """Learn from every batch of an epoch; its loss, accuracy and size."""
        training, examples, seed = self.config.recipe.training, self.learning, self.config.seed
        torch.manual_seed(seed * 1_000_003 + epoch)  # dropout, the same when resumed
        self.net.train()
        planned = list(batches(examples, training, seed=seed, epoch=epoch))
        for number, at in enumerate(planned):
            set_rate(self.optimiser, training, epoch + number / len(planned))
            inputs = torch.from_numpy(examples.inputs(at)).to(self.device).float()
            is_fake = torch.from_numpy(examples.is_fake[at]).to(self.device)
            logits = self.net(inputs)
            loss = loss_of(logits, is_fake, smoothing=training.smoothing)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            value = float(loss.detach())
            if not math.isfinite(value):
                problem = f"the loss is {value} in epoch {epoch + 1}"
                raise InputError(f"{problem}; lower the learning rate, {training.learning_rate:g}")
            right = (fake_logit(logits.detach()) >= 0) == is_fake
            yield value, float(right.float().mean()), len(at)

    def keep(self, *, is_last: bool) -> None:
        """Save the weights if they are the best so far, of epochs that may be kept."""
        progress, recipe = self.progress, self.config.recipe
        row = progress.history[-1]
        rank = rank_of(row, recipe.training)
        allowed = progress.step % recipe.training.keep_every == 0 or is_last
        if allowed and (progress.best is None or rank < progress.best[0]):
            progress.best = (rank, row["epoch"])
            own = {name: value for name, value in self.card.items() if name != "recipe"}
            own |= {"epoch": progress.step, "history": progress.history}
            save_trained(self.net, recipe, self.config.out / BEST, **own)


def loss_of(logits: Tensor, is_fake: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Binary cross-entropy of one logit, cross-entropy of two: the losses of sigmoid and softmax.

    `smoothing` moves labels towards one half.
    """
    if logits.shape[1] == 1:
        label = is_fake.float() * (1 - smoothing) + smoothing / 2
        return F.binary_cross_entropy_with_logits(logits[:, 0], label)
    return F.cross_entropy(logits, is_fake.long(), label_smoothing=smoothing)


def set_rate(optimiser: torch.optim.Optimizer, training: Training, epochs: float) -> None:
    """Set the learning rate after so many epochs, a fraction included."""
    rate = training.learning_rate
    if training.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * epochs / training.epochs))
    for group in optimiser.param_groups:
        group["lr"] = rate


def validated(net: nn.Module, examples: Examples, *, device: torch.device) -> dict[str, float]:
    """Loss, accuracy, F1 of the human class over segments; EER over recordings of both classes."""
    scored, is_fake = score(net, examples, device=device), examples.is_fake
    signed = np.where(is_fake, -scored.segment_score, scored.segment_score)
    decided = confusion(scored.segment_score, is_fake)
    figures = {"valid_loss": float(np.logaddexp(0, signed).mean())}
    figures |= {"valid_accuracy": decided.accuracy, "valid_f1": decided.rates("human").f1}
    fake = scored.is_fake
    if 0 < fake.sum() < len(fake):
        figures["valid_eer"] = equal_error_rate(scored.score[fake], scored.score[~fake])
    return figures


def rank_of(row: dict[str, float], training: Training) -> float:
    """The rank of an epoch by the recipe's rule; lower is better."""
    if training.keep == "last":
        return -row["epoch"]
    sign = -1 if training.keep in ("accuracy", "f1") else 1
    return sign * row[f"valid_{training.keep}"]


def is_over(progress: Progress, training: Training) -> bool:
    """Whether all epochs are done, or the last ones, as many as patience allows, were no better."""
    if progress.step >= training.epochs:
        return True
    if training.patience is None or not progress.history:
        return False
    ranks = [rank_of(row, training) for row in progress.history]
    return len(ranks) - 1 - int(np.argmin(ranks)) >= training.patience


def run_card(utterances: Sequence[Utterance], config: TrainConfig) -> dict[str, Any]:
    """The settings that repeat the run, as plain data saved with its weights."""
    start = config.pretrained
    card = {
        "recipe": config.recipe.to_dict(), "seed": config.seed, "split_by": config.split_by,
        "recordings": _counts(utterances), "data_sha256": data_hash(utterances),
        "pretrained_sha256": file_sha256(start) if start else None, "versions": versions(),
    }  # fmt: skip
    plain: dict[str, Any] = json.loads(json.dumps(card))  # as it is when it is read again
    return plain


def learned(examples: Examples) -> dict[str, Any]:
    """The voices that were learned from, as plain data."""
    recordings = [examples.recordings[at] for at in np.unique(examples.recording)]
    systems, collections = {r.system for r in recordings}, {r.collection for r in recordings}
    named = {"systems": sorted(systems - {""}), "collections": sorted(collections - {""})}
    return {**_counts(recordings), **named}


def _counts(recordings: Sequence[Utterance]) -> dict[str, int]:
    return dict(zip(CLASSES, class_counts(recordings), strict=True))


def batches(examples: Examples, training: Training, *, seed: int, epoch: int) -> Iterator[Indices]:
    """Places (b,) of the examples of each batch of an epoch.

    A last batch of one is left out where batches are larger: BatchNorm cannot learn from it.
    """
    order = epoch_order(examples, training, seed=seed, epoch=epoch)
    for start in range(0, len(order), training.batch):
        batch = order[start : start + training.batch]
        if len(batch) > 1 or training.batch == 1 or start == 0:
            yield batch


def n_batches(examples: Examples, training: Training) -> int:
    """How many batches an epoch has."""
    return sum(1 for _ in batches(examples, training, seed=0, epoch=0))


def epoch_order(examples: Examples, training: Training, *, seed: int, epoch: int) -> Indices:
    """Places of the examples that an epoch uses: each once, or as balancing draws them."""
    rng = np.random.default_rng([seed, epoch])
    if training.copies_used == "all" and not training.balanced:
        return rng.permutation(len(examples))
    segment = examples.segment_number
    count = int(segment.max(initial=-1)) + 1
    if training.balanced:
        number = len(examples) if training.copies_used == "all" else count
        drawn = rng.choice(count, size=number, p=_balanced_chance(examples))
    else:
        drawn = rng.permutation(count)
    # One of the copies of each segment drawn, at random.
    by_segment = np.argsort(segment, kind="stable")
    copies = np.bincount(segment, minlength=count)
    starts = np.cumsum(copies) - copies
    chosen = (rng.random(len(drawn)) * copies[drawn]).astype(np.intp)
    places: Indices = by_segment[starts[drawn] + chosen]
    return places


def _balanced_chance(examples: Examples) -> NDArray[np.float64]:
    """Each segment's chance (s,): of its class, then collection, then recording, then segment.

    Half of the draws begin with a collection that holds both classes, if there are any: what
    separates these within one is no trace of its microphone or format.
    """
    _, first = np.unique(examples.segment_number, return_index=True)
    recording, is_fake = examples.recording[first], examples.is_fake[first]
    collection = np.array([r.collection for r in examples.recordings])[recording]
    chance = nested_chance(is_fake, collection, recording, np.arange(len(first)))
    both = np.isin(collection, np.intersect1d(collection[is_fake], collection[~is_fake]))
    if both.any():
        within = np.zeros(len(first))
        within[both] = nested_chance(
            collection[both], is_fake[both], recording[both], np.arange(int(both.sum()))
        )
        chance = (chance + within) / 2
    return chance


def nested_chance(*levels: NDArray[np.generic]) -> NDArray[np.float64]:
    """Each item's chance (n,) where the first level (n,) is drawn, then the next in it, and so on.

    >>> nested_chance(np.array([0, 0, 1]), np.array([5, 6, 5]))
    array([0.25, 0.25, 0.5 ])
    """
    parent = np.zeros(len(levels[0]), np.intp)  # the number of each item's group so far
    chance = np.ones(len(parent))
    for level in levels:
        _, value = np.unique(level, return_inverse=True)
        pairs, within = np.unique(np.stack([parent, value]), axis=1, return_inverse=True)
        chance /= np.bincount(pairs[0])[parent]
        parent = within.ravel()
    return chance
