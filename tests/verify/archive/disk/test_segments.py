import zlib
from dataclasses import replace

import numpy as np
import pytest

from cqtnet.errors import ArchiveError
from eval.bench.faults.synthetic import MANIFEST, synthetic_recording
from tests.verify.archive.cases import make_archive, stored, writing
from verify.archive.disk.store import Store
from verify.archive.results import window_ids

RECORD = np.dtype([("check", "<u4"), ("vector", "<f2", (16,))])


@pytest.fixture
def folder(tmp_path):
    make_archive(tmp_path / "archive", range(3, 4))  # 45 windows
    return tmp_path / "archive"


def records_of(folder):
    return np.fromfile(folder / "vectors/000001.vec", RECORD)


def test_a_record_is_a_crc_32_of_window_and_vector_and_the_vector_in_16_bits(folder):
    records = records_of(folder)
    with Store.open(folder) as store:
        salt = int(store.manifest.digest()[:8], 16)
    assert np.array_equal(records["vector"], stored(3))
    for row, record in enumerate(records):
        number = (1 * 2**20 + row).to_bytes(8, "little")
        assert record["check"] == zlib.crc32(number + record["vector"].tobytes(), salt)


@pytest.mark.parametrize("check", [True, False])
def test_records_that_changed_places_are_noticed(folder, check):
    records = records_of(folder)
    records[[4, 9]] = records[[9, 4]]
    records.tofile(folder / "vectors/000001.vec")
    with pytest.raises(ArchiveError, match=r"vectors/000001\.vec is damaged"):  # noqa: SIM117
        with Store.open(folder, check=check) as store:
            store.vectors(window_ids(1, 45))


def test_records_of_another_archive_are_noticed(folder, tmp_path):
    make_archive(tmp_path / "other", range(3, 4))
    (tmp_path / "other/vectors/000001.vec").replace(folder / "vectors/000001.vec")
    with pytest.raises(ArchiveError, match=r"45 of 45 windows of recording 1 \(/music/3.flac\)"):
        Store.open(folder)


def test_a_segment_cut_off_while_it_is_open_is_noticed(folder):
    with Store.open(folder) as store:
        with (folder / "vectors/000001.vec").open("r+b") as file:
            file.truncate(20 * RECORD.itemsize + 5)
        assert np.array_equal(store.vectors(window_ids(1, 20)), stored(3)[:20])
        with pytest.raises(ArchiveError, match=r"000001\.vec is damaged: it ends after 725 bytes"):
            store.vectors(window_ids(1, 21))


def test_windows_come_in_the_order_asked_for_and_as_often(tmp_path, rng):
    entries = make_archive(tmp_path / "a")  # several segments
    ids = np.concatenate([window_ids(entry.id, entry.n_windows) for entry in entries])
    rows = np.concatenate([stored(number) for number in range(1, 6)])
    drawn = rng.integers(len(ids), size=500)
    with Store.open(tmp_path / "a") as store:
        assert np.array_equal(store.vectors(ids[drawn]), rows[drawn])
        assert store.vectors(ids[:0]).shape == (0, 16)


@pytest.mark.parametrize("window", [-1, 0, 2**20 + 45, 2 * 2**20, 7 * 2**40])
def test_windows_that_are_not_there_are_refused(folder, window):
    with Store.open(folder) as store, pytest.raises(ArchiveError, match="has no window"):
        store.vectors(np.array([2**20, window]))


def test_long_recordings_and_those_of_other_dimensions_come_back(tmp_path):
    manifest = replace(MANIFEST, dimension=3)
    new = synthetic_recording(1, n_windows=10_000, dimension=3)
    with Store.create(tmp_path / "a", manifest) as store:
        (entry,) = store.add([new])
        rows = store.vectors(window_ids(entry.id, 10_000))
    assert np.abs(rows - new.windows.vectors).max() < 2**-11  # half a unit of 16-bit floats


def test_a_recording_is_never_spread_over_segments(tmp_path):
    make_archive(tmp_path / "a", range(1, 30))
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "a/vectors").iterdir()}
    assert len(sizes) > 3
    with writing(tmp_path / "a") as store:
        assert sum(sizes.values()) == store.n_windows * RECORD.itemsize
