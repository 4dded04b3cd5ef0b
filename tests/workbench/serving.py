"""The workbench as a process of its own, and recordings to send to it."""

import json
import re
import subprocess
import sys
import time
from contextlib import chdir
from functools import cache
from pathlib import Path

import httpx
import jsonschema
import soundfile
from click.testing import CliRunner

from augment.effect import Chain
from augment.noise import ColouredNoise
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.cli import cqtnet
from cqtnet.music import make_music

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-tests"
ENDED = {"done", "failed", "cancelled"}
PATIENCE_S = 300


def write_recordings(folder):
    """Two pieces of 20 s, and a fragment of the first: 10 % faster, 2 semitones lower, noisy."""
    one, two = (make_music(seed, duration_s=20.0) for seed in (3, 4))
    chain = Chain((Tempo(1.1), Pitch(-2.0), ColouredNoise(snr_db=12.0, seed=1)))
    fragment = chain.apply(one[5 * SAMPLE_RATE : 17 * SAMPLE_RATE], SAMPLE_RATE).samples
    for name, samples in {"one": one, "two": two, "fragment": fragment}.items():
        soundfile.write(folder / f"{name}.flac", samples.clip(-1, 1), SAMPLE_RATE)
    return folder


class Serving:
    """`cqtnet serve` on a free port, ended when its block ends."""

    def __init__(self, *words, token=TOKEN, env=None, before=""):
        code = f"{before}from workbench.commands import serve; serve()"
        tokens = ["--token", token] if token else []
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "--port", "0", *map(str, words), *tokens],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env,
        )  # fmt: skip
        if not token:
            token = self.process.stdout.readline().split()[-1]
        self.token, line = token, self.process.stdout.readline()
        assert line.startswith("open"), "it ended before it served"
        self.address, self.key = re.search(r"(http://\S+)/\?key=(\S+)", line).groups()
        self.host = self.address.removeprefix("http://")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def client(self, *, knows=True):
        headers = {"authorization": f"Bearer {self.token}"} if knows else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=PATIENCE_S)


def printed(*words, folder):
    """What a command prints, in a folder."""
    with chdir(folder):
        done = CliRunner().invoke(cqtnet, words)
    assert done.exit_code in (0, 1, 3), done.output
    return json.loads(done.stdout)


def send(client, path, **fields):
    """Send recordings and fields; the jobs that were taken up."""
    files, data = [], {}
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Path):
                files.append((name, (one.name, one.read_bytes())))
            else:
                data[name] = one
    answer = client.post(f"/api/v1/{path}", files=files, data=data)
    assert answer.status_code == 202, answer.text
    return checked("Jobs", answer)["jobs"]


def wait_for(client, job):
    """A job when it has ended."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        whole = checked("Job", client.get(f"/api/v1/jobs/{job['id']}"))
        if whole["state"] in ENDED:
            return whole
        time.sleep(0.05)
    raise AssertionError(f"not done after {PATIENCE_S} s: {whole}")


def ended(client, path, **fields):
    """Send recordings and fields; the jobs when they have ended."""
    return [wait_for(client, job) for job in send(client, path, **fields)]


def started(client, path, method="POST"):
    """Ask for a job without sending files; the job when it has ended."""
    answer = client.request(method, f"/api/v1/{path}")
    return wait_for(client, checked("Jobs", answer)["jobs"][0])


@cache
def validator(name):
    described = json.loads((ROOT / "workbench/openapi.json").read_text())
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    return jsonschema.Draft202012Validator(schema)


def checked(name, answer):
    """The JSON of an answer, which must be as its schema says."""
    plain = answer.json() if isinstance(answer, httpx.Response) else answer
    validator(name).validate(plain)
    return plain
