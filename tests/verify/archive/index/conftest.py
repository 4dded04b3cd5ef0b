import pytest

from tests.verify.archive.index.drawn_store import MANIFEST, DrawnStore


@pytest.fixture
def store(tmp_path):
    """An archive of 60 recordings of 20 windows."""
    with DrawnStore.create(tmp_path / "archive", MANIFEST) as store:
        store.draw(60)
        yield store
