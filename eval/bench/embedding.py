"""Embedding a long file: one pass of the trunk against every window on its own."""

import tempfile
from pathlib import Path

import soundfile
import torch

from cqtnet import SAMPLE_RATE, audio
from cqtnet.cqt import Cqt, normalise
from cqtnet.embed import Embedder
from cqtnet.model import PRESETS, CqtNet
from cqtnet.music import make_music
from eval.bench.table import Measurement, once, seconds

WINDOW_S, HOP_S = 20.0, 5.0


def measure_embedding(*, quick: bool) -> list[Measurement]:
    """Decode, CQT and network of a ten-minute file, as times real time."""
    duration_s = 120.0 if quick else 600.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "music.flac"
        soundfile.write(path, make_music(1, duration_s=duration_s), SAMPLE_RATE)
        lines = []
        for name in ("paper", "default"):
            lines += _measure_preset(name, path, duration_s)
        return lines + _shares(path, duration_s)


def _measure_preset(name: str, path: Path, duration_s: float) -> list[Measurement]:
    """One preset, naively and in one pass; untrained, for the weights change no time."""
    model = CqtNet(PRESETS[name]).eval()
    embedder = Embedder(model)
    embedder.trace_file(path)

    def one_pass() -> None:
        trace = embedder.trace_file(path)
        embedder.windows(trace, window_s=WINDOW_S, hop_s=HOP_S)

    naive_s = once(lambda: _window_by_window(model, path))
    pass_s = seconds(one_pass, repeats=3)
    what = f"embedding {duration_s / 60:.0f} min, {name}"
    promise = "≥ 4×" if name == "paper" else ""
    return [
        Measurement(f"{what}, every window alone, float32", duration_s / naive_s, "× real time"),
        Measurement(f"{what}, one pass", duration_s / pass_s, "× real time",
                    "every window alone", naive_s / pass_s, promise),
    ]  # fmt: skip


@torch.inference_mode()
def _window_by_window(model: CqtNet, path: Path) -> None:
    """What one would write first: cut, transform and embed each window in float32."""
    samples = torch.from_numpy(audio.load(path))
    transform = Cqt()
    window, hop = int(WINDOW_S * SAMPLE_RATE), int(HOP_S * SAMPLE_RATE)
    for start in range(0, len(samples) - window + 1, hop):
        model(normalise(transform(samples[None, start : start + window])))


def _shares(path: Path, duration_s: float) -> list[Measurement]:
    """How fast each stage is on its own."""
    samples = torch.from_numpy(audio.load(path))[None]
    transform = Cqt()
    lines = [_stage("decode and resample", seconds(lambda: audio.load(path)), duration_s)]
    with torch.inference_mode():
        time_s = seconds(lambda: normalise(transform(samples)))
        lines.append(_stage("CQT and normalisation", time_s, duration_s))
        frames = normalise(transform(samples[:, : 60 * SAMPLE_RATE]))
        for name in ("paper", "default"):
            embedder = Embedder(CqtNet(PRESETS[name]).eval())
            typed = frames.to(embedder.dtype)
            time_s = seconds(lambda e=embedder, t=typed: e.model.steps(t), repeats=3)  # type: ignore[misc]
            lines.append(_stage(f"network, {name}, {embedder.dtype}", time_s, 60.0))
    return lines


def _stage(name: str, time_s: float, duration_s: float) -> Measurement:
    return Measurement(f"stage: {name}", duration_s / time_s, "× real time")
