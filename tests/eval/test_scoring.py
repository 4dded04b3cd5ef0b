"""Scores of a list: each file described once, each pair scored once, whatever interrupts it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
import soundfile

from augment.effect import Chain
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.audio import AudioWarning
from cqtnet.checkpoint import save_weights
from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError, ManifestError
from cqtnet.files import file_sha256
from cqtnet.model import CqtNet
from cqtnet.music import make_music
from cqtnet.preset import find_preset
from cqtnet.schema import versioned
from eval.scoring import score_trials
from eval.systems import SYSTEMS, Settings
from eval.systems.known import ChromaDtwSystem, MeanCqtSystem
from eval.trials import TrialFiles, read_scores, read_trials
from tests.eval.planted import PlantedSystem, call, done, refusal, write_music

HEADER = "reference,probe,label,condition,recording,snr_db\n"
SIZES = {"a": 10, "b": 13, "c": 10, "d": 20, "e": 28}
EXPECTED = [-3, 0, 0, -18, -15, -3, -8, -18, -3, -3]


@pytest.fixture(autouse=True)
def planted(monkeypatch):
    monkeypatch.setitem(SYSTEMS, "planted", "tests.eval.planted:PlantedSystem")
    monkeypatch.setattr(PlantedSystem, "described", [])
    monkeypatch.setattr(PlantedSystem, "scored", [])
    return PlantedSystem


@pytest.fixture
def trials(tmp_path):
    """Ten trials of six files; `again` has the content of `a`, and one pair stands twice."""
    (tmp_path / "x").mkdir()
    for name, size in SIZES.items():
        (tmp_path / "x" / name).write_text(name * size)
    (tmp_path / "x/again").write_text("a" * 10)
    pairs = ["ab", "ac", "dd", "ea", "be", "cb", "de", "ce"]
    rows = [f"x/{pair[0]},x/{pair[1]},1,tempo,r{pair[0]},\n" for pair in pairs]
    rows += ["x/a,x/b,0,noise,rb,5.0\n", "x/again,x/b,0,noise,rb,-0\n"]
    (tmp_path / "trials.csv").write_text(HEADER + "".join(rows))
    return tmp_path / "trials.csv"


def run(trials, *, out="out/scores.csv", **options):
    path = trials.parent / out
    score_trials(trials, path, system="planted", workers=1, force=True, **options)
    return read_scores(path).score.tolist()


def test_scores_stand_beside_the_columns_of_their_trials(trials, planted):
    assert run(trials) == EXPECTED
    rows = (trials.parent / "out/scores.csv").read_text().splitlines()
    assert [row.rpartition(",")[0] for row in rows] == trials.read_text().splitlines()
    assert rows[0].endswith(",score") and rows[4].endswith(",-18.0")
    assert sorted(planted.described) == ["a", "b", "c", "d", "e"], "`again` is `a`"
    assert planted.scored == [3, 3, 3], "ten trials; a and b are asked for twice"


def test_the_account_states_what_was_scored_and_how(trials):
    out = trials.parent / "scores.csv"
    first = score_trials(trials, out, system="planted", settings=Settings("m"), workers=1)
    account = json.loads(out.with_suffix(".json").read_text())
    assert account == json.loads(json.dumps(first)) and account["system"] == "planted"
    assert account["parameters"] == {"version": 1, "model_sha256": "m"}
    assert account["trials_sha256"] == hashlib.sha256(trials.read_bytes()).hexdigest()
    assert (account["trials"], account["files"]) == (10, 6)
    assert account["left_out"] == {"trials": 0, "files": []}
    assert account["elapsed_s"] >= 0 and "torch" in account["versions"]
    (trials.parent / "x/c").write_text("C" * 10)
    second = score_trials(trials, out, system="planted", workers=1, force=True)
    assert second["audio_sha256"] != first["audio_sha256"]


@pytest.mark.parametrize("stop_after", [0, 1, 5, 7])
def test_a_stopped_run_goes_on_where_it_was(stop_after, trials, planted, monkeypatch):
    monkeypatch.setattr(planted, "stop_after", stop_after)
    with pytest.raises(KeyboardInterrupt):
        run(trials)
    assert not list((trials.parent / "out").glob("scores.*"))
    monkeypatch.setattr(planted, "stop_after", 10**9)
    assert len(list((trials.parent / "out").rglob("*.kept"))) == stop_after
    planted.forget()
    assert run(trials) == EXPECTED
    assert len(planted.described) + len(planted.scored) == 5 + 3 - stop_after
    assert sorted(os.listdir(trials.parent / "out")) == ["scores.csv", "scores.json"]


def test_a_cache_is_used_only_for_the_same_input(trials, planted, tmp_path, monkeypatch):
    run(trials, cache=tmp_path / "cache")
    planted.forget()
    assert run(trials, out="other.csv", cache=tmp_path / "cache") == EXPECTED
    assert not planted.described and not planted.scored
    (trials.parent / "x/c").write_text("c" * 110)
    assert run(trials, cache=tmp_path / "cache")[1] == -100
    assert planted.described == ["c"]
    planted.forget()
    monkeypatch.setattr(planted, "version", 2)
    run(trials, cache=tmp_path / "cache")
    assert len(planted.described) == 5


def spoil(trials):
    for name in "ec":
        (trials.parent / "x" / name).write_text("bad")


def test_trials_with_an_unusable_file_are_left_out_and_listed(trials, planted, monkeypatch):
    spoil(trials)
    (trials.parent / "x/d").unlink()
    monkeypatch.setitem(SYSTEMS, "embedding", SYSTEMS["planted"])  # the command knows only ours
    told = call("score", "--model", "m", trials, trials.parent / "s.csv", "--jobs", 1)
    assert told.exit_code == 1
    assert told.stdout.startswith("3 trials of 3 files by embedding → ")
    for line in (
        "7 trials are left out, for 3 files cannot be used:",
        "trials.csv:3: probe: c is bad", "trials.csv:5: reference: e is bad",
        "trials.csv:4: reference: ", "x/d cannot be read: No such file",
    ):  # fmt: skip
        assert line in told.stderr
    assert read_scores(trials.parent / "s.csv").score.tolist() == [-3, -3, -3]
    account = json.loads((trials.parent / "s.json").read_text())
    assert account["left_out"]["trials"] == 7 and len(account["left_out"]["files"]) == 3
    assert sorted(planted.described) == ["a", "b"]


def test_strict_refuses_unusable_files_and_keeps_what_is_done(trials, planted):
    spoil(trials)
    message = r"trials.csv:3: probe: c is bad; \S*trials.csv:5: reference: e is bad$"
    with pytest.raises(ManifestError, match=message):
        run(trials, strict=True)
    assert os.listdir(trials.parent / "out") == [".scores.csv.scoring"]
    (trials.parent / "x/e").write_text("e" * 28)
    (trials.parent / "x/c").write_text("c" * 10)
    assert run(trials, strict=True) == EXPECTED
    assert sorted(planted.described) == ["a", "b", "c", "d", "e"], "each one once in both runs"


def test_strict_names_missing_files_before_anything_is_done(trials, planted):
    for name in "abde":
        (trials.parent / "x" / name).unlink()
    (trials.parent / "x/d").mkdir()
    message = (
        r"trials.csv:2: reference: .*x/a cannot be read: .*; .*trials.csv:2: probe: .*x/b cannot "
        r"be read: .*; .*trials.csv:4: reference: .*x/d is not a file; and 1 more files"
    )
    with pytest.raises(ManifestError, match=message):
        run(trials, strict=True)
    assert planted.described == [] and not (trials.parent / "out").exists()


def test_a_list_without_a_usable_trial_is_an_error_and_leaves_no_folder(trials):
    for path in (trials.parent / "x").iterdir():
        path.write_text("bad")
    with pytest.raises(ManifestError, match="a is bad"):
        run(trials)
    assert os.listdir(trials.parent / "out") == []


@pytest.mark.parametrize("name", ["n" * 300, "x/a/below", "n\0l"])
def test_a_name_that_no_file_can_have_is_an_error_with_its_line(name, trials):
    found = read_trials(trials)
    files = TrialFiles(replace(found, probe=np.array(["x/b", name, *found.probe[2:]])))
    with pytest.raises(ManifestError, match=r"^\S*trials\.csv:3: probe: .* cannot be read"):
        files.refuse(files.missing())


def test_an_account_without_scores_is_replaced_and_other_files_are_not(trials):
    out = trials.parent / "scores.csv"
    for _ in range(2):  # the second time beside the account of a killed run
        out.unlink(missing_ok=True)
        score_trials(trials, out, system="planted", workers=1)
    for path in (out, out.with_suffix(".json")):
        out.unlink(missing_ok=True)
        path.write_text("mine")
        with pytest.raises(InputError, match=f"{path.name} exists already; use --force"):
            score_trials(trials, out, system="planted")
        assert path.read_text() == "mine"
        path.unlink()


def test_the_folder_of_a_run_that_was_killed_as_it_ended_is_removed(trials):
    out = trials.parent / "scores.csv"
    folder = trials.parent / ".scores.csv.scoring"
    score_trials(trials, out, system="planted", workers=1)
    folder.mkdir()
    for name, age_s in (("old.kept", -1), ("young.kept", 1)):
        (folder / name).touch()
        os.utime(folder / name, (0, out.stat().st_mtime + age_s))
    for stays in (True, False):
        with pytest.raises(InputError, match="exists already"):
            score_trials(trials, out, system="planted")
        assert folder.exists() == stays, "a younger file is of a run that is to replace the scores"
        (folder / "young.kept").unlink(missing_ok=True)


@pytest.mark.parametrize(("out", "message"), [
    ("trials.csv", "holds the trials"),
    ("scores.json", "name a .csv file"),
    ("x", "is not a regular file"),
    ("x/a/scores.csv", "cannot be made"),
])  # fmt: skip
def test_scores_are_not_written_where_they_do_not_belong(out, message, trials):
    before = trials.read_bytes()
    with pytest.raises(InputError, match=message):
        run(trials, out=out)
    assert trials.read_bytes() == before


def make_list(folder, n):
    """n fragments of music, and the trials of each with its neighbours."""
    folder.mkdir()
    music = make_music(4, duration_s=3.0 + n)
    for i in range(n):
        part = music[i * SAMPLE_RATE : (i + 3) * SAMPLE_RATE]
        soundfile.write(folder / f"{i}.flac", part, SAMPLE_RATE)
    rows = [f"{i}.flac,{(i + k) % n}.flac,{k % 2},shift,r{i},\n" for i in range(n) for k in (0, 1)]
    (folder / "trials.csv").write_text(HEADER + "".join(rows))
    return folder / "trials.csv"


def test_two_processes_write_the_bytes_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr(ChromaDtwSystem, "pairs_at_once", 5)
    trials = make_list(tmp_path / "list", 6)
    for workers in (1, 2):
        score_trials(trials, tmp_path / f"{workers}.csv", system="chroma-dtw", workers=workers)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_a_truncated_file_is_a_warning(tmp_path):
    trials = make_list(tmp_path / "list", 2)
    whole = write_music(tmp_path, {"1": 4.0})["1"].read_bytes()
    (tmp_path / "list/0.flac").write_bytes(whole[:-SAMPLE_RATE])
    with pytest.warns(AudioWarning, match="0.flac: truncated"):
        score_trials(trials, tmp_path / "s.csv", system="mean-cqt", workers=1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_after_kill_9_nothing_runs_and_the_next_run_goes_on(tmp_path, monkeypatch):
    trials, scores = make_list(tmp_path / "list", 60), tmp_path / "out/scores.csv"
    words = ["-m", "cqtnet", "eval", "score", trials, scores, "--system", "mean-cqt", "--jobs", "2"]
    killed = subprocess.Popen([sys.executable, *words], start_new_session=True)

    def kept():
        return [p for p in scores.parent.glob(".scores.csv.scoring/*.kept") if p.name[0] != "."]

    wait_until(lambda: len(kept()) > 2)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    wait_until(lambda: not running(killed.pid))
    left = len(kept())
    assert left < 60 and not scores.exists()
    describe = MagicMock(side_effect=MeanCqtSystem(Settings()).describe)
    monkeypatch.setattr(MeanCqtSystem, "describe", describe)
    score_trials(trials, scores, system="mean-cqt", workers=1)
    assert describe.call_count == 60 - left
    assert sorted(os.listdir(scores.parent)) == ["scores.csv", "scores.json"]


def running(group):
    """Processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, in_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(in_group) == group and state != "Z":
                found.append(int(stat.parent.name))
    return found


def wait_until(condition, *, seconds=600.0):
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds
        time.sleep(0.002)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    """Three pieces, each against each in another key and tempo."""
    folder = tmp_path_factory.mktemp("trials")
    rows = ["reference,probe,label,condition,recording"]
    for i in range(3):
        music = make_music(i, duration_s=10.0)
        changed = Chain((Tempo(1.2), Pitch(3.0))).apply(music, SAMPLE_RATE).samples
        for name, sound in (("reference", music), ("probe", changed)):
            soundfile.write(folder / f"{name}{i}.flac", np.clip(sound, -1, 1), SAMPLE_RATE)
        rows += [f"reference{j}.flac,probe{i}.flac,{int(i == j)},both,{i}" for j in range(3)]
    (folder / "both.csv").write_text("\n".join(rows) + "\n")
    return folder / "both.csv"


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_tells_altered_music_from_other_music(system, pieces, tmp_path):
    result = done("score", pieces, tmp_path / "scores.csv", "--system", system)
    assert result.stdout.startswith(f"9 trials of 6 files by {system} → ")
    scores = read_scores(tmp_path / "scores.csv")
    assert scores.label.sum() == 3
    assert equal_error_rate(scores.score[scores.label], scores.score[~scores.label]) == 0


def test_json_names_weights_and_precision(pieces, tmp_path):
    weights = tmp_path / "tiny.safetensors"
    save_weights(CqtNet(find_preset("tiny")), weights)
    words = ["--model", weights, "--precision", "bfloat16", "--device", "cpu", "--json"]
    words += ["--cache", tmp_path / "c"]
    told = json.loads(done("score", pieces, tmp_path / "s.csv", *words).stdout)
    assert told == versioned(json.loads((tmp_path / "s.json").read_text()))
    assert told["parameters"]["model_sha256"] == file_sha256(weights)
    assert told["parameters"]["precision"] == "bfloat16"
    assert len(list((tmp_path / "c").iterdir())) == 6 + 1, "the files, and all scores"
    words = ["score", pieces, tmp_path / "out/s.csv", "--model", "none"]
    assert "neither shipped" in refusal(*words)
    assert not list((tmp_path / "out").iterdir())
