import numpy as np
import pytest

from cqtnet import SAMPLE_RATE
from cqtnet.embed import Embedder
from cqtnet.music import make_music
from verify.recording import best_hit, best_hits


@pytest.fixture(scope="module")
def embedder():
    return Embedder.named("default", precision="float32")


@pytest.fixture(scope="module")
def music():
    return make_music(21, duration_s=60.0)


def test_a_recording_is_identical_to_itself_and_equal_lengths_give_one_cosine(embedder, music):
    found = best_hit(embedder, *2 * [embedder.trace(music)])
    assert (found.cosine, found.window_s) == pytest.approx((1.0, 60.0), abs=1e-5)
    a, b = music[: 20 * SAMPLE_RATE], music[30 * SAMPLE_RATE : 50 * SAMPLE_RATE]
    found = best_hit(embedder, embedder.trace(a), embedder.trace(b))
    assert found.cosine == pytest.approx(float(embedder.embed(a) @ embedder.embed(b)), abs=1e-5)


@pytest.mark.parametrize("start_s", [0, 17, 38])
def test_a_fragment_is_found_where_it_was_cut(embedder, music, start_s):
    fragment = embedder.trace(music[start_s * SAMPLE_RATE : (start_s + 20) * SAMPLE_RATE])
    recording = embedder.trace(music)
    found = best_hit(embedder, fragment, recording)
    # The embedding tells which part, not which second: music repeats itself.
    assert found.b_start_s == pytest.approx(start_s, abs=5)
    assert best_hit(embedder, recording, fragment).cosine == pytest.approx(found.cosine)


def test_the_places_of_a_fragment_that_is_there_twice_are_both_hits(embedder, music):
    part = music[: 10 * SAMPLE_RATE]
    other = make_music(22, duration_s=20.0)
    twice = embedder.trace(np.concatenate([part, other, part, other]))
    found = best_hits(embedder, embedder.trace(part), twice, window_s=10.0, count=3)
    assert sorted(hit.b_start_s for hit in found[:2]) == pytest.approx([0, 30], abs=1.5)
    assert found[0].cosine >= found[1].cosine > found[2].cosine + 0.1
