"""Networks of somebody's own, made here: how much of the energy is in high frequencies."""

from functools import partial

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from cqtnet.errors import WeightsError
from spoof.calibrate import calibrate
from spoof.checkpoint import load_trained
from spoof.detect import Detector
from spoof.evaluate import evaluate
from spoof.prepare import Preparer
from tests.spoof.material import RATE_HZ, sound, text, voices, write

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit")
SETTINGS = f'{{"rate_hz": {RATE_HZ}, "segment_s": 1.0, "synthetic": %d}}'


class Steps(nn.Module):
    """Logits (B, 2), the human one second: the step from sample to sample beside the level."""

    def forward(self, x):
        ratio = (x[:, 1:] - x[:, :-1]).square().mean(dim=1) / x.square().mean(dim=1)
        score = 10 * (ratio - 1)
        return x, torch.stack([score, -score], dim=1)


GRAPH = """
<ir_version: 8, opset_import: ["": 17]>
steps (float[B, N] x) => (float[B, 1] score) {
    zero = Constant<value_ints=[0]>()
    one = Constant<value_ints=[1]>()
    end = Constant<value_ints=[1000000]>()
    last = Constant<value_ints=[-1]>()
    later = Slice(x, one, end, one)
    before = Slice(x, zero, last, one)
    step = Sub(later, before)
    squares = Mul(step, step)
    changed = ReduceMean<axes=[1], keepdims=1>(squares)
    own = Mul(x, x)
    level = ReduceMean<axes=[1], keepdims=1>(own)
    ratio = Div(changed, level)
    unit = Constant<value_floats=[1.0]>()
    less = Sub(ratio, unit)
    twenty = Constant<value_floats=[20.0]>()
    score = Mul(less, twenty)
}
"""


@pytest.fixture
def scripted(tmp_path):
    torch.jit.save(torch.jit.trace(Steps(), torch.randn(2, 8000)), tmp_path / "steps.pt")
    text(tmp_path / "steps.json", SETTINGS % 0)
    return tmp_path / "steps.pt"


@pytest.fixture
def graph(tmp_path):
    onnx.save(onnx.parser.parse_model(GRAPH), tmp_path / "graph.onnx")
    text(tmp_path / "graph.json", SETTINGS % 1)
    return tmp_path / "graph.onnx"


def test_two_formats_of_one_network_give_the_same_scores(tmp_path, scripted, graph):
    for is_fake in (True, False):
        path = write(tmp_path / "a.wav", sound(is_fake, 3))
        scores = [Detector.named(net, device="cpu").detect(path).score for net in (scripted, graph)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-3)
        assert (scores[0] > 3) if is_fake else (scores[0] < -3)


def test_it_is_measured_calibrated_and_used_as_our_own_detectors_are(tmp_path, scripted):
    data, trained = voices(tmp_path / "voices"), load_trained(scripted)
    preparer = Preparer(tmp_path / "cache")
    found = evaluate(trained, data, preparer, device="cpu", shortcuts=4, resamples=10)
    assert found.recordings.metrics["eer"].value == 0 and len(found.shortcuts) == 6
    calibrate(trained, data, preparer, device="cpu").save(trained.path)
    path = write(tmp_path / "a.wav", sound(True, 12345))
    judged = Detector.named(scripted, device="cpu").detect(path)
    assert judged.verdict == "synthetic" or judged.most_log_lr < np.log(10)
    assert judged.log_lr > 0 and judged.trained_on == "what is not stated"
    assert judged.model_sha256 == trained.sha256 and judged.recipe == "steps"


def test_what_cannot_be_read_is_refused(tmp_path, scripted):
    load = partial(load_trained)
    with pytest.raises(WeightsError, match=r"no\.pt holds no network that can be read"):
        load(text(tmp_path / "no.pt", "nothing"))
    torch.save({"weight": torch.zeros(2)}, tmp_path / "pickled.pt")
    with pytest.raises(WeightsError, match=r"pickled\.pt holds no network"):
        load(tmp_path / "pickled.pt")
    with pytest.raises(WeightsError, match=r"no\.onnx holds no network"):
        load(text(tmp_path / "no.onnx", "nothing"))
    for wrong in ('{"rate": 1}', "[", SETTINGS % 7):
        text(scripted.with_suffix(".json"), wrong)
        with pytest.raises(WeightsError, match=r"steps\.json: .*write it as"):
            load(scripted)


def test_a_folder_of_hugging_face_names_its_classes(tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = tmp_path / "wav2vec"
    config = transformers.Wav2Vec2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        conv_dim=(8, 8), conv_stride=(5, 4), conv_kernel=(10, 8), num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2, classifier_proj_size=8, num_labels=2,
        id2label={0: "spoof", 1: "bonafide"}, label2id={"spoof": 0, "bonafide": 1},
    )  # fmt: skip
    net = transformers.Wav2Vec2ForSequenceClassification(config).eval()
    net.save_pretrained(folder)
    text(folder / "preprocessor_config.json", '{"do_normalize": true, "sampling_rate": 8000}')
    trained = load_trained(folder)
    assert trained.recipe.rate_hz == 8000 and trained.recipe.name == "wav2vec"
    x = torch.from_numpy(np.stack([sound(True, 1), 3 * sound(False, 2)]))
    with torch.inference_mode():
        unit = (x - x.mean(dim=1, keepdim=True)) / x.std(dim=1, keepdim=True)
        human_second = net(unit).logits
        expected = human_second[:, 0] - human_second[:, 1]
        torch.testing.assert_close(trained.net(x)[:, 0], expected, atol=1e-3, rtol=1e-3)
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"neither model\.safetensors nor pytorch"):
        load_trained(folder)
