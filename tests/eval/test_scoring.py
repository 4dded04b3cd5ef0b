import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.audio import AudioWarning
from cqtnet.errors import InputError, ManifestError
from cqtnet.music import make_music
from eval.scoring import Kept, KeptRecordings, score_trials
from eval.systems import SYSTEMS
from eval.systems.baselines import ChromaDtwSystem, MeanCqtSystem
from eval.systems.interface import Settings
from eval.trials import TrialFiles, read_scores, read_trials
from tests.eval.planted import PlantedSystem

HEADER = "reference,probe,label,condition,recording,snr_db\n"
SIZES = {"a": 10, "b": 13, "c": 10, "d": 20, "e": 28}


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> type[PlantedSystem]:
    monkeypatch.setitem(SYSTEMS, "planted", "tests.eval.planted:PlantedSystem")
    monkeypatch.setattr(PlantedSystem, "described", [])
    monkeypatch.setattr(PlantedSystem, "scored", [])
    return PlantedSystem


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    """Nine trials of five files; `again` has the content of `a`, and one pair stands twice."""
    (tmp_path / "x").mkdir()
    for name, size in SIZES.items():
        (tmp_path / "x" / name).write_text(name * size)
    (tmp_path / "x/again").write_text("a" * 10)
    pairs = ["ab", "ac", "dd", "ea", "be", "cb", "de", "ce"]
    rows = [f"x/{pair[0]},x/{pair[1]},1,tempo,r{pair[0]},\n" for pair in pairs]
    rows += ["x/a,x/b,0,noise,rb,5.0\n", "x/again,x/b,0,noise,rb,-0\n"]
    (tmp_path / "trials.csv").write_text(HEADER + "".join(rows))
    return tmp_path / "trials.csv"


EXPECTED = [-3, 0, 0, -18, -15, -3, -8, -18, -3, -3]


def run(trials: Path, *, out: str = "out/scores.csv", cache: Path | None = None) -> list[float]:
    scores_csv = trials.parent / out
    score_trials(trials, scores_csv, system="planted", cache=cache, workers=1, force=True)
    return [float(score) for score in read_scores(scores_csv).score]


def test_scores_stand_beside_the_columns_of_their_trials(trials: Path) -> None:
    assert run(trials) == EXPECTED
    rows = (trials.parent / "out/scores.csv").read_text().splitlines()
    before = trials.read_text().splitlines()
    assert [row.rpartition(",")[0] for row in rows] == before
    assert rows[0].endswith(",score") and rows[4].endswith(",-18.0")


def test_the_account_says_what_was_scored_by_what(trials: Path) -> None:
    out = trials.parent / "scores.csv"
    done = score_trials(trials, out, system="planted", settings=Settings("m"), workers=1)
    account = json.loads(out.with_suffix(".json").read_text())
    assert account == json.loads(json.dumps(done))
    assert account["system"] == "planted"
    assert account["parameters"] == {"version": 1, "model_sha256": "m"}
    assert account["trials_sha256"] == hashlib.sha256(trials.read_bytes()).hexdigest()
    assert (account["trials"], account["files"]) == (10, 6)
    assert account["seconds"] >= 0 and "torch" in account["versions"]


def test_the_account_changes_with_the_content_of_a_file(trials: Path) -> None:
    out = trials.parent / "scores.csv"
    first = score_trials(trials, out, system="planted", workers=1)
    (trials.parent / "x/c").write_text("C" * 10)
    second = score_trials(trials, out, system="planted", workers=1, force=True)
    assert first["audio_sha256"] != second["audio_sha256"]


def test_each_content_is_described_and_each_pair_scored_once(
    trials: Path, planted: type[PlantedSystem]
) -> None:
    run(trials)
    assert sorted(planted.described) == ["a", "b", "c", "d", "e"]  # `again` is `a`
    assert planted.scored == [3, 3, 3]  # ten trials; a and b are asked for twice


@pytest.mark.parametrize("stop_after", [0, 1, 4, 5, 6, 7])
def test_a_stopped_run_goes_on_where_it_was(
    stop_after: int, trials: Path, planted: type[PlantedSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planted, "stop_after", stop_after)
    with pytest.raises(KeyboardInterrupt):
        run(trials)
    assert not (trials.parent / "out/scores.csv").exists()
    assert not (trials.parent / "out/scores.json").exists()
    monkeypatch.undo()
    monkeypatch.setitem(SYSTEMS, "planted", "tests.eval.planted:PlantedSystem")
    kept = len(list((trials.parent / "out").rglob("*.kept")))
    assert kept == stop_after
    planted.forget()
    assert run(trials) == EXPECTED
    assert len(planted.described) + len(planted.scored) == 5 + 3 - stop_after
    assert sorted(os.listdir(trials.parent / "out")) == ["scores.csv", "scores.json"]


def test_a_cache_spares_the_work_of_another_run(
    trials: Path, planted: type[PlantedSystem], tmp_path: Path
) -> None:
    run(trials, cache=tmp_path / "cache")
    planted.forget()
    assert run(trials, out="other.csv", cache=tmp_path / "cache") == EXPECTED
    assert not planted.described and not planted.scored


def test_nothing_is_reused_of_other_parameters_or_contents(
    trials: Path,
    planted: type[PlantedSystem],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(trials, cache=tmp_path / "cache")
    planted.described.clear()
    (trials.parent / "x/c").write_text("c" * 110)
    assert run(trials, cache=tmp_path / "cache")[1] == -100
    assert planted.described == ["c"]
    planted.described.clear()
    monkeypatch.setattr(planted, "version", 2)
    run(trials, cache=tmp_path / "cache")
    assert len(planted.described) == 5


@pytest.mark.parametrize("damage", ["byte", "cut", "empty", "folder"])
def test_what_is_damaged_is_made_again(
    damage: str, trials: Path, planted: type[PlantedSystem], tmp_path: Path
) -> None:
    run(trials, cache=tmp_path / "cache")
    whole = {path: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
    for path, content in whole.items():
        if damage == "folder":
            path.unlink()
            continue
        middle = len(content) // 2
        changed = {
            "byte": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "cut": content[:-1],
            "empty": b"",
        }[damage]
        path.write_bytes(changed)
    planted.described.clear()
    assert run(trials, cache=tmp_path / "cache") == EXPECTED
    assert len(planted.described) == 5
    assert {path: path.read_bytes() for path in whole} == whole


def test_what_is_lost_while_it_is_used_is_an_error(tmp_path: Path) -> None:
    recordings = KeptRecordings(Kept(tmp_path), ["a", "b"])
    assert len(recordings) == 2
    with pytest.raises(InputError, match="run the command again"):
        recordings[1]


def test_missing_files_are_named_with_their_trials_before_anything_is_done(
    trials: Path, planted: type[PlantedSystem]
) -> None:
    for name in "abde":
        (trials.parent / "x" / name).unlink()
    (trials.parent / "x/d").mkdir()
    message = (
        r"trials.csv:2: reference: .*x/a does not exist; .*trials.csv:2: probe: .*x/b does not "
        r"exist; .*trials.csv:4: reference: .*x/d is no file; and 1 more files"
    )
    with pytest.raises(ManifestError, match=message):
        run(trials)
    assert planted.described == []
    assert not (trials.parent / "out").exists()


@pytest.mark.parametrize("name", ["n" * 300, "x/a/below", "n\0l"])
def test_a_name_that_no_file_can_have_is_an_error_with_its_line(name: str, trials: Path) -> None:
    found = read_trials(trials)
    impossible = replace(found, probe=np.array(["x/b", name, *found.probe[2:]]))
    with pytest.raises(ManifestError, match=r"^\S*trials\.csv:3: probe: .* (cannot be|does not)"):
        TrialFiles.of(impossible).require_all()


def test_an_account_without_scores_is_of_a_killed_run_and_in_nobodys_way(trials: Path) -> None:
    out = trials.parent / "scores.csv"
    score_trials(trials, out, system="planted", workers=1)
    out.unlink()
    score_trials(trials, out, system="planted", workers=1)
    assert out.exists()


def test_what_a_run_left_that_was_killed_as_it_ended_is_removed(trials: Path) -> None:
    out = trials.parent / "scores.csv"
    folder = trials.parent / ".scores.csv.scoring"
    score_trials(trials, out, system="planted", workers=1)
    folder.mkdir()
    for name, age_s in (("old.kept", -1), ("young.kept", 1)):
        (folder / name).touch()
        os.utime(folder / name, (0, out.stat().st_mtime + age_s))
    with pytest.raises(InputError, match="exists already"):
        score_trials(trials, out, system="planted")
    assert folder.exists(), "of a run that is to replace the scores"
    (folder / "young.kept").unlink()
    with pytest.raises(InputError, match="exists already"):
        score_trials(trials, out, system="planted")
    assert not folder.exists()


def test_files_that_cannot_be_used_are_named_together_and_the_others_kept(
    trials: Path, planted: type[PlantedSystem]
) -> None:
    (trials.parent / "x/e").write_text("bad 1")
    (trials.parent / "x/c").write_text("bad 2")
    message = r"trials.csv:3: probe: c is bad; \S*trials.csv:5: reference: e is bad$"
    with pytest.raises(ManifestError, match=message):
        run(trials)
    assert os.listdir(trials.parent / "out") == [".scores.csv.scoring"]
    (trials.parent / "x/e").write_text("e" * 28)
    (trials.parent / "x/c").write_text("c" * 10)
    assert run(trials) == EXPECTED
    assert sorted(planted.described) == ["a", "b", "c", "d", "e"], "each one once in both runs"


def test_no_folder_stays_where_nothing_could_be_kept(trials: Path) -> None:
    for path in (trials.parent / "x").iterdir():
        path.write_text("bad")
    with pytest.raises(ManifestError, match="a is bad"):
        run(trials)
    assert os.listdir(trials.parent / "out") == []


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("trials.csv", "holds the trials"),
        ("scores.json", "name a .csv file"),
        ("x", "is no regular file"),
        ("x/a/scores.csv", "cannot be made"),
    ],
)
def test_scores_are_not_written_where_they_do_not_belong(
    out: str, message: str, trials: Path
) -> None:
    before = trials.read_bytes()
    with pytest.raises(InputError, match=message):
        run(trials, out=out)
    assert trials.read_bytes() == before


def test_neither_scores_nor_their_account_are_replaced_unasked(trials: Path) -> None:
    for name in ("scores.csv", "scores.json"):
        (trials.parent / name).write_text("mine")
        with pytest.raises(InputError, match=f"{name} exists already; use --force"):
            score_trials(trials, trials.parent / "scores.csv", system="planted")
        (trials.parent / name).unlink()


def make_list(folder: Path, n: int) -> Path:
    """n fragments of music, and the trials of each with its neighbours."""
    folder.mkdir()
    music = make_music(4, duration_s=3.0 + n)
    for i in range(n):
        part = music[i * SAMPLE_RATE : (i + 3) * SAMPLE_RATE]
        soundfile.write(folder / f"{i}.flac", part, SAMPLE_RATE)
    rows = [f"{i}.flac,{(i + k) % n}.flac,{k % 2},shift,r{i},\n" for i in range(n) for k in (0, 1)]
    (folder / "trials.csv").write_text(HEADER + "".join(rows))
    return folder / "trials.csv"


def test_two_processes_write_the_bytes_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChromaDtwSystem, "pairs_at_once", 5)
    trials = make_list(tmp_path / "list", 6)
    for workers in (1, 2):
        score_trials(trials, tmp_path / f"{workers}.csv", system="chroma-dtw", workers=workers)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_what_is_odd_about_a_file_is_a_warning(tmp_path: Path) -> None:
    trials = make_list(tmp_path / "list", 2)
    soundfile.write(tmp_path / "0.wav", make_music(1, duration_s=4.0), SAMPLE_RATE)
    (tmp_path / "list/0.flac").write_bytes((tmp_path / "0.wav").read_bytes()[:-SAMPLE_RATE])
    with pytest.warns(AudioWarning, match="0.flac: truncated"):
        score_trials(trials, tmp_path / "s.csv", system="mean-cqt", workers=1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_after_kill_9_nothing_runs_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials, scores = make_list(tmp_path / "list", 120), tmp_path / "out/scores.csv"
    words = ["eval", "score", trials, scores, "--system", "mean-cqt", "--workers", "2"]
    killed = subprocess.Popen(
        [sys.executable, "-m", "cqtnet", *map(str, words)], start_new_session=True
    )
    wait_until(lambda: len(kept_files(scores)) > 2)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    wait_until(lambda: not running(killed.pid))
    kept = len(kept_files(scores))
    assert kept < 120 and not scores.exists()
    described = count_calls(MeanCqtSystem, monkeypatch)
    score_trials(trials, scores, system="mean-cqt", workers=1)
    assert len(described) == 120 - kept
    assert sorted(os.listdir(scores.parent)) == ["scores.csv", "scores.json"]
    fresh = tmp_path / "fresh.csv"
    score_trials(trials, fresh, system="mean-cqt", workers=1)
    assert fresh.read_bytes() == scores.read_bytes()


def kept_files(scores: Path) -> list[Path]:
    """What a run keeps, files that are being written left out."""
    return [p for p in scores.parent.glob(".scores.csv.scoring/*.kept") if p.name[0] != "."]


def count_calls(system: type[MeanCqtSystem], monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    described: list[Path] = []
    describe = system.describe

    def counted(self: MeanCqtSystem, path: Path) -> object:
        described.append(path)
        return describe(self, path)

    monkeypatch.setattr(system, "describe", counted)
    return described


def running(group: int) -> list[int]:
    """Processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, in_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(in_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(condition: object, *, seconds: float = 60.0) -> None:
    started = time.monotonic()
    while not condition():  # type: ignore[operator]
        assert time.monotonic() - started < seconds
        time.sleep(0.002)
