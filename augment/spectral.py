"""Alterations of constant-Q magnitudes: the cheap path of training, batched, on any device.

A transposition is a shift of bins, a change of tempo a resampling of frames, noise and
reverberation are additions of energy. A draw is plain arrays and replays bit for bit. It cannot
imitate the artefacts of real processing: for those, training mixes in a share of waveform effects.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from augment.effect import Rng
from augment.errors import EffectError

Array = NDArray[np.float32]

N_EQ_POINTS = 8


@dataclass(frozen=True)
class SpectralRanges:
    """The ranges of a draw; a share is the probability that an effect is used at all."""

    shift_semitones: tuple[float, float] = (-4.0, 4.0)
    tempo: tuple[float, float] = (0.75, 1.35)
    speed_share: float = 0.2  # of draws whose pitch follows their tempo
    untouched_share: float = 0.15  # of draws that change neither pitch nor tempo
    noise_snr_db: tuple[float, float] = (-5.0, 25.0)
    noise_share: float = 0.6
    decay_s: tuple[float, float] = (0.2, 3.0)  # RT60
    wet_db: tuple[float, float] = (-10.0, 12.0)  # reverberant over direct energy
    reverb_share: float = 0.5
    eq_db: float = 6.0  # standard deviation of the gain at each of the curve's points
    eq_share: float = 0.5
    band_share: float = 0.15  # of draws that keep a band only, as a telephone does
    mask_share: float = 0.3
    mask_bins: int = 10
    mask_frames: int = 43

    def __post_init__(self) -> None:
        """Raise EffectError unless everything can be drawn from."""
        for name, value in vars(self).items():
            if isinstance(value, tuple):
                good = len(value) == 2 and -math.inf < value[0] <= value[1] < math.inf
                good = good and (value[0] > 0 or name not in ("tempo", "decay_s"))
                wanted = "two numbers, the lower one first (tempo and decay_s: above 0)"
            else:
                good = 0 <= value <= 1 or (not name.endswith("_share") and 1 < value < math.inf)
                wanted = "0 or more, of a share 1 at most"
            if not good:
                raise EffectError(f"{name} {value} cannot be drawn from; give {wanted}")


@dataclass(frozen=True)
class SpectralDraw:
    """One alteration for each of n fragments, as arrays with n rows."""

    shift_semitones: Array
    tempo: Array
    noise_snr_db: Array  # +inf: none
    noise_start: Array  # place in the noise, in [0, 1)
    decay_s: Array
    wet: Array  # reverberant over direct energy; 0: none
    eq_db: Array  # (n, N_EQ_POINTS)
    low_bin: Array  # bins below are removed
    high_bin: Array  # bins from here on are removed
    mask: Array  # (n, 4): first bin, bins, first frame in [0, 1), frames


def draw_spectral(rng: Rng, n: int, *, ranges: SpectralRanges | None = None) -> SpectralDraw:
    """Alterations for n fragments of 84 bins, drawn independently."""
    r, n_bins = ranges or SpectralRanges(), 84

    def happens(share: float) -> NDArray[np.bool_]:
        return rng.random(n) < share

    tempo = np.exp(rng.uniform(np.log(r.tempo[0]), np.log(r.tempo[1]), n))
    shift = rng.uniform(*r.shift_semitones, n)
    # Speed ties pitch to tempo; ±4 semitones are ×0.79 to ×1.26.
    speed = np.clip(tempo, 2 ** (r.shift_semitones[0] / 12), 2 ** (r.shift_semitones[1] / 12))
    tied, untouched = happens(r.speed_share), happens(r.untouched_share)
    tempo = np.where(untouched, 1.0, np.where(tied, speed, tempo))
    shift = np.where(untouched, 0.0, np.where(tied, 12 * np.log2(speed), shift))
    band = happens(r.band_share)
    masked = happens(r.mask_share)
    mask_bins = (rng.integers(0, n_bins, n), rng.integers(0, r.mask_bins + 1, n) * masked)
    mask_frames = (rng.random(n), rng.integers(0, r.mask_frames + 1, n) * masked)
    arrays = (
        shift,
        tempo,
        np.where(happens(r.noise_share), rng.uniform(*r.noise_snr_db, n), np.inf),
        rng.random(n),
        np.exp(rng.uniform(np.log(r.decay_s[0]), np.log(r.decay_s[1]), n)),
        np.where(happens(r.reverb_share), 10 ** (rng.uniform(*r.wet_db, n) / 10), 0.0),
        rng.normal(0, r.eq_db, (n, N_EQ_POINTS)) * happens(r.eq_share)[:, None],
        np.where(band, rng.integers(24, 42, n), 0),  # 130 to 350 Hz
        np.where(band, rng.integers(72, n_bins + 1, n), n_bins),  # from 2.1 kHz
        np.stack([*mask_bins, *mask_frames], axis=1),
    )
    return SpectralDraw(*(np.asarray(array, np.float32) for array in arrays))


def apply_spectral(
    magnitudes: Tensor, draw: SpectralDraw, *, n_frames: int, power_weights: Tensor,
    frames_per_second: float, noise: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Altered magnitudes (n, bins, n_frames) of (n, bins + 2 * margin, frames).

    A transposition moves the margin bins into the result. Frame t of the result is frame ``t *
    tempo`` of the input, which needs ``n_frames * tempo`` frames. `power_weights` (bins,) turn
    squared magnitudes into the power of the signal. `noise` (bins, many) are magnitudes of noise of
    unit variance; None means no noise.
    """
    (n, given), n_bins = magnitudes.shape[:2], len(power_weights)
    if len(draw.tempo) != n:
        raise EffectError(f"{n} fragments need as many draws; {len(draw.tempo)} were given")
    if given < n_bins or (given - n_bins) % 2:
        raise EffectError(f"{given} bins given; {n_bins} and equal margins are needed")
    power = warp(magnitudes, draw, n_bins=n_bins, n_frames=n_frames).square()
    if noise is not None and np.isfinite(draw.noise_snr_db).any():
        signal = (power * power_weights[:, None]).sum(dim=1).mean(dim=1)  # (n,)
        power = add_noise(power, signal, draw, noise)
    if (draw.wet > 0).any():
        power = smear(power, draw, frames_per_second=frames_per_second)
    gains = _band_gains(draw, n_bins).to(power)
    return (power * gains[:, :, None]).sqrt() * _mask(draw, n_bins, n_frames).to(power)


def warp(magnitudes: Tensor, draw: SpectralDraw, *, n_bins: int, n_frames: int) -> Tensor:
    """Transposed and stretched magnitudes (n, n_bins, n_frames), by bilinear interpolation."""
    _, given_bins, given_frames = magnitudes.shape
    margin = (given_bins - n_bins) / 2
    device = magnitudes.device
    shift = torch.from_numpy(draw.shift_semitones).to(device)[:, None]
    tempo = torch.from_numpy(draw.tempo).to(device)[:, None]
    bins = torch.arange(n_bins, device=device)[None] + margin - shift  # (n, n_bins)
    frames = torch.arange(n_frames, device=device)[None] * tempo  # (n, n_frames)
    across, up = 2 * frames / (given_frames - 1) - 1, 2 * bins / (given_bins - 1) - 1
    axes = [axis.expand(-1, n_bins, n_frames) for axis in (across[:, None], up[:, :, None])]
    grid = torch.stack(axes, dim=-1)
    return F.grid_sample(magnitudes[:, None], grid, align_corners=True)[:, 0]


def add_noise(power: Tensor, signal: Tensor, draw: SpectralDraw, noise: Tensor) -> Tensor:
    """Energy (n, bins, frames) with stretches of noise added at the drawn ratios."""
    n_frames = power.shape[-1]
    starts = (draw.noise_start * (noise.shape[-1] - n_frames)).astype(int)
    stretches = torch.stack([noise[:, start : start + n_frames] for start in starts])
    ratio = torch.from_numpy(10 ** (-draw.noise_snr_db / 10)).to(power)
    return power + stretches.square() * (signal * ratio)[:, None, None]


def smear(power: Tensor, draw: SpectralDraw, *, frames_per_second: float) -> Tensor:
    """Energy (n, bins, frames) with an exponentially decaying tail added to every frame."""
    n, _, n_frames = power.shape
    length = min(n_frames, int(float(draw.decay_s.max()) * frames_per_second) + 1)
    seconds = torch.arange(length, device=power.device) / frames_per_second
    decay = torch.from_numpy(draw.decay_s).to(power)[:, None]
    tails = 10 ** (-6 * seconds / decay)  # energy falls by 60 dB in decay_s
    tails[:, 0] = 0
    tails = tails / tails.sum(dim=1, keepdim=True)
    tails = tails * torch.from_numpy(draw.wet).to(power)[:, None]
    tails[:, 0] = 1
    padded = F.pad(power.transpose(0, 1), (length - 1, 0))  # (bins, n, frames)
    smeared = F.conv1d(padded, tails.flip(1)[:, None], groups=n)
    return smeared.transpose(0, 1)


def _band_gains(draw: SpectralDraw, n_bins: int) -> Tensor:
    """Gain of energy of each bin (n, n_bins): the equaliser's curve within the kept band."""
    points = torch.from_numpy(draw.eq_db)[:, None]
    curve = F.interpolate(points, size=n_bins, mode="linear", align_corners=True)[:, 0]
    bins = torch.arange(n_bins)[None]
    low, high = (torch.from_numpy(edge)[:, None] for edge in (draw.low_bin, draw.high_bin))
    kept = (bins >= low) & (bins < high)
    gains: Tensor = (curve * (math.log(10) / 10)).exp() * kept
    return gains


def _mask(draw: SpectralDraw, n_bins: int, n_frames: int) -> Tensor:
    """Ones (n, n_bins, n_frames) with a band of bins and a stretch of frames set to zero."""
    first_bin, bins, start, frames = torch.from_numpy(draw.mask).T[:, :, None]
    first_frame = (start * n_frames).floor()
    bin_axis, frame_axis = torch.arange(n_bins)[None], torch.arange(n_frames)[None]
    dark_bins = (bin_axis >= first_bin) & (bin_axis < first_bin + bins)
    dark_frames = (frame_axis >= first_frame) & (frame_axis < first_frame + frames)
    kept: Tensor = (~(dark_bins[:, :, None] | dark_frames[:, None, :])).float()
    return kept
