"""DEEP-VOICE's table of features: rows are learned from as they stand."""

from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import InputError, ManifestError
from spoof.checkpoint import load_trained
from spoof.data.rows import NAMES
from spoof.evaluate import evaluate
from spoof.prepare import Preparer, is_row_table, read_row_table
from spoof.recipes import find
from spoof.train import TrainConfig, train
from tests.spoof.voices import TINY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Rows whose second number alone tells both classes apart."""
    rng = np.random.default_rng(0)
    lines = [",".join([*NAMES, "LABEL"])]
    for number in range(200):
        is_fake = number % 2 == 0
        values = rng.normal(0, 1, len(NAMES))
        values[1] = 5 if is_fake else -5
        lines.append(",".join(f"{x:.6f}" for x in values) + f",{'FAKE' if is_fake else 'REAL'}")
    path = tmp_path / "DATASET-balanced.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_are_given_as_they_stand(path: Path, tmp_path: Path) -> None:
    utterances, rows = read_row_table(path, Preparer(tmp_path))
    found = rows.examples(utterances[10:20], find("s2-ann@rows"))
    expected = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(26))[10:20]
    np.testing.assert_allclose(found.inputs(np.arange(10)), expected, rtol=1e-3, atol=1e-6)
    assert found.is_fake.tolist() == [True, False] * 5


def test_a_detector_learns_rows_and_is_judged_by_others(path: Path, tmp_path: Path) -> None:
    utterances, rows = read_row_table(path, Preparer(tmp_path))
    recipe = find("s2-ann@rows").changed(epochs=3)
    config = TrainConfig(tmp_path / "run", recipe, rows, split_by="segment", device="cpu")
    train(utterances, config, told=lambda step: None)
    found = evaluate(load_trained(tmp_path / "run"), utterances, rows, device="cpu", resamples=20)
    assert found.recordings.decided.accuracy == 1 and len(found.recordings.trials) == 40


def test_rows_cannot_be_split_by_recording(path: Path, tmp_path: Path) -> None:
    utterances, rows = read_row_table(path, Preparer(tmp_path))
    config = TrainConfig(tmp_path / "run", find("s2-ann@rows"), rows, device="cpu")
    with pytest.raises(InputError, match="only rows can be split; use --split-by segment"):
        train(utterances, config, told=lambda step: None)


def test_a_recipe_that_takes_no_rows_is_refused(path: Path, tmp_path: Path) -> None:
    utterances, rows = read_row_table(path, Preparer(tmp_path))
    with pytest.raises(InputError, match=r"tiny takes \(8,\) and a row is 26 numbers"):
        rows.examples(utterances, TINY)
    with pytest.raises(InputError, match="rows cannot be altered"):
        rows.examples(utterances, find("s2-ann@rows"), copies=2)


def test_a_number_beyond_what_is_kept_is_refused(path: Path, tmp_path: Path) -> None:
    path.write_text(path.read_text().replace("5.000000", "1e9", 1))
    utterances, rows = read_row_table(path, Preparer(tmp_path))
    with pytest.raises(InputError, match=r"a row holds 1e\+09, the limit is 65504"):
        rows.examples(utterances, find("s2-ann@rows"))


def test_a_table_of_features_is_told_from_a_list_of_recordings(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "list.csv"
    other.write_text("file,label\na.wav,real\n")
    assert is_row_table(path) and not is_row_table(other) and not is_row_table(tmp_path)
    (tmp_path / "empty.csv").touch()
    assert not is_row_table(tmp_path / "empty.csv")
    broken = path.read_text().replace("FAKE", "MAYBE", 1)
    path.write_text(broken)
    with pytest.raises(ManifestError, match=r"DATASET-balanced\.csv:2: LABEL 'MAYBE'"):
        read_row_table(path, Preparer(tmp_path))
