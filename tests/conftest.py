"""Fixtures that every test may use."""

import numpy as np
import pytest

from cqtnet import device


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """The tests' arrays are small: threads would only wait for each other."""
    with device.one_thread():
        yield


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory):
    """What the tests remember of long recordings is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CQTNET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
