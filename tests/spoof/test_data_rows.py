from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import ManifestError
from spoof.data import read_rows
from spoof.data.rows import NAMES
from tests.spoof.trees import text

HEADER = ",".join((*NAMES, "LABEL"))


def row(first: object, label: str) -> str:
    return ",".join([str(first), *(str(n / 2) for n in range(1, 26)), label])


def test_the_names_are_those_of_the_data_set() -> None:
    assert len(NAMES) == 26
    assert (NAMES[4], NAMES[6], NAMES[-1]) == ("rolloff", "mfcc1", "mfcc20")


def test_values_and_labels_are_read(tmp_path: Path) -> None:
    lines = [HEADER, row(0.25, "FAKE"), row(-3e2, "REAL"), row(1, "fake")]
    rows = read_rows(text(tmp_path / "DATASET-balanced.csv", "\n".join(lines)))
    assert rows.values.shape == (3, 26)
    assert rows.values.dtype == np.float32
    np.testing.assert_array_equal(rows.values[:, 0], [0.25, -300, 1])
    np.testing.assert_array_equal(rows.values[1, 1:], np.arange(1, 26) / 2)
    assert rows.is_fake.tolist() == [True, False, True]


def test_columns_are_taken_by_name(tmp_path: Path) -> None:
    names = [*NAMES, "LABEL"]
    cells = dict(zip(names, [*map(str, range(26)), "REAL"], strict=True))
    turned = names[::-1]
    lines = [",".join(turned)]
    for label in ("REAL", "FAKE"):
        lines.append(",".join((cells | {"LABEL": label})[name] for name in turned))
    rows = read_rows(text(tmp_path / "turned.csv", "\n".join(lines)))
    np.testing.assert_array_equal(rows.values, np.tile(np.arange(26), (2, 1)))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["rms,LABEL", "1,FAKE"], r":1: no column chroma_stft, spectral_centroid, .*; found rms"),
        ([HEADER, row(1, "FAKE"), row("x", "REAL")], r":3: chroma_stft 'x' is no number"),
        ([HEADER, row("nan", "FAKE")], r":2: chroma_stft 'nan' is no number"),
        ([HEADER, row("1e39", "FAKE")], r":2: chroma_stft '1e39' is no number"),
        ([HEADER, row(1, "0")], r":2: LABEL '0' is neither FAKE nor REAL"),
        ([HEADER, row(1, "FAKE"), row(2, "FAKE")], "all 2 rows are FAKE"),
        ([HEADER, row(1, "REAL")], "all 1 rows are REAL"),
        ([HEADER], ":1: holds no row"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_rows(text(tmp_path / "rows.csv", "\n".join(lines)))
