"""Recipes: what the sources state, and how they are found."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from cqtnet.errors import InputError
from spoof.recipes import Recipe, Training, all_recipes, described, find
from spoof.sources import VARIANTS

OF_THE_SOURCES = [
    "s1-cnn", "s1-fcnn3", "s1-resnet18", "s2-ann", "s2-ann-dropout", "s2-cnn1d",
    "s2-cnn1d-dropout", "s2-simple-ann", "s2-simple-ann-dropout", "s2-simple-cnn",
    "s2-simple-cnn-dropout", "s2-resnet101", "s2-resnet200d", "s2-lstm", "s3-simple-cnn",
    "s3-resnet18", "s4-cnn",
]  # fmt: skip


def test_all_detectors_of_the_four_sources_are_there() -> None:
    assert list(all_recipes()) == [*OF_THE_SOURCES, "light"]
    assert all(recipe.name == name for name, recipe in {**all_recipes(), **VARIANTS}.items())


@pytest.mark.parametrize("name", [*OF_THE_SOURCES, *VARIANTS])
def test_what_the_feature_gives_the_network_takes(name: str, rng: np.random.Generator) -> None:
    recipe = find(name)
    assert recipe.segment_s is not None
    segment = rng.normal(0, 0.1, round(recipe.segment_s * recipe.rate_hz)).astype(np.float32)
    assert recipe.feature(segment).shape == recipe.input_shape
    with torch.device("meta"):  # shapes alone: the largest network has 62 million weights
        logits = recipe.build().eval()(torch.zeros(2, *recipe.input_shape))
    assert logits.shape in ((2, 1), (2, 2))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s1-cnn", {"epochs": 90, "batch": 100, "optimiser": "adam", "keep": "last"}),
        ("s1-resnet18", {"epochs": 90, "batch": 100}),
        ("s2-ann", {"epochs": 50, "batch": 3, "patience": 2, "optimiser": "adam"}),
        ("s3-simple-cnn", {"epochs": 30, "batch": 64, "learning_rate": 1e-3, "keep": "f1"}),
        ("s3-resnet18", {"epochs": 30, "batch": 256, "learning_rate": 1e-4, "keep_every": 2}),
        ("s4-cnn", {"epochs": 10, "batch": 32, "optimiser": "adam"}),
    ],
)
def test_training_is_as_the_source_states_it(name: str, expected: dict[str, object]) -> None:
    training = vars(find(name).training)
    assert {key: training[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("s1-cnn", {"78 %", "977 s"}),
        ("s1-fcnn3", {"77.1 %", "1,011 s"}),
        ("s1-resnet18", {"81.3 %", "15,127 s"}),
        ("s2-ann", {"0.9934", "0.0135"}),
        ("s2-ann-dropout", {"0.9867"}),
        ("s3-simple-cnn", {"0.785", "0.927"}),
        ("s3-resnet18", {"0.894", "0.969", "0.828", "0.840"}),
        ("s4-cnn", {"98-99 %"}),
    ],
)
def test_the_sources_own_results_are_kept(name: str, stated: set[str]) -> None:
    assert {result.value for result in find(name).results} == stated


def test_s3_joins_speakers_and_hears_30_s() -> None:
    for name in ("s3-simple-cnn", "s3-resnet18"):
        assert find(name).joins and find(name).segment_s == 30
    assert not find("s4-cnn").joins


def test_a_function_is_described_with_what_it_is_given() -> None:
    assert described(partial(round, ndigits=2)) == "round(ndigits=2)"
    assert described(partial(partial(round, 5), ndigits=2)) == "round(5, ndigits=2)"
    assert described(Recipe) == "Recipe"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": 0}, "epochs 0 is outside 1"),
        ({"learning_rate": float("nan")}, "learning_rate nan"),
        ({"ema": 1.0}, "ema 1 is outside"),
        ({"keep": "best"}, "keep 'best' is unknown; use one of last, loss"),
        ({"copies": 0}, "copies 0"),
    ],
)
def test_training_that_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(Training(1, 1), **wrong)


def test_an_unknown_recipe_is_answered_with_those_there_are() -> None:
    with pytest.raises(InputError, match="'s5' is unknown; use one of s1-cnn, s1-fcnn3"):
        find("s5")
    with pytest.raises(InputError, match=r"use s2-ann@\{mfcc13,lfcc,chroma,rows\}"):
        find("s2-ann@colour")


def test_weights_of_imagenet_go_into_no_other_network(tmp_path) -> None:
    with pytest.raises(InputError, match="s4-cnn starts from random weights"):
        find("s4-cnn").build(pretrained=tmp_path / "x.safetensors")
