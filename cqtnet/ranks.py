"""Several processes that train one network together, as torchrun starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from cqtnet.device import find_device


@dataclass(frozen=True)
class Ranks:
    """Where a process stands among all of them; alone, rank 0 of 1."""

    rank: int
    world: int
    device: torch.device

    def mean(self, value: float) -> float:
        """The mean of all processes' values, so that all of them decide alike."""
        if self.world == 1:
            return value
        tensor = torch.tensor(value, device=self.device)
        dist.all_reduce(tensor)
        return float(tensor) / self.world


def is_main() -> bool:
    """Whether this process is the one that reports, before and after it has joined."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device_name: str) -> Iterator[Ranks]:
    """Join the processes that torchrun started, and part when the block ends."""
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
        dist.barrier()  # who leaves while another still talks makes gloo abort
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """All processes' rows one after the other; gradients go back to whose rows they are."""

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
