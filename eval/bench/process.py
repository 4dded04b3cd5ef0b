"""What only a process of its own can show: peak memory, and time until help appears."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from eval.bench.table import Measurement, seconds

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
