import importlib.util
import sys

import numpy as np
import pytest

from cqtnet.errors import ArchiveError
from tests.verify.archive.index import drawn_store as m
from tests.verify.archive.index.test_contract import needs_milvus
from verify.archive.index import write_note
from verify.archive.index.cache import open_index
from verify.archive.index.milvus import MilvusIndex, open_milvus
from verify.archive.store import Store


@pytest.fixture
def uri(tmp_path):
    return str(tmp_path / "milvus.db")


@needs_milvus
def test_two_archives_share_a_place(store, uri, tmp_path):
    other = m.DrawnStore.create(tmp_path / "other", m.MANIFEST)
    other.rng = np.random.default_rng(1)
    other.draw(60)
    for archive in (store, other, store):
        with open_milvus(archive, uri) as index:
            assert m.finds_everything(index, archive)


@needs_milvus
def test_a_damaged_note_is_refused_and_a_rebuild_replaces_it(store, uri):
    open_milvus(store, uri).close()
    note = store.folder / "index" / "milvus.json"
    note.write_bytes(note.read_bytes()[:-2])
    with pytest.raises(ArchiveError, match=r"milvus.json is damaged.*cqtnet index rebuild"):
        open_milvus(store, uri)
    open_milvus(store, uri, rebuild=True).close()
    open_milvus(store, uri).close()


class Shared:
    """Stands in for a collection that several processes have open; notes what becomes of it."""

    held: dict = {}  # noqa: RUF012
    log: list = []  # noqa: RUF012

    def __init__(self, uri, *, collection, dimension, token):
        self.log.append("opened")

    def __len__(self):
        return len(self.held)

    def add(self, ids, vectors):
        self.log.append("add")
        self.held.update(dict.fromkeys(ids.tolist()))

    def remove(self, recordings):
        self.log.append("remove")
        for number in [n for n in self.held if n >> 20 in recordings]:
            del self.held[number]

    def clear(self):
        self.log.append("clear")
        self.held.clear()

    def close(self):
        self.log.append("closed")


@pytest.fixture
def shared(monkeypatch):
    monkeypatch.setattr("verify.archive.index.milvus.MilvusIndex", Shared)
    Shared.held, Shared.log = {}, []
    return Shared


def test_a_writer_fills_it_once_and_then_lets_it_catch_up(store, shared):
    open_milvus(store, "u").close()
    assert len(shared.held) == 1200
    store.draw(1)
    store.remove([1, 2])
    shared.log.clear()
    open_milvus(store, "u").close()
    assert shared.log == ["opened", "remove", "add", "closed"]
    assert sorted(shared.held) == store.ids().tolist()


@pytest.mark.parametrize("lost", [True, False])
def test_a_writer_fills_it_again_where_windows_were_lost_or_it_was_asked_to(store, shared, lost):
    open_milvus(store, "u").close()
    if lost:
        shared.held.popitem()
    open_milvus(store, "u", rebuild=not lost).close()
    assert shared.log.count("clear") == 2 and len(shared.held) == 1200


def test_a_stale_reader_leaves_newer_windows_alone(store, shared, monkeypatch):
    open_milvus(store, "u").close()
    generation = store.generation
    store.draw(1)
    open_milvus(store, "u").close()
    store.is_writable = False
    monkeypatch.setattr(m.DrawnStore, "generation", generation)
    shared.log.clear()
    with pytest.raises(ArchiveError, match="newer than the archive; open the archive again"):
        open_milvus(store, "u")
    assert shared.log == ["opened", "closed"] and len(shared.held) == 1220


def test_an_archive_of_others_does_not_decide_where_to_connect(folder, monkeypatch):
    with Store.open(folder) as opened:
        note = {"archive": opened.manifest.digest(), "uri": "http://evil\x1b[2J", "generation": 1}
        write_note(folder / "index" / "milvus.json", note)
        for address in ("", "http://good"):
            monkeypatch.setenv("MILVUS_URI", address)
            with pytest.raises(ArchiveError, match=r"http://evil\\x1b.*if you trust it"):
                open_index(opened)


@pytest.mark.parametrize("change", ["none", "other uri", "no note", "behind", "lost windows"])
def test_a_reader_never_writes_to_what_others_share(store, shared, change):
    open_milvus(store, "u").close()
    if change == "no note":
        (store.folder / "index" / "milvus.json").unlink()
    elif change == "behind":
        store.draw(1)
    elif change == "lost windows":
        shared.held.popitem()
    store.is_writable = False
    if change == "none":
        assert len(open_milvus(store, "u")) == 1200
        return
    shared.log.clear()
    with pytest.raises(ArchiveError, match=r"does not hold what the archive holds.*rebuild .* u|v"):
        open_milvus(store, "v" if change == "other uri" else "u")
    assert shared.log == ["opened", "closed"]


@needs_milvus
def test_a_collection_of_another_dimension_is_refused(uri):
    MilvusIndex(uri, collection="a", dimension=m.DIMENSION).close()
    with pytest.raises(ArchiveError, match="not an index of dimension 3"):
        MilvusIndex(uri, collection="a", dimension=3)


@needs_milvus
def test_a_cluster_or_a_folder_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("verify.archive.index.milvus.TIMEOUT_S", 0.5)
    with pytest.raises(ArchiveError, match=r"http://127.0.0.1:9 cannot be opened"):
        MilvusIndex("http://127.0.0.1:9", collection="a", dimension=3)
    with pytest.raises(ArchiveError, match="its folder is missing"):
        MilvusIndex(str(tmp_path / "a" / "b.db"), collection="a", dimension=3)


@pytest.mark.parametrize(("missing", "uri", "what"), [
    ("pymilvus", "http://milvus:19530", "pymilvus is not installed"),
    ("pymilvus", "here.db", "pymilvus and milvus-lite are not installed"),
    ("milvus_lite", "here.db", "pymilvus and milvus-lite are not installed"),
])  # fmt: skip
def test_without_the_extra_the_cure_is_named(monkeypatch, missing, uri, what):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != missing and find(name))
    with pytest.raises(ArchiveError, match=rf'{what}; run `pip install "cqtnet\[milvus\]"`'):
        MilvusIndex(uri, collection="a", dimension=3)


def test_the_core_does_without_it():
    assert not hasattr(sys.modules["verify.archive.index.milvus"], "pymilvus")
