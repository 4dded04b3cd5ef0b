"""The state of a training run on disk: everything a resumed run needs, without a pickle.

One safetensors file, written whole, holds the tensors of model, head and optimiser, and in its
header, as JSON, the step, the schedule and the history.
"""

import gc
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from cqtnet.checkpoint import load_tensors
from cqtnet.device import find_device
from cqtnet.errors import WeightsError
from cqtnet.files import written_whole
from cqtnet.schema import checked, parse_json

SCALARS = "scalars"


@dataclass
class Progress:
    """How far a run has come; the tensors are kept beside it."""

    step: int = 0
    best: tuple[float, float] | None = None  # mean validation EER, minus separation
    history: list[dict[str, float]] = field(default_factory=list)
    schedule: dict[str, Any] = field(default_factory=dict)


def save_state(path: Path, learner: nn.Module, optimiser: Optimizer, progress: Progress) -> None:
    """Write the state of a run."""
    tensors = {f"model.{name}": t for name, t in learner.state_dict().items()}
    state = optimiser.state_dict()
    scalars: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{index}.{name}"] = value
            else:
                scalars.setdefault(str(index), {})[name] = value
    header = {
        "progress": json.dumps(asdict(progress)),
        "groups": json.dumps(state["param_groups"]),
        SCALARS: json.dumps(scalars),
    }
    with written_whole(path) as temporary:
        kept = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        save_file(kept, temporary, metadata=header)


def load_state(path: Path, learner: nn.Module, optimiser: Optimizer) -> Progress:
    """How far the run had come, after loading its state into learner and optimiser."""
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        progress = checked(Progress, parse_json(header["progress"], finite=False))
        groups, scalars = parse_json(header["groups"]), parse_json(header[SCALARS])
        state = {int(index): dict(values) for index, values in scalars.items()}
    except (OSError, SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} holds no state of a run to resume: {error}") from error
    own = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    load_tensors(learner, own, source=path)
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    if progress.best is not None:
        progress.best = (progress.best[0], progress.best[1])
    return progress


@dataclass(frozen=True)
class Ranks:
    """Rank of this process among those that train one network together; alone, 0 of 1."""

    rank: int
    world: int
    device: torch.device

    def mean(self, value: float) -> float:
        """The mean of all processes' values, so that all of them decide the same."""
        if self.world == 1:
            return value
        tensor = torch.tensor(value, device=self.device)
        dist.all_reduce(tensor)
        return float(tensor) / self.world


def is_main() -> bool:
    """Whether this process is the one that reports; also works before it has joined the others."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device_name: str) -> Iterator[Ranks]:
    """The ranks of the processes that torchrun started, joined until the block ends."""
    device = find_device(device_name)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks(0, 1, device)
        return
    cuda = device.type == "cuda"
    if cuda:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Ranks(dist.get_rank(), world, device)
        dist.barrier()  # gloo aborts if one leaves while another still communicates
    finally:
        # What is left of the model keeps the group. If it were the last to let go, it would hold
        # Python's lock while gloo's threads, which the group waits for, wait for that lock.
        gc.collect()
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """All processes' rows one after the other; gradients go back to the process of the row."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        grad = grads[0].contiguous()
        dist.all_reduce(grad)
        return grad.chunk(dist.get_world_size())[dist.get_rank()]


def gather(rows: Tensor) -> Tensor:
    """Rows (world * n, …) of all processes, of this one's (n, …)."""
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered
