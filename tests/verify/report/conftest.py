import pytest

from cqtnet import SAMPLE_RATE, plotting
from cqtnet.music import make_music
from tests.verify.report.cases import recording


@pytest.fixture(scope="session")
def a(tmp_path_factory):
    """Eight seconds of B, from 4 s on."""
    sound = make_music(1, duration_s=12.0)[4 * SAMPLE_RATE :]
    return recording(tmp_path_factory.mktemp("a") / "questioned.wav", sound)


@pytest.fixture(scope="session")
def b(tmp_path_factory):
    return recording(tmp_path_factory.mktemp("b") / "reference.wav", make_music(1, duration_s=12.0))


@pytest.fixture
def figures(monkeypatch):
    """What draws a picture gives its figure."""
    for name in ("as_png", "as_svg"):
        monkeypatch.setattr(plotting, name, lambda figure, alt: figure)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "case.html"
