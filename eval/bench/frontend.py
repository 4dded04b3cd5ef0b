"""The constant-Q transform: ours against librosa's."""

import numpy as np
import torch

from cqtnet import SAMPLE_RATE
from cqtnet.cqt import Cqt, reference_cqt
from cqtnet.music import make_music
from eval.bench.table import Measurement, seconds


def measure_frontend(*, quick: bool) -> list[Measurement]:
    """Time of the CQT of a batch of fragments of 20 s."""
    n = 4 if quick else 16
    music = make_music(1, duration_s=20.0 * n).reshape(n, 20 * SAMPLE_RATE)
    transform = Cqt()

    def ours() -> None:
        with torch.inference_mode():
            transform(torch.from_numpy(music))

    def librosas() -> None:
        for fragment in np.asarray(music):
            reference_cqt(fragment)

    baseline = seconds(librosas, repeats=3) / n
    time_s = seconds(ours) / n
    return [
        Measurement("CQT of 20 s, librosa", 1e3 * baseline, "ms"),
        Measurement("CQT of 20 s, torch, in a batch", 1e3 * time_s, "ms", "librosa",
                    baseline / time_s, "≥ 2×"),
    ]  # fmt: skip
