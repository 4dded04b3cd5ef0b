"""The magnitudes that the baselines without a network describe a recording by."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.cqt import Cqt
from eval.systems.interface import require_length


def relative_magnitudes(path: Path) -> NDArray[np.float32]:
    """CQT magnitudes (84, frames) of a file over their own mean: no gain changes them."""
    samples = audio.load(path)
    audio.require_content(samples, name=audio.shown(path))
    require_length(len(samples), path)
    with torch.inference_mode():
        magnitudes: NDArray[np.float32] = _transform()(torch.from_numpy(samples)[None])[0].numpy()
    return magnitudes / max(float(magnitudes.mean()), 1e-12)


@cache
def _transform() -> Cqt:
    return Cqt()
