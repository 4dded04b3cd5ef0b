"""An archive of four pieces of music, made by the command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from cqtnet import SAMPLE_RATE
from cqtnet.cli import cqtnet
from tests.verify.archive.pieces import SEEDS, altered, comparer, fragment, music, seconds
from tests.verify.archive.synthetic import make_archive
from verify import Archive


@pytest.fixture
def folder(tmp_path):
    """An archive of five synthetic recordings."""
    make_archive(tmp_path / "archive")
    return tmp_path / "archive"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with `music`, an `archive` of it, and queries: a fragment, a mix, and others."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "music").mkdir()
    gap = np.zeros(3 * SAMPLE_RATE, np.float32)
    faster = altered(seconds(music(14), 5, 35), tempo=1.2, shift_semitones=1.0)
    parts = (music(99, 12.0), seconds(music(13), 2, 38), gap, faster)
    for name, samples in {
        **{f"music/{seed}": music(seed) for seed in SEEDS},
        "fragment": fragment(),
        "foreign": music(99, 12.0),
        "silence": np.zeros(5 * SAMPLE_RATE),
        "mix": np.concatenate(parts),
    }.items():
        soundfile.write(folder / f"{name}.flac", np.clip(samples, -1, 1), SAMPLE_RATE)
    (folder / "music" / "broken.flac").write_bytes(b"no audio")
    words = ["index", "add", folder / "archive", folder / "music", "--tag", "first", "--json"]
    done = CliRunner().invoke(cqtnet, list(map(str, words)))
    assert done.exit_code == 1, "a file could not be read"
    assert json.loads(done.stdout)["counts"] == {"added": 4, "failed": 1}
    assert "broken.flac" in done.stderr
    return folder


@pytest.fixture
def archive(made, tmp_path):
    """A copy of the archive, whose recordings are numbered as the seeds are sorted: 1 is 11."""
    shutil.copytree(made / "archive", tmp_path / "archive")
    with Archive.open(tmp_path / "archive", write=True) as archive:
        archive.__dict__["_comparer"] = comparer()
        numbers = {Path(e.paths[0]).stem: e.id for e in archive.store.entries()}
        archive.number = numbers.__getitem__
        yield archive
