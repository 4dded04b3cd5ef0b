"""What the shipped weights can be relied on for; `eval` says how well they verify."""

import numpy as np
import pytest

from augment import Chain, ColouredNoise, Pitch, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.embed import Embedder
from cqtnet.music import make_music

ALTERATIONS = {
    "tempo": Chain((Tempo(1.2),)),
    "pitch": Chain((Pitch(-3.0),)),
    "noise": Chain((ColouredNoise(snr_db=15.0, seed=1),)),
}


@pytest.fixture(scope="module")
def embedder():
    return Embedder.named("default", precision="float32")


@pytest.fixture(scope="module")
def fragments():
    return [make_music(seed, duration_s=20.0) for seed in range(100, 112)]


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_altered_fragment_resembles_its_original_most(embedder, fragments, alteration):
    chain = ALTERATIONS[alteration]
    originals = np.stack([embedder.embed(fragment) for fragment in fragments])
    altered = np.stack(
        [embedder.embed(chain.apply(fragment, SAMPLE_RATE).samples) for fragment in fragments]
    )
    cosines = altered @ originals.T
    assert (cosines.argmax(axis=1) == np.arange(len(fragments))).all()


def test_a_window_of_the_one_pass_stays_close_to_embedding_it_alone(embedder):
    """`default` pads in time, and its steps reach beyond a window's edges: over 18.8 s."""
    music = make_music(11, duration_s=70.0)
    windows = embedder.windows(embedder.trace(music), window_s=20.0, hop_s=5.0)
    for start_s, vector in zip(windows.start_s, windows.vectors, strict=True):
        start = round(start_s * SAMPLE_RATE)
        alone = embedder.embed(music[start : start + 20 * SAMPLE_RATE])
        assert alone @ vector > 0.8


def test_gain_changes_nothing_that_matters(embedder, fragments):
    loud = fragments[0] / np.abs(fragments[0]).max()
    for gain in (0.03, 3.0):
        assert embedder.embed(loud * np.float32(gain)) @ embedder.embed(loud) > 0.99
