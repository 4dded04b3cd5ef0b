"""The archive over HTTP: search, hear, browse, add, remove, duplicates, a stream."""

import io
import json
import time
import wave

import numpy as np
import pytest

from tests.workbench.serving import PATIENCE_S, checked, printed, send, wait_for
from workbench.archive import Monitor


@pytest.fixture
def archived(archive, client):
    return archive, client


def test_a_fragment_is_found_as_on_the_command_line_and_heard_beside_its_reference(
    archived, recordings
):
    folder, client = archived
    (job,) = send(client, "search", file=recordings / "fragment.flac")
    done = wait_for(client, job)
    plain = printed("search", str(folder), "fragment.flac", "--json", folder=recordings)
    assert checked("Search", done["result"]) == plain
    assert done["result"]["answer"] == "found" and "FOUND in 1 of 1" in done["html"]
    answer = client.post(f"/api/v1/jobs/{done['id']}/reference?match=0")
    heard = wait_for(client, checked("Jobs", answer)["jobs"][0])
    checked("Made", heard["result"])
    assert heard["result"]["start_s"] == 0
    sound = client.get(f"/api/v1/jobs/{heard['id']}/files/sound-b.wav").content
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(20, abs=0.1)
    assert client.post(f"/api/v1/jobs/{done['id']}/reference?match=9").status_code == 400


def test_what_is_not_in_the_archive_is_said_to_be_absent(archived, recordings):
    _, client = archived
    (job,) = send(client, "search", file=recordings / "two.flac")
    done = wait_for(client, job)
    assert done["result"]["answer"] == "absent" and "Looked for" in done["html"]


def test_recordings_are_added_browsed_grouped_and_removed(archived, recordings):
    folder, client = archived
    (job,) = send(client, "archive", file=[recordings / "one.flac"], tag="a, b")
    assert wait_for(client, job)["result"]["counts"] == {"copy": 1}
    (job,) = send(client, "archive", file=[recordings / "fragment.flac"], tag="a, b")
    done = wait_for(client, job)
    assert checked("Added", done["result"])["counts"] == {"added": 1}
    listed = checked("Archive", client.get("/api/v1/archive?tag=b"))
    assert listed["total"] == 1 and listed["archive"]["recordings"] == 2
    (entry,) = listed["recordings"]
    (path,) = entry["paths"]
    assert path.startswith(str(folder / "uploads")) and path.endswith("-fragment.flac")
    assert "fragment.flac" in client.get("/archive?tag=b").text
    assert client.get("/api/v1/archive?count=x").status_code == 400

    (job,) = client.post("/api/v1/duplicates").json()["jobs"]
    groups = wait_for(client, job)
    assert [len(group) for group in checked("Duplicates", groups["result"])["groups"]] == [2]
    assert "B within A" in groups["html"] or "A within B" in groups["html"]

    (job,) = client.delete(f"/api/v1/archive/{entry['id']}").json()["jobs"]
    removed = wait_for(client, job)
    assert checked("Removed", removed["result"])["removed"][0]["id"] == entry["id"]
    assert client.get("/api/v1/archive?tag=b").json()["total"] == 0
    names = [file.name for file in (folder / "uploads").iterdir()]
    assert len(names) == 1 and names[0].endswith("-one.flac")
    (job,) = client.delete("/api/v1/archive/99").json()["jobs"]
    assert wait_for(client, job)["state"] == "failed"


def test_a_file_that_cannot_be_added_is_named_as_it_was_sent(archived, recordings, tmp_path):
    folder, client = archived
    silent = tmp_path / "silent.wav"
    with wave.open(str(silent), "wb") as file:
        file.setparams((1, 2, 22050, 0, "NONE", ""))
        file.writeframes(np.zeros(22050 * 4, "<i2").tobytes())
    (job,) = send(client, "archive", file=silent)
    outcome = wait_for(client, job)["result"]
    assert list(outcome["failed"]) == ["silent.wav"] and str(folder) not in json.dumps(outcome)


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
    files, client = {"file": b"x"}, strict.client()
    for answer in (
        client.post("/api/v1/search", files=files),
        client.post("/api/v1/archive", files=files),
        client.get("/api/v1/archive"),
        client.post("/api/v1/duplicates"),
    ):
        assert answer.status_code == 404 and "cqtnet serve ARCHIVE" in answer.json()["error"]
    assert checked("Monitor", client.get("/api/v1/monitor"))["source"] is None
    for page in ("/archive", "/search"):
        assert "without an archive" in client.get(page).text
    client.close()
