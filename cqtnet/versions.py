"""Which code made a result."""

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "cqtnet", "torch", "onnxruntime", "librosa", "numpy", "scipy", "soxr", "soundfile", "av",
    "faiss-cpu", "audiomentations",
)  # fmt: skip
"""All that figures depend on."""
version = cache(metadata.version)


def versions() -> dict[str, str]:
    """Versions of this project, its commit where it runs from a checkout, and its dependencies."""
    found = {name: version(name) for name in PACKAGES}
    return {**found, "python": platform.python_version(), "commit": commit()}


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
