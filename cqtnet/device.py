"""What results depend on: device, precision and threads of the network; versions, machine."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from cqtnet.errors import InputError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "float32", "bfloat16")
GPU_DRIVERS = (
    "/dev/nvidiactl", "/dev/nvmap", "/dev/kfd", "/dev/dxg", "C:/Windows/System32/nvcuda.dll",
)  # fmt: skip
"""Where none of these files is, there is no GPU, and torch need not be loaded to ask for one."""
SHORT_FLOATS = {"avx512_bf16", "amx_tile"}
"""Features of processors that compute bfloat16 by themselves, as Linux names them."""

_limited = False  # whether `one_thread` is in force


def is_cpu(name: str = "auto") -> bool:
    """Whether a device is surely the CPU; told without torch, which takes seconds to load."""
    return name == "cpu" or (name == "auto" and not any(map(os.path.exists, GPU_DRIVERS)))


def find_device(name: str = "auto") -> "torch.device":
    """The device of that name; `auto` is a CUDA GPU where there is one, else the CPU."""
    import torch  # here, for all else in this file does without

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


def cpu_precision(precision: str = "auto") -> str:
    """The precision of convolutions on the CPU; `auto` is bfloat16 where it is native."""
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown; use {', '.join(PRECISIONS)}")
    own = "bfloat16" if _has_short_floats() else "float32"
    return own if precision == "auto" else precision


def find_dtype(device: "torch.device", precision: str = "auto") -> "torch.dtype":
    """The type that convolutions are computed in; `auto` is bfloat16 where it is native."""
    import torch  # here, for all else in this file does without

    found = cpu_precision(precision)
    if precision == "auto" and device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        found = "bfloat16" if native else "float32"
    return torch.bfloat16 if found == "bfloat16" else torch.float32


@cache
def _has_short_floats() -> bool:
    """Whether the processor computes bfloat16 by itself; outside Linux, never."""
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return not SHORT_FLOATS.isdisjoint(words)


def threads() -> int:
    """Threads that one operation may take; 0 means as many as there are processors."""
    return 1 if _limited else int(os.environ.get("OMP_NUM_THREADS") or 0)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for each operation: on busy processors several threads are slower."""
    global _limited
    torch = sys.modules.get("torch")  # it need not be loaded for this
    limited, count = _limited, torch.get_num_threads() if torch else 0
    _limited = True
    if torch:
        torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        _limited = limited
        if torch:
            torch.set_num_threads(count)


# Which code made a result, and on which machine.
PACKAGES = (
    "cqtnet", "torch", "onnxruntime", "librosa", "numpy", "scipy", "soxr", "soundfile", "av",
    "faiss-cpu", "audiomentations",
)  # fmt: skip
"""All that figures depend on."""
version = cache(metadata.version)


def versions() -> dict[str, str]:
    """Versions of this project, its commit where it runs from a checkout, and its dependencies."""
    own = {"python": platform.python_version(), "commit": commit()}
    return {name: version(name) for name in PACKAGES} | own


def machine() -> dict[str, str]:
    """The machine and FFmpeg, which can move last digits; no name of a person or a host."""
    import av  # here, for most that ask for versions need no FFmpeg

    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors",
        "system": platform.platform(),
        "ffmpeg": str(getattr(av, "ffmpeg_version_info", "") or av.library_versions["libavcodec"]),
    }


@cache
def commit() -> str:
    """The checked-out commit, with `+` when files differ from it; empty outside a checkout."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return ""
    words = ["git", "describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        return subprocess.check_output(words, cwd=root, stderr=subprocess.PIPE, text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
