import numpy as np
import pytest

from cqtnet.errors import InputError, ManifestError
from spoof.checkpoint import load_trained
from spoof.evaluate import evaluate
from spoof.features.spectra import COLUMNS
from spoof.prepare import Preparer, is_row_table, read_row_table
from spoof.recipes import find
from spoof.train import TrainConfig, train
from tests.spoof.material import TINY, text

HEADER = ",".join((*COLUMNS, "LABEL"))


def row(first, label):
    return ",".join([str(first), *(str(n / 2) for n in range(1, 26)), label])


def read(folder, lines):
    path = text(folder / "DATASET-balanced.csv", "\n".join(lines))
    utterances, preparer = read_row_table(path, Preparer(folder))
    return utterances, preparer.rows


def test_values_and_labels_are_read(tmp_path):
    lines = [HEADER, row(0.25, "FAKE"), row(-3e2, "REAL"), row(1, "fake")]
    utterances, values = read(tmp_path, lines)
    assert values.shape == (3, 26) and values.dtype == np.float32
    np.testing.assert_array_equal(values[:, 0], [0.25, -300, 1])
    np.testing.assert_array_equal(values[1, 1:], np.arange(1, 26) / 2)
    assert [u.is_fake for u in utterances] == [True, False, True]
    numbers = [str(n) for n in reversed(range(26))]
    table = [("LABEL", *COLUMNS[::-1]), ("REAL", *numbers), ("FAKE", *numbers)]
    _, values = read(tmp_path, [",".join(cells) for cells in table])
    np.testing.assert_array_equal(values, np.tile(np.arange(26), (2, 1)))


@pytest.mark.parametrize(("lines", "message"), [
    (["rms,LABEL", "1,FAKE"], r":1: no column chroma_stft, spectral_centroid, .*; found rms"),
    ([HEADER, row(1, "FAKE"), row("x", "REAL")], r":3: chroma_stft 'x' is not a number"),
    ([HEADER, row("1e39", "FAKE")], r":2: chroma_stft '1e39' is not a number"),
    ([HEADER, row(1, "0")], r":2: LABEL '0' is neither FAKE nor REAL"),
    ([HEADER, row(1, "FAKE"), row(2, "FAKE")], "all 2 rows are FAKE"),
    ([HEADER], ":1: holds no row"),
])  # fmt: skip
def test_a_wrong_table_is_refused(tmp_path, lines, message):
    with pytest.raises(ManifestError, match=message):
        read(tmp_path, lines)


@pytest.fixture
def path(tmp_path):
    """Rows whose second number alone tells both classes apart."""
    values = np.random.default_rng(0).normal(0, 1, (200, len(COLUMNS)))
    values[:, 1] = [5, -5] * 100
    lines = [HEADER]
    for numbers, label in zip(values, ["FAKE", "REAL"] * 100, strict=True):
        lines.append(",".join([*(f"{x:.6f}" for x in numbers), label]))
    return text(tmp_path / "DATASET-balanced.csv", "\n".join(lines) + "\n")


@pytest.fixture
def given(path, tmp_path):
    return read_row_table(path, Preparer(tmp_path))


def test_rows_are_given_as_they_stand(path, given):
    utterances, rows = given
    found = rows.examples(utterances[10:20], find("s2-ann@rows"))
    expected = np.loadtxt(path, delimiter=",", skiprows=1, usecols=range(26))[10:20]
    np.testing.assert_allclose(found.inputs(np.arange(10)), expected, rtol=1e-3, atol=1e-6)
    assert found.is_fake.tolist() == [True, False] * 5


def test_a_detector_learns_rows_and_is_judged_by_others(given, tmp_path):
    utterances, rows = given
    recipe = find("s2-ann@rows").changed(epochs=3)
    config = TrainConfig(tmp_path / "run", recipe, rows, split_by="segment", device="cpu")
    train(utterances, config, report=lambda step: None)
    found = evaluate(load_trained(tmp_path / "run"), utterances, rows, device="cpu", resamples=20)
    assert found.recordings.decided.accuracy == 1 and len(found.recordings.trials) == 40


def test_what_rows_cannot_do_is_refused(given, tmp_path):
    utterances, rows = given
    recipe = find("s2-ann@rows")
    config = TrainConfig(tmp_path / "run", recipe, rows, device="cpu")
    with pytest.raises(InputError, match="only rows can be split; use --split-by segment"):
        train(utterances, config, report=lambda step: None)
    with pytest.raises(InputError, match=r"tiny takes \(8,\) and a row is 26 numbers"):
        rows.examples(utterances, TINY)
    with pytest.raises(InputError, match="rows cannot be altered"):
        rows.examples(utterances, recipe, copies=2)
    rows.rows[7, 3] = 1e9
    with pytest.raises(InputError, match=r"a row holds 1e\+09, the limit is 65504"):
        rows.examples(utterances, recipe)


def test_a_table_of_features_is_told_from_a_list_of_recordings(path, tmp_path):
    assert is_row_table(path) and not is_row_table(tmp_path)
    assert not is_row_table(text(tmp_path / "list.csv", "file,label\na.wav,real\n"))
    assert not is_row_table(text(tmp_path / "empty.csv", ""))
