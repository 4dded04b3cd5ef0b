"""Files read by Ray's workers; needs the extra `ray`."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from verify.archive.cluster import _read, on_ray
from verify.archive.disk.manifest import Manifest
from verify.archive.disk.store import Store
from verify.archive.extract import extract

from cqtnet import SAMPLE_RATE
from cqtnet.checkpoint import load_weights, save_weights
from cqtnet.embed import Embedder
from cqtnet.errors import InputError
from cqtnet.model import CqtNet, find_preset
from cqtnet.music import make_music
from verify.archive.results import window_ids

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(CqtNet(find_preset("tiny")), path)
    weights = load_weights(path)
    size = weights.model.preset.embedding_size
    return Manifest(str(path), weights.sha256, size, window_s=5.0, hop_s=5.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("music")
    for seed in range(12):
        soundfile.write(folder / f"{seed:02}.flac", make_music(seed, duration_s=10.0), SAMPLE_RATE)
    (folder / "broken.flac").write_bytes(b"no audio")
    return [str(path) for path in sorted(folder.iterdir())]


def test_all_files_arrive_though_a_worker_is_killed(
    manifest: Manifest, files: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    archive = tmp_path / "archive"
    Store.create(archive, manifest).close()
    command = [sys.executable, "-m", "tests.verify.archive.ray_run", str(archive), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["jobs"], result["killed"]) == (2, 1)
    assert result["counts"] == {"added": 12, "failed": 1}
    assert "broken.flac" in result["failed"][files[-1]]
    embedder = Embedder.named(manifest.model)
    with Store.open(archive) as store:
        for path in files[:2]:
            known = store.by_path(path)
            assert known is not None
            here = extract(path, embedder, window_s=5.0, hop_s=5.0)
            vectors = store.vectors(window_ids(known[0].id, known[0].n_windows))
            assert ((vectors * here.windows.vectors).sum(axis=1) > 0.99).all()


def test_without_ray_the_cure_is_told(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.archive.cluster.find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs Ray; pip install"), on_ray("auto", manifest):
        pass


def test_a_unit_of_work_is_refused_where_the_bytes_are_others(
    manifest: Manifest, files: list[str]
) -> None:
    wrong = hashlib.sha256(b"other").hexdigest()
    assert "other bytes" in str(_read(files[0], wrong, manifest, ()))
