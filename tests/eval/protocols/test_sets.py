"""Test sets as they are written: the files are what was drawn, whole, and replayable."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import soundfile

from augment.timemap import Span, TimeMap
from cqtnet.data import Item, list_items
from cqtnet.errors import InputError, ManifestError
from cqtnet.progress import in_processes
from eval.protocols import catalogue, write
from eval.protocols.catalogue import PROTOCOLS, RENDITION, VOICE_OVER, draw_plan
from eval.protocols.plan import read_plan
from eval.protocols.survey import survey
from eval.protocols.write import write_sets
from eval.trials import read_trials
from tests.augment.signals import cents, frequency_hz, loudest_moment_s, power
from tests.eval.planted import call, done, refusal
from tests.eval.protocols.conftest import CLICK_EVERY_S, RATE


def read(path):
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return np.asarray(samples)


def truth_of(out, name):
    """The truth of each probe of a set."""
    return map(json.loads, (out / f"{name}.truth.jsonl").read_text().splitlines())


def pairs_of(out, name):
    """The truth of each probe of a set, with the sound of probe and reference."""
    for row in truth_of(out, name):
        yield row, read(out / row["probe"]), read(out / row["reference"])


def write_tones(folder, names, seconds=21):
    """Tones an octave and more apart, and files by name."""
    for number, name in enumerate(names, 1):
        tone = 0.3 * np.sin(2 * np.pi * 220 * number * np.arange(seconds * RATE) / RATE)
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / f"{name}.wav", tone, RATE)


def hashes(folder):
    """SHA-256 of every file by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_list_names_files_that_are_there(name, sets):
    trials = read_trials(sets / f"{name}.csv")
    plan = read_plan(sets / f"{name}.plan.json")
    assert int(trials.label.sum()) == len(plan.probes) == int((~trials.label).sum())
    assert all(trials.file(file).is_file() for file in {*trials.reference, *trials.probe})
    assert set(trials.recording.tolist()) <= set(plan.source_of)
    # A nontarget is the same probe beside a reference of the other folder.
    other = trials.where(~trials.label)
    for reference, recording in zip(other.reference, other.recording, strict=True):
        assert reference.startswith("references/a_" if recording[0] == "b" else "references/b_")


def test_sets_in_one_folder_share_their_references(sets):
    # Of four recordings a fragment of 20 s each, and one of 10 s for `hard`.
    assert len(list((sets / "references").iterdir())) == 4 + 4


@pytest.mark.parametrize("name", ["paper-tempo", "both", "speed", "crop", "hard", "other-part"])
def test_clicks_of_the_recording_are_where_the_truth_has_them(name, sets):
    for row in truth_of(sets, name):
        probe = read(sets / row["probe"])
        time_map = TimeMap(tuple(Span(*span) for span in row["time_map"]))
        assert time_map.spans[-1].out_end_s == pytest.approx(probe.size / RATE, abs=1e-4)
        assert time_map.spans[0].source_start_s >= row["start_s"]
        clicks = np.arange(0.35, 46, CLICK_EVERY_S)
        inside = [t for t in time_map.to_output(clicks) if 0.1 < t < probe.size / RATE - 0.1]
        assert len(inside) >= 3
        # A room and noise hide single samples.
        if not {effect["name"] for effect in row["effects"]} & {"room", "background"}:
            found = [loudest_moment_s(probe, t, sample_rate=RATE) for t in inside]
            assert found == pytest.approx(inside, abs=0.045 if row["kind"] == "wsola" else 0.004)


@pytest.mark.parametrize("name", ["paper-tempo", "paper-pitch", "both", "speed"])
def test_tempo_and_pitch_in_the_list_are_those_of_the_sound(name, sets):
    trials = read_trials(sets / f"{name}.csv")
    tones = {"a/one.wav": 220.0, "a/two.wav": 440.0, "b/three.wav": 660.0, "b/four.wav": 880.0}
    for row, probe, reference in pairs_of(sets, name):
        own = trials.where(trials.probe == row["probe"])
        tempo_factor = np.nan_to_num(own.size("tempo_factor")[0], nan=1.0)
        shift_semitones = np.nan_to_num(own.size("shift_semitones")[0])
        assert probe.size == pytest.approx(reference.size / tempo_factor, rel=1e-4)
        expected = tones[row["recording"]] * 2 ** (shift_semitones / 12)
        assert abs(cents(frequency_hz(probe, sample_rate=RATE), expected)) < 6


def test_noise_is_as_loud_as_the_list_says(sets):
    trials = read_trials(sets / "noise.csv")
    for row, probe, reference in pairs_of(sets, "noise"):
        noise = 10 ** ((row["reference_gain_db"] - row["gain_db"]) / 20) * probe - reference
        snr_db = trials.size("snr_db")[trials.probe == row["probe"]][0]
        assert 10 * np.log10(power(reference) / power(noise)) == pytest.approx(snr_db, abs=0.05)
    for row, probe, reference in pairs_of(sets, "crop"):
        start = round((row["time_map"][0][2] - row["reference_start_s"]) * RATE)
        assert np.array_equal(probe, reference[start : start + probe.size])
    for row in truth_of(sets, "same"):
        assert (sets / row["probe"]).read_bytes() == (sets / row["reference"]).read_bytes()


@pytest.mark.parametrize(
    "name", sorted(set(PROTOCOLS) - {"same", "other-part", "crop", "short", RENDITION})
)
def test_a_probe_differs_from_its_reference_and_is_as_loud(name, sets):
    for row, probe, reference in pairs_of(sets, name):
        n = min(probe.size, reference.size)
        assert np.abs(probe[:n] - reference[:n]).max() > 0.001
        louder_db = 10 * np.log10(power(probe) / power(reference)) - row["gain_db"]
        # A room may swallow a single tone, and a telephone the clicks.
        assert -12 < louder_db + row["reference_gain_db"] < 12


def test_any_number_of_workers_writes_the_same_bytes(sets, recordings, tmp_path):
    plan = read_plan(sets / "speed.plan.json")
    write_sets([plan], root=recordings / "music", out=tmp_path, workers=2)
    expected, again = hashes(sets), hashes(tmp_path)
    assert len(again) == 4 + 4 + 3 and again == {path: expected[path] for path in again}


def test_an_interrupted_set_has_no_list_and_is_finished_later(
    sets, recordings, tmp_path, monkeypatch
):
    plan = read_plan(sets / "speed.plan.json")
    left_to_do = []

    def two_and_interrupt(function, tasks, **how):
        left_to_do.append(len(tasks))
        yield from islice(in_processes(function, tasks, **how), 2)
        if len(left_to_do) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(write, "in_processes", two_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_sets([plan], root=recordings / "music", out=tmp_path)
    assert not (tmp_path / "speed.csv").exists()
    done = {path: path.stat().st_ino for path in tmp_path.rglob("*.flac")}
    assert len(done) == 2 * 2, "of two recordings a reference and a probe"
    with (tmp_path / ".speed.truth-so-far.jsonl").open("a") as file:
        file.write('{"probe": "cut sho')
    write_sets([plan], root=recordings / "music", out=tmp_path)
    assert left_to_do == [4, 2]
    assert all(path.stat().st_ino == number for path, number in done.items())
    expected = hashes(sets)
    assert {p: expected[p] for p in hashes(tmp_path)} == hashes(tmp_path)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("folder", ["speed", "references"])
def test_missing_and_damaged_files_are_made_again(folder, sets, recordings, tmp_path):
    shutil.copytree(sets, tmp_path / "sets")
    column = {"speed": "probe", "references": "reference"}[folder]
    gone, damaged, *_ = (tmp_path / "sets" / row[column] for row in truth_of(sets, "speed"))
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    plan = read_plan(sets / "speed.plan.json")
    write_sets([plan], root=recordings / "music", out=tmp_path / "sets")
    assert hashes(tmp_path / "sets") == hashes(sets)


def test_unfinished_files_of_a_killed_run_are_removed(sets, recordings, tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for folder in ("", "speed", "references"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for process in (ended.pid, os.getpid()):
            (tmp_path / folder / f".writing-{process}-0123abcd.flac").touch()
    plan = read_plan(sets / "speed.plan.json")
    write_sets([plan], root=recordings / "music", out=tmp_path)
    kept = [path.name for path in tmp_path.rglob(".writing-*")]
    assert kept == 3 * [f".writing-{os.getpid()}-0123abcd.flac"]


def test_a_set_is_not_written_over_another_or_elsewhere(sets, recordings, surveys, tmp_path):
    before, music, out = hashes(sets), recordings / "music", tmp_path / "out"
    with pytest.raises(InputError, match=r"speed\.plan\.json is another draw of speed"):
        write_sets([draw_plan(surveys, "speed", seed=9)], root=music, out=sets)
    shutil.copytree(music, tmp_path / "other")
    shutil.copy(music / "a/two.wav", tmp_path / "other/a/one.wav")
    plan = read_plan(sets / "speed.plan.json")
    for folder in (out, sets):
        with pytest.raises(ManifestError, match=r"one\.wav is not the file that the plan"):
            write_sets([plan], root=tmp_path / "other", out=folder)
    noisy = read_plan(sets / "noise.plan.json")
    with pytest.raises(InputError, match="give their folder with --noise"):
        write_sets([noisy], root=music, out=out)
    outside = replace(read_plan(sets / "same.plan.json"), protocol="../elsewhere")
    with pytest.raises(InputError, match=r"a plan is for '\.\./elsewhere'"):
        write_sets([outside], root=music, out=out)
    assert not out.exists() and hashes(sets) == before


def test_against_recordings_references_are_whole(surveys, recordings, tmp_path):
    plan = draw_plan(surveys, "same", against="recording", fragments=2)
    write_sets([plan], root=recordings / "music", out=tmp_path)
    for row, probe, whole in pairs_of(tmp_path, "same"):
        assert whole.size == 46 * RATE
        start = round(row["start_s"] * RATE)
        assert np.array_equal(probe, whole[start : start + probe.size])
    assert len(set(read_trials(tmp_path / "same.csv").reference.tolist())) == 4


def test_samples_beyond_full_scale_are_lowered_and_not_clipped(tmp_path):
    root = tmp_path / "in"
    for name, gain in (("loud", 3.0), ("soft", 0.5)):
        tone = gain * np.sin(2 * np.pi * 440 * np.arange(21 * RATE) / RATE)
        (root / name).mkdir(parents=True)
        soundfile.write(root / name / "x.wav", tone, RATE, subtype="FLOAT")
    surveys, _ = survey(list_items(root), root=root)
    write_sets([draw_plan(surveys, "same")], root=root, out=tmp_path / "out")
    gains = {row["recording"]: row["gain_db"] for row in truth_of(tmp_path / "out", "same")}
    assert gains["loud/x.wav"] == pytest.approx(20 * np.log10(1 / 3), abs=0.01)
    assert gains["soft/x.wav"] == 0
    loud = read(next((tmp_path / "out/same").glob("loud*")))
    assert np.mean(np.abs(loud) > 0.999) < 0.05  # a clipped sine of 3 spends 78 % there


def test_recordings_that_are_silent_broken_or_twins_are_left_out(recordings, tmp_path):
    shutil.copytree(recordings / "music", tmp_path / "music")
    root = tmp_path / "music"
    soundfile.write(root / "silent.wav", np.zeros(30 * RATE), RATE)
    (root / "broken.wav").write_bytes(b"RIFF and nothing else")
    shutil.copy(root / "b/four.wav", root / "twin.wav")
    surveys, skipped = survey(list_items(root), root=root)
    names = ["a/one.wav", "a/two.wav", "b/four.wav", "b/three.wav"]
    assert [s.source.recording for s in surveys] == names
    assert skipped["twin.wav"] == "has the same bytes as b/four.wav"
    assert "silence" in skipped["silent.wav"] and "broken.wav" in skipped["broken.wav"]
    with pytest.raises(InputError, match="none of 1 recordings can be used"):
        survey([Item(root / "silent.wav", "silent", "test", "c")], root=root)
    first = surveys[0]
    path = recordings / "music" / first.source.path
    assert first.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert first.duration_s == 46.0
    tone = 0.05**2 / 2 + 0.9**2 / (CLICK_EVERY_S * RATE)
    assert first.level == pytest.approx(tone, rel=0.05)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Three recordings of 21 s in two folders, one of 3 s, and a list of the three."""
    folder = tmp_path_factory.mktemp("music")
    write_tones(folder, ["a/one", "a/two", "b/three"])
    write_tones(folder, ["b/brief"], seconds=3)
    rows = ["a/one.wav,devtest,x", "a/two.wav,devtest,x", "b/three.wav,devtest,y"]
    (folder / "list.csv").write_text("path,split,collection\n" + "\n".join(rows) + "\n")
    return folder


PROTOCOL = ("protocol", "--jobs", 1)


def test_a_folder_becomes_sets_and_recordings_left_out_are_named(music, tmp_path, monkeypatch):
    few = {name: PROTOCOLS[name] for name in ("speed", "same", RENDITION, VOICE_OVER)}
    for module in (catalogue, write):
        monkeypatch.setattr(module, "PROTOCOLS", few)
    words = ["--audio", music, "--out", tmp_path / "sets", "--negatives", 1]
    result = done(*PROTOCOL, "all", *words)
    assert {path.stem for path in (tmp_path / "sets").glob("*.csv")} == {"speed", "same"}
    _, last = result.stdout.splitlines()
    assert last.startswith("same: 3 target and 3 nontarget trials, 3 probes of 3 recordings → ")
    assert "same leaves 1 recordings out: b/brief.wav: lasts 3.0 s" in result.stderr
    assert len(read_trials(tmp_path / "sets" / "speed.csv")) == 6


def test_a_list_becomes_a_set_and_its_plan_the_same_set_again(music, tmp_path):
    words = ["--audio", music / "list.csv", "--out", tmp_path / "1", "--within", "--json"]
    (record,) = json.loads(done(*PROTOCOL, "paper-pitch", *words).stdout)["sets"]
    assert (record["targets"], record["nontargets"], record["collections"]) == (3, 3, 2)
    assert len(read_trials(Path(record["within_csv"]))) == 4
    plan = tmp_path / "1/paper-pitch.plan.json"
    done(*PROTOCOL, plan, "--audio", music, "--out", tmp_path / "2")
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")
    assert len(hashes(tmp_path / "1")) == 4 + 3 + 3
    shutil.copytree(music, tmp_path / "some")
    (tmp_path / "some/b/three.wav").unlink()
    for source, message in (("none", "none does not exist"), ("some", "three.wav cannot be read")):
        words = ["--audio", tmp_path / source, "--out", tmp_path / "3"]
        assert message in refusal(*PROTOCOL, plan, *words)
        assert not (tmp_path / "3").exists()


def test_pairs_within_a_set_of_renditions_are_of_one_work(music, tmp_path):
    words = [*PROTOCOL, RENDITION, "--out", tmp_path / "sets", "--duration", 8, "--json"]
    works = {"a1": "x", "a2": "y", "b3": "y", "b4": "x", "b5": ""}
    write_tones(tmp_path, works)
    rows = [f"{name}.wav,{name},{work}" for name, work in works.items()]
    (tmp_path / "list.csv").write_text("\n".join(["path,id,work", *rows]))
    (record,) = json.loads(done(*words, "--audio", tmp_path / "list.csv").stdout)["sets"]
    assert (record["recordings"], record["collections"]) == (4, 2), "one has no work"
    for key, is_one in (("csv", False), ("within_csv", True)):
        trials = read_trials(Path(record[key]))
        others = trials.where(~trials.label)
        assert len(others) and trials.label.any()
        for reference, own in zip(others.reference, others.recording, strict=True):
            name = reference.removeprefix("references/")[:2]
            assert name != own and (works[name] == works[own]) == is_one
    assert "`work`" in refusal(*words, "--audio", music / "list.csv")


def test_broken_noise_is_left_out_with_a_warning(music, recordings, tmp_path):
    noise = tmp_path / "street"
    noise.mkdir()
    (noise / "broken.wav").write_bytes(b"RIFF and nothing else")
    words = [*PROTOCOL, "noise", "hard", "--audio", music, "--noise", noise, "--seed", 4]
    assert "no recording of noise can be read" in refusal(*words, "--out", tmp_path / "1")
    shutil.copy(recordings / "noise/hiss.wav", noise)
    assert "noise broken.wav: " in done(*words, "--out", tmp_path / "2").stderr


@pytest.mark.parametrize(("words", "message"), [
    (["louder", "--audio", "MUSIC"], "'louder' is neither a protocol"),
    (["same", "--audio", "MUSIC/none.csv"], "none.csv does not exist; give a folder or a list"),
    (["same", "--audio", "MUSIC/a/one.wav"], "is audio; give a folder or a list"),
    (["all", "--audio", "MUSIC", "--limit", "1"], "all recordings are of one collection"),
    (["noise", "--audio", "MUSIC", "--noise", "MUSIC/none"], "none cannot be read"),
    (["MUSIC/list.csv", "--audio", "MUSIC"], "is not the plan of a protocol"),
    (["same", "--audio", "MUSIC", "--out", "MUSIC/sets"], "lies in the folder of recordings"),
    (["same", "--negatives", "some"], "neither a number from 1 on nor `all`"),
    (["same", "--references", "everything"], "'everything' is not one of"),
    (["PLAN", "--seed", "7"], "a plan is drawn already; leave out --seed"),
    (["PLAN", "same"], "name each set once"),
])  # fmt: skip
def test_a_wrong_call_is_explained(words, message, music, sets, tmp_path):
    plan = str(sets / "same.plan.json")
    given = [word.replace("MUSIC", str(music)).replace("PLAN", plan) for word in words]
    result = call(*PROTOCOL, "--audio", music, "--out", tmp_path / "sets", *given)
    if isinstance(result.exception, InputError):
        assert message in str(result.exception) and "\n" not in str(result.exception)
    else:
        assert result.exit_code == 2 and message in result.stderr
    assert not (tmp_path / "sets").exists() and not (music / "sets").exists()


def test_every_protocol_has_its_section_in_the_documentation():
    page = (Path(__file__).parents[3] / "docs/reference/protocols.md").read_text(encoding="utf-8")
    for name, protocol in PROTOCOLS.items():
        section = page.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert protocol.question in section
