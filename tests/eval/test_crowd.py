"""Recordings drawn from others: as alike, among themselves and with others, as those are."""

from itertools import islice

import numpy as np
import pytest

from cqtnet.cqt import N_BINS
from cqtnet.errors import ManifestError
from eval.archives import measure
from eval.crowd import Parents, draw, fill
from verify.archive.keeping import Sketch
from verify.archive.results import Manifest, NewRecording
from verify.archive.store import Store

N_WINDOWS, DIMENSION = 9, 64


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def real(tmp_path):
    """An archive of sixty recordings, whose windows have cosines of about 0.5."""
    rng = np.random.default_rng(1)
    manifest = Manifest("drawn", "0" * 64, DIMENSION, 10.0, 5.0)
    start_s = np.arange(N_WINDOWS) * 5.0
    new = []
    for number in range(60):
        own, moves = rng.standard_normal(DIMENSION), rng.standard_normal((N_WINDOWS, DIMENSION))
        coarse = rng.standard_normal((N_BINS, 533)).astype(np.float32)
        name = f"{number:064x}"
        about = f"/{name}", name, 1, 1, 50.0, ()
        new.append(NewRecording(*about, unit(own + moves), start_s, Sketch(coarse).packed()))
    with Store.create(tmp_path / "real", manifest) as store:
        store.add(new)
    return tmp_path / "real"


def within(recordings):
    """The mean cosine of two windows of one recording."""
    pairs = np.triu_indices(N_WINDOWS, 1)
    return np.mean([(vectors @ vectors.T)[pairs].mean() for vectors in recordings])


def test_windows_of_a_drawn_recording_hang_together_and_have_near_ones_as_those_of_real_ones(real):
    with Store.open(real) as store:
        parents = Parents.of(store)
    drawn = [new.vectors for new in islice(draw(parents, 10.0), 60)]
    assert within(drawn) == pytest.approx(within(parents.vectors), abs=0.05)
    query = unit(np.random.default_rng(2).standard_normal((200, DIMENSION)))
    nearest = [np.sort(query @ np.concatenate(v).T)[:, -20:] for v in (drawn, parents.vectors)]
    assert nearest[0].mean() == pytest.approx(nearest[1].mean(), rel=0.1)
    again = next(draw(parents, 10.0))
    assert np.array_equal(again.vectors, drawn[0]) and again.duration_s == 50.0
    coarse = Sketch.unpacked(again.sketch).coarse
    assert coarse.shape == (N_BINS, 533) and np.square(coarse).mean() == pytest.approx(1, abs=0.1)


def test_an_archive_is_filled_up_and_a_few_recordings_are_no_parents(real, tmp_path):
    fill(tmp_path / "drawn", real, 1_000)
    with Store.open(tmp_path / "drawn") as store:
        assert 1_000 <= store.n_windows < 1_000 + N_WINDOWS
        assert not store.check()
    with Store.open(real, write=True) as store:
        store.remove([entry.id for entry in store.entries()[8:]])
    with pytest.raises(ManifestError, match="over 8 recordings"):
        fill(tmp_path / "few", real, 100)
    with pytest.raises(ManifestError, match="drawn from distractors"):
        measure([], [], tmp_path / "none", drawn=10)
