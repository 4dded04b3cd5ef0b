import hashlib
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

from cqtnet.errors import ArchiveError
from tests.verify.archive.synthetic import MANIFEST, synthetic_recording, writing
from verify import Archive
from verify.archive import archive as archive_module
from verify.archive.archive import check_archive
from verify.archive.index import cache
from verify.archive.index.cache import IndexCache, save_index
from verify.archive.searcher import Searcher
from verify.archive.store import Store


@pytest.fixture
def archive(folder, monkeypatch):
    monkeypatch.setattr(Archive, "_comparer", SimpleNamespace(embedder=None))  # it is not asked
    with writing(folder) as store:
        IndexCache.built(store).save()
    return Archive.open(folder)


def test_a_searcher_made_while_the_index_reopens_holds_the_open_store(folder, archive):
    with writing(folder) as writer:
        writer.add([synthetic_recording(6)])
        save_index(writer)
        IndexCache.built(writer).save()
    searcher: Searcher = archive.searcher()
    assert searcher.references._store is archive.store
    assert len(searcher._store.entries()) == 6
    vector = synthetic_recording(6).vectors[:1]
    assert searcher.vote(np.array([10.0]), searcher.neighbours(vector), count=1)[0].recording == 6


def test_an_index_that_stays_refused_is_an_error_which_checking_names(folder, archive):
    assert check_archive(folder) == []
    (path,) = (folder / "index").glob("*.faiss")
    path.write_bytes(b"nonsense")
    with pytest.raises(ArchiveError, match="index rebuild"):
        archive.searcher()
    assert len(archive) == 5, "it is still open"
    (problem,) = check_archive(folder)
    assert path.name in problem.what and "rebuild" in problem.what


def test_checking_reads_the_files_of_recordings_where_asked(tmp_path):
    with Store.create(tmp_path / "archive", MANIFEST) as store:
        for number, name in enumerate(("kept", "changed", "gone"), start=1):
            made, sha256 = synthetic_recording(number), hashlib.sha256(name.encode()).hexdigest()
            store.add([replace(made, path=str(tmp_path / name), sha256=sha256)])
    (tmp_path / "kept").write_bytes(b"kept")
    (tmp_path / "changed").write_bytes(b"otherwise")
    problems = {p.file.name: p.what for p in check_archive(tmp_path / "archive", read_audio=True)}
    assert problems.keys() == {"changed", "gone"}
    assert "holds other bytes now" in problems["changed"]
    assert os.strerror(2) in problems["gone"]


def test_checking_builds_no_index_and_closes_the_connection_to_milvus(folder, monkeypatch):
    monkeypatch.setattr(IndexCache, "built", Mock(side_effect=AssertionError("it was built")))
    assert check_archive(folder) == []
    index = Mock()
    monkeypatch.setattr(cache, "agreed_uri", lambda _: "http://milvus:19530")
    monkeypatch.setattr(cache, "open_milvus", lambda *_, **__: index)
    assert check_archive(folder) == [] and index.close.called


def test_a_reader_opens_the_archive_again_until_index_and_store_fit(monkeypatch):
    """Beside a fast writer each saved index may be newer than the store that was just opened."""

    def store(generation):
        return SimpleNamespace(folder=Path("a"), generation=generation, close=lambda: None)

    def fits(own):
        if own.generation < 3:
            raise ArchiveError("newer")
        return own.generation

    opened = iter([1, 2, 3, 4])
    monkeypatch.setattr(archive_module.Store, "open", lambda folder: store(next(opened)))
    monkeypatch.setattr(archive_module, "open_index", fits)
    assert Archive(store(0)).index == 3
    monkeypatch.setattr(archive_module, "open_index", lambda own: fits(store(0)))
    with pytest.raises(ArchiveError):  # it is damaged, and nothing changes
        _ = Archive(store(4)).index
