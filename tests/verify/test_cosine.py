import numpy as np
import pytest

from cqtnet import SAMPLE_RATE
from cqtnet.embed import Embedder
from cqtnet.music import make_music
from verify.cosine import similarity


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder.named("default", precision="float32")


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    return make_music(21, duration_s=60.0)


def test_a_recording_is_identical_to_itself(embedder: Embedder, music: np.ndarray) -> None:
    trace = embedder.trace(music)
    found = similarity(embedder, trace, trace)
    assert found.cosine == pytest.approx(1.0, abs=1e-5)
    assert found.window_s == pytest.approx(60.0)


def test_equal_lengths_give_the_papers_single_cosine(embedder: Embedder, music: np.ndarray) -> None:
    a, b = music[: 20 * SAMPLE_RATE], music[30 * SAMPLE_RATE : 50 * SAMPLE_RATE]
    found = similarity(embedder, embedder.trace(a), embedder.trace(b))
    assert found.cosine == pytest.approx(float(embedder.embed(a) @ embedder.embed(b)), abs=1e-5)


@pytest.mark.parametrize("start_s", [0, 17, 38])
def test_a_fragment_is_found_where_it_was_cut(
    embedder: Embedder, music: np.ndarray, start_s: int
) -> None:
    fragment = embedder.trace(music[start_s * SAMPLE_RATE : (start_s + 20) * SAMPLE_RATE])
    recording = embedder.trace(music)
    found = similarity(embedder, fragment, recording)
    # The embedding tells which part, not which second: music repeats itself.
    assert found.start_b_s == pytest.approx(start_s, abs=5)
    assert similarity(embedder, recording, fragment).cosine == pytest.approx(found.cosine)
