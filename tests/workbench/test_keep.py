"""What was sent lies under random names, and is gone at the end, also after a kill."""

import os
import signal
import tempfile

import pytest

from tests.workbench.serving import Serving, send, wait_for
from workbench.jobs import PREFIX, Keep, plain_name


@pytest.mark.parametrize(("given", "kept"), [
    ("../../etc/passwd", "passwd"),
    ("C:\\cases\\17\\call.wav", "call.wav"),
    ("line\nbreak\u202e.wav", "line\ufffdbreak\ufffd.wav"),
    ("", "recording"),
    ("x" * 500 + ".flac", "x" * 115 + ".flac"),
])  # fmt: skip
def test_of_a_name_only_what_can_be_shown_is_kept(given, kept):
    assert plain_name(given) == kept


def test_an_upload_lies_in_its_folder_under_a_name_that_nobody_chose(tmp_path):
    with Keep(tmp_path) as keep:
        one, other = keep.new("../call.wav"), keep.new("../call.sh")
        assert one.path.parent == other.path.parent == keep.folder
        assert one.path.suffix == ".wav" and other.path.suffix == "" and "call" not in one.path.name
        assert keep.folder.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_only_when_its_workbench_is_gone(tmp_path):
    with Keep(tmp_path) as first:
        with Keep(tmp_path):
            assert first.folder.exists()
        stale = tmp_path / f"{PREFIX}stale"
        stale.mkdir()
        (stale / "lock").touch()
        with Keep(tmp_path):
            assert not stale.exists() and first.folder.exists()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_at_the_end(sign, tmp_path, recordings):
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    assert tempfile.gettempdir() != str(tmp_path)
    with Serving(env=env) as serving, serving.client() as client:
        (job,) = send(client, "compare", a=recordings / "one.flac", b=recordings / "two.flac")
        wait_for(client, job)
        assert len(list(tmp_path.glob(f"{PREFIX}*/*.flac"))) == 2
        serving.process.send_signal(sign)
        serving.process.wait(timeout=60)
    if sign is signal.SIGKILL:
        with Serving(env=env):  # the next one clears up
            assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 1
    assert list(tmp_path.glob(f"{PREFIX}*")) == []
