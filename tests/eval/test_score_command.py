import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.checkpoint import save_weights
from cqtnet.cli import cqtnet
from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError
from cqtnet.files import file_sha256
from cqtnet.model import CqtNet, find_preset
from cqtnet.music import make_music
from eval.systems import SYSTEMS
from eval.trials import read_scores


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pieces, each against each in another key and tempo."""
    folder = tmp_path_factory.mktemp("trials")
    rows = ["reference,probe,label,condition,recording"]
    for i in range(4):
        music = make_music(i, duration_s=10.0)
        changed = Tempo(1.2).apply(music, SAMPLE_RATE).samples
        changed = Pitch(3.0).apply(changed, SAMPLE_RATE).samples
        for name, sound in (("reference", music), ("probe", changed)):
            soundfile.write(folder / f"{name}{i}.flac", np.clip(sound, -1, 1), SAMPLE_RATE)
        rows += [f"reference{j}.flac,probe{i}.flac,{int(i == j)},both,{i}" for j in range(4)]
    (folder / "both.csv").write_text("\n".join(rows) + "\n")
    return folder / "both.csv"


def score(*words: object) -> Result:
    return CliRunner().invoke(cqtnet, ["eval", "score", *map(str, words)])


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_tells_altered_music_from_other_music(
    system: str, trials: Path, tmp_path: Path
) -> None:
    result = score(trials, tmp_path / "scores.csv", "--system", system)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"16 trials of 8 files by {system} → ")
    scores = read_scores(tmp_path / "scores.csv")
    assert scores.label.sum() == 4
    assert equal_error_rate(scores.score[scores.label], scores.score[~scores.label]) == 0


def test_json_names_weights_and_precision(trials: Path, tmp_path: Path) -> None:
    weights = tmp_path / "tiny.safetensors"
    save_weights(CqtNet(find_preset("tiny")), weights)
    words = ["--model", weights, "--precision", "bfloat16", "--device", "cpu", "--json"]
    result = score(trials, tmp_path / "s.csv", *words, "--cache", tmp_path / "cache")
    done = json.loads(result.stdout)
    assert done == json.loads((tmp_path / "s.json").read_text())
    assert done["parameters"]["model_sha256"] == file_sha256(weights)
    assert done["parameters"]["precision"] == "bfloat16"
    assert len(list((tmp_path / "cache").iterdir())) == 8 + 1  # the files, and all scores


def test_scores_stay_unless_forced(trials: Path, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("mine")
    refused = score(trials, tmp_path / "s.csv", "--system", "mean-cqt")
    assert isinstance(refused.exception, InputError) and "--force" in str(refused.exception)
    assert (tmp_path / "s.csv").read_text() == "mine"
    assert score(trials, tmp_path / "s.csv", "--system", "mean-cqt", "--force").exit_code == 0


def test_weights_that_are_not_there_end_it_with_nothing_written(
    trials: Path, tmp_path: Path
) -> None:
    result = score(trials, tmp_path / "out/s.csv", "--model", "none")
    assert isinstance(result.exception, InputError) and "neither shipped" in str(result.exception)
    assert not list((tmp_path / "out").iterdir())
