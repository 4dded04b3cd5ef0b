import json

import pytest
import torch

from cqtnet import checkpoint
from cqtnet.checkpoint import load_weights, save_weights, shipped_names
from cqtnet.errors import WeightsError
from cqtnet.files import file_sha256
from cqtnet.model import CqtNet
from cqtnet.preset import find_preset


@pytest.fixture
def net():
    torch.manual_seed(0)
    return CqtNet(find_preset("tiny")).eval()


@pytest.fixture
def saved(net, tmp_path):
    save_weights(net, tmp_path / "net.safetensors", data="made in a test")
    return tmp_path / "net.safetensors"


def test_weights_survive_the_disk_in_half_precision(saved, net):
    loaded = load_weights(saved)
    assert loaded.model.preset == net.preset
    assert loaded.card["data"] == "made in a test"
    frames = torch.rand(1, 84, 400)
    with torch.inference_mode():
        cosine = torch.nn.functional.cosine_similarity(net(frames), loaded.model(frames))
    assert cosine.item() > 0.9999
    assert saved.stat().st_size < 1.1 * 2 * sum(p.numel() for p in net.parameters()) + 9000


def test_one_changed_byte_is_refused_and_a_pickle_never_loaded(saved):
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(WeightsError, match=r"SHA-256 .* damaged"):
        load_weights(saved)
    torch.save({"fc0.weight": torch.zeros(1)}, saved)
    card = json.loads(saved.with_suffix(".json").read_text())
    saved.with_suffix(".json").write_text(json.dumps({**card, "sha256": file_sha256(saved)}))
    with pytest.raises(WeightsError, match="holds no readable weights"):
        load_weights(saved)


def test_weights_that_are_not_finite_are_refused(net, saved):
    next(net.parameters()).data[0] = torch.nan
    save_weights(net, saved)
    with pytest.raises(WeightsError, match="not finite"):
        load_weights(saved)


def test_weights_of_another_network_are_refused(saved):
    other = CqtNet(find_preset("tiny", embedding_size=65))
    with pytest.raises(WeightsError, match=r"another architecture: fc0\..*preset"):
        checkpoint.load_tensors(other, checkpoint.read_tensors(saved), source=saved)
    # Another head changes no shape: only the hashed header can tell.
    card_path = saved.with_suffix(".json")
    card = json.loads(card_path.read_text())
    card["preset"]["head"] = "mean"
    card_path.write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="the presets differ"):
        load_weights(saved)


@pytest.mark.parametrize(("card", "message"), [
    ("{", "unreadable"),
    ("[]", "lacks format, preset, sha256"),
    ('{"format": 9, "sha256": "", "preset": {}}', "is of format 9; this version reads 1"),
    ('{"format": 1, "sha256": 5, "preset": {}}', "of the wrong kind"),
])  # fmt: skip
def test_a_wrong_card_is_refused(saved, card, message):
    saved.with_suffix(".json").write_text(card)
    with pytest.raises(WeightsError, match=message):
        load_weights(saved)


def test_every_shipped_weight_loads_and_is_small_enough():
    with pytest.raises(WeightsError, match=r"weights 'best-ever' are neither shipped \(.*default"):
        load_weights("best-ever")
    assert "default" in shipped_names()
    for name in shipped_names():
        assert load_weights(name).model.preset.embedding_size > 0
        assert (checkpoint.SHIPPED / f"{name}.safetensors").stat().st_size < 15e6
