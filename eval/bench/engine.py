"""Comparing two recordings: a command from its start to its verdict, and once all is loaded."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch

from augment.chain import Chain
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE, audio
from cqtnet.cqt import Cqt, normalise, reference_cqt
from cqtnet.embed import Embedder
from cqtnet.model import PRESETS, CqtNet
from cqtnet.music import make_music
from eval.bench.table import Measurement, once, seconds
from verify.comparison import Comparer, gather
from verify.cosine import best_hit

FRAGMENT_S = 20
ALTERATION = Chain((Tempo(1.1), Pitch(-2.0)))


def measure_comparison(*, quick: bool) -> list[Measurement]:
    """Two fragments of 20 s, warm and cold; one against an hour (quick: four minutes), cold."""
    minutes = 4 if quick else 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fragment, original, long = _write(folder, minutes)
        comparer = Comparer.named()
        a, b = comparer.read(fragment), comparer.read(original)
        cosine_s = seconds(lambda: best_hit(comparer.embedder, a.trace, b.trace))
        gather_s = seconds(lambda: gather(comparer.embedder, a, b))
        warm_s = seconds(lambda: comparer.compare(fragment, original))
        cold_s = once(lambda: _command(fragment, original))
        long_s = once(lambda: _command(fragment, long))
    return [
        Measurement("two traces, cosine", 1000 * cosine_s, "ms"),
        Measurement("two recordings read, all evidence", 1000 * gather_s, "ms",
                    "cosine", gather_s / cosine_s),
        Measurement("compare, two fragments of 20 s, warm", warm_s, "s", promise="< 1 s"),
        Measurement("compare, two fragments of 20 s, cold", cold_s, "s", promise="< 6 s"),
        Measurement(f"compare, 20 s against {minutes} min, cold", long_s, "s",
                    promise="< 45 s for 1 h"),
    ]  # fmt: skip


def _command(a: Path, b: Path) -> None:
    """`cqtnet compare`, from its start to its end."""
    command = [sys.executable, "-m", "cqtnet", "compare", str(a), str(b)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, "the fragment was not recognised"


def _write(folder: Path, minutes: int) -> tuple[Path, Path, Path]:
    """An altered fragment, what it was made of, and a long recording that holds it."""
    pieces = [make_music(seed, duration_s=60.0) for seed in range(4)]
    original = pieces[0][10 * SAMPLE_RATE : (10 + FRAGMENT_S) * SAMPLE_RATE]
    altered = ALTERATION.apply(original, SAMPLE_RATE).samples
    paths = folder / "fragment.flac", folder / "original.flac", folder / "long.flac"
    for path, samples in zip(paths, (altered, original), strict=False):
        soundfile.write(path, np.clip(samples, -1, 1), SAMPLE_RATE)
    with soundfile.SoundFile(paths[2], "w", SAMPLE_RATE, 1) as file:
        for minute in range(minutes):  # the one that holds it comes once, in the middle
            file.write(pieces[0] if minute == minutes // 2 else pieces[1 + minute % 3])
    return paths


# Embedding a long file: one pass of the trunk against every window on its own.

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


# The constant-Q transform: ours against librosa's.


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


# What only a process of its own can show: peak memory, and time until help appears.

EMBED = """
import re, sys
from cqtnet.embed import Embedder
from cqtnet.model import PRESETS, CqtNet
embedder = Embedder(CqtNet(PRESETS[sys.argv[2]]).eval())
embedder.windows(embedder.trace_file(sys.argv[1]), window_s=20, hop_s=5)
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""
# Not getrusage: its peak includes what the parent held when it started the process.


def measure_memory(*, quick: bool) -> list[Measurement]:
    """Peak memory of embedding a file of three hours (quick: ten minutes); on Linux only."""
    if sys.platform != "linux":
        return []
    hours = 1 / 6 if quick else 3.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        _write_long(path, hours)
        return [
            Measurement(f"peak memory, {hours:.2g} h, {name}", _peak_mb(path, name), "MB",
                        promise="< 1,500 MB for 3 h")
            for name in ("default", "paper")
        ]  # fmt: skip


def measure_startup(*, quick: bool) -> list[Measurement]:
    """Time of `cqtnet --help` against that of Python alone."""
    del quick
    command = [sys.executable, "-m", "cqtnet", "--help"]
    python_s = seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
    help_s = seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    return [
        Measurement("starting Python", python_s, "s"),
        Measurement("cqtnet --help", help_s, "s", promise="< 0.3 s"),
    ]


def _peak_mb(path: Path, preset: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", EMBED, str(path), preset], check=True, capture_output=True, text=True
    )
    return int(done.stdout) / 1024


def _write_long(path: Path, hours: float) -> None:
    """A file of that length, of one piece over and over: content does not matter here."""
    piece = make_music(2, duration_s=60.0)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1) as file:
        for minute in range(round(60 * hours)):
            file.write(np.roll(piece, minute * 1000))
