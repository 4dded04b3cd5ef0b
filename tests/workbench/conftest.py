import os

import pytest

from tests.workbench.serving import Serving, printed, write_recordings

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
"""As the tests have, which gives the same last digits."""
STRICT = "from workbench import guard; guard.SILENT_S = 0.5; "


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    return write_recordings(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="session")
def archive(tmp_path_factory, recordings):
    """An archive of the piece that the fragment is of."""
    folder = tmp_path_factory.mktemp("archived") / "archive"
    printed("index", "add", str(folder), str(recordings / "one.flac"), "--json", folder=recordings)
    return folder


@pytest.fixture(scope="session")
def serving(archive):
    """A workbench with an archive."""
    with Serving(archive, env=ONE_THREAD) as one:
        yield one


@pytest.fixture(scope="session")
def strict():
    """One without an archive and token, that takes three minutes of sound and is soon tired."""
    with Serving("--max-hours", "0.05", token=None, before=STRICT, env=ONE_THREAD) as one:
        yield one


@pytest.fixture(scope="session")
def client(serving):
    with serving.client() as one:
        yield one
