from itertools import product
from unittest.mock import Mock

import librosa
import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.embed import Trace
from cqtnet.errors import InputError
from cqtnet.music import make_music
from eval.systems import SYSTEMS, Settings, make_system
from eval.systems.known import EmbeddingSystem, MeanCqtSystem, path_cost
from verify.recording import best_hit


@pytest.fixture(scope="module")
def settings():
    return Settings(precision="float32")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Of lengths that fall within, between and on steps of the trunk; two with silence."""
    folder = tmp_path_factory.mktemp("recordings")
    music = make_music(2, duration_s=40.0)
    spans = [(0, 20), (20, 40), (3, 17.8), (5, 28.5), (4, 7), (9, 14), (9, 14.3), (11, 16.9)]
    spans += [(0, 40), (14, 34), (0, 5), (0, 5.3)]
    sounds = [music[round(a * SAMPLE_RATE) : round(b * SAMPLE_RATE)].copy() for a, b in spans]
    sounds[9][: 13 * SAMPLE_RATE] = 0
    sounds[4] *= 5e-5 / np.abs(sounds[4]).max()  # above silence, but nothing that is heard
    paths = [folder / f"{number}.wav" for number in range(len(sounds))]
    for path, sound in zip(paths, sounds, strict=True):
        soundfile.write(path, sound, SAMPLE_RATE, subtype="FLOAT")
    return paths


def all_pairs(n):
    return np.array(list(product(range(n), repeat=2)))


def test_embedding_scores_are_those_of_similarity(settings, recordings):
    system = EmbeddingSystem(settings)
    pairs = all_pairs(len(recordings))
    scores = system.score([system.describe(path) for path in recordings], pairs)
    traces = [system.embedder.read(path) for path in recordings]
    expected = [best_hit(system.embedder, traces[a], traces[b]).cosine for a, b in pairs]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores[4] == -1


def test_silence_is_judged_for_each_probe(settings, recordings, monkeypatch):
    """The first 5.1 s are marked silent: a window of 5.0 s has no content, one of 5.3 s has."""
    system = EmbeddingSystem(settings)
    whole, short, longer = (dict(system.describe(recordings[index])) for index in (0, 10, 11))
    whole["levels"] = whole["levels"].copy()
    whole["levels"][: round(5.1 * FRAMES_PER_SECOND)] = 0
    described = [whole, short, longer]
    assert len(short["steps"]) == len(longer["steps"])
    windows = Mock(wraps=system.embedder.windows)
    monkeypatch.setattr(system.embedder, "windows", windows)
    scores = system.score(described, np.array([[0, 1], [2, 0]]))
    assert windows.call_count == 1, "pooled once for both"
    traces = [Trace(d["steps"], d["levels"], int(d["n_samples"])) for d in described]
    expected = [best_hit(system.embedder, traces[0], probe).cosine for probe in traces[1:]]
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert scores[0] < scores[1]


def test_mean_cqt_is_the_best_cosine_over_the_bins_in_common(rng):
    levels = rng.uniform(0, 3, (5, 84)).astype(np.float32)
    system = MeanCqtSystem(Settings())
    pairs = all_pairs(5)
    scores = system.score([{"levels": row} for row in levels], pairs)

    def slow(a, b):
        common = [(a[: 84 - shift], b[shift:]) for shift in range(7)]
        common += [(a[shift:], b[: 84 - shift]) for shift in range(7)]
        return max(float(x @ y / np.sqrt((x @ x) * (y @ y))) for x, y in common)

    expected = [slow(levels[a].astype(float), levels[b].astype(float)) for a, b in pairs]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_a_sine_is_highest_at_its_bin_and_its_pitch_class(tmp_path):
    path, times = tmp_path / "a.wav", np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * times), SAMPLE_RATE, subtype="FLOAT")
    described = make_system("mean-cqt", Settings()).describe(path)
    assert described["levels"].argmax() == 45, "A4 is 45 semitones above C1"
    described = make_system("chroma-dtw", Settings()).describe(path)
    assert (described["chroma"][1:-1].argmax(axis=1) == 9).all(), "C, C#, … A"
    assert described["chroma"].shape == (19, 12), "173 frames of 4 s, nine at a time"


@pytest.mark.parametrize(("n", "m"), [(10, 10), (9, 17), (30, 12), (60, 64)])
def test_the_path_cost_is_that_of_librosa_at_the_best_rotation(n, m, rng):
    frames = [rng.normal(size=(number, 12)).astype(np.float32) for number in (n, m)]
    a, b = (some / np.linalg.norm(some, axis=1, keepdims=True) for some in frames)
    query, along = (a, b) if n <= m else (b, a)
    costs = []
    for rotation in range(12):
        total = librosa.sequence.dtw(
            C=1 - np.roll(query, rotation, axis=1) @ along.T, subseq=True, backtrack=False,
            step_sizes_sigma=np.array([[1, 1], [2, 1], [1, 2]], np.uint32),
            weights_mul=np.array([1.0, 2.0, 1.0]),
        )  # fmt: skip
        costs.append(total[-1].min() / len(query))
    assert path_cost(a, b) == pytest.approx(min(costs), abs=1e-5)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_file_that_cannot_be_compared_is_an_error_that_names_it(name, settings, tmp_path):
    system = make_system(name, settings)
    music = make_music(3, duration_s=5.0)
    sounds = {"silent": 0 * music, "short": music[: 2 * SAMPLE_RATE - 20], "empty": music[:0]}
    for kind, sound in sounds.items():
        soundfile.write(tmp_path / f"{kind}.wav", sound, SAMPLE_RATE)
    (tmp_path / "text.wav").write_text("not audio")
    for message in ("silent.wav", r"short.wav.* s.*2\.0 s", "empty.wav", "text.wav"):
        with pytest.raises(InputError, match=message):
            system.describe(tmp_path / f"{message.partition('.')[0]}.wav")


def test_an_unknown_system_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'best' is unknown; use one of embedding, .*mean-cqt"):
        make_system("best", Settings())
