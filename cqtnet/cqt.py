"""The constant-Q front end: 84 semitone bins from C1, a frame every 512 samples at 22,050 Hz.

`Cqt` gives the magnitudes of ``librosa.cqt(y, sr=22050, hop_length=512, n_bins=84)``: batched, of
arrays on the CPU or of torch's tensors on any device, for which it is differentiable. Like librosa
it goes down the octaves and halves the sample rate each time. Unlike librosa, its halving filter
only has to keep what the lower octaves use, which makes it cheap. `normalise` turns magnitudes into
the input of the network. Both return what they are given; arrays load no torch.
"""

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor

Numbers = TypeVar("Numbers", "NDArray[np.float32]", "Tensor")  # an array, or a tensor of torch

HOP_LENGTH = 512  # samples
BINS_PER_OCTAVE = 12
N_BINS = 84
C1_HZ = 440.0 * 2 ** (-45 / 12)  # 32.70 Hz
FRAMES_PER_SECOND = SAMPLE_RATE / HOP_LENGTH  # 43.07
_RATIO = 2 ** (2 / BINS_PER_OCTAVE)
LENGTH_HZ = (_RATIO + 1) / (_RATIO - 1) * SAMPLE_RATE
"""A wavelet's samples times its frequency: librosa's, for 12 bins an octave."""
HALVING_TAPS = 65

LEVEL_RADIUS = 107  # `normalise` measures the level over so many frames on each side: 5 s in all
LEVEL_FLOOR = 0.01  # a level below is not amplified: that of white noise near -80 dB full scale
SILENCE_LEVEL = 0.006  # a level below this is silence: dither of the last of 16 bits has 0.005


def context_frames() -> int:
    """Frames of true signal needed on each side for a block's frames to be exact."""
    longest = LENGTH_HZ / C1_HZ / 2
    delays = HALVING_TAPS // 2 * (1 << (N_BINS // BINS_PER_OCTAVE - 1))
    return math.ceil((longest + delays) / HOP_LENGTH) + 1


def _lowest_hz(margin_bins: int) -> float:
    """Centre of the lowest bin, with so many bins added below the 84."""
    return float(C1_HZ * 2 ** (-margin_bins / BINS_PER_OCTAVE))


def power_weights() -> NDArray[np.float32]:
    """Factors (84,): the sum of squared magnitudes times these is the signal's power.

    A sine of amplitude a gives its bin a / 2 · sqrt(length of the wavelet), spread over 1.5 bins.
    """
    return np.asarray(2 / 1.5 / (LENGTH_HZ / Cqt().hz), np.float32)


def frame_count(n_samples: int) -> int:
    """Frames of a signal: the first is centred on sample 0, so 20 s give 862."""
    return 1 + n_samples // HOP_LENGTH


def halving_matrix(block: int) -> NDArray[np.float32]:
    """Low-pass at every second sample, (2 * block + 63, block): column j filters around input 2j.

    The filter passes up to 0.21 and stops from 0.29 of the sample rate by 80 dB.
    """
    beta = 0.1102 * (80.0 - 8.7)  # Kaiser's formulas for 80 dB and that transition
    taps = np.sinc((np.arange(HALVING_TAPS) - HALVING_TAPS // 2) / 2)
    taps *= np.kaiser(HALVING_TAPS, beta)
    matrix = np.zeros((2 * (block - 1) + HALVING_TAPS, block), np.float32)
    for column in range(block):
        matrix[2 * column : 2 * column + HALVING_TAPS, column] = taps / taps.sum()
    return matrix


def octave_wavelets(top_hz: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Wavelets of one octave: Hann-windowed phasors of unit L1 norm, (bins, width), width odd.

    Like librosa, each is rounded to whole samples and an odd one centred half a sample late.
    """
    lengths = LENGTH_HZ / top_hz
    half = math.ceil(lengths.max() / 2) + 1
    wavelets = np.zeros((len(top_hz), 2 * half + 1), np.complex64)
    for row, hz, length in zip(wavelets, top_hz, lengths, strict=True):
        phase = np.arange(-length // 2, length // 2)
        window = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, len(phase) + 1)[:-1])  # Hann
        start = half - len(phase) // 2
        row[start : start + len(phase)] = window * np.exp(2j * np.pi * hz / SAMPLE_RATE * phase)
        row /= np.abs(row).sum()
    return wavelets


class Cqt:
    """Constant-Q magnitudes (B, bins, frames) of samples (B, n), float32: an array or a tensor.

    `margin_bins` adds semitones below and above the 84 bins.
    """

    def __init__(self, margin_bins: int = 0) -> None:
        self.n_bins = N_BINS + 2 * margin_bins
        self.hz = _lowest_hz(margin_bins) * 2 ** (np.arange(self.n_bins) / BINS_PER_OCTAVE)
        wavelets = octave_wavelets(self.hz[-BINS_PER_OCTAVE:])  # every octave uses these
        parts = np.concatenate([wavelets.real, wavelets.imag]).T.copy()
        # librosa's scale=True: white noise gives every bin the same level.
        scale = np.sqrt(LENGTH_HZ / self.hz).astype(np.float32)
        arrays = parts, halving_matrix(64), scale[:, None]
        self._constants: dict[Any, tuple[Any, ...]] = {"array": arrays}  # by device

    def __call__(self, samples: Numbers) -> Numbers:
        """Magnitudes (B, bins, 1 + n // 512) of samples (B, n) at 22,050 Hz."""
        wavelets, halving, scale = self._like(samples)
        n_frames = frame_count(samples.shape[-1])
        octaves, hop = [], HOP_LENGTH
        signal = samples
        for octave in range(math.ceil(self.n_bins / BINS_PER_OCTAVE)):
            if octave:
                signal, hop = _halved(signal, halving), hop // 2
            octaves.append(_octave(signal, wavelets, hop, n_frames))
        join = np.concatenate if isinstance(samples, np.ndarray) else _torch().cat
        magnitudes: Numbers = join(octaves[::-1], 1)[:, -self.n_bins :] * scale
        return magnitudes

    def _like(self, samples: Any) -> tuple[Any, ...]:
        """The wavelets, the halving filter and the scale: arrays, or tensors on a device."""
        place = "array" if isinstance(samples, np.ndarray) else samples.device
        if place not in self._constants:
            torch = _torch()
            with torch.inference_mode(False):
                tensors = [torch.from_numpy(array) for array in self._constants["array"]]
                self._constants[place] = tuple(tensor.to(place) for tensor in tensors)
        return self._constants[place]


def _octave(signal: Numbers, wavelets: Numbers, hop: int, n_frames: int) -> Numbers:
    """The twelve top bins of a signal, (B, 12, frames)."""
    width = wavelets.shape[0]
    parts: Any = _framed(signal, width // 2, width, hop, n_frames) @ wavelets
    real, imag = parts[..., :BINS_PER_OCTAVE], parts[..., BINS_PER_OCTAVE:]
    magnitudes: Numbers = ((real * real + imag * imag) ** 0.5).swapaxes(1, 2)
    return magnitudes


def _halved(signal: Numbers, halving: Numbers) -> Numbers:
    """The signal at half the rate, (B, ceil(n / 2)), as one product with a band matrix."""
    rows, block = halving.shape
    reach = (rows - 2 * block) // 2 + 1
    n_out = -(-signal.shape[-1] // 2)
    blocks: Any = _framed(signal, reach, rows, 2 * block, -(-n_out // block)) @ halving
    half: Numbers = blocks.reshape(len(signal), -1)[:, :n_out]
    return half


def _framed(signal: Any, left: int, width: int, hop: int, count: int) -> Any:
    """So many frames of a signal (B, n), (B, count, width); the first starts `left` before it."""
    right = max(0, (count - 1) * hop + width - left - signal.shape[-1])
    signal = padded(signal, left, right)
    if isinstance(signal, np.ndarray):
        frames = sliding_window_view(signal, width, axis=-1)[:, ::hop]
        return np.ascontiguousarray(frames[:, :count])
    return signal.unfold(-1, width, hop)[:, :count]


def padded(array: Numbers, left: int, right: int) -> Numbers:
    """The array or tensor with so many zeros before and after its last axis."""
    if isinstance(array, np.ndarray):
        return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(left, right)])
    tensor: Tensor = _torch().nn.functional.pad(array, (left, right))
    return tensor


def _torch() -> Any:
    """torch, which arrays do without: it takes seconds to load."""
    import torch

    return torch


def normalise(magnitudes: Numbers) -> Numbers:
    """The network's input: square root of the magnitudes over their local level, (B, 84, T).

    The root halves the range in decibels: quiet partials count beside loud ones. Division by the
    level of the surrounding five seconds makes the result independent of gain and of slow fades,
    and one pass over a long recording gives what each fragment alone would give.
    """
    roots: Any = magnitudes**0.5
    normalised: Numbers = roots / (local_level(roots) + LEVEL_FLOOR)
    return normalised


def local_level(roots: Any) -> Any:
    """Mean over bins and the frames within `LEVEL_RADIUS`, (B, 1, T); fewer frames at the ends."""
    per_frame, n_frames = roots.mean(axis=1, keepdims=True), roots.shape[-1]
    if not isinstance(roots, np.ndarray):
        radius = min(LEVEL_RADIUS, n_frames - 1)
        return _torch().nn.functional.avg_pool1d(
            per_frame, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False
        )
    sums = np.cumsum(padded(per_frame, 1, 0), axis=-1, dtype=np.float64)
    first = np.maximum(np.arange(n_frames) - LEVEL_RADIUS, 0)
    stop = np.minimum(np.arange(n_frames) + LEVEL_RADIUS + 1, n_frames)
    return ((sums[..., stop] - sums[..., first]) / (stop - first)).astype(np.float32)


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
