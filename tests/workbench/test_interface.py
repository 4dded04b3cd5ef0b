"""The HTTP interface: every answer as its JSON Schema says, and as the command line gives it."""

import io
import json
import re
import wave
from contextlib import ExitStack

import jsonschema
import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.workbench.serving import checked, ended, printed, send, started, wait_for


@pytest.fixture(scope="module")
def compared(client, recordings):
    """The fragment against both pieces."""
    b = [recordings / "one.flac", recordings / "two.flac"]
    return ended(client, "compare", a=recordings / "fragment.flac", b=b)


def test_compare_answers_as_the_command_line(compared, recordings):
    same, different = compared
    assert same["state"] == different["state"] == "done"
    verdicts = [checked("Comparison", one["result"])["verdict"] for one in (same, different)]
    assert verdicts == ["same", "different"]
    plain = printed("compare", "fragment.flac", "one.flac", "--json", folder=recordings)
    plain["versions"]["commit"] = same["result"]["versions"]["commit"]  # may change meanwhile
    assert same["result"] == plain


def test_a_page_says_what_was_looked_for_where_there_is_nothing_to_match(compared):
    same, different = compared
    assert "Looked for" in different["html"] and "nearest place" in different["html"]
    assert "Looked for" not in same["html"] and "Likelihood ratio" in same["html"]


def test_sound_can_be_read_in_ranges(client, compared):
    same, _ = compared
    path = f"/api/v1/jobs/{same['id']}/files/sound-a.wav"
    whole = client.get(path)
    with wave.open(io.BytesIO(whole.content)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(12 / 1.1, abs=0.01)
    part = client.get(path, headers={"range": "bytes=1000-1999"})
    assert part.status_code == 206 and part.content == whole.content[1000:2000]


def test_a_tile_shows_sound_where_there_is_some(client, compared):
    same, _ = compared
    path = f"/api/v1/jobs/{same['id']}/levels/b"
    answer = client.get(f"{path}/3/0")  # 32 s, of which 20 hold sound
    picture = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert picture.shape == (108, 512)
    assert picture[:, :310].min() < 60 and (picture[:, 330:] == 255).all()
    for wrong in ("/99/0", "/0/99999999"):
        assert client.get(path + wrong).status_code == 404


def test_a_stretch_of_b_is_brought_to_the_tempo_and_pitch_of_a(client, compared):
    same, _ = compared
    done = started(client, f"jobs/{same['id']}/fit?stretch=0")
    (stretch,) = same["result"]["edits"]["stretches"]

    def heard(job, name, start_s):
        wav = client.get(f"/api/v1/jobs/{job['id']}/files/{name}.wav").content
        return np.frombuffer(wav[44:], "<i2").astype(float)[round(44100 * start_s) :]

    fitted = heard(done, "fitted", 0)
    assert fitted.size / 44100 == pytest.approx(stretch["a_end_s"] - stretch["a_start_s"], abs=0.02)
    a, b = (heard(same, f"sound-{side}", stretch[f"{side}_start_s"]) for side in "ab")
    fitted, a, b = (spectra(sound[: 9 * 44100]) for sound in (fitted, a, b))
    assert alike(fitted, a) > alike(b, a) + 0.2, "and A has noise"
    assert client.post(f"/api/v1/jobs/{same['id']}/fit?stretch=7").status_code == 400


def spectra(samples):
    frames = samples[: samples.size // 8192 * 8192].reshape(-1, 8192) * np.hanning(8192)
    return np.log(np.abs(np.fft.rfft(frames))[:, 30:600] + 1e4)


def alike(one, other):
    return np.corrcoef((one - one.mean(0)).ravel(), (other - other.mean(0)).ravel())[0, 1]


def test_labels_and_reports_can_be_taken_away(client, compared):
    same, different = compared
    files = f"/api/v1/jobs/{same['id']}/files"
    assert "labels.txt" in same["downloads"] and "labels.txt" not in different["downloads"]
    assert client.get(f"{files}/labels.txt").text.count("\t") >= 2
    assert client.get(f"{files}/labels.csv").text.startswith("#,Name,Start,End,Length")
    assert client.get(f"{files}/result.json").json() == same["result"]
    done = started(client, f"jobs/{same['id']}/report?language=ru")
    page = client.get(f"/api/v1/jobs/{done['id']}/files/report.html")
    assert "attachment" in page.headers["content-disposition"]
    assert "cqtnet compare fragment.flac one.flac" in page.text
    assert same["result"]["b"]["sha256"] in page.text and "Отношение правдоподобия" in page.text


def test_detect_answers_as_the_command_line(client, recordings):
    (done,) = ended(client, "detect", file=recordings / "fragment.flac")
    plain = printed("spoof", "detect", "fragment.flac", "--json", folder=recordings)
    assert checked("Detection", done["result"]) == plain
    assert done["result"]["verdict"].upper() in done["html"].upper()


def test_jobs_of_several_clients_are_done_in_their_order_and_none_is_lost(serving, tmp_path):
    """Of sounds that are too short to be compared, which is soon said."""
    short = tmp_path / "short.wav"
    soundfile.write(short, np.zeros(4000), 8000)
    with ExitStack() as stack:
        clients = [stack.enter_context(serving.client()) for _ in range(5)] * 4
        sent = [send(client, "compare", a=short, b=short)[0]["id"] for client in clients]
        for client, name in zip(clients, sent, strict=True):
            assert wait_for(client, {"id": name})["state"] == "done"
            latest = checked("Jobs", client.get("/api/v1/jobs"))["jobs"][-20:]
            assert [job["id"] for job in latest] == sent
            done = [job["state"] == "done" for job in latest]
            assert done == sorted(done, reverse=True), "a later job was done first"


def test_a_job_can_be_cancelled_while_it_waits_and_while_it_runs(client, recordings):
    b = [recordings / "fragment.flac"] * 3
    jobs = send(client, "compare", a=recordings / "one.flac", b=b)
    for job in (jobs[2], jobs[0]):
        checked("State", client.delete(f"/api/v1/jobs/{job['id']}"))
    states = [wait_for(client, job)["state"] for job in jobs]
    assert states == ["cancelled", "done", "cancelled"]
    assert client.delete(f"/api/v1/jobs/{jobs[1]['id']}").status_code == 200  # dropped
    assert client.get(f"/api/v1/jobs/{jobs[1]['id']}").status_code == 404


def test_events_tell_stages_and_end_with_the_job(client, recordings):
    (job,) = send(client, "compare", a=recordings / "fragment.flac", b=recordings / "one.flac")
    with client.stream("GET", f"/api/v1/events?job={job['id']}&job=0") as answer:
        lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
    states = [json.loads(line) for line in lines]
    own = [checked("State", state) for state in states if state["id"] == job["id"]]
    assert {"id": "0", "state": "unknown"} in states
    assert own[-1]["state"] == "done" and own[-1]["share"] == 1
    assert [one["share"] for one in own] == sorted(one["share"] for one in own)
    assert len({one["stage"] for one in own}) > 2


def test_what_is_no_recording_fails_with_the_name_that_it_came_with(client, tmp_path):
    (tmp_path / "notes.wav").write_text("no sound")
    (done,) = ended(client, "detect", file=tmp_path / "notes.wav")
    assert done["state"] == "failed"
    assert done["error"].startswith("notes.wav is not audio") and "/" not in done["error"]


def test_every_schema_refuses_what_is_not_its_answer():
    for name in ("State", "Job", "Comparison", "Search", "Detection", "Archive", "Error"):
        with pytest.raises(jsonschema.ValidationError):
            checked(name, {"schema_version": 2, "other": 1})


def test_odd_values_are_refused_with_a_reason_and_never_break_the_server(client, compared):
    """Each request of the description, with values that it does not expect."""
    same, _ = compared
    described = client.get("/openapi.json").json()
    odd = ["", "0", "-1", "1e9", "99999999999999999999", "%00", "..%2F..", "\u202e", "a" * 2000]
    statuses = set()
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            for value in odd:
                filled = path.replace("{job}", same["id"]) if "0" in value else path
                for given in re.findall("{(.*?)}", filled):
                    filled = filled.replace("{" + given + "}", value)
                query = {p["name"]: value for p in one.get("parameters", ()) if p["in"] == "query"}
                form = {"data": {"file": value, "a": value}} if "requestBody" in one else {}
                if method == "delete" or path.endswith(("/duplicates", "/events")):
                    continue  # these do what they are told
                answer = client.request(method, filled, params=query, **form)
                statuses.add(answer.status_code)
                assert answer.status_code < 500, (method, filled, value)
                if answer.status_code >= 400:
                    checked("Error", answer)
    assert {200, 400, 404} <= statuses
