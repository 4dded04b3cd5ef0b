"""The speed of detection: `python -m tests.spoof.bench` prints a table, ratios in one run."""

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from eval.bench import Measurement, seconds
from spoof.detect import Detector
from spoof.features.spectra import mfcc
from spoof.features.voice import voice_statistics
from spoof.features.voice.sound import RATE_HZ

LENGTH_S = 300.0
WINDOW_S = 3.0


def measure_detection() -> list[Measurement]:
    """Seconds of audio that are judged in a second, from a file on disk to the ratio."""
    samples = buzz(LENGTH_S)
    window = samples[: round(WINDOW_S * RATE_HZ)]
    baseline = seconds(lambda: mfcc(window, RATE_HZ))
    statistics = seconds(lambda: voice_statistics(window))
    detector = Detector.named()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voice.flac"
        soundfile.write(path, samples, RATE_HZ)
        whole = seconds(lambda: detector.detect(path), repeats=3)
        overlapping = seconds(lambda: detector.detect(path, hop_s=WINDOW_S / 2), repeats=3)
    return [
        Measurement("40 MFCCs by librosa, a window of 3 s", 1e3 * baseline, "ms"),
        Measurement("statistics of a voice, the same window", 1e3 * statistics, "ms",
                    "the MFCCs", baseline / statistics),
        Measurement("detect, 5 min from a file", LENGTH_S / whole, "× real time",
                    promise="≥ 100×"),
        Measurement("the same, windows overlapping by half as in up to 90 s",
                    LENGTH_S / overlapping, "× real time"),
    ]  # fmt: skip


def buzz(duration_s: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A sound like a voice: pulses whose pitch and loudness vary, and breath."""
    rng = np.random.default_rng(0)
    times = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    turns = np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * times)) / RATE_HZ
    pulses = sum(np.cos(2 * np.pi * turns * n) / n for n in range(1, 30))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * times)
    samples = 0.1 * syllables * pulses + rng.normal(0, 0.01, len(times))
    return np.asarray(samples, np.float32)


if __name__ == "__main__":
    for measurement in measure_detection():
        print(measurement.line())
