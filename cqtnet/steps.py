"""Which steps the trunk makes of a recording, and which samples each of them hears."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND, HOP_LENGTH, LEVEL_RADIUS, CqtConfig, frame_count
from cqtnet.model import LAYERS, Preset


@dataclass(frozen=True)
class StepSpan:
    """Which samples a block of steps needs, so that it equals one pass over everything."""

    stride: int  # frames from step to step
    reach_left: int  # frames that a step hears before its own first frame
    reach_right: int  # frames that it hears from there on
    context_steps: int  # steps before a block whose samples are held for it
    context_frames: int  # frames around what is heard that CQT and level need

    @classmethod
    def of(cls, preset: Preset) -> "StepSpan":
        """The span of a preset's steps."""
        left, stride = 0, 1
        for layer in LAYERS:
            if preset.time_padding:
                left += (layer.kernel[1] - 1) * layer.dilation // 2 * stride
            if layer.pool:
                left += stride
                stride *= 2
        left *= preset.frames_averaged
        context = LEVEL_RADIUS + CqtConfig().context_frames
        return cls(
            stride=preset.stride_frames,
            reach_left=left,
            reach_right=preset.receptive_frames - left,
            context_steps=-(-(left + context) // preset.stride_frames),
            context_frames=context,
        )

    def held_from(self, first_step: int) -> int:
        """First sample that a block starting at `first_step` needs; on the grid of steps."""
        return max(0, first_step - self.context_steps) * self.stride * HOP_LENGTH

    def block_samples(self, n_steps: int, *, first_step: int = 0) -> int:
        """Samples from `held_from` to the last that `n_steps` steps can depend on."""
        last_frame = (first_step + n_steps - 1) * self.stride + self.reach_right
        last_sample = (last_frame + self.context_frames) * HOP_LENGTH
        return last_sample - self.held_from(first_step)


def window_steps(
    preset: Preset, n_steps: int, *, window_s: float, hop_s: float
) -> tuple[NDArray[np.int64], int]:
    """First steps of all windows among `n_steps`, the last ending with them; and their length."""
    length = min(step_count(preset, round(window_s * SAMPLE_RATE)), n_steps)
    last = n_steps - length
    step_s = preset.stride_frames / FRAMES_PER_SECOND
    hops = np.arange(0, last * step_s + 1e-9, max(hop_s, step_s))
    starts = np.rint(hops / step_s).astype(np.int64)
    return np.unique(np.append(np.minimum(starts, last), last)), length


def step_count(preset: Preset, n_samples: int) -> int:
    """Steps that the trunk makes of that many samples."""
    steps = max(frame_count(n_samples), preset.minimum_frames)
    steps = -(-steps // preset.frames_averaged)
    for layer in LAYERS:
        if not preset.time_padding:
            steps -= (layer.kernel[1] - 1) * layer.dilation
        if layer.pool:
            steps = steps // 2 + 1
    return steps
