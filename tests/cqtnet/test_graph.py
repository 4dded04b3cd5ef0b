import numpy as np
import pytest
import torch

from cqtnet import SAMPLE_RATE, graph
from cqtnet.checkpoint import load_weights, save_weights
from cqtnet.embed import Embedder
from cqtnet.errors import WeightsError
from cqtnet.graph import PARTS, GraphNetwork
from cqtnet.model import CqtNet, FusedNetwork
from cqtnet.music import make_music
from cqtnet.preset import PRESETS, find_preset


@pytest.fixture(scope="module")
def music():
    return make_music(11, duration_s=43.21)


def drawn(preset):
    """A network of a preset whose BatchNorm does something."""
    torch.manual_seed(2)
    model = CqtNet(preset)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if ".norm." in f".{name}" and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
@pytest.mark.parametrize("seconds", [2.0, 43.21])
def test_a_graph_gives_what_the_network_in_torch_gives(preset, seconds, music, tmp_path):
    """The network is defined in torch only: whoever changes it there must export it again."""
    path = tmp_path / "net.safetensors"
    save_weights(drawn(preset), path)
    weights, samples = load_weights(path), music[: round(seconds * SAMPLE_RATE)]
    both = [Embedder(made, "cpu", "float32") for made in (weights, weights.model)]
    assert [type(embedder.network) for embedder in both] == [GraphNetwork, FusedNetwork]
    ours, torchs = (embedder.trace(samples) for embedder in both)
    assert ours.steps.shape == torchs.steps.shape
    np.testing.assert_allclose(ours.levels, torchs.levels, atol=1e-6)
    np.testing.assert_allclose(ours.steps, torchs.steps, atol=1e-5 * torchs.steps.max())
    vectors = [e.windows(t, window_s=10).vectors for e, t in zip(both, (ours, torchs), strict=True)]
    np.testing.assert_allclose(*vectors, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_what_torch_exports_now_is_the_graph(music, tmp_path, monkeypatch):
    tensors = {name: t.numpy() for name, t in drawn(PRESETS["tiny"]).state_dict().items()}
    kept = {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
    before = GraphNetwork(PRESETS["tiny"], kept).steps(music)[0]
    for part in PARTS:
        content = graph.exported(PRESETS["tiny"], part)
        assert len(content) < 20_000, "a graph holds no weights"
        (tmp_path / f"tiny.{part}.onnx").write_bytes(content)
    monkeypatch.setattr(graph, "FOLDER", tmp_path)
    after = GraphNetwork(PRESETS["tiny"], kept).steps(music)[0]
    assert after.tobytes() == before.tobytes()


def test_other_presets_have_no_graph_and_other_tensors_are_refused():
    tensors = {"trunk.conv0.conv.weight": np.zeros((1, 1, 12, 3), np.float32)}
    assert GraphNetwork.of(find_preset("default", width=0.25), tensors) is None
    with pytest.raises(WeightsError, match="another architecture than preset tiny"):
        GraphNetwork(PRESETS["tiny"], tensors)
