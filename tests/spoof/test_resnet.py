"""Residual networks, against torchvision's and timm's; and where their weights are found."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from cqtnet.errors import WeightsError
from spoof import resnet as r
from tests.spoof.material import n_parameters


@pytest.mark.parametrize(("name", "total", "frozen", "last_frozen"), [
    ("resnet18", 11_689_512, 39, "layer3.0.downsample.1.bias"),
    # 3 + 12 + 9 + 9 + 6 of 101; 9 + 12 + 9 + 9 of 200d, its stem and first stage: where S2's
    # number comes from. timm lists resnet200d as 64.69 M.
    ("resnet101", 44_549_160, r.N_FROZEN, "layer2.0.bn2.bias"),
    ("resnet200d", 64_693_064, r.N_FROZEN, "layer1.2.bn3.bias"),
])  # fmt: skip
def test_totals_and_order_are_torchvisions_and_timms(name, total, frozen, last_frozen):
    with torch.device("meta"):
        net = r.ResNet(name)
    assert n_parameters(net) == total
    assert [n for n, _ in net.named_parameters()][frozen - 1] == last_frozen
    assert [n for n, _ in net.named_children()][-2:] == ["global_pool", "fc"]


def reference(state, x, *, deep):
    """The forward pass written from timm's names, with its strides and paddings, once more."""

    def norm(x, name):
        parts = [state[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts)

    def shortcut(x, block, stride):
        if f"{block}.downsample.1.running_mean" in state:
            x = F.conv2d(x, state[f"{block}.downsample.0.weight"], stride=stride)
            return norm(x, f"{block}.downsample.1")
        if f"{block}.downsample.1.weight" in state:  # the pooling has no weights but its number
            if stride == 2:
                x = F.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)
            x = F.conv2d(x, state[f"{block}.downsample.1.weight"])
            return norm(x, f"{block}.downsample.2")
        return x

    if deep:
        x = F.relu(norm(F.conv2d(x, state["conv1.0.weight"], stride=2, padding=1), "conv1.1"))
        x = F.relu(norm(F.conv2d(x, state["conv1.3.weight"], padding=1), "conv1.4"))
        x = F.conv2d(x, state["conv1.6.weight"], padding=1)
    else:
        x = F.conv2d(x, state["conv1.weight"], stride=2, padding=3)
    x = F.max_pool2d(F.relu(norm(x, "bn1")), 3, 2, 1)
    blocks = list(dict.fromkeys(".".join(k.split(".")[:2]) for k in state if k.startswith("layer")))
    for block in blocks:
        stride = 2 if block.endswith(".0") and block != "layer1.0" else 1
        bottleneck = f"{block}.conv3.weight" in state
        strides = {"1": 1, "2": stride, "3": 1} if bottleneck else {"1": stride, "2": 1}
        y = x
        for i, step in strides.items():
            kernel = state[f"{block}.conv{i}.weight"]
            y = F.conv2d(y, kernel, stride=step, padding=kernel.shape[2] // 2)
            y = norm(y, f"{block}.bn{i}")
            y = F.relu(y) if i != max(strides) else y
        x = F.relu(y + shortcut(x, block, stride))
    return F.linear(x.mean(dim=(2, 3)), state["fc.weight"], state["fc.bias"])


def with_random_norms(model):
    """The model with no normalisation that does nothing, in evaluation mode."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.weight.data.uniform_(0.3, 0.8)
            layer.bias.data.normal_(0, 0.1)
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet101", "resnet200d"])
def test_the_forward_pass_is_the_one_written_from_the_names(name):
    """Height and width of 41 and 57: odd sizes show where a pooling rounds."""
    torch.manual_seed(0)
    net = r.ResNet(name)
    # timm's blocks begin as their shortcuts alone, and torchvision's do not.
    last = net.layer1[1].bn2 if name == "resnet18" else net.layer1[1].bn3
    assert bool(last.weight.any()) == (name == "resnet18")
    net, x = with_random_norms(net), torch.randn(1, 3, 41, 57)
    with torch.no_grad():
        expected = reference(net.state_dict(), x, deep=name == "resnet200d")
        assert expected.std() > 0.01 and torch.allclose(net(x), expected, atol=1e-4)


def test_s1s_and_s2s_networks_differ_in_channels_and_outputs():
    """Against the standard: two of three colours of 64 · 7 · 7 less, and 1 output for 1000."""
    with torch.device("meta"):
        model, deep = r.S2ResNet("resnet101"), r.S2ResNet("resnet200d")
        assert model(torch.zeros(2, 64, 188)).shape == (2, 1)
    assert n_parameters(model) == 44_549_160 - 2 * 64 * 49 - 2049 * 1000 + 2049 == 42_495_937
    assert n_parameters(deep) == 64_693_064 - 2 * 32 * 9 - 2049 * 1000 + 2049 == 62_645_537
    assert all(p.requires_grad for p in model.parameters())
    with torch.device("meta"):
        first = r.S1ResNet18()  # on pictures, and with two outputs
        assert first(torch.zeros(2, 3, 28, 28)).shape == (2, 2)
    assert n_parameters(first, trained_only=True) == 11_689_512 - 513 * 1000 + 513 * 2


def test_pretrained_s2_resnet_freezes_39_tensors(tmp_path):
    with torch.device("meta"):
        shapes = {name: t.shape for name, t in r.ResNet("resnet101").state_dict().items()}
    weights = {name: torch.tensor(0.5).expand(shape) for name, shape in shapes.items()}
    torch.save(weights, tmp_path / "weights.pth")
    model = r.S2ResNet("resnet101", pretrained=tmp_path / "weights.pth")
    trained = [p.requires_grad for p in model.parameters()]
    assert trained.index(True) == 39 and sum(not t for t in trained) == 39
    assert torch.equal(model.resnet.layer4[0].conv1.weight, weights["layer4.0.conv1.weight"])


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_grey_gives_one_channel_what_it_gave_three(suffix, tmp_path):
    colour = with_random_norms(r.ResNet("resnet18"))
    path = tmp_path / f"weights{suffix}"
    (torch.save if suffix == ".pth" else save_file)(colour.state_dict(), path)
    grey = r.ResNet("resnet18", in_channels=1)
    r.load_pretrained(grey, path)
    x = torch.randn(2, 1, 64, 64)
    with torch.no_grad():
        expected = colour(x.expand(2, 3, 64, 64))
        assert torch.allclose(grey.eval()(x), expected, atol=1e-4)
        assert expected.std() > 0.01


def test_s3_resnet18_is_a_convolution_then_torchvisions_then_100_and_2(tmp_path):
    weights = r.ResNet("resnet18").state_dict()
    torch.save(weights, tmp_path / "resnet18-f37072fd.pth")
    model = r.S3ResNet18(pretrained=tmp_path / "resnet18-f37072fd.pth").eval()
    by_hand = 3 * 3 * 49 + 11_689_512 + 1001 * 100 + 101 * 2
    assert n_parameters(model, trained_only=True) == by_hand == 11_790_255
    assert model.conv(torch.zeros(1, 3, 224, 224)).shape == (1, 3, 112, 112)
    picture = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        hidden = model.dense(model.resnet(model.conv(picture))).clamp(min=0)
        assert torch.allclose(model(picture), model.out(hidden), atol=1e-6)
    assert (hidden == 0).any() and model.out(hidden).shape == (1, 2) and model.dropout.p == 0.1
    assert torch.equal(model.resnet.fc.weight, weights["fc.weight"])


def test_pretrained_weights_are_found_in_the_usual_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert r.find_pretrained("resnet18") is None
    torchvisions = tmp_path / "torch/hub/checkpoints/resnet18-f37072fd.pth"
    timms = tmp_path / "hf/hub/models--timm--resnet101.a1h_in1k/snapshots/01ab/model.safetensors"
    for path in (torchvisions, timms):
        path.parent.mkdir(parents=True)
        path.touch()
    found = [r.find_pretrained(name) for name in ("resnet18", "resnet101", "resnet200d")]
    assert found == [torchvisions, timms, None]


def test_files_that_hold_no_such_weights_are_refused(tmp_path):
    with torch.device("meta"):
        net = r.ResNet("resnet18")
    damaged, code, list_of, other, empty = (tmp_path / f"{n}.pth" for n in "abcde")
    damaged.write_bytes(b"no zip, no pickle")
    empty.touch()
    torch.save({"harm": Path("/")}, code)
    torch.save([1, 2], list_of)
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, other)
    cases = {
        list_of: "holds no state dict; give one as torchvision or timm save it",
        other: "is of another architecture",
    }
    missing = (tmp_path / "none.pth", tmp_path / "none.safetensors")
    cases |= dict.fromkeys((damaged, code, empty, *missing), "holds no readable weights")
    for path, message in cases.items():
        with pytest.raises(WeightsError, match=f"{path.name} {message}") as error:
            r.load_pretrained(net, path)
        assert "\n" not in str(error.value)
