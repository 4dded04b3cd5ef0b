from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from cqtnet.errors import InputError
from spoof.recipes import OURS, Recipe, Training, all_recipes, described, find, variants


@pytest.mark.parametrize("name", [name for name in all_recipes() | variants() if name not in OURS])
def test_what_the_feature_gives_the_network_takes(name, rng):
    recipe = find(name)
    assert recipe.name == name
    segment = rng.normal(0, 0.1, round(recipe.segment_s * recipe.rate_hz)).astype(np.float32)
    assert recipe.feature(segment).shape == recipe.input_shape
    with torch.device("meta"):  # shapes alone: the largest network has 62 million weights
        logits = recipe.build().eval()(torch.zeros(2, *recipe.input_shape))
    assert logits.shape in ((2, 1), (2, 2))


def test_a_function_is_described_with_what_it_is_given():
    assert described(partial(round, ndigits=2)) == "round(ndigits=2)"
    assert described(partial(partial(round, 5), ndigits=2)) == "round(5, ndigits=2)"
    assert described(Recipe) == "Recipe"


@pytest.mark.parametrize(("wrong", "said"), [
    ({"learning_rate": float("nan")}, "learning_rate nan"),
    ({"smoothing": 1.0}, "smoothing 1 is outside"),
    ({"keep": "best"}, "keep 'best' is unknown; use one of last, loss"),
])  # fmt: skip
def test_training_that_cannot_be_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        replace(Training(1, 1), **wrong)


def test_what_is_unknown_or_does_not_fit_is_refused(tmp_path):
    with pytest.raises(InputError, match="'s5' is unknown; use one of s1-cnn, s1-fcnn3"):
        find("s5")
    with pytest.raises(InputError, match=r"use s2-ann@\{mfcc13,lfcc,chroma,rows\}"):
        find("s2-ann@colour")
    with pytest.raises(InputError, match="s4-cnn starts from random weights"):
        find("s4-cnn").build(pretrained=tmp_path / "x.safetensors")
