from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from cqtnet.errors import InputError
from spoof.recipes import Recipe, Training, all_recipes, described, find, variants

OF_THE_SOURCES = [
    "s1-cnn", "s1-fcnn3", "s1-resnet18", "s2-ann", "s2-ann-dropout", "s2-cnn1d",
    "s2-cnn1d-dropout", "s2-simple-ann", "s2-simple-ann-dropout", "s2-simple-cnn",
    "s2-simple-cnn-dropout", "s2-resnet101", "s2-resnet200d", "s2-lstm", "s3-simple-cnn",
    "s3-resnet18", "s4-cnn",
]  # fmt: skip


def test_all_detectors_of_the_four_sources_are_there() -> None:
    assert list(all_recipes()) == [*OF_THE_SOURCES, "light"]
    assert all(recipe.name == name for name, recipe in {**all_recipes(), **variants()}.items())


@pytest.mark.parametrize("name", [*OF_THE_SOURCES, *variants()])
def test_what_the_feature_gives_the_network_takes(name: str, rng: np.random.Generator) -> None:
    recipe = find(name)
    assert recipe.segment_s is not None
    segment = rng.normal(0, 0.1, round(recipe.segment_s * recipe.rate_hz)).astype(np.float32)
    assert recipe.feature(segment).shape == recipe.input_shape
    with torch.device("meta"):  # shapes alone: the largest network has 62 million weights
        logits = recipe.build().eval()(torch.zeros(2, *recipe.input_shape))
    assert logits.shape in ((2, 1), (2, 2))


# What a source states of the training, and its results.
STATED: dict[str, tuple[dict[str, object], set[str]]] = {
    "s1-cnn": ({"epochs": 90, "batch": 100, "keep": "last"}, {"78 %", "977 s"}),
    "s1-fcnn3": ({"epochs": 90, "batch": 100}, {"77.1 %", "1,011 s"}),
    "s1-resnet18": ({"epochs": 90, "batch": 100}, {"81.3 %", "15,127 s"}),
    "s2-ann": ({"epochs": 50, "batch": 3, "patience": 2}, {"0.9934", "0.0135"}),
    "s2-ann-dropout": ({"epochs": 50, "batch": 3, "patience": 2}, {"0.9867"}),
    "s3-simple-cnn": ({"epochs": 30, "batch": 64, "learning_rate": 1e-3}, {"0.785", "0.927"}),
    "s3-resnet18": (
        {"epochs": 30, "batch": 256, "learning_rate": 1e-4, "keep": "f1", "keep_every": 2},
        {"0.894", "0.969", "0.828", "0.840"}),
    "s4-cnn": ({"epochs": 10, "batch": 32, "optimiser": "adam"}, {"98-99 %"}),
}  # fmt: skip


@pytest.mark.parametrize("name", STATED)
def test_training_and_results_are_as_the_source_states_them(name: str) -> None:
    recipe, (training, results) = find(name), STATED[name]
    assert training.items() <= vars(recipe.training).items()
    assert {result.value for result in recipe.results} == results
    assert recipe.joins == (recipe.source == "S3") == (recipe.segment_s == 30)


def test_a_function_is_described_with_what_it_is_given() -> None:
    assert described(partial(round, ndigits=2)) == "round(ndigits=2)"
    assert described(partial(partial(round, 5), ndigits=2)) == "round(5, ndigits=2)"
    assert described(Recipe) == "Recipe"


@pytest.mark.parametrize(("wrong", "said"), [
    ({"epochs": 0}, "epochs 0 is outside 1"),
    ({"learning_rate": float("nan")}, "learning_rate nan"),
    ({"ema": 1.0}, "ema 1 is outside"),
    ({"keep": "best"}, "keep 'best' is unknown; use one of last, loss"),
    ({"copies": 0}, "copies 0"),
])  # fmt: skip
def test_training_that_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(Training(1, 1), **wrong)


def test_what_is_unknown_or_does_not_fit_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="'s5' is unknown; use one of s1-cnn, s1-fcnn3"):
        find("s5")
    with pytest.raises(InputError, match=r"use s2-ann@\{mfcc13,lfcc,chroma,rows\}"):
        find("s2-ann@colour")
    with pytest.raises(InputError, match="s4-cnn starts from random weights"):
        find("s4-cnn").build(pretrained=tmp_path / "x.safetensors")
