"""Training: how fast views are made, and how fast a step uses them."""

import tempfile
from dataclasses import replace
from pathlib import Path

import soundfile
import torch

from cqtnet import SAMPLE_RATE
from cqtnet.data import Item
from cqtnet.device import find_device, find_dtype
from cqtnet.frames import load_frames
from cqtnet.model import find_preset
from cqtnet.music import make_music
from cqtnet.recipes import find_recipe
from cqtnet.train import Learner, loss_of
from cqtnet.views import Views, Waveforms, noise_frames
from eval.bench.table import Measurement, seconds


def measure_training(*, quick: bool) -> list[Measurement]:
    """Fragments a second of the CQT path, of the waveform path, and of a training step."""
    n, duration_s = (8, 30.0) if quick else (24, 40.0)
    device = find_device()
    with tempfile.TemporaryDirectory() as folder:
        items = _write_pieces(Path(folder), n, duration_s)
        store = load_frames(items, Path(folder), device=str(device))
        recipe = find_recipe("default", fragment_s=(20.0,), batch=n, context_share=0.0)
        views = Views(store, items, recipe, seed=0, noise=noise_frames([], white_s=60))
        share = replace(recipe, waveform_share=4 / n)
        waveforms = Waveforms(items, store.places, share, cache=Path(folder), seed=0)
        learner = Learner(find_preset("default"), recipe, n).to(device)
        dtype = find_dtype(device)

        batch = views.batch(0)
        optimiser = torch.optim.AdamW(learner.parameters())

        def finished() -> None:
            if device.type == "cuda":
                torch.cuda.synchronize()

        def step() -> None:
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                loss = loss_of(learner, batch, recipe)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            finished()

        def make_views() -> None:
            views.batch(0)
            finished()

        step_rate = 2 * n / seconds(step, repeats=3)
        spectral = 2 * n / seconds(make_views)
        waveform = 4 / seconds(lambda: waveforms[0], repeats=3)
    on = f"default preset, {device.type}"
    return [
        Measurement(f"training step, {on}", step_rate, "fragments/s"),
        Measurement("views altered as CQT", spectral, "fragments/s", "the step",
                    spectral / step_rate, "faster than the step"),
        Measurement("views altered as waveform, one process", waveform, "fragments/s"),
    ]  # fmt: skip


def _write_pieces(folder: Path, n: int, duration_s: float) -> list[Item]:
    items = []
    for seed in range(n):
        path = folder / f"{seed}.wav"
        soundfile.write(path, make_music(seed, duration_s=duration_s), SAMPLE_RATE)
        items.append(Item(path, str(seed), "train", str(seed)))
    return items
