"""Which code made a result."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES = (
    "cqtnet",
    "torch",
    "librosa",
    "numpy",
    "scipy",
    "soxr",
    "soundfile",
    "av",
    "faiss-cpu",
    "audiomentations",
)
"""All that figures depend on."""


def versions() -> dict[str, str]:
    """Versions of this project, its commit where it runs from a checkout, and its dependencies."""
    return dict(_versions())


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = {name: version(name) for name in PACKAGES}
    return tuple({**found, "python": platform.python_version(), "commit": commit()}.items())


@cache
def commit() -> str:
    """The checked-out commit, with `+` when files differ from it; empty outside a checkout."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return described.stdout.strip()
