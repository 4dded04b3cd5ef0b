import pytest
import torch

from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.errors import FragmentTooShortError, WeightsError
from cqtnet.model import CqtNet
from cqtnet.preset import HEADS, PRESETS, Preset, StepSpan, find_preset

# The paper's table for 84 × 862: after each convolution, and after its pooling where it has one.
TABLE = {
    "conv0": [(32, 85, 860)],
    "conv1": [(64, 73, 856), (64, 73, 429)],
    "conv2": [(64, 61, 427)],
    "conv3": [(64, 59, 423), (64, 59, 212)],
    "conv4": [(128, 57, 210)],
    "conv5": [(128, 55, 206), (128, 55, 104)],
    "conv6": [(256, 53, 102)],
    "conv7": [(256, 51, 98), (256, 51, 50)],
    "conv8": [(512, 49, 48)],
    "conv9": [(512, 47, 44)],
}


@torch.inference_mode()
def test_every_layer_has_the_papers_shape_and_parameters():
    x = torch.rand(1, 1, 84, 862)
    model = CqtNet(PRESETS["paper"]).eval()
    assert [name for name, _ in model.trunk.named_children()] == list(TABLE)
    for name, block in model.trunk.named_children():
        shapes = [tuple(block.conv(x).shape[1:])]
        (x,) = block([x])
        if len(TABLE[name]) == 2:
            shapes.append(tuple(x.shape[1:]))
        assert shapes == TABLE[name]
    assert model(torch.rand(1, 84, 862)).shape == (1, 2048)
    trunk = sum(p.numel() for p in model.trunk.parameters())
    assert trunk == 4_922_496 + 2 * 2016  # 4.93 M, BatchNorm included
    assert sum(p.numel() for p in model.fc0.parameters()) == 512 * 2048 + 2048  # 1.05 M


@torch.inference_mode()
@pytest.mark.parametrize("name", ["paper", "default"])
def test_a_step_hears_exactly_the_frames_that_are_promised(name):
    preset = find_preset(name, width=0.05, embedding_size=8)
    torch.manual_seed(0)
    model = CqtNet(preset).eval()
    frames = torch.rand(1, 84, 3 * preset.receptive_frames)
    middle = model.steps(frames).shape[-1] // 2
    first = middle * preset.stride_frames - StepSpan.of(preset).reach_left
    last = first + preset.receptive_frames - 1

    def changes(start, stop):
        louder = frames.clone()
        louder[..., start:stop] += 100.0
        return not torch.equal(model.steps(louder)[..., middle], model.steps(frames)[..., middle])

    assert not changes(0, first) and changes(first, first + preset.frames_averaged)
    assert changes(last + 1 - preset.frames_averaged, last + 1)
    assert not changes(last + 1, frames.shape[-1])


@torch.inference_mode()
@pytest.mark.parametrize("name", list(PRESETS))
def test_any_length_from_two_seconds_gives_one_embedding(name):
    preset = find_preset(name, width=0.1)
    model = CqtNet(preset).eval()
    for n_frames in (90, 171, 172, 400, 1500):
        embedding = model(torch.rand(2, 84, n_frames))
        assert embedding.shape == (2, preset.embedding_size) and torch.isfinite(embedding).all()
    with pytest.raises(FragmentTooShortError, match=r"0\.80 s is shorter than the 2\.0 s.*longer"):
        model(torch.rand(1, 84, int(0.8 * FRAMES_PER_SECOND) + 1))


@torch.inference_mode()
@pytest.mark.parametrize("head", HEADS)
def test_pooling_steps_equals_pooling_the_whole_trunk(head):
    model = CqtNet(find_preset("tiny", head=head)).eval()
    frames = torch.rand(2, 84, 400)
    averaged = torch.nn.functional.avg_pool1d(frames, 4)
    x = model.trunk([averaged[:, None]])[0]  # (B, C, F, T)
    expected = {
        "max": lambda: x.amax((2, 3)),
        "mean": lambda: x.mean((2, 3)),
        "mean+max": lambda: torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1),
        "max+means": lambda: torch.cat([x.amax((2, 3)), x.amax(2).mean(2), x.mean((2, 3))], 1),
        "gem": lambda: x.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3),
    }[head]()
    torch.testing.assert_close(model(frames), model.fc0(expected), rtol=1e-4, atol=1e-5)


def test_views_of_different_lengths_are_normalised_together():
    """Cut anywhere in time, a block's statistics are the same where nothing reaches across."""
    model = CqtNet(find_preset("tiny")).train()
    block = model.trunk.conv0
    x = torch.rand(2, 1, 84, 60)
    _, part = block([x[..., :20], x[..., 20:]])
    alone = block([x[..., 20:]])[0]
    assert (part - alone).abs().max() > 1e-3  # other statistics
    both = torch.cat([block.conv(x[..., :20]), block.conv(x[..., 20:])], 3)
    expected = torch.nn.functional.batch_norm(both, None, None, training=True).relu()[..., 20:]
    torch.testing.assert_close(part, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("data", "message"), [
    ({"name": "x", "depth": 3}, "does not fit this version"),
    ({"name": "x", "width": 0}, "positive sizes"),
    ({"name": "x", "width": float("nan")}, "positive sizes"),
    ({"name": "x", "embedding_size": 64.0}, "not a whole number"),
    ({"name": "x", "embedding_size": 1 << 40}, "whole positive sizes up to 65536"),
    ({"name": "x", "head": "median"}, "head 'median' is unknown; use max"),
])  # fmt: skip
def test_a_foreign_preset_is_refused(data, message):
    with pytest.raises(WeightsError, match=message):
        Preset.from_dict(data)
    with pytest.raises(WeightsError, match="use one of paper, default, tiny"):
        find_preset("large")
