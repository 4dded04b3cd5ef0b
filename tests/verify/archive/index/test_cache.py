import resource

import faiss
import numpy as np
import pytest

from cqtnet.errors import ArchiveError
from tests.verify.archive.index import drawn_store as m
from verify.archive.index import cache as module
from verify.archive.index import read_note, write_note
from verify.archive.index.cache import IndexCache, read_info
from verify.archive.index.faiss import KINDS

CURE = "cqtnet index rebuild"


@pytest.fixture
def folder(store):
    return store.folder / "index"


def saved(store, kind="compact"):
    index = IndexCache.open(store, wanted=kind)
    index.save()
    return index


def index_file(folder):
    (path,) = folder.glob("*.faiss")
    return path


def must_not_build(*args, **kwargs):
    raise AssertionError("it was built")


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_index_is_read_answers_as_before_and_is_not_saved_again(
    store, folder, monkeypatch, kind
):
    before, file = saved(store, kind), index_file(folder)
    monkeypatch.setattr(IndexCache, "built", must_not_build)
    after = IndexCache.open(store)
    assert after.info == before.info and after.info.plan.kind == kind
    queries = store.vectors(store.ids()[:30])
    a, b = before.search(queries, 5), after.search(queries, 5)
    assert (a.ids == b.ids).all() and (a.cosines == b.cosines).all()
    before.save()
    after.save()
    assert index_file(folder) == file


def test_saving_writes_what_the_index_is_and_opening_nothing(store, folder):
    assert m.finds_everything(IndexCache.open(store), store) and not folder.exists()
    saved(store)
    info, size = read_info(store), index_file(folder).stat().st_size
    assert (info.plan.kind, info.plan.reason) == ("compact", "it was asked for")
    assert (info.generation, info.faiss) == (store.generation, faiss.__version__)
    assert (info.n_bytes, info.n_windows) == (size, 1200) and info.recall >= 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_an_old_index_catches_up_without_a_build(store, monkeypatch, kind):
    saved(store, kind)
    store.draw(10)
    store.remove([1, 2, 61])
    store.draw(1, n_windows=900)
    monkeypatch.setattr("verify.archive.index.BLOCK_WINDOWS", 400)
    monkeypatch.setattr(IndexCache, "built", must_not_build)
    index = IndexCache.open(store)
    assert m.finds_everything(index, store)
    assert index.info.generation == store.generation


def damages(data, rng, count):
    """Copies of some bytes: one changed, some cut off, some filled with zeros, one appended."""
    for place in rng.integers(0, len(data), count).tolist():
        yield data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        yield data[:place]
        zeros = data[:place] + bytes(len(data[place : place + 50])) + data[place + 50 :]
        if zeros != data:
            yield zeros
    yield data + b"\0"


@pytest.mark.parametrize("name", ["windows.json", "*.faiss"])
def test_every_damage_is_refused_with_the_file_and_the_cure(store, folder, rng, monkeypatch, name):
    saved(store)
    (path,) = folder.glob(name)
    monkeypatch.setattr(faiss, "read_index", must_not_build)  # it is not given to faiss
    for damaged in damages(path.read_bytes(), rng, 60):
        path.write_bytes(damaged)
        with pytest.raises(ArchiveError, match="is damaged") as refusal:
            IndexCache.open(store)
        assert str(path) in str(refusal.value)
        assert f"{CURE} {store.folder}" in str(refusal.value)


@pytest.mark.parametrize("name", ["windows.json", "*.faiss"])
def test_a_rebuild_replaces_what_is_damaged_and_a_deleted_file_is_no_damage(store, folder, name):
    saved(store)
    (path,) = folder.glob(name)
    path.write_bytes(b"nonsense")
    IndexCache.built(store).save()
    (path,) = folder.glob(name)
    path.unlink()
    index = IndexCache.open(store)
    assert m.finds_everything(index, store)
    index.save()
    assert m.finds_everything(IndexCache.open(store), store)
    assert len(list(folder.iterdir())) == 2


def foreign(kind, store, tmp_path):
    """Indexes that faiss reads, and that we never write."""
    if kind == "empty":
        empty = IndexCache.open(store).inner
        empty.reset()
        return empty
    if kind == "flat":
        return faiss.IndexFlatIP(m.DIMENSION)
    if kind == "graph":
        return faiss.IndexHNSWFlat(m.DIMENSION, 8)
    inverted = faiss.index_factory(m.DIMENSION, "RR64,IVF16,SQ8")
    inverted.train(np.random.default_rng(0).random((700, m.DIMENSION), np.float32))
    if kind == "lists on disk":
        inner = faiss.extract_index_ivf(inverted)
        lists = faiss.OnDiskInvertedLists(16, inner.code_size, str(tmp_path / "lists"))
        inner.replace_invlists(lists, True)
        lists.this.disown()  # it belongs to the index now
    return inverted


@pytest.mark.parametrize("kind", ["flat", "graph", "rotation", "lists on disk", "empty"])
def test_an_index_of_another_class_or_of_other_windows_is_refused(store, folder, tmp_path, kind):
    saved(store, "large")
    digest = module.write_index(foreign(kind, store, tmp_path), index_file(folder))
    content = read_note(folder / "windows.json")
    write_note(folder / "windows.json", content | {"sha256": digest})
    other = "not an index of kind `large`|faiss cannot read it"
    message = "number of windows is 0, not 1200" if kind == "empty" else other
    with pytest.raises(ArchiveError, match=message):
        IndexCache.open(store)


@pytest.mark.parametrize(("change", "message"), [
    ({"manifest": m.MANIFEST}, f"another archive; run `{CURE}"),
    ({"generation": 0}, r"newer than the archive, 1 against 0.*rebuild"),
    (
        {"generation": 2, "n_windows": 1220, "changes": lambda _: ((), ())},
        r"1,200 windows, and the archive 1,220; run",
    ),
])  # fmt: skip
def test_an_index_that_does_not_fit_its_archive_is_refused(store, monkeypatch, change, message):
    saved(store)
    for name in ("generation", "n_windows"):
        monkeypatch.setattr(m.DrawnStore, name, getattr(store, name))
    for name, value in change.items():
        monkeypatch.setattr(store, name, value)
    with pytest.raises(ArchiveError, match=message):
        IndexCache.open(store)


def test_a_run_that_ends_between_two_files_leaves_the_old_index(store, folder, monkeypatch):
    index = saved(store)
    store.draw(5)
    index.catch_up()
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_note", must_not_build)
        for _ in range(3):
            (folder / ".writing-1-abcd.faiss").touch()
            with pytest.raises(AssertionError):
                index.save()
    assert len(list(folder.iterdir())) == 3  # killed runs do not pile up
    assert m.finds_everything(IndexCache.open(store), store)
    index.save()
    assert len(list(folder.iterdir())) == 2


def test_a_full_disk_is_named_and_leaves_the_old_index(store, folder):
    index = saved(store)
    store.draw(5)
    index.catch_up()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(ArchiveError, match=r"index/.*faiss cannot be written: File too large"):
            index.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(list(folder.iterdir())) == 2
    assert m.finds_everything(IndexCache.open(store), store)


def test_a_reader_takes_the_file_that_a_writer_put_in_place_of_another(store, folder, monkeypatch):
    old = saved(store).info
    new = IndexCache.built(store, wanted="large")
    new.save()
    infos = iter([old, new.info])
    monkeypatch.setattr(module, "read_info", lambda source: next(infos))
    assert IndexCache.open(store).info == new.info
