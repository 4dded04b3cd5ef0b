import pytest

from tests.workbench.serving import Serving, write_recordings


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="session")
def serving():
    with Serving() as one:
        yield one


@pytest.fixture
def client(serving):
    with serving.client() as one:
        yield one
