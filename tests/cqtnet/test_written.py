"""What a full disk does to the files of commands."""

import numpy as np
import pytest
import soundfile

from cqtnet.files import written_whole
from tests.hostile.full_disks import file_limit


def save_arrays(path):
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(100_000))


WRITERS = {
    "text": lambda path: path.write_text("a" * 500_000),
    "arrays": save_arrays,
    "flac": lambda path: soundfile.write(
        path, np.random.default_rng(0).uniform(-1, 1, 200_000), 22_050, format="FLAC"
    ),
    "wav": lambda path: soundfile.write(path, np.zeros(200_000), 22_050, format="WAV"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("n_bytes", [0, 10, 100_000])
def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path, name, n_bytes):
    path = tmp_path / "out"
    path.write_text("before")
    with (
        file_limit(n_bytes),
        pytest.raises(OSError, match="File too large") as caught,
        written_whole(path) as temporary,
    ):
        WRITERS[name](temporary)
    assert caught.value.filename == str(path)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_failure_that_is_none_of_the_disk_stays_as_it_is(tmp_path):
    with pytest.raises(AssertionError, match="ours"), written_whole(tmp_path / "out"):
        raise AssertionError("ours")
    with pytest.raises(FileNotFoundError) as caught, written_whole(tmp_path / "out"):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")
