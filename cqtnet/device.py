"""The device that the network computes on, and its precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from cqtnet.errors import InputError

PRECISIONS = ("auto", "float32", "bfloat16")


def find_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` is a CUDA GPU where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or not (index.isdecimal() or name == kind):
        raise InputError(f"device {name!r} is unknown; use auto, cpu, cuda or cuda:1")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise InputError(
            f"device {name!r} is missing: torch sees {torch.cuda.device_count()} CUDA GPUs; "
            "use cpu, or install torch's build for GPUs"
        )
    return torch.device(name)


def find_dtype(device: torch.device, precision: str = "auto") -> torch.dtype:
    """The type that convolutions are computed in; `auto` is bfloat16 where it is native."""
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown; use {', '.join(PRECISIONS)}")
    if precision == "auto":
        if device.type == "cuda":
            native = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        precision = "bfloat16" if native else "float32"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch's operations: on busy processors several threads are slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
