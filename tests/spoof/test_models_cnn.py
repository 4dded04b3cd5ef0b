import pytest
import torch

from cqtnet.errors import InputError
from spoof.models import DeepVoiceCnn, S1Cnn, S2SimpleCnn, S3SimpleCnn, S4Cnn, SimpleCnnDropout
from tests.spoof.layers import n_parameters, rectified, traced


def test_deep_voice_cnn_halves_40_three_times_and_ends_in_two_of_64() -> None:
    model = DeepVoiceCnn()
    layers = [layer for layer in traced(model, 40) if layer[0] != "Dropout"]
    assert layers == [
        ("Conv1d", (64, 40)),
        ("MaxPool1d", (64, 20)),
        ("Conv1d", (64, 20)),
        ("MaxPool1d", (64, 10)),
        ("Conv1d", (64, 10)),
        ("MaxPool1d", (64, 5)),
        ("Linear", (64,)),
        ("Linear", (64,)),
        ("Linear", (2,)),
    ]
    convolutions = (3 + 1) * 64 + 2 * (3 * 64 + 1) * 64
    assert n_parameters(model) == convolutions + 321 * 64 + 65 * 64 + 65 * 2 == 49_794
    assert all(p == 0 for p in dropout_rates(model))


def test_deep_voice_cnn_with_dropout_ends_in_two_of_32() -> None:
    model = DeepVoiceCnn(dropout=True)
    assert traced(model, 40)[6:] == [
        ("Linear", (32,)),
        ("Dropout", (32,)),
        ("Linear", (32,)),
        ("Dropout", (32,)),
        ("Linear", (2,)),
    ]
    convolutions = (3 + 1) * 64 + 2 * (3 * 64 + 1) * 64
    assert n_parameters(model) == convolutions + 321 * 32 + 33 * 32 + 33 * 2 == 36_354
    assert dropout_rates(model) == [0.5, 0.5]


def test_simple_cnn_with_dropout_is_read_without_padding() -> None:
    model = SimpleCnnDropout()
    assert traced(model, 40) == [
        ("Conv1d", (128, 38)),
        ("MaxPool1d", (128, 19)),
        ("Dropout", (128, 19)),
        ("Conv1d", (64, 17)),
        ("MaxPool1d", (64, 8)),
        ("Dropout", (64, 8)),
        ("Linear", (64,)),
        ("Linear", (1,)),
    ]
    assert n_parameters(model) == 4 * 128 + 385 * 64 + 513 * 64 + 65 == 58_049
    assert dropout_rates(model) == [0.5, 0.5]


def test_s1_cnn_at_28_is_read_with_padding_for_without_it_vanishes() -> None:
    model = S1Cnn(28)
    sides = [shape for kind, shape in traced(model, 3, 28, 28) if kind == "MaxPool2d"]
    assert sides == [(32, 14, 14), (64, 7, 7), (128, 3, 3), (128, 1, 1)]
    assert traced(model, 3, 28, 28)[8:] == [
        ("Dropout", (128, 1, 1)),
        ("Linear", (512,)),
        ("Linear", (2,)),
    ]
    convolutions = 28 * 32 + 289 * 64 + 577 * 128 + 1153 * 128
    assert n_parameters(model) == convolutions + 129 * 512 + 513 * 2 == 307_906
    assert dropout_rates(model) == [0.5]
    with pytest.raises(InputError, match=r"28 × 28 vanish .* 'valid' .* at least 46 × 46"):
        S1Cnn(28, padding="valid")


def test_s1_cnn_at_150_without_padding_has_the_course_notebooks_parameters() -> None:
    model = S1Cnn(150, padding="valid")
    sides = [shape[1] for kind, shape in traced(model, 3, 150, 150) if kind == "MaxPool2d"]
    assert sides == [74, 36, 17, 7]
    assert n_parameters(model) == 3_453_634


@pytest.mark.parametrize(("padding", "smallest"), [("same", 16), ("valid", 46)])
def test_s1_cnn_takes_any_size_that_survives_four_poolings(padding: str, smallest: int) -> None:
    for size in (smallest, 64):
        assert S1Cnn(size, channels=1, padding=padding)(torch.zeros(2, 1, size, size)).shape == (
            2,
            2,
        )
    with pytest.raises(InputError, match=f"at least {smallest} × {smallest}"):
        S1Cnn(smallest - 1, padding=padding)


def test_s2_simple_cnn_has_50_million_parameters_not_the_7_2_of_the_text() -> None:
    with torch.device("meta"):
        model = S2SimpleCnn()
    assert traced(model, 64, 188) == [
        ("Conv2d", (32, 64, 188)),
        ("MaxPool2d", (32, 32, 94)),
        ("Conv2d", (64, 32, 94)),
        ("MaxPool2d", (64, 16, 47)),
        ("Linear", (1024,)),
        ("Linear", (512,)),
        ("Linear", (256,)),
        ("Linear", (1,)),
    ]
    convolutions = (25 + 1) * 32 + (25 * 32 + 1) * 64
    dense = (64 * 16 * 47 + 1) * 1024 + 1025 * 512 + 513 * 256 + 257
    assert n_parameters(model) == convolutions + dense == 49_992_577


def test_s3_simple_cnn_has_16_times_53_times_53_before_120_84_and_2() -> None:
    with torch.device("meta"):
        model = S3SimpleCnn()
    assert traced(model, 3, 224, 224) == [
        ("Conv2d", (6, 220, 220)),
        ("MaxPool2d", (6, 110, 110)),
        ("Conv2d", (16, 106, 106)),
        ("MaxPool2d", (16, 53, 53)),
        ("Linear", (120,)),
        ("Linear", (84,)),
        ("Linear", (2,)),
    ]
    convolutions = (75 + 1) * 6 + (150 + 1) * 16
    dense = (16 * 53 * 53 + 1) * 120 + 121 * 84 + 85 * 2
    assert n_parameters(model) == convolutions + dense == 5_406_606


def test_s4_cnn_is_read_with_3_by_3_kernels_and_no_padding() -> None:
    with torch.device("meta"):
        model = S4Cnn()
    assert traced(model, 3, 128, 128) == [
        ("Conv2d", (32, 126, 126)),
        ("MaxPool2d", (32, 63, 63)),
        ("Conv2d", (64, 61, 61)),
        ("MaxPool2d", (64, 30, 30)),
        ("Conv2d", (128, 28, 28)),
        ("MaxPool2d", (128, 14, 14)),
        ("Linear", (128,)),
        ("Dropout", (128,)),
        ("Linear", (2,)),
    ]
    by_hand = 28 * 32 + 289 * 64 + 577 * 128 + (128 * 14 * 14 + 1) * 128 + 129 * 2
    assert n_parameters(model) == by_hand == 3_304_898


@pytest.mark.parametrize(
    "make", [S1Cnn, S4Cnn, DeepVoiceCnn, SimpleCnnDropout], ids=lambda make: make.__name__
)
def test_networks_of_keras_begin_with_zero_biases(make: type) -> None:
    layers = [m for m in make().modules() if isinstance(m, torch.nn.Conv1d | torch.nn.Conv2d)]
    assert layers
    for layer in layers:
        taps = layer.weight[0, 0].numel()
        limit = (6 / (taps * (layer.in_channels + layer.out_channels))) ** 0.5
        assert 0.8 * limit < layer.weight.abs().max() <= limit
        assert not layer.bias.any()


def test_a_rectifier_stands_between_any_two_layers_and_logits_come_out() -> None:
    with torch.device("meta"):
        models = [S1Cnn(), S2SimpleCnn(), S3SimpleCnn(), S4Cnn(), DeepVoiceCnn()]
        models += [DeepVoiceCnn(dropout=True), SimpleCnnDropout()]
    for model in models:
        assert rectified(model), model


def dropout_rates(model: torch.nn.Module) -> list[float]:
    return [layer.p for layer in model.modules() if isinstance(layer, torch.nn.Dropout)]
