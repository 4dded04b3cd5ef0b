import numpy as np
import pytest
import torch
import torch.nn.functional as F

from spoof.models import DeepVoiceAnn, Fcnn3, Lstm, SimpleAnn, SimpleAnnDropout
from tests.spoof.layers import n_parameters, rectified, traced


def test_deep_voice_ann_is_40_to_three_of_64_to_2() -> None:
    model = DeepVoiceAnn()
    assert traced(model, 40) == [("Linear", (64,))] * 3 + [("Linear", (2,))]
    assert n_parameters(model) == (40 + 1) * 64 + 2 * (64 + 1) * 64 + (64 + 1) * 2 == 11_074


def test_deep_voice_ann_drops_out_after_each_hidden_layer_and_has_as_many_parameters() -> None:
    model = DeepVoiceAnn(dropout=0.2)
    assert traced(model, 40) == [("Linear", (64,)), ("Dropout", (64,))] * 3 + [("Linear", (2,))]
    assert n_parameters(model) == 11_074
    rates = [layer.p for layer in model.modules() if isinstance(layer, torch.nn.Dropout)]
    assert rates == [0.2] * 3


def test_binary_cross_entropy_of_two_softmax_outputs_is_cross_entropy() -> None:
    """The source contradicts itself in words only: both losses are the same number."""
    logits = torch.randn(50, 2, dtype=torch.float64)
    is_fake = torch.arange(50) % 2
    one_hot = F.one_hot(is_fake, 2).double()
    binary = F.binary_cross_entropy(logits.softmax(dim=1), one_hot)
    assert binary.item() == pytest.approx(F.cross_entropy(logits, is_fake).item())


def test_simple_ann_takes_all_12032_numbers_of_64_by_188() -> None:
    with torch.device("meta"):
        model = SimpleAnn()
    widths = [shape for _, shape in traced(model, 64, 188)]
    assert widths == [(1024,), (512,), (256,), (1,)]
    assert 64 * 188 == 12_032
    by_hand = 12_033 * 1024 + 1025 * 512 + 513 * 256 + 257
    assert n_parameters(model) == by_hand == 12_978_177


def test_simple_ann_with_dropout_is_40_128_64_1() -> None:
    model = SimpleAnnDropout()
    assert traced(model, 40) == [
        ("Linear", (128,)),
        ("Dropout", (128,)),
        ("Linear", (64,)),
        ("Dropout", (64,)),
        ("Linear", (1,)),
    ]
    assert n_parameters(model) == 41 * 128 + 129 * 64 + 65 == 13_569


def test_fcnn3_is_read_as_three_dense_layers_of_512_512_and_2() -> None:
    model = Fcnn3(28)
    assert traced(model, 3, 28, 28) == [("Linear", (512,))] * 2 + [("Linear", (2,))]
    by_hand = (3 * 28 * 28 + 1) * 512 + 513 * 512 + 513 * 2
    assert n_parameters(model) == by_hand == 1_468_418
    assert traced(Fcnn3(50, channels=1), 1, 50, 50)[-1] == ("Linear", (2,))


def test_lstm_has_as_many_trained_parameters_as_kerass_with_its_one_bias() -> None:
    """Keras counts 4 · 128 · (40 + 128 + 1); PyTorch's second bias of 512 stays zero."""
    model = Lstm()
    assert traced(model, 40, 94) == [("Dropout", (128,)), ("Linear", (64,)), ("Linear", (1,))]
    by_hand = 4 * 128 * (40 + 128 + 1) + 129 * 64 + 65
    assert n_parameters(model, trained_only=True) == by_hand == 94_849
    assert n_parameters(model) == 94_849 + 512
    assert not model.lstm.bias_hh_l0.any()


def test_lstm_gives_what_it_holds_after_the_last_frame() -> None:
    """Written out: gates input, forget, cell, output; frames in order of time."""
    model = Lstm(3).eval()
    x = torch.randn(2, 3, 5)
    weights = dict(model.lstm.named_parameters())
    hidden = cell = torch.zeros(2, 128)
    with torch.no_grad():
        for t in range(5):
            gates = x[:, :, t] @ weights["weight_ih_l0"].T + hidden @ weights["weight_hh_l0"].T
            i, f, g, o = (gates + weights["bias_ih_l0"]).chunk(4, dim=1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
        assert torch.allclose(model(x), model.dense(hidden), atol=1e-6)


def test_keras_networks_begin_with_glorot_weights_zero_biases_and_an_open_forget_gate() -> None:
    """Uniform within √(6 / (in + out)): the deviation is that over √3."""
    for model in (DeepVoiceAnn(), Fcnn3(28), Lstm()):
        for layer in model.modules():
            if isinstance(layer, torch.nn.Linear):
                limit = np.sqrt(6 / (layer.in_features + layer.out_features))
                assert 0.8 * limit < layer.weight.abs().max() <= limit
                assert layer.weight.std().item() == pytest.approx(limit / np.sqrt(3), rel=0.2)
                assert not layer.bias.any()
    lstm = Lstm().lstm
    assert lstm.bias_ih_l0.tolist() == [0.0] * 128 + [1.0] * 128 + [0.0] * 256
    recurrent = lstm.weight_hh_l0.detach()
    assert torch.allclose(recurrent.T @ recurrent, torch.eye(128), atol=1e-5)
    assert lstm.weight_ih_l0.abs().max() <= np.sqrt(6 / (40 + 512))


def test_pytorch_networks_keep_pytorchs_beginning() -> None:
    """Within 1 / √in for weights and biases both."""
    first = SimpleAnnDropout().layers[0]
    assert first.bias.any()
    assert 0.9 / np.sqrt(40) < first.weight.abs().max() <= 1 / np.sqrt(40)


def test_a_rectifier_stands_between_any_two_layers_and_logits_come_out() -> None:
    with torch.device("meta"):
        models = [DeepVoiceAnn(), DeepVoiceAnn(dropout=0.2), SimpleAnn(), SimpleAnnDropout()]
        models += [Fcnn3(28), Lstm().dense]
    for model in models:
        assert rectified(model), model
