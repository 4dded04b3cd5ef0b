import json
import os
import random
import socket
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.parallel import DistributedDataParallel

from cqtnet.checkpoint import load_weights
from cqtnet.data import read_items
from cqtnet.errors import ManifestError, WeightsError
from cqtnet.preset import find_preset
from cqtnet.recipes import RECIPES, find_recipe
from cqtnet.runstate import gather, joined
from cqtnet.train import StepReport, TrainConfig, nt_xent, steps_per_epoch, train
from cqtnet.views import CONDITIONS, Verdict, make_pairs
from tests.augment.signals import CALM

RECIPE = find_recipe(
    "default", epochs=3, batch=4, fragment_s=(2.0, 3.0), warmup_steps=2, waveform_share=0.25,
    context_s=1.0, whitening_steps=3,
)  # fmt: skip
PRESET = find_preset("tiny", width=0.05, embedding_size=16)
EASY = {
    "jitter_s": 0.0, "waveform_share": 0.0, "spectral": CALM, "context_share": 0.0,
    "frozen_share": 0.0, "whitening_steps": 0,
}  # fmt: skip


def run(pieces, out, **changes):
    config = TrainConfig(out, pieces.parent / "cache", PRESET, RECIPE, precision="float32")
    reports: list[StepReport] = []
    train(read_items(pieces), replace(config, **changes), on_step=reports.append)
    return reports


def quicken(patch):
    """Runs draw no curves, and alter what they are validated by only once."""
    known = cache(lambda items, folder: make_pairs(list(items), folder))
    patch.setattr("cqtnet.views.make_pairs", lambda items, folder: known(tuple(items), folder))
    patch.setattr("cqtnet.train.draw_curves", lambda *_: None)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """All runs but `finished`."""
    quicken(monkeypatch)


@pytest.fixture
def unjudged(monkeypatch):
    """Validation answers at once, for tests of training alone."""
    verdict = Verdict(dict.fromkeys(CONDITIONS, 0.5), separation=0.0)
    monkeypatch.setattr("cqtnet.views.make_pairs", lambda *_: ())
    monkeypatch.setattr("cqtnet.views.validate", lambda *_, **__: verdict)


@pytest.fixture(scope="module")
def finished(pieces, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "whole"
    return out, run(pieces, out)


def test_a_run_leaves_all_that_is_needed(finished):
    out, reports = finished
    names = {path.name for path in out.iterdir()}
    assert names == {
        "best.json", "best.safetensors", "final.json", "final.safetensors", "last.safetensors",
        "config.json", "history.json", "curves.png",
    }  # fmt: skip
    weights = load_weights(out / "best.safetensors")
    assert weights.model.preset == PRESET
    card, history = weights.card, json.loads((out / "history.json").read_text())
    assert (card["recipe"]["name"], card["versions"]["torch"]) == ("default", torch.__version__)
    assert len(card["data_sha256"]) == 64 and len(history) == 3
    assert [row["step"] for row in history] == [r.step for r in reports if r.verdict]
    best = min(history, key=lambda r: sum(v for k, v in r.items() if "eer_" in k))
    assert card["step"] == best["step"] or best["eer_tempo"] == 0
    rates = [report.lr for report in reports]
    assert rates[0] < rates[1] and rates[-1] < 0.2 * max(rates), "warm-up, then cosine"


def test_resuming_equals_no_pause(pieces, tmp_path, finished):
    out = tmp_path / "paused"
    first = run(pieces, out, stop_after_s=0.0)
    second = run(pieces, out, resume=True)
    assert 0 < len(first) < len(finished[1])
    assert [r.loss for r in first + second] == [r.loss for r in finished[1]]
    whole, paused = (load_file(folder / "last.safetensors") for folder in (finished[0], out))
    assert whole.keys() == paused.keys()
    assert [name for name, tensor in whole.items() if not torch.equal(tensor, paused[name])] == []


def test_a_run_is_neither_overwritten_nor_resumed_as_another(pieces, tmp_path, finished):
    out, damaged = finished[0], tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_bytes((out / "config.json").read_bytes())
    (damaged / "last.safetensors").write_bytes((out / "last.safetensors").read_bytes()[:999])
    for folder, changes, message in (
        (out, {"resume": False}, "holds a run already; use --resume"),
        (tmp_path / "none", {}, "holds no run to resume"),
        (damaged, {}, "holds no state of a run to resume"),
        (out, {"seed": 9}, "trained with another seed"),
        (out, {"preset": replace(PRESET, embedding_size=17)}, "with another preset_trained"),
        (out, {"recipe": replace(RECIPE, lr=0.5)}, "with another recipe"),
        (out, {"precision": "bfloat16"}, "with another precision"),
        (out, {"noise": (pieces.parent / "0.wav",)}, "with another noise_sha256"),
    ):
        with pytest.raises(WeightsError, match=message):
            run(pieces, folder, **{"resume": True, **changes})
    (damaged / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config\.json is unreadable; cannot resume"):
        run(pieces, damaged, resume=True)


@pytest.mark.usefixtures("unjudged")
def test_a_run_begins_with_given_weights(pieces, tmp_path, finished):
    first = load_weights(finished[0])
    still = {"recipe": replace(RECIPE, epochs=1, lr=1e-12, frozen_share=1.0, whitening_steps=0)}
    run(pieces, tmp_path / "on", begin_with=first, **still)
    after = load_weights(tmp_path / "on")
    assert after.card["begun_with_sha256"] == first.sha256
    for name, values in first.tensors.items():
        assert np.allclose(values, after.tensors[name], atol=1e-3), name
    with pytest.raises(WeightsError, match="trained with another begun_with_sha256"):
        run(pieces, tmp_path / "on", resume=True, **still)
    with pytest.raises(WeightsError, match="is of another architecture"):
        run(pieces, tmp_path / "other", begin_with=first, preset=find_preset("tiny"))


@pytest.mark.usefixtures("unjudged")
def test_statistics_stand_still_at_the_end(pieces, tmp_path):
    kept = {}
    for share in (0.0, 1.0):
        recipe = replace(RECIPE, epochs=1, frozen_share=share, whitening_steps=0)
        run(pieces, tmp_path / str(share), recipe=recipe)
        tensors = load_file(tmp_path / str(share) / "final.safetensors")
        kept[share] = tensors["trunk.conv0.norm.running_mean"]
    assert kept[0.0].abs().max() > 0
    assert kept[1.0].abs().max() == 0, "as it was made"


@pytest.mark.usefixtures("unjudged")
def test_a_plateau_lowers_the_rate_and_survives_pauses(pieces, tmp_path):
    """Hardly a gradient, the same fragments: the loss stays, and patience ends after epoch 5."""
    recipe = replace(
        RECIPE, schedule="plateau", optimiser="sgd", lr=1e-7, epochs=6, batch=5, weight_decay=0.0,
        fragment_s=(5.0,), pair_weight=0.0, class_weight=1e-3, **EASY,
    )  # fmt: skip
    whole = run(pieces, tmp_path / "whole", recipe=recipe)
    paused = run(pieces, tmp_path / "paused", recipe=recipe, stop_after_s=0.0)
    for stop_after_s in (0.0, 0.0, 9e9):
        options = {"recipe": recipe, "resume": True, "stop_after_s": stop_after_s}
        paused += run(pieces, tmp_path / "paused", **options)
    assert [report.lr for report in paused] == [report.lr for report in whole]
    rates = [round(report.lr / 1e-7, 3) for report in whole if report.verdict]
    assert rates == [1.0, 1.0, 1.0, 1.0, 1.0, 0.3]


def test_too_few_recordings_are_refused(pieces, tmp_path):
    items = read_items(pieces)
    few = [item for item in items if item.split == "valid" or item is items[0]]
    alike = [replace(item, collection="one") for item in items]
    config = TrainConfig(tmp_path / "x", tmp_path / "cache", PRESET, RECIPE)
    with pytest.raises(ManifestError, match="1 recording is left to learn from; give two"):
        train(few, config, on_step=lambda _: None)
    assert not (tmp_path / "x").exists()
    with pytest.raises(ManifestError, match="two are needed for pairs"):
        train(alike, config, on_step=lambda _: None)


def test_the_papers_recipe_is_the_papers_and_trains(pieces, tmp_path):
    paper = RECIPES["paper"]
    assert (paper.optimiser, paper.lr, paper.schedule) == ("sgd", 0.001, "plateau")
    assert (paper.batch, paper.epochs, paper.fragment_s) == (64, 30, (20.0,))
    assert (paper.pair_weight, paper.class_weight, paper.waveform_share) == (0.0, 1.0, 1.0)
    recipe = find_recipe("paper", epochs=2, fragment_s=(2.0,), batch=4)
    reports = run(pieces, tmp_path / "paper", recipe=recipe, workers=1)
    n_train = sum(item.split == "train" for item in read_items(pieces))
    assert len(reports) == 2 * steps_per_epoch(np.full(n_train, 216), recipe)
    assert all(r.lr == 0.001 for r in reports)


@pytest.mark.usefixtures("unjudged")
def test_training_learns_to_tell_the_pieces_apart(pieces, tmp_path):
    recipe = replace(RECIPE, epochs=12, lr=1e-2, fragment_s=(2.0,), **EASY)
    losses = [report.loss for report in run(pieces, tmp_path / "learns", recipe=recipe)]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_two_processes_train_together_with_the_gradient_of_one(pieces, tmp_path):
    """As torchrun starts them. Pairs are compared across processes."""
    code = f"import sys; from {__name__} import as_rank; as_rank(*sys.argv[1:])"
    shared = {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1",
              "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"}  # fmt: skip
    for attempt in range(3):  # gloo (torch 2.13) may never let a process go: once more then
        folder = tmp_path / str(attempt)
        words = [sys.executable, "-c", code, str(pieces), str(folder), *map(str, free_ports(3))]
        ranks = [subprocess.Popen(words, env=os.environ | shared | {"RANK": rank}) for rank in "01"]
        try:
            assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
            break
        except subprocess.TimeoutExpired:
            continue
        finally:
            for rank in ranks:
                rank.kill()
                rank.wait()
    first, second = (json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["run"] == second["run"] and first["stopped"] == second["stopped"]
    assert len(first["run"]) > len(first["stopped"]) > 0
    for name in ("run", "stopped"):
        assert load_weights(folder / name / "best.safetensors").model.preset == PRESET
    assert max(first["error"], second["error"]) < 1e-4


def free_ports(count):
    """Below 32,768: Linux gives the ports above to whoever asks for any, before they are used."""
    start = random.randrange(20_000, 32_000)
    return list(islice(filter(_is_free, range(start, 32_768)), count))


def _is_free(port):
    try:
        socket.create_server(("localhost", port)).close()
    except OSError:
        return False
    return True


def as_rank(source, folder, port, *ports):
    """What one of two processes sees of two runs, and the error of its gradient."""
    quicken(pytest.MonkeyPatch())
    Path(folder).mkdir(exist_ok=True)
    os.environ["MASTER_PORT"] = port
    found = {"error": gradient_error()}
    recipe = replace(RECIPE, epochs=2, waveform_share=0.0, batch=2, schedule="plateau")
    for port, name, stop_after_s in zip(ports, ("run", "stopped"), (9e9, 0.0), strict=True):
        os.environ["MASTER_PORT"] = port
        options = {"recipe": recipe, "device": "cpu", "stop_after_s": stop_after_s}
        reports = run(Path(source), Path(folder) / name, **options)
        found[name] = [(r.step, r.loss, r.lr) for r in reports]
    Path(folder, f"{os.environ['RANK']}.json").write_text(json.dumps(found))
    os._exit(0)  # the threads of gloo (torch 2.13) sometimes abort the process while it ends


def gradient_error():
    torch.manual_seed(0)
    layer, views = torch.nn.Linear(6, 5), torch.rand(2, 8, 6)
    whole = nt_xent(layer(views[0]), layer(views[1]), temperature=0.1)
    expected = torch.autograd.grad(whole, layer.weight)[0]
    with joined("cpu") as ranks:
        backward(layer, views.chunk(2, dim=1)[ranks.rank])
    return float((layer.weight.grad - expected).abs().max() / expected.abs().max())


def backward(layer, own):
    model = DistributedDataParallel(layer)
    first, second = (gather(p) for p in model(torch.cat([*own])).chunk(2))
    nt_xent(first, second, temperature=0.1).backward()
