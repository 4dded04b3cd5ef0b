"""Small data sets on disk, in the layouts of the large ones."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 8000


def sounds(root: Path, *names: str, duration_s: float = 0.1) -> Path:
    """The folder itself, with a tone of so many seconds under each name."""
    tone = 0.3 * np.sin(np.arange(round(duration_s * RATE)) * 0.3)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, tone, RATE)
    return root


def text(path: Path, content: str) -> Path:
    """The path, after writing a text file there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path
