import pytest

from tests.verify.archive.index.memory_store import MemoryStore


@pytest.fixture
def store(tmp_path):
    """An archive of 60 recordings of 20 windows."""
    store = MemoryStore(tmp_path)
    store.add(60)
    return store
