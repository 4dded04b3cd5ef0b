"""Hostile requests are refused, and the workbench goes on."""

import os
import signal
import socket
import tempfile
import time

import httpx
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from tests.workbench.serving import TOKEN, Serving, checked, ended, send
from workbench import guard
from workbench.commands import serve
from workbench.jobs import KEPT_JOBS, MOST_WAITING, PREFIX, Keep, plain_name

BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def lives(serving):
    """After whatever was sent, the workbench still answers."""
    yield
    assert httpx.get(f"{serving.address}/healthz").json()["status"] == "ok"


def raw(serving, *lines, body=b"", wait_s=60.0):
    """The first line of the answer to bytes as they are."""
    with socket.create_connection(serving.host.split(":"), timeout=wait_s) as connection:
        connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode() + body)
        return connection.makefile("rb").readline().decode()


REFUSED = {
    "a wrong host": ("GET", "/api/v1/jobs", {**BEARER, "host": "evil.example"}, 421),
    "a host that is rebound": ("GET", "/", {"host": "evil.example:80"}, 421),
    "another page": ("GET", "/api/v1/jobs", {**BEARER, "origin": "http://evil.example"}, 403),
    "no page at all": ("POST", "/api/v1/duplicates", {"origin": "null"}, 403),
    "a form of another site": ("POST", "/api/v1/compare", {"sec-fetch-site": "cross-site"}, 403),
    "no origin": ("POST", "/api/v1/compare", {}, 403),
    "no token": ("GET", "/api/v1/jobs", {}, 401),
    "a wrong token": ("GET", "/api/v1/jobs", {"authorization": "Bearer guess"}, 401),
    "a token of another kind": ("GET", "/api/v1/jobs", {"authorization": f"Basic {TOKEN}"}, 401),
    "a wrong cookie": ("GET", "/api/v1/jobs", {"cookie": "workbench=guess"}, 401),
    "a wrong key": ("GET", "/?key=guess", {}, 401),
    "no login": ("GET", "/voice", {}, 401),
    "a path above": ("GET", "/static/../app.py", BEARER, 404),
    "a path that is hidden": ("GET", "/static/..%2fapp.py", BEARER, 404),
    "a file of the machine": ("GET", "/api/v1/jobs/x/files/..%2F..%2Fetc%2Fpasswd", BEARER, 404),
    "a method that is not known": ("PUT", "/api/v1/jobs", BEARER, 405),
    "a number without end": ("GET", "/api/v1/archive?count=" + 4400 * "9", BEARER, 414),
    "too much for a login": ("POST", "/login", {**BEARER, "content-length": "9999999"}, 413),
    "ten gigabytes": ("POST", "/api/v1/compare", {**BEARER, "content-length": "10000000000"}, 413),
    "a length that is none": ("POST", "/api/v1/compare", {**BEARER, "content-length": "-1"}, 400),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_request_is_refused(case, serving):
    method, path, headers, status = REFUSED[case]
    lines = {"host": serving.host, **headers}
    told = raw(serving, f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in lines.items()))
    assert told.split()[1] == str(status), told


def test_a_name_is_not_opened_but_a_file_that_is_sent(client):
    answer = client.post("/api/v1/detect", data={"file": "/etc/passwd"})
    assert answer.status_code == 400 and "names are not opened" in checked("Error", answer)["error"]
    answer = client.post("/api/v1/detect", data={"url": "http://127.0.0.1/"}, files={"file": b"x"})
    assert answer.status_code == 400


def test_a_name_from_outside_is_shown_as_text(client, recordings, tmp_path):
    odd = tmp_path / "<img src=x onerror=alert(1)>\u202e.flac"
    odd.write_bytes((recordings / "one.flac").read_bytes())
    (done,) = ended(client, "compare", a=odd, b=recordings / "two.flac")
    assert "<img src=x" not in done["html"] and "&lt;img" in done["html"]
    assert "\u202e" not in done["html"]


def test_a_small_file_that_unpacks_to_hours_is_refused(strict, tmp_path):
    bomb = tmp_path / "bomb.flac"
    with soundfile.SoundFile(bomb, "w", 8000, 1, "PCM_16") as file:
        for _ in range(120):
            file.write(np.zeros(8000 * 60, np.int16))
    assert bomb.stat().st_size < 1e6
    with strict.client() as client:
        (done,) = ended(client, "detect", file=bomb)
        assert "the limit is" in done["error"]


def test_more_jobs_than_may_wait_are_refused(strict, recordings):
    with strict.client() as client:
        b = [recordings / "one.flac"] * 10  # which keep it busy while the others arrive
        slow = send(client, "compare", a=recordings / "two.flac", b=b)
        files = [("file", ("small.flac", b"fLaC")) for _ in range(64)]
        answers = [client.post("/api/v1/detect", files=files) for _ in range(20)]
        assert [one.status_code for one in answers[:2]] == [202, 429]
        refused = [one for one in answers if one.status_code == 429]
        assert f"{MOST_WAITING} may" in checked("Error", refused[0])["error"]
        known = checked("Jobs", client.get("/api/v1/jobs"))["jobs"]
        assert len(known) <= MOST_WAITING + KEPT_JOBS + 1
        for job in slow:
            client.delete(f"/api/v1/jobs/{job['id']}")


def test_the_printed_address_works_once_and_the_cookie_is_kept_from_scripts_and_sites(strict):
    serving = strict
    with serving.client(knows=False) as client:
        answer = client.get(f"/?key={serving.key}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie
        page = client.get("/")
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        other = httpx.get(f"{serving.address}/?key={serving.key}")
        assert other.status_code == 401 and "does not know this browser" in other.text
        assert serving.process.stdout.readline().startswith("open      http://127.0.0.1:")
        own = {"origin": serving.address}
        assert client.post("/api/v1/detect", headers=own).status_code == 400  # let in, no file
        assert client.post("/api/v1/detect").status_code == 403  # a cookie needs an origin


def test_the_token_lets_a_browser_in(serving):
    with serving.client(knows=False) as client:
        own = {"origin": serving.address}
        assert client.post("/login", data={"token": "guess"}, headers=own).status_code == 401
        assert client.post("/login", data={"token": TOKEN}, headers=own).status_code == 303
        assert client.get("/").status_code == 200


def test_a_slow_client_is_told_to_go(strict):
    began = time.monotonic()
    told = raw(
        strict, "POST /api/v1/detect HTTP/1.1", f"host: {strict.host}", "content-length: 1000",
        f"authorization: Bearer {strict.token}",
        "content-type: multipart/form-data; boundary=x", body=b"--x",
    )  # fmt: skip
    assert told.split()[1] == "408" and time.monotonic() - began < guard.SILENT_S


@pytest.mark.parametrize(("words", "problem"), [
    ("--host 0.0.0.0", "does not say where others reach this machine"),
    ("--host 10.0.0.9", "give a secret with --token"),
    ("--host some.name", "give a secret with --token"),
    ("--host localhost --token short", "has 5 characters; give 16 or more"),
    ("--listen radio.mp3", "give one"),
    ("--host 192.0.2.1 --token long-enough-a-token", "try another --port"),
])  # fmt: skip
def test_nobody_is_served_by_an_address_or_token_that_is_unsafe(words, problem):
    done = CliRunner().invoke(serve, words.split())
    assert problem in f"{done.exception} {done.output}" and done.exit_code


@pytest.mark.parametrize(("given", "kept"), [
    ("../../etc/passwd", "passwd"),
    ("C:\\cases\\17\\call.wav", "call.wav"),
    ("line\nbreak\u202e.wav", "line\ufffdbreak\ufffd.wav"),
    ("", "recording"),
    ("x" * 500 + ".flac", "x" * 115 + ".flac"),
])  # fmt: skip
def test_of_a_name_only_what_can_be_shown_is_kept(given, kept):
    assert plain_name(given) == kept


@pytest.fixture
def parent(tmp_path, monkeypatch):
    """Where folders of workbenches lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_an_upload_lies_in_its_folder_under_a_name_that_nobody_chose(parent):
    with Keep() as keep:
        one, other = keep.new("../call.wav"), keep.new("../call.sh")
        assert one.path.parent == other.path.parent == keep.folder
        assert one.path.suffix == ".wav" and other.path.suffix == "" and "call" not in one.path.name
        assert keep.folder.stat().st_mode & 0o077 == 0
    assert list(parent.iterdir()) == []


def test_a_folder_goes_only_when_its_workbench_is_gone(parent):
    with Keep() as first:
        with Keep():
            assert first.folder.exists()
        stale = parent / f"{PREFIX}stale"
        stale.mkdir()
        (stale / "lock").touch()
        with Keep():
            assert not stale.exists() and first.folder.exists()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_at_the_end(sign, tmp_path):
    short = tmp_path / "short.wav"  # soon compared
    soundfile.write(short, np.zeros(4000), 8000)
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with Serving(env=env) as serving, serving.client() as client:
        ended(client, "compare", a=short, b=short)
        assert len(list(tmp_path.glob(f"{PREFIX}*/*.wav"))) == 2
        serving.process.send_signal(sign)
        serving.process.wait(timeout=60)
    if sign is signal.SIGKILL:
        with Serving(env=env):  # the next one clears up
            assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 1
    assert list(tmp_path.glob(f"{PREFIX}*")) == []
