import time
from contextlib import closing

import numpy as np
import pytest
import soundfile
import torch

from augment import ColouredNoise, Pitch, Tempo
from augment.audio.decode import ahead
from cqtnet import SAMPLE_RATE, audio, embed
from cqtnet.cqt import Cqt, normalise
from cqtnet.embed import Embedder
from cqtnet.errors import FragmentTooShortError, InputError, NoContentError
from cqtnet.model import CqtNet
from cqtnet.music import make_music
from cqtnet.preset import find_preset, step_count


def small_model(preset, width=0.06):
    """An untrained network whose BatchNorm keeps signals at a natural size."""
    torch.manual_seed(1)
    model = CqtNet(find_preset(preset, width=width, embedding_size=32))
    model.train()
    with torch.no_grad():
        for _ in range(20):  # running statistics of frames as they really are
            model(torch.rand(2, 84, 240) * 2)
    return model.eval()


@pytest.fixture(scope="module")
def music():
    return make_music(11, duration_s=70.0)


@pytest.fixture(scope="module")
def shipped():
    return Embedder.named("default", precision="float32")


@pytest.mark.parametrize("name", ["paper", "default"])
def test_blocks_give_what_one_pass_gives(name, music, monkeypatch):
    embedder = Embedder(small_model(name), precision="float32")
    whole = embedder.trace(music)
    monkeypatch.setattr(embed, "BLOCK_STEPS", 9)
    pieces = [music[i : i + 30_011] for i in range(0, len(music), 30_011)]
    in_blocks = embedder.trace(pieces)
    assert in_blocks.n_samples == whole.n_samples == len(music)
    np.testing.assert_allclose(in_blocks.levels, whole.levels, rtol=1e-4, atol=1e-5)
    assert len(whole.levels) == 1 + len(music) // 512
    assert len(list(embedder.stretches(pieces))) > 3, "the test needs several blocks"
    atol = 1e-4 * whole.steps.max()
    np.testing.assert_allclose(in_blocks.steps, whole.steps, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("name", ["paper", "default", "tiny"])
@pytest.mark.parametrize("n_samples", [44_100, 87_551, 88_064, 1_000_001])
def test_steps_are_counted_without_computing_them(name, n_samples):
    model = small_model(name, width=0.02)
    samples = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    trace = Embedder(model, precision="float32").trace(samples)
    assert len(trace.steps) == step_count(model.preset, n_samples)


@pytest.mark.parametrize(("name", "least"), [("paper", 0.99), ("shipped", 0.78)])
def test_a_window_of_the_one_pass_is_close_to_embedding_it_alone(name, least, music, shipped):
    """`paper` pads nothing: only the level sees a window's edges; `default` pads in time."""
    embedder = shipped if name == "shipped" else Embedder(small_model(name), precision="float32")
    windows = embedder.windows(embedder.trace(music), window_s=20.0, hop_s=5.0)
    for start_s, vector in zip(windows.start_s, windows.vectors, strict=True):
        start = round(start_s * SAMPLE_RATE)
        alone = embedder.embed(music[start : start + 20 * SAMPLE_RATE])
        assert alone @ vector > least


def test_an_altered_fragment_resembles_its_original_most(shipped):
    pieces = [make_music(seed, duration_s=12.0) for seed in range(100, 108)]
    vectors = np.stack([shipped.embed(piece) for piece in pieces])
    for effect in (Tempo(1.2), Pitch(-3.0), ColouredNoise(snr_db=15.0, seed=1)):
        altered = [effect.apply(piece, SAMPLE_RATE).samples for piece in pieces]
        others = np.stack([shipped.embed(samples) for samples in altered])
        assert ((others @ vectors.T).argmax(axis=1) == np.arange(8)).all(), effect


def test_windows_cover_the_recording_and_end_with_it(music, monkeypatch):
    embedder = Embedder(small_model("default"), precision="float32")
    trace = embedder.trace(music)
    windows = embedder.windows(trace, window_s=20.0, hop_s=5.0)
    step_s = embedder.preset.stride_frames * 512 / SAMPLE_RATE
    assert windows.start_s[0] == 0 and np.diff(windows.start_s).max() <= 5 + step_s
    assert windows.end_s[-1] == pytest.approx(70.0, abs=step_s)
    np.testing.assert_allclose(np.linalg.norm(windows.vectors, axis=1), 1, rtol=1e-5)
    monkeypatch.setattr(embed, "POOLED_BYTES", 1)  # pooled the same in small portions
    portions = embedder.windows(trace, window_s=20.0, hop_s=5.0).vectors
    np.testing.assert_allclose(portions, windows.vectors, atol=1e-6)
    shorter = embedder.windows(embedder.trace(music[: 7 * SAMPLE_RATE]), window_s=20.0)
    assert shorter.vectors.shape == (1, 32) and shorter.end_s == pytest.approx([7.0])


def test_bfloat16_stays_close_to_float32(music):
    model = small_model("default", width=0.25)
    exact = Embedder(model, precision="float32").embed(music.astype(np.float64))  # taken too
    fast = Embedder(model, precision="bfloat16").embed(music)
    assert exact @ fast > 0.999


@pytest.mark.parametrize("name", ["tiny", "default"])  # without and with one before FC0
def test_folding_batchnorm_changes_nothing_but_rounding(name, music):
    model = small_model(name)
    for norm in model.modules():
        if isinstance(norm, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(norm.weight, 0.5, 2)
            torch.nn.init.uniform_(norm.bias, -1, 1)
    embedder = Embedder(model, precision="float32")
    frames = normalise(Cqt()(torch.from_numpy(music[None, : 20 * SAMPLE_RATE])))
    with torch.inference_mode():
        plain = torch.nn.functional.normalize(model(frames))[0].numpy()
    np.testing.assert_allclose(embedder.embed(music[: 20 * SAMPLE_RATE]), plain, atol=1e-4)


def test_deterministic_gives_the_same_bits(music):
    embedders = [Embedder(small_model("default"), deterministic=True) for _ in range(2)]
    first, second = (embedder.embed(music[: 20 * SAMPLE_RATE]) for embedder in embedders)
    assert first.tobytes() == second.tobytes()
    assert not torch.are_deterministic_algorithms_enabled(), "left as it was"


def test_what_is_wrong_with_a_file_names_it(music, tmp_path):
    embedder = Embedder(small_model("tiny"))
    path = tmp_path / "cut.wav"
    soundfile.write(path, music[: 10 * SAMPLE_RATE], SAMPLE_RATE)
    path.write_bytes(path.read_bytes()[: 6 * SAMPLE_RATE * 2])
    with pytest.warns(audio.AudioWarning, match=r"cut\.wav: truncated .* 10\.00 s, 6\.00 s"):
        trace = embedder.read(path)
    assert trace.duration_s == pytest.approx(6.0, abs=0.01)
    soundfile.write(path, music[20_000:40_000], SAMPLE_RATE)
    with pytest.raises(FragmentTooShortError, match=r"cut\.wav: fragment of about 0\.9\d s is sh"):
        embedder.read(path)


def test_short_fragments_and_odd_windows_are_refused(music):
    embedder = Embedder(small_model("tiny"))
    with pytest.raises(FragmentTooShortError, match=r"1\.0\d s is shorter than the 2\.0 s"):
        embedder.embed(music[:SAMPLE_RATE])
    trace = embedder.trace(music)
    for window_s, hop_s in ((20, 0), (20, np.nan), (np.nan, 5), (np.inf, 5), (-1, 5), (1.9, 5)):
        with pytest.raises(InputError, match="cannot be made; give windows of at least 2 s"):
            embedder.windows(trace, window_s=window_s, hop_s=hop_s)
    tiny_hop = embedder.windows(trace, window_s=20, hop_s=1e-12)
    assert len(tiny_hop.start_s) <= len(trace.steps)


@pytest.mark.parametrize(("samples", "error", "message"), [
    (np.zeros((2, 90_000), np.float32), InputError, r"shape \(2, 90000\)"),
    (np.zeros(90_000, np.int16), InputError, "type int16"),
    (np.full(90_000, np.nan, np.float32), InputError, "not finite"),
    (np.zeros(200_000, np.float32), NoContentError, "nothing to compare: none of its 200000"),
    ([], NoContentError, "nothing to compare: none of its 0"),
])  # fmt: skip
def test_silence_and_samples_of_another_kind_are_refused(samples, error, message):
    with pytest.raises(error, match=message):
        Embedder(small_model("tiny")).trace(samples)


def test_unknown_devices_and_precisions_are_refused():
    for device in ("nonsense", "cuda:x", "meta", "cuda:99"):
        with pytest.raises(InputError, match=f"device '{device}' is"):
            Embedder(small_model("tiny"), device=device)
    with pytest.raises(InputError, match="precision 'float8' is unknown; use auto, float32"):
        Embedder(small_model("tiny"), precision="float8")


def test_music_in_the_last_few_of_16_bits_is_content_noise_and_silence_there_are_not():
    embedder = Embedder(small_model("default"), precision="float32")
    quiet = make_music(3, duration_s=10.0)
    quiet = np.round(quiet / np.abs(quiet).max() * 10**-3.5 * 32768) / 32768  # peak at -70 dB
    noise = np.random.default_rng(0).standard_normal(len(quiet)) * 10**-4.9  # -98 dB
    samples = np.concatenate([quiet, quiet, noise, noise, 0 * noise, 0 * noise], dtype=np.float32)
    windows = embedder.windows(embedder.trace(samples), window_s=10.0)
    sounding, silent = windows.start_s < 9, windows.start_s > 21
    assert windows.has_content[sounding].all() and not windows.has_content[silent].any()
    assert sounding.any() and silent.any()


def test_blocks_are_made_ahead_in_order_and_an_error_in_them_is_raised():
    made = []

    def blocks():
        for number in range(20):
            made.append(number)
            yield np.full(3, number, np.float32)
        raise InputError("torn")

    with closing(ahead(blocks(), 12)) as read:
        seen = [next(read)[0]]
        deadline = time.monotonic() + 30
        while len(made) < 12 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(made) == 12, "made while the first is in use"
        with pytest.raises(InputError, match="torn"):
            seen += (block[0] for block in read)
    assert made == list(range(20))
