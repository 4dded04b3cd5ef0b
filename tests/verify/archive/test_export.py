from dataclasses import replace

import numpy as np
import pytest

from cqtnet.errors import ArchiveError
from tests.verify.archive.synthetic import MANIFEST, make_archive, stored, synthetic_recording
from verify.archive.export import export_windows, merge_into
from verify.archive.results import window_ids
from verify.archive.store import Store


def test_merging_takes_what_is_not_there_yet(tmp_path):
    make_archive(tmp_path / "one", range(1, 4))
    make_archive(tmp_path / "two", range(3, 7))
    with Store.open(tmp_path / "two", write=True) as two:
        two.add_path(1, "/copy/of/3", 5, 6)
    assert merge_into(tmp_path / "one", tmp_path / "two") == (3, 1)
    assert merge_into(tmp_path / "one", tmp_path / "two") == (0, 4), "again, nothing is new"
    with Store.open(tmp_path / "one") as store:
        assert len(store) == 6
        for number in range(1, 7):
            new = synthetic_recording(number)
            entry = store.by_sha256(new.sha256)
            vectors = store.vectors(window_ids(entry.id, entry.n_windows))
            np.testing.assert_array_equal(vectors, stored(number))
            np.testing.assert_array_equal(store.start_s(entry.id), new.start_s)
        assert store.by_path("/copy/of/3")[1:] == (5, 6)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"model_sha256": "1" * 64}, "another model"), ({"hop_s": 9.0}, "another hop")],
)
def test_archives_of_another_kind_are_not_merged(tmp_path, change, words):
    make_archive(tmp_path / "one")
    Store.create(tmp_path / "two", replace(MANIFEST, **change)).close()
    with pytest.raises(ArchiveError, match=words):
        merge_into(tmp_path / "one", tmp_path / "two")


def test_exported_windows_are_those_of_the_store(tmp_path):
    entries = make_archive(tmp_path / "archive", range(1, 3))
    with Store.open(tmp_path / "archive") as store:
        export_windows(store, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as out:
        assert out["id"].tolist() == [1, 2]
        assert out["path"].tolist() == [entry.paths[0] for entry in entries]
        for number in (1, 2):
            own = out["recording"] == number
            np.testing.assert_array_equal(out["vector"][own].astype(np.float32), stored(number))
            np.testing.assert_array_equal(out["start_s"][own], synthetic_recording(number).start_s)


def test_parquet_has_a_row_for_each_window(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    make_archive(tmp_path / "archive", range(1, 3))
    with Store.open(tmp_path / "archive") as store:
        export_windows(store, tmp_path / "out.parquet")
        n_windows = store.n_windows
    rows = parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert len(rows) == n_windows and rows[0]["path"] == synthetic_recording(1).path
    last = np.array(rows[-1]["vector"], np.float32)
    np.testing.assert_array_equal(last, stored(2)[-1])
