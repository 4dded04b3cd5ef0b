"""A whole recording, or a stretch of it, in memory."""

import warnings

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.audio.files import AudioWarning, StrPath, shown
from cqtnet.audio.limits import DEFAULT_LIMITS, Limits
from cqtnet.audio.streaming import stream

BLOCK_S = 60.0


def load(
    path: StrPath,
    *,
    sample_rate: int = SAMPLE_RATE,
    start_s: float = 0.0,
    duration_s: float | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> NDArray[np.float32]:
    """Samples of a recording: float32 mono, shape (n,), at `sample_rate` Hz.

    Every value is finite; full scale is -1 to 1, which float files may exceed. What an examiner
    must know about the file (cut off, damaged, not a number here and there) is an `AudioWarning`.
    A stretch that reaches past the end comes back shorter. Nothing says that there is anything to
    hear: `require_content` does.

    >>> samples = load("evidence.m4a", start_s=60.0, duration_s=20.0)  # (441000,)
    """
    parts: list[NDArray[np.float32]] = []
    n_samples = 0
    with stream(
        path,
        sample_rate=sample_rate,
        start_s=start_s,
        duration_s=duration_s,
        block_s=min(BLOCK_S, limits.max_load_s),
        limits=limits,
    ) as blocks:
        limits.check_load(path, blocks.expected_s or 0.0)
        for block in blocks:
            parts.append(block)
            n_samples += block.size
            limits.check_load(path, n_samples / sample_rate)
        for note in blocks.notes:
            warnings.warn(f"{shown(path)}: {note}", AudioWarning, stacklevel=2)
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)
