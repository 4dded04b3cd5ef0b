"""Verification of held-out recordings while training: fragments against altered fragments.

The alterations are real processing of the waveform, from a fixed seed, so that every epoch and run
uses the same pairs. These few only choose between epochs; `eval` measures the final model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from augment.chain import Recipe, draw_chain
from cqtnet import SAMPLE_RATE, audio
from cqtnet.cache import cached_samples
from cqtnet.cqt import Cqt, normalise
from cqtnet.data import Item, spread
from cqtnet.eer import equal_error_rate
from cqtnet.errors import ManifestError
from cqtnet.model import CqtNet

TEMPO: Recipe = {"tempo": (1.0, {"factor": (0.85, 1.35)})}
PITCH: Recipe = {"pitch": (1.0, {"shift_semitones": (-4.0, 4.0)})}
NOISE: Recipe = {"coloured_noise": (1.0, {"snr_db": (0.0, 10.0)})}
REVERB: Recipe = {"room": (1.0, {"rt60_s": (0.4, 1.5), "direct_to_reverberant_db": (-6.0, 3.0)})}
HARD: Recipe = {**PITCH, **TEMPO, **REVERB, "coloured_noise": (1.0, {"snr_db": (10.0, 10.0)})}
CONDITIONS = {"tempo": TEMPO, "pitch": PITCH, "noise": NOISE, "reverb": REVERB, "hard": HARD}
SHORTEST_S = 3.0
"""At the fastest tempo so many seconds are still long enough for every model."""
FRAGMENT_S = {"hard": 10.0}
"""Seconds of a fragment by condition; 20 for the others."""


@dataclass(frozen=True)
class Pairs:
    """Normalised frames of fragments and of their altered versions, by condition."""

    collections: NDArray[np.int64]  # (n,)
    originals: dict[str, list[Tensor]]  # n of (84, T) by condition
    altered: dict[str, list[Tensor]]


@dataclass(frozen=True)
class Verdict:
    """How well held-out recordings are verified."""

    eer: dict[str, float]  # by condition, in [0, 0.5]
    separation: float  # mean difference of target and nontarget cosines over their deviation


def make_pairs(items: Sequence[Item], cache: Path, *, limit: int = 48, seed: int = 0) -> Pairs:
    """Fragments of at most `limit` recordings, and each altered in every condition."""
    names = sorted({item.collection for item in items})
    if len(names) < 2:
        raise ManifestError(
            f"{len(names)} collections are held out for validation; two are needed for pairs of "
            "different recordings: mark some `valid` or raise --validation"
        )
    shuffled = (items[i] for i in np.random.default_rng(seed).permutation(len(items)))
    chosen = spread(shuffled, limit)
    transform = Cqt()
    originals: dict[str, list[Tensor]] = {name: [] for name in CONDITIONS}
    altered: dict[str, list[Tensor]] = {name: [] for name in CONDITIONS}
    for number, item in enumerate(chosen):
        pcm = cached_samples(item, cache)
        if len(pcm) < SHORTEST_S * SAMPLE_RATE:
            raise ManifestError(
                f"{audio.shown(item.path)} lasts {len(pcm) / SAMPLE_RATE:.1f} s; recordings held "
                f"out for validation need {SHORTEST_S:g} s, for some are played faster"
            )
        for index, (name, recipe) in enumerate(CONDITIONS.items()):
            rng = np.random.default_rng([seed, number, index])
            length = min(len(pcm), int(FRAGMENT_S.get(name, 20.0) * SAMPLE_RATE))
            start = int(rng.integers(len(pcm) - length + 1))
            fragment = np.divide(pcm[start : start + length], 32767, dtype=np.float32)
            chain = draw_chain(rng, recipe, duration_s=length / SAMPLE_RATE)
            changed = chain.apply(fragment, SAMPLE_RATE).samples
            originals[name].append(_frames(transform, fragment))
            altered[name].append(_frames(transform, changed))
    return Pairs(np.array([names.index(i.collection) for i in chosen]), originals, altered)


@torch.inference_mode()
def validate(model: CqtNet, pairs: Pairs, *, dtype: torch.dtype) -> Verdict:
    """How well the model, on its device, separates the pairs by cosine."""
    was_training = model.training
    model.eval()
    device = model.fc0.weight.device
    others = pairs.collections[:, None] != pairs.collections[None]
    eer, separations = {}, []
    for name in CONDITIONS:
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            first, second = (
                torch.cat([normalize(model(f[None].to(device)).float()) for f in side[name]])
                for side in (pairs.originals, pairs.altered)
            )
        cosines = (first @ second.T).cpu().numpy()
        target, nontarget = np.diag(cosines), cosines[others]
        eer[name] = equal_error_rate(target, nontarget)
        spread = np.sqrt((target.var() + nontarget.var()) / 2)
        separations.append((target.mean() - nontarget.mean()) / (spread + 1e-9))
    model.train(was_training)
    return Verdict(eer, float(np.mean(separations)))


@torch.inference_mode()
def _frames(transform: Cqt, samples: NDArray[np.float32]) -> Tensor:
    return normalise(transform(torch.from_numpy(samples)[None]))[0]
