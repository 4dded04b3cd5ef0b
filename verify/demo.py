"""A first look without any data: two pieces of our own, and an altered fragment of one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from augment.chain import Chain
from augment.noise import ColouredNoise
from augment.pitch import Pitch
from augment.tempo import Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.embed import Embedder
from cqtnet.files import written_whole
from cqtnet.music import make_music
from verify.cosine import Similarity, profile, similarity

SEEDS = {"original": 1, "another": 2}
DURATION_S = 60.0
FRAGMENT = (21.0, 41.0)  # seconds of the original
ALTERATION = Chain((Tempo(1.1), Pitch(-2.0), ColouredNoise(snr_db=10.0, seed=1)))


@dataclass(frozen=True)
class Demo:
    """What the demonstration made and found."""

    files: dict[str, Path]
    similarities: dict[str, Similarity]  # of the fragment with each whole piece
    picture: Path


def run_demo(folder: Path, embedder: Embedder) -> Demo:
    """Make the recordings in `folder`, embed them, and compare the fragment with both pieces."""
    sounds = {name: make_music(seed, duration_s=DURATION_S) for name, seed in SEEDS.items()}
    start, end = (round(second * SAMPLE_RATE) for second in FRAGMENT)
    sounds["fragment"] = ALTERATION.apply(sounds["original"][start:end], SAMPLE_RATE).samples
    files = {name: _write(folder / f"{name}.flac", sound) for name, sound in sounds.items()}
    traces = {name: embedder.trace_file(path) for name, path in files.items()}
    found = {name: similarity(embedder, traces["fragment"], traces[name]) for name in SEEDS}
    curves = {name: profile(embedder, traces["fragment"], traces[name]) for name in SEEDS}
    return Demo(files, found, _draw(curves, folder / "similarity.png"))


def _write(path: Path, samples: NDArray[np.float32]) -> Path:
    with written_whole(path) as temporary:
        soundfile.write(temporary, np.clip(samples, -1, 1), SAMPLE_RATE)
    return path


def _draw(curves: dict[str, tuple[NDArray[np.float64], NDArray[np.float32]]], path: Path) -> Path:
    """Write a PNG of the fragment's cosine along each piece."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(*FRAGMENT, color="0.9", label="where the fragment was taken from")
    for (name, (starts, cosines)), style in zip(curves.items(), ("k-", "k:"), strict=True):
        centres = starts + (FRAGMENT[1] - FRAGMENT[0]) / 2 / 1.1
        axes.plot(centres, cosines, style, label=f"along {name}.flac")
    axes.set(
        xlabel="centre of the window, s",
        ylabel="cosine with the fragment",
        xlim=(0, DURATION_S),
        ylim=(-0.2, 1.05),
        title="A fragment, 10 % faster, 2 semitones lower, 10 dB noise, sought in two pieces",
    )
    axes.legend()
    axes.grid(alpha=0.3)
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=120)
    return path
