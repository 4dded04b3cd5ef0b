import pytest

from cqtnet.plotting import blank
from spoof.recipes import OURS
from tests.spoof.material import TINY


@pytest.fixture(scope="module")
def tiny():
    """The recipe for tests is known by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OURS, "tiny", TINY)
        yield


@pytest.fixture(scope="module", autouse=True)
def no_curves():
    """Training draws an empty picture: its curves take longer than it does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spoof.train.curves", lambda *_, **__: blank(1.0))
        yield
