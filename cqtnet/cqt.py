"""The constant-Q front end: 84 semitone bins from C1, a frame every 512 samples at 22,050 Hz.

`Cqt` gives the magnitudes of ``librosa.cqt(y, sr=22050, hop_length=512, n_bins=84)`` in torch:
batched, differentiable, the same on CPU and GPU. Like librosa it goes down the octaves and halves
the sample rate each time. Unlike librosa, its halving filter only has to keep what the lower
octaves use, which makes it cheap. `normalise` turns magnitudes into the input of the network.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from cqtnet import SAMPLE_RATE

HOP_LENGTH = 512  # samples
BINS_PER_OCTAVE = 12
N_BINS = 84
C1_HZ = 440.0 * 2 ** (-45 / 12)  # 32.70 Hz
FRAMES_PER_SECOND = SAMPLE_RATE / HOP_LENGTH  # 43.07

LEVEL_RADIUS = 107
"""`normalise` measures the level over so many frames on each side: five seconds in all."""
LEVEL_FLOOR = 0.01
"""A level below this is not amplified: that of white noise near -80 dB full scale."""
SILENCE_LEVEL = 0.006
"""A level below this is silence: dither of the last of 16 bits has 0.005."""


def context_frames() -> int:
    """Frames of true signal needed on each side for a block's frames to be exact."""
    longest = quality_factor() * SAMPLE_RATE / C1_HZ / 2
    delays = (len(halving_filter()) // 2) * (1 << (N_BINS // BINS_PER_OCTAVE - 1))
    return math.ceil((longest + delays) / HOP_LENGTH) + 1


def _lowest_hz(margin_bins: int) -> float:
    """Centre of the lowest bin, with so many bins added below the 84."""
    return float(C1_HZ * 2 ** (-margin_bins / BINS_PER_OCTAVE))


def quality_factor() -> float:
    """Centre frequency over bandwidth of every wavelet: librosa's, for 12 bins an octave."""
    ratio = 2 ** (2 / BINS_PER_OCTAVE)
    return (ratio + 1) / (ratio - 1)


def power_weights() -> Tensor:
    """Factors (84,): the sum of squared magnitudes times these is the signal's power.

    A sine of amplitude a gives its bin a / 2 · sqrt(length of the wavelet), spread over 1.5 bins.
    """
    lengths = quality_factor() * SAMPLE_RATE / Cqt().hz
    return torch.from_numpy((2 / 1.5 / lengths).astype(np.float32))


def frame_count(n_samples: int) -> int:
    """Frames of a signal: the first is centred on sample 0, so 20 s give 862."""
    return 1 + n_samples // HOP_LENGTH


def halving_filter() -> NDArray[np.float32]:
    """Odd-length low-pass (Kaiser window) used before every second sample is dropped.

    It passes up to 0.21 and stops from 0.29 of the sample rate by 80 dB.
    """
    n_taps, beta = 65, 0.1102 * (80.0 - 8.7)  # Kaiser's formulas for 80 dB and that transition
    taps = np.sinc((np.arange(n_taps) - n_taps // 2) / 2) * np.kaiser(n_taps, beta)
    return np.asarray(taps / taps.sum(), np.float32)


def octave_wavelets(top_hz: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Wavelets of one octave: Hann-windowed phasors of unit L1 norm, (bins, width), width odd.

    Like librosa, each is rounded to whole samples and an odd one centred half a sample late.
    """
    lengths = quality_factor() * SAMPLE_RATE / top_hz
    half = math.ceil(lengths.max() / 2) + 1
    wavelets = np.zeros((len(top_hz), 2 * half + 1), np.complex64)
    for row, hz, length in zip(wavelets, top_hz, lengths, strict=True):
        phase = np.arange(-length // 2, length // 2)
        window = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, len(phase) + 1)[:-1])  # Hann
        start = half - len(phase) // 2
        row[start : start + len(phase)] = window * np.exp(2j * np.pi * hz / SAMPLE_RATE * phase)
        row /= np.abs(row).sum()
    return wavelets


class Cqt(nn.Module):
    """Constant-Q magnitudes (B, bins, frames) of samples (B, n), float32, any device.

    `margin_bins` adds semitones below and above the 84 bins.

    >>> Cqt()(torch.zeros(1, 441_000)).shape
    torch.Size([1, 84, 862])
    """

    wavelets: Tensor
    halving: Tensor
    scale: Tensor

    def __init__(self, margin_bins: int = 0) -> None:
        super().__init__()
        self.n_bins = N_BINS + 2 * margin_bins
        self.hz = _lowest_hz(margin_bins) * 2 ** (np.arange(self.n_bins) / BINS_PER_OCTAVE)
        wavelets = octave_wavelets(self.hz[-BINS_PER_OCTAVE:])  # every octave uses these
        parts = np.concatenate([wavelets.real, wavelets.imag]).T
        self.register_buffer("wavelets", torch.from_numpy(parts.copy()), persistent=False)
        self.register_buffer("halving", _toeplitz(halving_filter(), 64), persistent=False)
        # librosa's scale=True: white noise gives every bin the same level.
        scale = np.sqrt(quality_factor() * SAMPLE_RATE / self.hz).astype(np.float32)
        self.register_buffer("scale", torch.from_numpy(scale)[:, None], persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Magnitudes (B, bins, 1 + n // 512) of samples (B, n) at 22,050 Hz."""
        n_frames = frame_count(samples.shape[-1])
        octaves, hop = [], HOP_LENGTH
        signal = samples
        for octave in range(math.ceil(self.n_bins / BINS_PER_OCTAVE)):
            if octave:
                signal, hop = self._halve(signal), hop // 2
            octaves.append(self._octave(signal, hop, n_frames))
        magnitudes = torch.cat(octaves[::-1], dim=1)[:, -self.n_bins :]
        return magnitudes * self.scale

    def _octave(self, signal: Tensor, hop: int, n_frames: int) -> Tensor:
        """The twelve top bins of a signal, (B, 12, frames)."""
        width = self.wavelets.shape[0]
        needed = (n_frames - 1) * hop + width
        left = width // 2
        padded = F.pad(signal, (left, max(0, needed - left - signal.shape[-1])))
        frames = padded.unfold(-1, width, hop)[:, :n_frames]  # (B, frames, width)
        real, imag = (frames @ self.wavelets).transpose(1, 2).chunk(2, dim=1)
        return torch.sqrt(real.square() + imag.square())

    def _halve(self, signal: Tensor) -> Tensor:
        """The signal at half the rate, (B, ceil(n / 2)), as one product with a band matrix."""
        rows, block = self.halving.shape
        reach = (rows - 2 * block) // 2 + 1
        n_out = -(-signal.shape[-1] // 2)
        n_blocks = -(-n_out // block)
        missing = (n_blocks - 1) * 2 * block + rows - reach - signal.shape[-1]
        padded = F.pad(signal, (reach, max(0, missing)))
        blocks = padded.unfold(-1, rows, 2 * block)[:, :n_blocks]  # (B, n_blocks, rows)
        return (blocks @ self.halving).flatten(1)[:, :n_out]


def normalise(magnitudes: Tensor) -> Tensor:
    """The network's input: square root of the magnitudes over their local level, (B, 84, T).

    The root halves the range in decibels: quiet partials count beside loud ones. Division by the
    level of the surrounding five seconds makes the result independent of gain and of slow fades,
    and one pass over a long recording gives what each fragment alone would give.
    """
    roots = magnitudes.sqrt()
    return roots / (local_level(roots) + LEVEL_FLOOR)


def local_level(roots: Tensor) -> Tensor:
    """Mean over bins and the frames within `LEVEL_RADIUS`, (B, 1, T); fewer frames at the ends."""
    per_frame = roots.mean(dim=1, keepdim=True)
    radius = min(LEVEL_RADIUS, per_frame.shape[-1] - 1)
    return F.avg_pool1d(
        per_frame, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False
    )


def reference_cqt(
    samples: NDArray[np.float32], *, margin_bins: int = 0, sparsity: float = 0.01
) -> NDArray[np.float32]:
    """Magnitudes of librosa (bins, frames) of mono samples (n,), to compare `Cqt` with.

    `sparsity` is the share of each wavelet that librosa drops for speed; `Cqt` drops nothing.
    """
    import librosa

    bins = {"fmin": _lowest_hz(margin_bins), "n_bins": N_BINS + 2 * margin_bins}
    bins["bins_per_octave"] = BINS_PER_OCTAVE
    how = {"hop_length": HOP_LENGTH, "window": "hann", "sparsity": sparsity}
    return np.asarray(np.abs(librosa.cqt(samples, sr=SAMPLE_RATE, **bins, **how)), np.float32)


def _toeplitz(taps: NDArray[np.float32], block: int) -> Tensor:
    """Band matrix (2 * block + taps - 2, block): column j filters around input 2j."""
    matrix = np.zeros((2 * (block - 1) + len(taps), block), np.float32)
    for column in range(block):
        matrix[2 * column : 2 * column + len(taps), column] = taps
    return torch.from_numpy(matrix)
