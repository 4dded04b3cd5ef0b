import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from augment.spectral import SpectralRanges
from cqtnet.checkpoint import load_weights
from cqtnet.data import read_items
from cqtnet.errors import ManifestError, WeightsError
from cqtnet.model import find_preset
from cqtnet.recipes import RECIPES, find_recipe
from cqtnet.train import StepReport, TrainConfig, steps_per_epoch, train

RECIPE = find_recipe(
    "default", epochs=3, batch=4, fragment_s=(2.0, 3.0), warmup_steps=2, waveform_share=0.25,
    context_s=1.0, whitening_steps=3,
)  # fmt: skip
PRESET = find_preset("tiny", width=0.05, embedding_size=16)
CALM = SpectralRanges(
    untouched_share=1, noise_share=0, reverb_share=0, eq_share=0, band_share=0, mask_share=0
)
EASY = {
    "jitter_s": 0.0, "waveform_share": 0.0, "spectral": CALM, "context_share": 0.0,
    "frozen_share": 0.0, "whitening_steps": 0,
}  # fmt: skip


def run(pieces: Path, out: Path, **changes: object) -> list[StepReport]:
    config = TrainConfig(out, out.parent / "cache", PRESET, RECIPE, precision="float32")
    reports: list[StepReport] = []
    train(read_items(pieces), replace(config, **changes), on_step=reports.append)
    return reports


@pytest.fixture(scope="module")
def finished(pieces: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    out = tmp_path_factory.mktemp("runs") / "whole"
    return out, run(pieces, out)


def test_a_run_leaves_all_that_is_needed(finished: tuple[Path, list]) -> None:
    out, reports = finished
    names = {path.name for path in out.iterdir()}
    assert names == {
        "best.json", "best.safetensors", "final.json", "final.safetensors", "last.safetensors",
        "config.json", "history.json", "curves.png",
    }  # fmt: skip
    weights = load_weights(out / "best.safetensors")
    assert weights.model.preset == PRESET
    assert weights.card["recipe"]["name"] == "default"
    assert len(weights.card["data_sha256"]) == 64
    assert weights.card["versions"]["torch"] == torch.__version__
    history = json.loads((out / "history.json").read_text())
    assert [row["step"] for row in history] == [r.step for r in reports if r.verdict]
    assert len(history) == 3
    best = min(history, key=lambda r: sum(v for k, v in r.items() if "eer_" in k))
    assert weights.card["step"] == best["step"] or best["eer_tempo"] == 0
    rates = [report.lr for report in reports]
    assert rates[0] < rates[1] and rates[-1] < 0.2 * max(rates), "warm-up, then cosine"


def test_resuming_equals_no_pause(
    pieces: Path, tmp_path: Path, finished: tuple[Path, list]
) -> None:
    out = tmp_path / "paused"
    first = run(pieces, out, stop_after_s=0.0)
    second = run(pieces, out, resume=True)
    assert 0 < len(first) < len(finished[1])
    assert [r.loss for r in first + second] == [r.loss for r in finished[1]]
    whole = load_file(finished[0] / "last.safetensors")
    paused = load_file(out / "last.safetensors")
    assert whole.keys() == paused.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, paused[name]), name


def test_a_run_is_neither_overwritten_nor_resumed_as_another(
    pieces: Path, tmp_path: Path, finished: tuple[Path, list]
) -> None:
    out, _ = finished
    with pytest.raises(WeightsError, match="holds a run already; use --resume"):
        run(pieces, out)
    with pytest.raises(WeightsError, match="holds no run to resume"):
        run(pieces, tmp_path / "none", resume=True)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_bytes((out / "config.json").read_bytes())
    (damaged / "last.safetensors").write_bytes((out / "last.safetensors").read_bytes()[:999])
    with pytest.raises(WeightsError, match="holds no state of a run to resume"):
        run(pieces, damaged, resume=True)
    (damaged / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config\.json is unreadable; cannot resume"):
        run(pieces, damaged, resume=True)
    for changes, name in (
        ({"seed": 9}, "seed"),
        ({"preset": replace(PRESET, embedding_size=17)}, "preset_trained"),
        ({"recipe": replace(RECIPE, lr=0.5)}, "recipe"),
        ({"precision": "bfloat16"}, "precision"),
        ({"noise": (pieces.parent / "0.wav",)}, "noise_sha256"),
    ):
        with pytest.raises(WeightsError, match=f"trained with another {name}"):
            run(pieces, out, resume=True, **changes)


def test_statistics_stand_still_at_the_end(pieces: Path, tmp_path: Path) -> None:
    kept = {}
    for share in (0.0, 1.0):
        recipe = replace(RECIPE, epochs=1, frozen_share=share, whitening_steps=0)
        run(pieces, tmp_path / str(share), recipe=recipe)
        tensors = load_file(tmp_path / str(share) / "final.safetensors")
        kept[share] = tensors["trunk.conv0.norm.running_mean"]
    assert kept[0.0].abs().max() > 0
    assert kept[1.0].abs().max() == 0, "as it was made"


def test_a_plateau_lowers_the_rate_and_survives_pauses(pieces: Path, tmp_path: Path) -> None:
    """Hardly a gradient, the same fragments: the loss stays, and patience ends after epoch 5."""
    recipe = replace(
        RECIPE, schedule="plateau", optimiser="sgd", lr=1e-7, epochs=6, batch=5, weight_decay=0.0,
        fragment_s=(8.0,), pair_weight=0.0, class_weight=1e-3, **EASY,
    )  # fmt: skip
    whole = run(pieces, tmp_path / "whole", recipe=recipe)
    paused = run(pieces, tmp_path / "paused", recipe=recipe, stop_after_s=0.0)
    for stop_after_s in (0.0, 0.0, 9e9):
        options = {"recipe": recipe, "resume": True, "stop_after_s": stop_after_s}
        paused += run(pieces, tmp_path / "paused", **options)
    assert [report.lr for report in paused] == [report.lr for report in whole]
    rates = [round(report.lr / 1e-7, 3) for report in whole if report.verdict]
    assert rates == [1.0, 1.0, 1.0, 1.0, 1.0, 0.3]


def test_too_few_recordings_are_refused(pieces: Path, tmp_path: Path) -> None:
    items = read_items(pieces)
    config = TrainConfig(tmp_path / "x", tmp_path / "cache", PRESET, RECIPE)
    learned = [item for item in items if item.split == "train"]
    held_out = [item for item in items if item.split == "valid"]
    with pytest.raises(ManifestError, match="1 recording is left to learn from; give two"):
        train([learned[0], *held_out], config, on_step=lambda _: None)
    assert not (tmp_path / "x").exists()
    one_collection = [replace(item, collection="one") for item in items]
    with pytest.raises(ManifestError, match="two are needed for pairs"):
        train(one_collection, config, on_step=lambda _: None)


def test_the_papers_recipe_is_the_papers_and_trains(pieces: Path, tmp_path: Path) -> None:
    paper = RECIPES["paper"]
    assert (paper.optimiser, paper.lr, paper.schedule) == ("sgd", 0.001, "plateau")
    assert (paper.batch, paper.epochs, paper.fragment_s) == (64, 30, (20.0,))
    assert (paper.pair_weight, paper.class_weight, paper.waveform_share) == (0.0, 1.0, 1.0)
    recipe = find_recipe("paper", epochs=2, fragment_s=(2.0,), batch=4)
    reports = run(pieces, tmp_path / "paper", recipe=recipe, workers=1)
    n_train = sum(item.split == "train" for item in read_items(pieces))
    assert len(reports) == 2 * steps_per_epoch(np.full(n_train, 345), recipe)
    assert all(r.lr == 0.001 for r in reports)


def test_training_learns_to_tell_the_pieces_apart(pieces: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=20, lr=1e-2, fragment_s=(2.0,), **EASY)
    losses = [report.loss for report in run(pieces, tmp_path / "learns", recipe=recipe)]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


@pytest.mark.slow
def test_two_processes_train_together(pieces: Path, tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(
        "import os, sys; from pathlib import Path; import torch\n"
        "from tests.cqtnet.test_train import RECIPE, PRESET, TrainConfig, read_items, train\n"
        "from dataclasses import replace\n"
        "torch.set_num_threads(1)\n"
        "recipe = replace(RECIPE, epochs=2, waveform_share=0.0, batch=2, schedule='plateau')\n"
        "out = Path(sys.argv[2])\n"
        "config = TrainConfig(out, out.parent / 'cache', PRESET, recipe, device='cpu',\n"
        "                     stop_after_s=float(sys.argv[3]))\n"
        "seen = []\n"
        "def note(r):\n"
        "    seen.append((r.step, r.loss, r.lr))\n"
        "    out.with_suffix('.' + os.environ['RANK']).write_text(str(seen))\n"
        "train(read_items(Path(sys.argv[1])), config, on_step=note)\n"
    )
    for name, limit_s in (("run", "9e9"), ("stopped", "0")):
        run_two(script, pieces, tmp_path / name, limit_s)
        first, second = ((tmp_path / f"{name}.{rank}").read_text() for rank in (0, 1))
        assert first == second, "both see one loss and one rate"
        assert load_weights(tmp_path / name / "best.safetensors").model.preset == PRESET


@pytest.mark.slow
def test_two_processes_have_the_gradient_of_one(tmp_path: Path) -> None:
    """Pairs are compared across processes, as one process with all of them would."""
    script = tmp_path / "gradient.py"
    script.write_text(
        "import sys; from pathlib import Path; import torch\n"
        "from torch.nn.parallel import DistributedDataParallel\n"
        "from cqtnet.losses import nt_xent\n"
        "from cqtnet.runstate import gather, joined\n"
        "def main(out):\n"
        "    torch.manual_seed(0)\n"
        "    layer, views = torch.nn.Linear(6, 5), torch.rand(2, 8, 6)\n"
        "    whole = nt_xent(layer(views[0]), layer(views[1]), temperature=0.1)\n"
        "    expected = torch.autograd.grad(whole, layer.weight)[0]\n"
        "    with joined('cpu') as ranks:\n"
        "        own = views.chunk(2, dim=1)[ranks.rank]\n"
        "        model = DistributedDataParallel(layer)\n"
        "        first, second = (gather(p) for p in model(torch.cat([*own])).chunk(2))\n"
        "        nt_xent(first, second, temperature=0.1).backward()\n"
        "        error = (layer.weight.grad - expected).abs().max() / expected.abs().max()\n"
        "        Path(f'{out}.{ranks.rank}').write_text(str(float(error)))\n"
        "main(sys.argv[1])\n"
    )
    run_two(script, tmp_path / "error")
    errors = [float((tmp_path / f"error.{rank}").read_text()) for rank in (0, 1)]
    assert max(errors) < 1e-4


def run_two(script: Path, *words: object) -> None:
    """A script in two processes, as torchrun starts them; it shows what it did in files.

    Not by its exit code: with gloo, torch 2.13 sometimes aborts a process after Python has
    ended ("terminate called without an active exception"), when all is written.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*command, "--nproc-per-node", "2", str(script), *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0 or "without an active exception" in done.stderr, done.stderr[-3000:]
