"""The small networks: their layers, their parameters, and the weights they begin with."""

import numpy as np
import pytest
import torch
from torch import nn

from cqtnet.errors import InputError
from spoof import networks as n
from spoof.recipes import find
from tests.spoof.material import n_parameters, rectified, traced

N = 7  # statistics that our own network takes here

# Each network with its input, its layers as they are written here (dropout d with its rate, pooling
# p, convolution c, dense by its width), and the number of its parameters, counted by hand.
NETWORKS = [
    (n.DeepVoiceAnn, {}, (40,), "64 64 64 2", 11_074),
    (n.DeepVoiceAnn, {"dropout": 0.2}, (40,), "64 d0.2 64 d0.2 64 d0.2 2", 11_074),
    (n.SimpleAnn, {}, (64, 188), "1024 512 256 1", 12_978_177),
    (n.SimpleAnnDropout, {}, (40,), "128 d0.5 64 d0.5 1", 13_569),
    (n.Fcnn3, {}, (3, 28, 28), "512 512 2", 1_468_418),
    (n.DeepVoiceCnn, {}, (40,),
     "c64,40 p64,20 c64,20 p64,10 c64,10 p64,5 64 d0.0 64 d0.0 2", 49_794),
    (n.DeepVoiceCnn, {"dropout": True}, (40,),
     "c64,40 p64,20 c64,20 p64,10 c64,10 p64,5 32 d0.5 32 d0.5 2", 36_354),
    (n.SimpleCnnDropout, {}, (40,), "c128,38 p128,19 d0.5 c64,17 p64,8 d0.5 64 1", 58_049),
    (n.S1Cnn, {}, (3, 28, 28),
     "c32,28,28 p32,14,14 c64,14,14 p64,7,7 c128,7,7 p128,3,3 c128,3,3 p128,1,1 d0.5 512 2",
     307_906),
    (n.S2SimpleCnn, {}, (64, 188), "c32,64,188 p32,32,94 c64,32,94 p64,16,47 1024 512 256 1",
     49_992_577),
    (n.S3SimpleCnn, {}, (3, 224, 224), "c6,220,220 p6,110,110 c16,106,106 p16,53,53 120 84 2",
     5_406_606),
    (n.S4Cnn, {}, (3, 128, 128),
     "c32,126,126 p32,63,63 c64,61,61 p64,30,30 c128,28,28 p128,14,14 128 d0.5 2", 3_304_898),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "shape", "layers", "total"), NETWORKS)
def test_a_network_has_the_layers_of_its_source(make, options, shape, layers, total):
    with torch.device("meta"):
        model = make(**options)
    rates = iter(layer.p for layer in model.modules() if isinstance(layer, nn.Dropout))
    found = []
    for kind, sizes in traced(model, *shape):
        letter = {"Conv": "c", "MaxP": "p", "Line": "", "Drop": "d"}[kind[:4]]
        found.append(letter + (str(next(rates)) if letter == "d" else ",".join(map(str, sizes))))
    assert " ".join(found) == layers and n_parameters(model) == total
    assert rectified(model)  # and so it gives logits


def test_a_score_is_the_log_odds_of_fake():
    assert n.fake_logit(torch.tensor([[0.7]])).tolist() == pytest.approx([0.7])
    two = torch.tensor([[0.2, 1.7]])
    log_odds = torch.softmax(two, 1).log()[0]
    assert float(n.fake_logit(two)) == pytest.approx(float(log_odds[1] - log_odds[0]))


@pytest.mark.parametrize(("padding", "smallest"), [("same", 16), ("valid", 46)])
def test_s1_cnn_takes_any_size_that_survives_four_poolings(padding, smallest):
    for size in (smallest, 64):
        logits = n.S1Cnn(size, padding=padding)(torch.zeros(2, 3, size, size))
        assert logits.shape == (2, 2)
    wanted = f"{smallest - 1} × {smallest - 1} vanish .* '{padding}' .* at least {smallest} × "
    with pytest.raises(InputError, match=wanted):
        n.S1Cnn(smallest - 1, padding=padding)


def test_lstm_has_the_parameters_and_the_beginning_of_kerass():
    """Keras counts 4 · 128 · (40 + 128 + 1); PyTorch's second bias of 512 stays zero."""
    model = n.Lstm()
    assert traced(model, 40, 94) == [("Dropout", (128,)), ("Linear", (64,)), ("Linear", (1,))]
    by_hand = 4 * 128 * (40 + 128 + 1) + 129 * 64 + 65
    assert n_parameters(model, trained_only=True) == by_hand == 94_849
    assert n_parameters(model) == 94_849 + 512
    assert not model.lstm.bias_hh_l0.any() and rectified(model.dense)
    lstm = n.Lstm().lstm
    assert lstm.bias_ih_l0.tolist() == [0.0] * 128 + [1.0] * 128 + [0.0] * 256
    recurrent = lstm.weight_hh_l0.detach()
    assert torch.allclose(recurrent.T @ recurrent, torch.eye(128), atol=1e-5)
    assert lstm.weight_ih_l0.abs().max() <= np.sqrt(6 / (40 + 512))


@pytest.mark.parametrize("make", [n.DeepVoiceAnn, n.Fcnn3, n.Lstm, n.S1Cnn, n.S4Cnn, n.DeepVoiceCnn,
                                  n.SimpleCnnDropout])  # fmt: skip
def test_keras_networks_begin_with_glorot_weights_and_zero_biases(make):
    """Uniform within √(6 / (in + out)): the deviation is that over √3."""
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
    layers = [layer for layer in make().modules() if isinstance(layer, kinds)]
    assert layers
    for layer in layers:
        taps = layer.weight[0, 0].numel()
        limit = np.sqrt(6 / (taps * (layer.weight.shape[0] + layer.weight.shape[1])))
        assert 0.8 * limit < layer.weight.abs().max() <= limit
        assert layer.weight.std().item() == pytest.approx(limit / np.sqrt(3), rel=0.2)
        assert not layer.bias.any()


def trained_for(seen):
    """A network that knows some statistics."""
    torch.manual_seed(0)
    net = n.Light(N)
    net.standardise(seen.numpy())
    return net.eval()


def test_light_has_its_parameters_and_neither_units_nor_one_strange_statistic_decide():
    count = n_parameters(find("light").build())
    assert count == 1523 * 64 + 64 + 64 + 1
    seen = torch.randn(256, N)
    other = 100 + 1000 * seen
    assert torch.allclose(trained_for(seen)(seen), trained_for(other)(other), atol=0.02)
    seen = torch.randn(256, N)
    net = trained_for(seen)
    far, further = torch.zeros(1, N), torch.zeros(1, N)
    far[0, 3], further[0, 3] = 10, 10_000
    assert torch.equal(net(far), net(further))
    assert not torch.equal(net(far), net(torch.zeros(1, N)))
    net.train()  # which adds noise, and judging does not
    assert not torch.equal(net(seen), net(seen))
