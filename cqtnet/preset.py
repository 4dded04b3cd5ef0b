"""What a network is made of, as data: its layers, its presets, and which samples a step needs.

Nothing here computes, and nothing loads torch: `cqtnet.model` is the network itself.
"""

from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from operator import mul
from typing import Any, NamedTuple

from augment.audio.files import told
from cqtnet import SAMPLE_RATE, cqt
from cqtnet.errors import FragmentTooShortError, WeightsError
from cqtnet.schema import checked

MOST_SIZE = 1 << 16  # of an embedding; a network with more would not fit into memory
MINIMUM_S = 2.0  # least seconds of a fragment; a network that needs more is fed silence


class Layer(NamedTuple):
    """One convolution (+ BatchNorm + ReLU): kernel is frequency × time, dilation in time only."""

    name: str
    channels: int
    kernel: tuple[int, int]
    dilation: int
    pool: bool = False  # followed by max pooling 1×2 in time, stride 2, padding 1

    @property
    def reach(self) -> int:
        """Steps of its input, besides the first, that a step of its output depends on."""
        return (self.kernel[1] - 1) * self.dilation


LAYERS = (
    # sizes: what 84 × 862, i.e. 20 s, becomes
    Layer("conv0", 32, (12, 3), 1),  # 85 × 860, padded by 6 in frequency
    Layer("conv1", 64, (13, 3), 2, pool=True),  # 73 × 856 → 73 × 429
    Layer("conv2", 64, (13, 3), 1),  # 61 × 427
    Layer("conv3", 64, (3, 3), 2, pool=True),  # 59 × 423 → 59 × 212
    Layer("conv4", 128, (3, 3), 1),  # 57 × 210
    Layer("conv5", 128, (3, 3), 2, pool=True),  # 55 × 206 → 55 × 104
    Layer("conv6", 256, (3, 3), 1),  # 53 × 102
    Layer("conv7", 256, (3, 3), 2, pool=True),  # 51 × 98 → 51 × 50
    Layer("conv8", 512, (3, 3), 1),  # 49 × 48
    Layer("conv9", 512, (3, 3), 2),  # 47 × 44
)
STRIDES: tuple[int, ...] = tuple(accumulate((1 + layer.pool for layer in LAYERS), mul, initial=1))
"""Frames from step to step of each layer's input, then of the trunk's output."""

HEADS = {
    "max": (("max", "max"),),
    "mean": (("mean", "mean"),),
    "mean+max": (("mean", "mean"), ("max", "max")),
    "max+means": (("max", "max"), ("max", "mean"), ("mean", "mean")),
    "gem": (("mean", "mean"),),  # of powers, whose exponent is learned
}
"""The statistics of the trunk's output that FC0 reads: each over frequency, then over time."""


@dataclass(frozen=True)
class Preset:
    """One variant of the network, as data that is saved with its weights."""

    name: str
    width: float = 1.0  # times the paper's channels
    frames_averaged: int = 1  # consecutive CQT frames averaged into one before the network
    time_padding: bool = False  # pad convolutions in time, so that short input passes
    head: str = "max"  # one of HEADS
    standardised: bool = False  # BatchNorm of what was pooled, before FC0
    embedding_size: int = 2048

    def __post_init__(self) -> None:
        """Raise WeightsError unless a network can be built from it."""
        sizes = (self.frames_averaged, self.embedding_size)
        if not all(1 <= size <= MOST_SIZE for size in sizes) or not 0 < self.width <= 16:
            needs = f"whole positive sizes up to {MOST_SIZE} and a width up to 16"
            raise WeightsError(f"preset {told(asdict(self))} needs {needs}")
        if self.head not in HEADS:
            raise WeightsError(f"head {told(self.head)!r} is unknown; use {', '.join(HEADS)}")

    @property
    def stride_frames(self) -> int:
        """CQT frames from one step of the trunk to the next."""
        return self.frames_averaged * STRIDES[-1]

    @property
    def receptive_frames(self) -> int:
        """CQT frames that one step of the trunk depends on."""
        reaches = (layer.reach + layer.pool for layer in LAYERS)
        return (1 + int(sum(map(mul, reaches, STRIDES)))) * self.frames_averaged

    @property
    def minimum_frames(self) -> int:
        """Fewest CQT frames that pass the trunk: 172 for the paper's."""
        if self.time_padding:
            return self.frames_averaged
        frames = 1
        for layer in reversed(LAYERS):
            if layer.pool:
                frames = 2 * frames - 2  # pooling with padding 1 gives n // 2 + 1
            frames = max(frames, 1) + layer.reach
        return frames * self.frames_averaged

    def channels(self, layer: Layer) -> int:
        """Channels of a layer at this width."""
        return max(1, round(layer.channels * self.width))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Preset":
        """The preset of plain data, as saved beside the weights; unknown keys are an error."""
        try:
            return checked(cls, data, "the preset")
        except WeightsError:
            raise
        except ValueError as error:
            raise WeightsError(f"a preset does not fit this version: {error}") from error


_QUICK = Preset("", frames_averaged=4, time_padding=True)
_ALL = (
    Preset("paper"),
    replace(_QUICK, name="default", width=0.5, head="max+means", standardised=True),
    replace(_QUICK, name="tiny", width=0.125, embedding_size=64),
)
PRESETS = {preset.name: preset for preset in _ALL}
"""`paper`: as published. `default`: for users. `tiny`: for tests and first tries."""


def find_preset(name: str, **changes: Any) -> Preset:
    """The named preset, with fields changed on request."""
    if name not in PRESETS:
        raise WeightsError(f"preset {name!r} is unknown; use one of {', '.join(PRESETS)}")
    return replace(PRESETS[name], **changes)


def pad_short(frames: cqt.Numbers, preset: Preset) -> cqt.Numbers:
    """Frames (B, 84, T), with silence on both sides where the trunk needs more than there are."""
    n_frames = frames.shape[-1]
    if n_frames < cqt.frame_count(round(MINIMUM_S * SAMPLE_RATE)):
        raise FragmentTooShortError(
            f"fragment of about {(n_frames - 0.5) / cqt.FRAMES_PER_SECOND:.2f} s is shorter than "
            f"the {MINIMUM_S:.1f} s this model needs; give a longer one"
        )
    missing = max(0, preset.minimum_frames - n_frames)
    return cqt.padded(frames, missing // 2, missing - missing // 2)


@dataclass(frozen=True)
class StepSpan:
    """Which samples a block of steps depends on; with them it equals one pass over everything."""

    stride: int  # frames from step to step
    reach_left: int  # frames before its own first frame that a step depends on
    reach_right: int  # frames from there on that it depends on
    context_steps: int  # steps before a block whose samples are kept for it
    context_frames: int  # frames around these that the CQT and the level need

    @classmethod
    def of(cls, preset: Preset) -> "StepSpan":
        """The span of a preset's steps."""
        padded = (layer.reach // 2 * preset.time_padding + layer.pool for layer in LAYERS)
        left = int(sum(map(mul, padded, STRIDES))) * preset.frames_averaged
        context = cqt.LEVEL_RADIUS + cqt.context_frames()
        context_steps = -(-(left + context) // preset.stride_frames)
        right = preset.receptive_frames - left
        return cls(preset.stride_frames, left, right, context_steps, context)

    def held_from(self, first_step: int) -> int:
        """First sample, on the grid of steps, that a block starting at `first_step` needs."""
        return max(0, first_step - self.context_steps) * self.stride * cqt.HOP_LENGTH

    def block_samples(self, n_steps: int, *, first_step: int = 0) -> int:
        """Samples from `held_from` to the last that `n_steps` steps depend on."""
        last_frame = (first_step + n_steps - 1) * self.stride + self.reach_right
        last_sample = (last_frame + self.context_frames) * cqt.HOP_LENGTH
        return last_sample - self.held_from(first_step)


def step_count(preset: Preset, n_samples: int) -> int:
    """The number of the trunk's steps over that many samples."""
    steps = max(cqt.frame_count(n_samples), preset.minimum_frames)
    steps = -(-steps // preset.frames_averaged)
    for layer in LAYERS:
        steps -= 0 if preset.time_padding else layer.reach
        steps = steps // 2 + 1 if layer.pool else steps
    return steps
