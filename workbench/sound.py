"""Sound for a page: 16-bit WAV that a browser plays, and its spectrogram in tiles."""

import io
import math
import wave
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cqtnet import audio

RATE_HZ = 44_100
HEADER = 44  # bytes before the samples of a WAV that the module `wave` writes
TILE = 512  # columns of a tile
COLUMN_S = 1 / 128  # seconds of a column at zoom 0; each further zoom doubles them
MOST_ZOOM, MOST_TILES = 14, 1 << 20
ROWS, LOWEST_HZ = 108, 32.7032  # semitones from C1; the highest is at 15.8 kHz
WINDOW = 8192
HANN = np.asarray(np.hanning(WINDOW) / (32768 * WINDOW / 4), np.float32)
"""The window, which makes the power of a sine at full scale 1."""
EDGES_HZ = LOWEST_HZ * 2 ** ((np.arange(ROWS + 1) - 0.5) / 12)
EDGES = np.rint(EDGES_HZ * WINDOW / RATE_HZ).astype(np.int64)
FIRST, END = EDGES[:-1], np.maximum(EDGES[:-1] + 1, EDGES[1:])
"""The first bin of each row, and that after its last."""

Samples = NDArray[np.float32]


def write_sound(
    source: Path, out: Path, *, most_s: float, on_second: Callable[[float], None]
) -> None:
    """Write a recording as mono WAV, and tell the seconds that are written; a longer one raises."""
    limits, written = audio.Limits(max_stream_s=most_s), 0
    stream = audio.stream(source, sample_rate=RATE_HZ, limits=limits)
    with stream as blocks, _wav(out) as file:
        for block in blocks:
            file.writeframes(_as_int16(block).tobytes())
            written += block.size
            on_second(written / RATE_HZ)


def save(samples: Samples, out: Path) -> None:
    """Write mono samples at `RATE_HZ`."""
    with _wav(out) as file:
        file.writeframes(_as_int16(samples).tobytes())


def read(path: Path, start_s: float, end_s: float) -> Samples:
    """Samples of a part of a WAV that was written here."""
    sound = _sound(path)
    part = sound[max(0, round(start_s * RATE_HZ)) : max(0, round(end_s * RATE_HZ))]
    return np.asarray(part / 32768, np.float32)


def _wav(path: Path) -> wave.Wave_write:
    file = wave.open(str(path), "wb")  # noqa: SIM115  # the caller closes it
    file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
    return file


def _as_int16(samples: Samples) -> NDArray[np.int16]:
    return np.asarray(np.clip(np.rint(samples * 32768), -32768, 32767), "<i2")


def _sound(path: Path) -> NDArray[np.int16]:
    if path.stat().st_size <= HEADER:
        return np.zeros(0, np.int16)
    return np.memmap(path, "<i2", "r", HEADER)


def tile(path: Path, zoom: int, number: int) -> bytes:
    """A PNG (ROWS, TILE) of levels, low notes below: white is quiet, black is loud.

    Column c of tile n is around second (n · TILE + c + ½) · COLUMN_S · 2^zoom.
    """
    if not (0 <= zoom <= MOST_ZOOM and number >= 0):
        raise ValueError(f"there is no tile {number} at zoom {zoom}")
    middles_s = (number * TILE + np.arange(TILE) + 0.5) * COLUMN_S * 2.0**zoom
    levels = _levels(_sound(path), middles_s) - _loudest(path)
    grey = 255 * np.clip(-levels / 60.0, 0, 1)  # 60 dB below the loudest is white
    written = io.BytesIO()
    Image.fromarray(grey[::-1].astype(np.uint8)).save(written, "PNG", compress_level=3)
    return written.getvalue()


@lru_cache(256)
def _loudest(path: Path) -> float:
    """The level, in dB, that few moments of a recording exceed."""
    sound = _sound(path)
    middles_s = np.linspace(0, sound.size / RATE_HZ, 240)
    return max(-70.0, float(np.quantile(_levels(sound, middles_s).max(axis=0), 0.98)))


def _levels(sound: NDArray[np.int16], middles_s: NDArray[np.floating]) -> Samples:
    """Levels (ROWS, n) in dB of the semitones around moments."""
    starts = np.rint(middles_s * RATE_HZ).astype(np.int64) - WINDOW // 2
    power = np.zeros((ROWS, len(starts)), np.float32)
    edges = np.stack([FIRST, END], axis=1).ravel()
    inside = np.flatnonzero((starts + WINDOW > 0) & (starts < sound.size))
    for some in np.array_split(inside, max(1, len(inside) // 64)):
        spectra = np.fft.rfft(_frames(sound, starts[some]) * HANN)
        strength = np.square(spectra.real) + np.square(spectra.imag)
        sums = np.add.reduceat(strength, edges, axis=1)[:, ::2]
        power[:, some] = (sums / (END - FIRST)).T
    return np.asarray(10 * np.log10(power + 1e-12), np.float32)


def _frames(sound: NDArray[np.int16], starts: NDArray[np.int64]) -> Samples:
    """Samples (n, WINDOW) from each start on, zero where there are none."""
    frames = np.zeros((len(starts), WINDOW), np.float32)
    for frame, start in zip(frames, starts.tolist(), strict=True):
        part = sound[max(0, start) : start + WINDOW]
        first = max(0, -start)
        frame[first : first + part.size] = part
    return frames


def fitted(samples: Samples, tempo: float, shift_semitones: float) -> Samples:
    """Samples of B at the tempo and pitch that A has: `tempo` times as fast, and shifted."""
    from augment.tempo import Pitch, Tempo

    if abs(tempo - 1) > 1e-6:
        samples = Tempo(tempo).apply(samples, RATE_HZ).samples
    if abs(shift_semitones) > 1e-3 and math.isfinite(shift_semitones):
        samples = Pitch(shift_semitones).apply(samples, RATE_HZ).samples
    return samples
