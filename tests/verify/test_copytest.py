from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from augment.effect import Chain
from augment.noise import ColouredNoise
from augment.room import Room
from augment.tone import Equaliser
from cqtnet import SAMPLE_RATE
from cqtnet.checkpoint import load_tensors, read_card, read_tensors, stated_sha256
from cqtnet.data import read_items
from cqtnet.errors import WeightsError
from cqtnet.music import make_music
from verify import copytest
from verify.copytest import MIX, NETWORKS, RENDITION, copy_test, network, seen
from verify.features import held
from verify.results import Alignment, Line

LENGTH_S = 19.0


def measured(a, b):
    """The copy test of A and B, which lie on each other from the beginning on."""
    alignment = Alignment(0.0, LENGTH_S, Line(1.0, 0.0, 0.0), 0.9, 0.9, 0.001, 1.0)
    return copy_test(held(a), held(b), alignment)


@pytest.mark.parametrize("seed", [5, 6, 7, 8])
def test_filter_echoes_and_noise_explain_a_copy_and_no_rendition(seed):
    piece = make_music(seed, duration_s=LENGTH_S + 1)
    equaliser, room = Equaliser.draw(np.random.default_rng(seed)), Room(1.0, 0.0, seed=seed)
    changes = ((equaliser, ColouredNoise(15.0, seed=seed)), (room, ColouredNoise(10.0, seed=seed)))
    copy, in_room = (
        measured(Chain(change).apply(piece, SAMPLE_RATE).samples, piece) for change in changes
    )
    rendition = measured(make_music(seed, duration_s=LENGTH_S + 1, sounds=seed + 100), piece)
    assert min(copy.unexplained_db, copy.unexplained_back_db) < 1
    assert min(rendition.unexplained_db, rendition.unexplained_back_db) > 2
    assert copy.band_correlation > rendition.band_correlation
    assert in_room.in_room_db < rendition.in_room_db - 0.5 and in_room.echo_share > 0.2
    assert in_room.heard_snr_db < 12 < rendition.heard_snr_db
    assert in_room.network_score > rendition.network_score + 1


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_two_mixes_of_one_stem_are_no_copies(seed):
    stem, one, other = (make_music(seed + k, duration_s=LENGTH_S + 1) for k in (0, 100, 200))
    copy = measured(stem + one, stem + one / 2)
    mix = measured(stem + one, stem + other)
    assert mix.mix_score < copy.mix_score - 1


def script_named(name):
    path = Path(__file__).parents[2] / "scripts" / name
    loader = SourceFileLoader(name.replace("-", "_"), str(path))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script():
    return script_named("train-copy-test")


@pytest.mark.parametrize("name", [RENDITION, MIX])
def test_the_networks_are_the_same_in_torch_and_as_a_graph(script, name):
    net, path = script.CopyNetwork(), (NETWORKS / name).with_suffix(".safetensors")
    load_tensors(net, read_tensors(path), source=path)
    powers = np.random.default_rng(1).gamma(1.0, size=(2, 150, 90)).astype(np.float32)
    levels = seen(*powers)[None]
    score = network(name).run(None, {"levels": levels})[0]
    with torch.no_grad():
        assert net.eval()(torch.from_numpy(levels)).numpy() == pytest.approx(score, abs=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's way to export
def test_the_network_is_trained_and_written(script, tmp_path, monkeypatch, capsys):
    for folder, sounds in (("one", 1), ("other", 2)):
        (tmp_path / folder).mkdir()
        piece = make_music(5, duration_s=17, sounds=sounds)
        soundfile.write(tmp_path / folder / "a.flac", piece, SAMPLE_RATE)
        (tmp_path / folder / "list.tsv").write_text("path\twork\na.flac\tpiece\n")
    one, other, out = (str(tmp_path / name) for name in ("one", "other", "out"))
    works = ["--works", f"{one}/list.tsv", f"{other}/list.tsv"]
    words = [one, other, *works, "--noise", one, "--out", out]
    sizes = ["--copies", "3", "--steps", "2", "--batch", "4"]
    monkeypatch.setattr("sys.argv", ["train-copy-test", *words, *sizes])
    script.main()
    assert "copy the files" in capsys.readouterr().out
    made = tmp_path / "out" / "copy-test"
    assert made.with_suffix(".onnx").exists()
    weights = made.with_suffix(".safetensors")
    stated_sha256(weights, read_card(weights, "versions"))


def test_two_mixes_of_a_bed_are_listed_as_one_work(tmp_path, monkeypatch):
    for name in ("beds", "over"):
        (tmp_path / name).mkdir()
        for seed in (4, 5):
            piece = make_music(seed + 10 * (name == "over"), duration_s=33)
            soundfile.write(tmp_path / name / f"{seed}.flac", piece, SAMPLE_RATE)
    words = ["--beds", "beds", "--over", "over", "--out", "mixes", "--count", "2", "--one-talker"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["make-mixes", *words])
    script_named("make-mixes").main()
    items = read_items(Path("mixes/manifest.tsv"), validation_share=0)
    assert [item.work for item in items] == ["mixes-0000"] * 2 + ["mixes-0001"] * 2
    first, second = (soundfile.read(item.path)[0] for item in items[:2])
    assert len(first) == len(second) >= 10 * SAMPLE_RATE
    assert np.corrcoef(first, second)[0, 1] < 0.97
    monkeypatch.setattr("sys.argv", ["make-mixes", *words[:3], "beds", *words[4:]])
    with pytest.raises(SystemExit, match="no mix in 200 tries"):
        script_named("make-mixes").main()
    Path("over/4.flac").unlink()
    monkeypatch.setattr("sys.argv", ["make-mixes", *words])
    with pytest.raises(SystemExit, match="2"):
        script_named("make-mixes").main()


def test_damaged_weights_are_refused(tmp_path, monkeypatch):
    for path in NETWORKS.glob("copy-test.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "copy-test.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(copytest, "NETWORKS", tmp_path)
    with pytest.raises(WeightsError, match="damaged"):
        network.__wrapped__(RENDITION)


def test_silence_and_too_short_a_stretch_tell_nothing():
    piece, silence = make_music(5, duration_s=LENGTH_S + 1), np.zeros(20 * SAMPLE_RATE, np.float32)
    pairs = [(silence, piece), (piece, silence), (silence, silence), (piece[:11_025], piece)]
    assert [measured(a, b) for a, b in pairs] == [None] * 4
