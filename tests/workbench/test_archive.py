"""The archive over HTTP: search, hear, browse, add, remove, duplicates, a stream."""

import io
import json
import time
import wave

import numpy as np
import pytest
import soundfile

from tests.workbench.serving import PATIENCE_S, checked, ended, printed, started
from workbench.archive import Monitor


def test_a_fragment_is_found_as_on_the_command_line_and_heard_beside_its_reference(
    archive, client, recordings
):
    (done,) = ended(client, "search", file=recordings / "fragment.flac")
    plain = printed("search", str(archive), "fragment.flac", "--json", folder=recordings)
    assert checked("Search", done["result"]) == plain
    assert done["result"]["answer"] == "found" and "FOUND in 1 of 1" in done["html"]
    heard = started(client, f"jobs/{done['id']}/reference?match=0")
    assert checked("Made", heard["result"])["start_s"] == 0
    sound = client.get(f"/api/v1/jobs/{heard['id']}/files/sound-b.wav").content
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(20, abs=0.1)
    assert client.post(f"/api/v1/jobs/{done['id']}/reference?match=9").status_code == 400


def test_what_is_not_in_the_archive_is_said_to_be_absent(client, recordings):
    (done,) = ended(client, "search", file=recordings / "two.flac")
    assert done["result"]["answer"] == "absent" and "Looked for" in done["html"]


def test_recordings_are_added_browsed_grouped_and_removed(archive, client, recordings):
    for name, counts in {"one": {"copy": 1}, "fragment": {"added": 1}}.items():
        (done,) = ended(client, "archive", file=recordings / f"{name}.flac", tag="a, b")
        assert checked("Added", done["result"])["counts"] == counts
    listed = checked("Archive", client.get("/api/v1/archive?tag=b"))
    assert listed["total"] == 1 and listed["archive"]["recordings"] == 2
    (entry,) = listed["recordings"]
    (path,) = entry["paths"]
    assert path.startswith(str(archive / "uploads")) and path.endswith("-fragment.flac")
    assert "fragment.flac" in client.get("/archive?tag=b").text
    assert client.get("/api/v1/archive?count=x").status_code == 400

    groups = started(client, "duplicates")
    assert [len(group) for group in checked("Duplicates", groups["result"])["groups"]] == [2]
    assert "B within A" in groups["html"] or "A within B" in groups["html"]

    removed = started(client, f"archive/{entry['id']}", "DELETE")
    assert checked("Removed", removed["result"])["removed"][0]["id"] == entry["id"]
    assert client.get("/api/v1/archive?tag=b").json()["total"] == 0
    (kept,) = (archive / "uploads").iterdir()
    assert kept.name.endswith("-one.flac")
    assert started(client, "archive/99", "DELETE")["state"] == "failed"


def test_a_file_that_cannot_be_added_is_named_as_it_was_sent(archive, client, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(22050 * 4), 22050)
    (done,) = ended(client, "archive", file=tmp_path / "silent.wav")
    assert list(done["result"]["failed"]) == ["silent.wav"]
    assert str(archive) not in json.dumps(done["result"])


def test_a_stream_has_a_log(archive, recordings):
    with Monitor(archive, str(recordings / "one.flac")) as monitor:
        until = time.monotonic() + PATIENCE_S
        while monitor.told(0)["running"] or not monitor.told(0)["next"]:
            assert time.monotonic() < until
            time.sleep(0.2)
        told = checked("Monitor", {"schema_version": 2, **monitor.told(0)})
        assert [event["event"] for event in told["events"]] == ["began", "ended", "summary"]
        assert [event["event"] for event in monitor.told(2)["events"]] == ["summary"]


def test_without_an_archive_it_says_how_to_have_one(strict):
    with strict.client() as client:
        for words in ("POST search", "POST archive", "GET archive", "POST duplicates"):
            method, path = words.split()
            answer = client.request(method, f"/api/v1/{path}", files={"file": b"x"})
            assert answer.status_code == 404 and "cqtnet serve ARCHIVE" in answer.json()["error"]
        assert checked("Monitor", client.get("/api/v1/monitor"))["source"] is None
        for page in ("/archive", "/search"):
            assert "without an archive" in client.get(page).text
